"""Assembles the service: keys, store, servicers, two listeners and what goes on in the background."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import grpc.aio
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha.reflection import enable_server_reflection
from joserfc.jwk import ECKey
from sqlalchemy.exc import DBAPIError

from comparator import texts
from comparator.addresses import Address
from comparator.calendars import CalendarFiles
from comparator.config import Config
from comparator.data import (
    DataDirectory,
    Running,
    ensure_log_key,
    read_certificate,
    read_key,
    read_log_key,
    write_certificate,
)
from comparator.domain import ca
from comparator.domain.calendar import Calendar
from comparator.domain.checkpoints import log_signer
from comparator.domain.deadlines import sweep
from comparator.domain.tickets import Mint
from comparator.servicers.access import AccessServicer
from comparator.servicers.catalogue import CatalogueServicer
from comparator.servicers.desk import Clock, Desk
from comparator.servicers.enrolment import EnrolmentServicer, Welcome
from comparator.servicers.log import LogServicer
from comparator.servicers.watch import Watch
from comparator.store.database import Database
from comparator.store.schema import require_current
from comparator.texts import unusable
from stayput.errors import StayputError
from stayput.notes import NoteSigner
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.access_pb2_grpc import add_AccessServiceServicer_to_server
from stayput.v1.catalogue_pb2_grpc import add_CatalogueServiceServicer_to_server
from stayput.v1.enrolment_pb2_grpc import add_EnrolmentServiceServicer_to_server
from stayput.v1.log_pb2_grpc import add_LogServiceServicer_to_server

MAIN_SERVICES = ("stayput.v1.CatalogueService", "stayput.v1.AccessService", "stayput.v1.LogService")
_SHOWN_SERVICES = (*MAIN_SERVICES, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")
_THREADS = 4
_RENEW_BEFORE = timedelta(days=30)
_GRACE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The platform's keys and certificates, ready for use."""

    credentials: tls.Credentials
    issuer: ca.Issuer
    mint: Mint
    ticket_key: str
    log: NoteSigner


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two looks for changes, two signs of life to who watches, two looks at all deadlines."""

    poll: float = 1.0
    heartbeat: float = 5.0
    sweep: float = 300.0


USUAL_PACE = Pace()


@asynccontextmanager
async def serving(config: Config, clock: Clock, pace: Pace = USUAL_PACE) -> AsyncIterator[Running]:
    """The service, running while the block runs; yields where it can be reached.

    Raises `CONFIGURATION_INVALID` if the installation cannot be used. Leaving the block tells health checks,
    lets calls under way finish for a few seconds, and closes the store.
    """
    keys = _load_keys(config, clock)
    database = Database(config.database_url)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
    main, enrolment = tls.server([ErrorInterceptor()]), tls.server([ErrorInterceptor()])
    status = health.HealthServicer()
    try:
        desk = Desk(require_current(database), clock, threads, _calendar(config))
        running = _bind(config, keys.credentials, main, enrolment)
        watch = Watch(desk, pace.poll, pace.heartbeat)
        access = AccessServicer(desk, keys.mint, watch, require_agreement=config.require_security_agreement)
        await _add_main(main, access, LogServicer(desk, keys.log), desk, status)
        welcome = Welcome(running.main, keys.ticket_key)
        add_EnrolmentServiceServicer_to_server(EnrolmentServicer(desk, keys.issuer, welcome), enrolment)
        # Before the first call, so that nobody is shown as open what has expired meanwhile.
        await _sweep_once(desk, watch, pace.sweep)
        async with _in_background(watch.run(), _sweep_for_ever(desk, watch, pace.sweep)):
            await main.start()
            await enrolment.start()
            DataDirectory(config.data).set_running(running)
            _log.info("serving", main=running.main, enrolment=running.enrolment)
            yield running
    finally:
        await status.enter_graceful_shutdown()
        await asyncio.gather(main.stop(_GRACE_SECONDS), enrolment.stop(_GRACE_SECONDS))
        threads.shutdown()
        database.close()


@asynccontextmanager
async def _in_background(*work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Runs all that beside the block, and cancels it at the block's end; a fault of it is raised then."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _sweep_for_ever(desk: Desk, watch: Watch, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _sweep_once(desk, watch, seconds)


async def _sweep_once(desk: Desk, watch: Watch, seconds: float) -> None:
    """Has what falls due by itself happen: reminders, escalations, expiry."""
    try:
        written = await desk.in_thread(partial(_sweep, desk))
    except (StayputError, DBAPIError) as error:
        reason = error.reason_name if isinstance(error, StayputError) else type(error).__name__
        _log.error("sweep of deadlines failed", reason=reason, again_in_seconds=seconds)
    else:
        watch.wake()
        _log.info("deadlines swept", events=written)


def _sweep(desk: Desk) -> int:
    with desk.database.writing() as store:
        return sweep(store, desk.calendar(), desk.clock())


async def run(config: Config, clock: Clock, ready: Callable[[Running], None]) -> None:
    """Serves until SIGTERM or SIGINT; calls `ready` once callers can connect."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with serving(config, clock) as running:
        # What start-up made stays: from here on the collector looks only at what calls leave behind.
        gc.freeze()
        ready(running)
        await stopping.wait()
        _log.info("stopping")


async def _add_main(
    main: grpc.aio.Server, access: AccessServicer, log: LogServicer, desk: Desk, status: health.HealthServicer
) -> None:
    add_CatalogueServiceServicer_to_server(CatalogueServicer(desk), main)
    add_AccessServiceServicer_to_server(access, main)
    add_LogServiceServicer_to_server(log, main)
    add_HealthServicer_to_server(status, main)
    enable_server_reflection(_SHOWN_SERVICES, main)
    for service in MAIN_SERVICES:
        await status.set(service, HealthCheckResponse.SERVING)


def _bind(
    config: Config, credentials: tls.Credentials, main: grpc.aio.Server, enrolment: grpc.aio.Server
) -> Running:
    """Binds both listeners and says what callers dial, with the ports really bound."""
    main_at, enrolment_at = Address.parse(config.listen), Address.parse(config.enrolment_listen)
    try:
        key, address = "listen", main_at
        main_at = main_at.with_port(tls.listen(main, config.listen, credentials))
        key, address = "enrolment_listen", enrolment_at
        enrolment_at = enrolment_at.with_port(
            tls.listen_enrolment(enrolment, config.enrolment_listen, credentials)
        )
    except RuntimeError:  # gRPC's only word for an address that cannot be bound
        raise unusable(texts.CANNOT_LISTEN, texts.CANNOT_LISTEN_FIX, key=key, address=address) from None
    return Running(
        main=config.advertise or str(main_at),
        enrolment=config.enrolment_advertise or str(enrolment_at),
        pid=os.getpid(),
    )


def _calendar(config: Config) -> Callable[[], Calendar]:
    """The working days at any time: a file loaded while the service runs counts from the next call on."""
    files = CalendarFiles(DataDirectory(config.data).calendar_directories)
    # A file that cannot be used is told to whoever starts the service, not to the first caller.
    files.years()
    return lambda: Calendar(files.years())


def _load_keys(config: Config, clock: Clock) -> _Keys:
    data = DataDirectory(config.data)
    issuer = ca.Issuer(
        ca.Authority(read_certificate(data.ca_certificate), read_key(data.ca_key)),
        config.validity.certificate_days,
    )
    ticket_key = read_key(data.ticket_key)
    ensure_log_key(data)
    public = ticket_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _Keys(
        credentials=_server_credentials(data, issuer, clock),
        issuer=issuer,
        mint=Mint(ECKey.import_key(ticket_key), timedelta(seconds=config.validity.ticket_seconds)),
        ticket_key=public.decode(),
        log=log_signer(issuer.authority.certificate, read_log_key(data)),
    )


def _server_credentials(data: DataDirectory, issuer: ca.Issuer, clock: Clock) -> tls.Credentials:
    """The server's TLS identity; a certificate about to run out is renewed, the CA being at hand."""
    key, certificate = read_key(data.server_key), read_certificate(data.server_certificate)
    if certificate.not_valid_after_utc - clock() < _RENEW_BEFORE:
        certificate = issuer.issue(key.public_key(), ca.COMPARATOR_NAMES, clock())
        write_certificate(data.server_certificate, certificate)
        _log.info("server certificate renewed", until=certificate.not_valid_after_utc.isoformat())
    return tls.Credentials(
        certificate_chain=certificate.public_bytes(Encoding.PEM),
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ca_certificate=issuer.authority.certificate.public_bytes(Encoding.PEM),
    )
