"""A replica as a process: it follows its node, copies what that serves, and answers consumers in its name."""

import asyncio
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from grpc_health.v1 import health, health_pb2
from pydantic import TypeAdapter, ValidationError

from provider_node.config.node import Address
from provider_node.domain.addresses import checked_listen
from provider_node.domain.identity import NodeNames
from provider_node.domain.replicas.account import RemoteDesk
from provider_node.domain.replicas.bundle import read
from provider_node.domain.replicas.copying import Copying
from provider_node.domain.replicas.following import Following, Introduction
from provider_node.domain.replicas.replica_resources import ReplicaDescribing, ReplicaResources
from provider_node.domain.sessions import Sessions
from provider_node.server.claiming import claimed, not_to_be_had
from provider_node.server.listeners import comparison_server
from provider_node.server.parts import now
from provider_node.server.shown_identity import ShownIdentity
from provider_node.server.stopping import stop_signal, until
from provider_node.servicers.comparison import ComparisonServicer, Patience
from provider_node.store.protection import unusable
from provider_node.store.run_directory import RunDirectory
from stayput.errors import StayputError, field_invalid
from stayput.identity import node
from stayput.rpc import tls
from stayput.v1.replica_pb2 import FollowResponse, NodeCertificate
from stayput.v1.replica_pb2_grpc import ReplicaServiceStub

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

_SESSIONS_GRACE_SECONDS: Final = 10.0
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_log = structlog.get_logger(__name__)


async def serve(bundle: Path, data: Path, listen: str, advertise: str | None = None) -> None:
    """Serves until SIGTERM or SIGINT, from the node's bundle and with a data directory of its own.

    `advertise` is what the node's administrator is told of where consumers reach it. Raises
    `CONFIGURATION_INVALID` if bundle or data directory cannot be used or the address cannot be had, and what
    `Following.run` does.
    """
    listen, used, stop = checked_listen(listen), read(bundle), stop_signal()
    advertise = _checked_advertise(advertise)
    run = _run_directory(data)
    with _held(run), claimed(listen) as bound:
        credentials, name = used.credentials, node(used.node_id).tls_name
        async with tls.channel(used.address, name, credentials) as channel:
            who = Introduction(version("stayput"), advertise or bound)
            replica = _Replica(ReplicaServiceStub(channel), used.node_id, who, data)
            async with replica.following_its_node() as background:
                complete = asyncio.create_task(replica.resources.complete.wait())
                await until(stop, [complete, *background])
                if complete.done():
                    await replica.answer(bound, run, stop, background)
                complete.cancel()


class _Replica:
    """What it is made of."""

    def __init__(self, stub: "ReplicaServiceAsyncStub", node_id: str, who: Introduction, data: Path) -> None:
        self._stub = stub
        self._node_id = node_id
        self._software_version = who.software_version
        self.resources = ReplicaResources(data, Copying(stub, data), self._serves)
        self._following = Following(stub, node_id, who, self._heard)
        self._department = ""
        self._shown = ShownIdentity()

    def _heard(self, said: FollowResponse) -> None:
        self.resources.hear(said)
        self._department = said.department
        if self._shown.replace(_credentials(said.certificate)):
            _log.info("certificate of the node received")

    def _serves(self) -> None:
        self._following.tell(self.resources.serves())

    @asynccontextmanager
    async def following_its_node(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Hears the node and keeps up with it for the length of the block; gives the tasks that do."""
        background = [
            asyncio.create_task(self._following.run()),
            asyncio.create_task(self.resources.run()),
        ]
        try:
            yield background
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    async def answer(
        self, bound: str, run: RunDirectory, stop: asyncio.Event, background: list["asyncio.Task[None]"]
    ) -> None:
        """Answers consumers at that address until told to stop, or what ends the background work."""
        names = NodeNames(
            self._node_id, self._department, self._software_version, self.resources.keys.sealing
        )
        sessions = Sessions(RemoteDesk(self._stub), names, now, self.resources.serving)
        describing = ReplicaDescribing(self.resources, self._stub)
        health_servicer = health.aio.HealthServicer()
        public = comparison_server(
            ComparisonServicer(sessions, describing, self._following.check_connected, Patience()),
            health_servicer,
        )
        try:
            self._shown.listen(public, bound)
        except RuntimeError:
            raise not_to_be_had(bound) from None
        await self._tell_health(health_servicer)
        await public.start()
        telling = asyncio.create_task(self._keep_telling_health(health_servicer))
        run.announce(bound)
        print(f"ready address={bound}", flush=True)  # noqa: T201 (what a supervisor waits for)
        try:
            await until(stop, [*background, telling])
        finally:
            sessions.stop()
            telling.cancel()
            await health_servicer.enter_graceful_shutdown()
            await public.stop(_SESSIONS_GRACE_SECONDS)
            await sessions.all_closed()

    async def _keep_telling_health(self, to: health.aio.HealthServicer) -> None:
        while True:
            await self._following.changed.wait()
            self._following.changed.clear()
            await self._tell_health(to)

    async def _tell_health(self, to: health.aio.HealthServicer) -> None:
        """A replica that is not connected is taken out of the balancer's round: it opens no session."""
        status = health_pb2.HealthCheckResponse
        await to.set("", status.SERVING if self._following.connected else status.NOT_SERVING)


def _credentials(certificate: NodeCertificate) -> tls.Credentials:
    return tls.Credentials(
        certificate.certificate_chain.encode(),
        certificate.private_key.encode(),
        certificate.ca_certificate.encode(),
    )


def _checked_advertise(address: str | None) -> str | None:
    try:
        return TypeAdapter(Address | None).validate_python(address)
    except ValidationError:
        raise field_invalid(
            "advertise", "must be host:port, and a port that can be called", "for example r1.internal:7443"
        ) from None


def _run_directory(data: Path) -> RunDirectory:
    """That of a data directory which only its owner can enter; made if it is not there."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if data.stat().st_mode & _OTHERS:
        raise unusable(
            f"{data}", "can be entered by others than its owner", f"run `chmod 700 {data}`", field="data"
        )
    return RunDirectory(data)


@contextmanager
def _held(run: RunDirectory) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(run.held())
        except StayputError:
            raise unusable(
                "data:",
                "a node or a replica is running on this data directory already",
                "stop it first, or give this replica a data directory of its own",
                field="data",
            ) from None
        yield
