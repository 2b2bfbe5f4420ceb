"""The node of these tests, asked at a replica of it: the same in every way, or a test fails."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import grpc.aio

from provider_node.domain.describing import NodeDescribing
from provider_node.domain.identity import NodeNames
from provider_node.domain.replicas.account import RemoteDesk
from provider_node.domain.replicas.keeping import Keeper
from provider_node.domain.sessions import Sessions
from provider_node.servicers.comparison import ComparisonServicer
from provider_node.servicers.replica import ReplicaServicer
from provider_node.store.replicas import Replicas
from stayput.identity import replica
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.comparison_pb2_grpc import add_ComparisonServiceServicer_to_server
from stayput.v1.log_pb2 import Receipt
from stayput.v1.replica_pb2_grpc import ReplicaServiceStub, add_ReplicaServiceServicer_to_server
from tests.provider_node.serving.authority import Authority
from tests.provider_node.serving.node import NODE, LocalNode

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

REPLICA = replica("r1")


@dataclass
class ReplicatedNode(LocalNode):
    """A node, and between it and its consumers a replica, by mutual TLS on both sides."""

    keeper: Keeper | None = None
    may_serve: Callable[[Receipt], None] = lambda _draft: None
    internal: grpc.aio.Server | None = None
    link: grpc.aio.Channel | None = None
    replicas: Replicas | None = None
    stub: "ReplicaServiceAsyncStub | None" = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves at the replica for the length of the block."""
        async with AsyncExitStack() as stack:
            names = NodeNames(NODE.id, *self._names, self.material.identity.sealing_keys)
            desk = RemoteDesk(await self._connected(stack))
            self.sessions = Sessions(desk, names, self.clock, self.resources.serving)
            server = await self.start()
            try:
                yield
            finally:
                await server.stop(None)
                await self.sessions.all_closed()
                await self.desk.under_way.all_closed()

    def _check_ready(self) -> None:
        self.check_ready()

    def _check_may_serve(self, draft: Receipt) -> None:
        self.may_serve(draft)

    @property
    def _names(self) -> tuple[str, str]:
        return self.material.identity.department, self.material.identity.software_version

    async def start(self) -> grpc.aio.Server:
        """Serves consumers on a port of 127.0.0.1."""
        server = tls.server([ErrorInterceptor()])
        describing = NodeDescribing(self.resources, self.desk)
        servicer = ComparisonServicer(self.sessions, describing, lambda: None, self.patience)
        add_ComparisonServiceServicer_to_server(servicer, server)
        self.address = f"127.0.0.1:{tls.listen(server, '127.0.0.1:0', self.material.node.credentials)}"
        await server.start()
        return server

    async def _connected(self, stack: AsyncExitStack) -> "ReplicaServiceAsyncStub":
        """The replica's connection to the node."""
        data, authority = Path(stack.enter_context(TemporaryDirectory())), Authority()
        holder, self.replicas = authority.party(REPLICA), Replicas(data)
        self.replicas.add(REPLICA.id, holder.thumbprint, self.clock.now, "王建国")
        self.keeper = Keeper(
            desk=self.desk,
            names=self.material.identity,
            clock=self.clock,
            check_ready=self._check_ready,
            may_serve=self._check_may_serve,
        )
        # Nothing is followed here, and no file read.
        nothing = cast("Any", None)
        servicer = ReplicaServicer(
            replicas=self.replicas,
            followers=nothing,
            files=nothing,
            allowances=nothing,
            keep=self.keeper.keep,
        )
        self.internal = tls.server([ErrorInterceptor()])
        add_ReplicaServiceServicer_to_server(servicer, self.internal)
        port = tls.listen(self.internal, "127.0.0.1:0", authority.party(NODE).credentials)
        await self.internal.start()
        stack.push_async_callback(self.internal.stop, None)
        self.link = tls.channel(f"127.0.0.1:{port}", NODE.tls_name, holder.credentials)
        self.stub = ReplicaServiceStub(await stack.enter_async_context(self.link))
        return self.stub
