"""The node as a process: assembles its parts, serves until told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from provider_node.config import NodeConfig, load_node, load_resources
from provider_node.domain.access import Access
from provider_node.domain.addresses import checked_listen
from provider_node.domain.decisions import Decisions
from provider_node.domain.grants import GivenGrants
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.keys import Enrolled, NodeKeys
from provider_node.domain.notices import Notices
from provider_node.domain.outbox import Outbox
from provider_node.domain.platform import Platform
from provider_node.domain.policy import GrantPolicy, policies
from provider_node.domain.resources import Resources
from provider_node.domain.session import Books
from provider_node.domain.sessions import Sessions
from provider_node.domain.standing_policy import StandingPolicies
from provider_node.domain.status import add_receipts, index_key_of
from provider_node.domain.watch import Watch
from provider_node.servicers.admin import AdminServicer
from provider_node.servicers.comparison import ComparisonServicer, Patience
from provider_node.store.generations import Generations
from provider_node.store.run_directory import RunDirectory
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.identity import node
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.tickets import TicketVerifier
from stayput.v1 import admin_pb2_grpc, comparison_pb2, comparison_pb2_grpc
from stayput.v1.admin_pb2 import GetStatusResponse
from stayput.v1.errors_pb2 import ErrorReason

_SESSIONS_GRACE_SECONDS: Final = 10.0
_ADMIN_GRACE_SECONDS: Final = 1.0
_FIRST_WORD_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


def now() -> datetime:
    """The process's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """The node's parts."""

    config: NodeConfig
    identity: NodeIdentity
    credentials: tls.Credentials
    state: State
    resources: Resources
    sessions: Sessions
    platform: Platform
    outbox: Outbox
    notices: Notices
    decisions: Decisions
    standing: StandingPolicies
    grants: GivenGrants
    watch: Watch


async def serve(config_path: Path, listen: str | None = None) -> None:
    """Serves until SIGTERM or SIGINT. `listen` overrides the configured address.

    Raises `CONFIGURATION_INVALID` if the node is not enrolled, its files are damaged, the address cannot be
    had, or a node is running on its data already.
    """
    config = load_node(config_path)
    address = checked_listen(listen) if listen else config.node.listen
    stop = _stop_signal()
    run = RunDirectory(config.node.data)
    with run.held():
        async with _parts(config) as parts:
            await _serve(config_path, parts, run, address, stop)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


@asynccontextmanager
async def _parts(config: NodeConfig) -> AsyncIterator[Parts]:
    keys = NodeKeys(config.node.data)
    enrolled = keys.enrolled()
    identity = NodeIdentity(
        node_id=config.node.id,
        department=config.node.department,
        software_version=version("stayput"),
        sealing_key=keys.sealing_key(),
        signing_key=keys.signing_key(),
    )
    index_key = index_key_of(config)
    configured = load_resources(config.node.resources)
    state = State(config.node.data / "state")
    platform = Platform(config.node.comparator or enrolled.comparator_address, enrolled.credentials)
    resources = Resources(
        configured=configured,
        generations=Generations(config.node.data, index_key.id),
        index_key=index_key,
        oprf_keys=keys.oprf_keys(),
        identity=identity,
        state=state,
        clock=now,
    )
    try:
        yield _assembled(config, identity, enrolled, state, platform, resources, policies(config, configured))
    finally:
        await platform.close()
        state.close()


def _assembled(
    config: NodeConfig,
    identity: NodeIdentity,
    enrolled: Enrolled,
    state: State,
    platform: Platform,
    resources: Resources,
    laid_down: Mapping[str, GrantPolicy],
) -> Parts:
    outbox = Outbox(state, platform, timedelta(hours=config.receipts.grace_hours), now)
    notices = Notices(state.grants, platform)
    access = Access(TicketVerifier(node(config.node.id), [enrolled.ticket_key]), state.grants)
    sessions = Sessions(Books(state, identity, now), access, resources.serving, outbox.wake, notices.wake)
    decisions = Decisions(
        identity=identity,
        grants=state.grants,
        platform=platform,
        notices=notices,
        policies=laid_down,
        clock=now,
    )
    standing = StandingPolicies(laid_down, decisions)
    return Parts(
        config=config,
        identity=identity,
        credentials=enrolled.credentials,
        state=state,
        resources=resources,
        sessions=sessions,
        platform=platform,
        outbox=outbox,
        notices=notices,
        decisions=decisions,
        standing=standing,
        grants=GivenGrants(identity, state, sessions, notices, now),
        watch=Watch(state.grants, platform, sessions, standing.consider, notices.wake),
    )


async def _serve(
    config_path: Path, parts: Parts, run: RunDirectory, listen: str, stop: asyncio.Event
) -> None:
    recovered = await parts.sessions.recover()
    if recovered:
        _log.warning("receipts made for sessions that a crash cut", sessions=recovered)
    health_servicer = health.aio.HealthServicer()
    public = _public_server(parts, health_servicer)
    port = _listening(public, listen, parts.credentials)
    bound = f"{listen.rpartition(':')[0]}:{port}"
    address = parts.config.node.advertise or bound
    admin = _admin_server(config_path, parts, address)
    tls.listen_local(admin, str(run.fresh_socket()))
    await public.start()
    await admin.start()
    background = asyncio.create_task(_background(parts, address))
    await _first_word(parts.watch, stop, background)
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    run.announce(bound)
    print(f"ready address={bound}", flush=True)  # noqa: T201 (what a supervisor waits for)
    try:
        await _stopped(stop, background)
    finally:
        parts.sessions.stop()
        await health_servicer.enter_graceful_shutdown()
        await asyncio.gather(public.stop(_SESSIONS_GRACE_SECONDS), admin.stop(_ADMIN_GRACE_SECONDS))
        await parts.sessions.all_closed()
        background.cancel()
        await asyncio.gather(background, return_exceptions=True)


async def _first_word(watch: Watch, stop: asyncio.Event, background: "asyncio.Task[None]") -> None:
    """Waits a little for the platform, so that a node that says it is ready serves if it can."""
    waiting = [asyncio.create_task(event.wait()) for event in (watch.tried, stop)]
    await asyncio.wait(
        [*waiting, background], timeout=_FIRST_WORD_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    for task in waiting:
        task.cancel()


def _public_server(parts: Parts, health_servicer: health.aio.HealthServicer) -> grpc.aio.Server:
    def check_ready() -> None:
        parts.outbox.check_grace()
        parts.watch.check_caught_up()

    public = tls.server([ErrorInterceptor()])
    comparison_pb2_grpc.add_ComparisonServiceServicer_to_server(
        ComparisonServicer(parts.sessions, parts.resources, check_ready, Patience()), public
    )
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, public)
    service = comparison_pb2.DESCRIPTOR.services_by_name["ComparisonService"].full_name
    reflection.enable_server_reflection((service, reflection.SERVICE_NAME), public)
    return public


def _listening(public: grpc.aio.Server, address: str, credentials: tls.Credentials) -> int:
    try:
        return tls.listen(public, address, credentials)
    except RuntimeError:
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            f"node.listen: cannot listen on {address}",
            field="node.listen",
            remedy="choose an address of this machine and a port that no other program uses",
        ) from None


def _admin_server(config_path: Path, parts: Parts, address: str) -> grpc.aio.Server:
    started = now()

    def status() -> GetStatusResponse:
        found = GetStatusResponse(
            node_id=parts.identity.node_id,
            department=parts.identity.department,
            address=address,
            open_sessions=parts.sessions.open_count,
            software_version=parts.identity.software_version,
            caught_up=parts.watch.caught_up,
            connected=parts.watch.connected,
        )
        found.started_at.FromDatetime(started)
        add_receipts(found, parts.state)
        return found

    admin = tls.server([ErrorInterceptor()])
    servicer = AdminServicer(
        config=config_path,
        address=address,
        resources=parts.resources,
        decisions=parts.decisions,
        grants=parts.grants,
        platform=parts.platform,
        receipts=parts.state.receipt_log,
        status=status,
    )
    admin_pb2_grpc.add_NodeAdminServiceServicer_to_server(servicer, admin)
    return admin


async def _background(parts: Parts, address: str) -> None:
    """Hearing and telling the platform for as long as the node runs, and what a start has to tell it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(parts.watch.run())
        group.create_task(parts.standing.run())
        group.create_task(parts.notices.run())
        group.create_task(parts.outbox.run())
        group.create_task(parts.resources.renew_all(parts.platform, address))


async def _stopped(stop: asyncio.Event, background: "asyncio.Task[None]") -> None:
    """Returns at a stop signal; raises what ended the background work, which never ends by itself."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, background], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if background.done():
        background.result()
