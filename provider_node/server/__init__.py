"""The node as a process: assembles its parts, serves until told to stop."""

import asyncio
from pathlib import Path
from typing import Final

import structlog
from grpc_health.v1 import health, health_pb2

from provider_node.config import load_node
from provider_node.domain.addresses import checked_listen
from provider_node.domain.live_builds import LiveBuilds
from provider_node.domain.schedule import Schedule
from provider_node.domain.watch import Watch
from provider_node.server.binding import listening
from provider_node.server.listeners import admin_server, public_server
from provider_node.server.parts import Parts, now, parts_of
from provider_node.server.replication import replication_of
from provider_node.server.stopping import stop_signal, until
from provider_node.store.run_directory import RunDirectory
from stayput.rpc import tls

_SESSIONS_GRACE_SECONDS: Final = 10.0
_ADMIN_GRACE_SECONDS: Final = 1.0
_FIRST_WORD_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


async def serve(config_path: Path, listen: str | None = None) -> None:
    """Serves until SIGTERM or SIGINT. `listen` overrides the configured address.

    Raises `CONFIGURATION_INVALID` if the node is not enrolled, its files are damaged, the address cannot be
    had, or a node is running on its data already.
    """
    config = load_node(config_path)
    address = checked_listen(listen) if listen else config.node.listen
    stop = stop_signal()
    run = RunDirectory(config.node.data)
    with run.held():
        async with parts_of(config) as parts:
            await _serve(config_path, parts, run, address, stop)


async def _serve(
    config_path: Path, parts: Parts, run: RunDirectory, listen: str, stop: asyncio.Event
) -> None:
    recovered = await parts.desk.recover()
    if recovered:
        _log.warning("receipts made for sessions that a crash cut", sessions=recovered)
    health_servicer = health.aio.HealthServicer()
    public = public_server(parts, health_servicer)
    port = listening(public, listen, parts.credentials)
    bound = f"{listen.rpartition(':')[0]}:{port}"
    address = parts.config.node.advertise or bound
    builds = LiveBuilds(
        config=config_path,
        address=address,
        definitions=parts.definitions,
        resources=parts.resources,
        platform=parts.platform,
    )
    schedule = Schedule(parts.resources, builds.build, now)
    replication = replication_of(parts)
    admin = admin_server(parts, address, builds, schedule, replication)
    tls.listen_local(admin, str(run.fresh_socket()))
    await public.start()
    await admin.start()
    await replication.start()
    background = asyncio.create_task(_background(parts, address, schedule))
    await _first_word(parts.watch, stop, background)
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    run.announce(bound)
    print(f"ready address={bound}", flush=True)  # noqa: T201 (what a supervisor waits for)
    try:
        await until(stop, [background])
    finally:
        parts.sessions.stop()
        await health_servicer.enter_graceful_shutdown()
        await asyncio.gather(
            public.stop(_SESSIONS_GRACE_SECONDS), admin.stop(_ADMIN_GRACE_SECONDS), replication.stop()
        )
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


async def _background(parts: Parts, address: str, schedule: Schedule) -> None:
    """Hearing and telling the platform for as long as the node runs, and what a start has to tell it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(parts.watch.run())
        group.create_task(parts.standing.run())
        group.create_task(parts.notices.run())
        group.create_task(parts.outbox.run())
        group.create_task(parts.keyring.run(now))
        group.create_task(parts.resources.renew_all(parts.platform, address))
        group.create_task(schedule.run())
