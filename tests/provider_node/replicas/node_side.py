"""A node's side in the hands of a test: files that break off or come wrong, and a Follow that it leads."""

# ruff: noqa: N802 (methods have the names that the .proto gives them)

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from provider_node.domain.replicas.files_of_generation import ReadableFiles
from provider_node.servicers.replica import ReplicaServicer
from stayput.errors import StayputError
from stayput.rpc import tls
from stayput.rpc.server import Context, ErrorInterceptor
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import FollowRequest, FollowResponse, ReplicaResource
from stayput.v1.replica_pb2_grpc import (
    ReplicaServiceStub,
    add_ReplicaServiceServicer_to_server,
)
from tests.provider_node.replicas.peer import NODE, REPLICA, NodeEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.faults import Hold

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub


class FaultyFiles(ReadableFiles):
    """The node's files, with faults by path.

    `cut` has after how many bytes a file breaks off, once; `wrong` how many times its first byte is another;
    `holds` where a file hangs after how many bytes. `asked` lists what was asked: paths and places.
    """

    def __init__(self, node: NodeEnd) -> None:
        super().__init__(node.resources, node.generations)
        self.asked: list[tuple[str, int]] = []
        self.cut: dict[str, int] = {}
        self.wrong: Counter[str] = Counter()
        self.holds: dict[str, tuple[int, Hold]] = {}

    def hold(self, path: str, after: int) -> Hold:
        """Has a file hang there."""
        hold = Hold()
        self.holds[path] = (after, hold)
        return hold

    async def read(
        self, resource: str, generation: str, path: str, offset: int
    ) -> AsyncGenerator[bytes, None]:
        """As the node, but for the faults."""
        self.asked.append((path, offset))
        async with aclosing(super().read(resource, generation, path, offset)) as pieces:
            async for piece in pieces:
                sent = piece
                if self.wrong[path] and not offset:
                    self.wrong[path] -= 1
                    sent = bytes((piece[0] ^ 1,)) + piece[1:]
                if path in self.cut:
                    yield sent[: self.cut.pop(path)]
                    raise lost()
                if path in self.holds:
                    after, hold = self.holds.pop(path)
                    yield sent[:after]
                    await hold.here()
                    sent = sent[after:]
                yield sent


class Led(ReplicaServicer):
    """Follow as the test says: `say` has what comes next on it, an error, or `None` to hang up.

    `told` has what the replica says.
    """

    def __init__(self, node: NodeEnd) -> None:
        super().__init__(
            replicas=node.replicas,
            followers=node.followers,
            files=node.files,
            allowances=lambda *_: [],
            keep=node.accounts.keep,
        )
        self.say: asyncio.Queue[FollowResponse | StayputError | None] = asyncio.Queue()
        self.told: asyncio.Queue[FollowRequest] = asyncio.Queue()
        self.calls = 0

    async def Follow(
        self, request_iterator: AsyncIterator[FollowRequest], context: Context
    ) -> AsyncIterator[FollowResponse]:
        self.calls += 1
        hearing = asyncio.create_task(self._hear(request_iterator))
        try:
            while (said := await self.say.get()) is not None:
                if isinstance(said, StayputError):
                    raise said
                yield said
        finally:
            hearing.cancel()

    async def _hear(self, requests: AsyncIterator[FollowRequest]) -> None:
        async for request in requests:
            self.told.put_nowait(request)


@asynccontextmanager
async def led(node: NodeEnd) -> "AsyncIterator[tuple[Led, ReplicaServiceAsyncStub]]":
    """Such a node, listening, and a replica's connection to it."""
    servicer, server, authority = Led(node), tls.server([ErrorInterceptor()]), node.material.internal
    add_ReplicaServiceServicer_to_server(servicer, server)
    port = tls.listen(server, "127.0.0.1:0", authority.party(NODE).credentials)
    await server.start()
    credentials = authority.party(REPLICA).credentials
    try:
        async with tls.channel(f"127.0.0.1:{port}", NODE.tls_name, credentials) as channel:
            yield servicer, ReplicaServiceStub(channel)
    finally:
        await server.stop(None)


def lost() -> StayputError:
    """How a broken connection looks."""
    return StayputError(ErrorReason.ERROR_REASON_CONNECTION_FAILED, "broken off", remedy="try again")


def offered(node: NodeEnd) -> ReplicaResource:
    """What the node says now of the test resource."""
    return node.offering.current().resources[0]


def resource_path(data: Path) -> Path:
    """Where a replica keeps the test resource."""
    return data / "resources" / register.CODE


def generations_on(data: Path) -> set[str]:
    """What there is of the test resource, finished or not."""
    return {path.name for path in (resource_path(data) / "generations").iterdir()}


def current_on(data: Path) -> str:
    """The generation that serves from a replica's disk."""
    return (resource_path(data) / "current").readlink().name


def index_of(data: Path, generation: str) -> Path:
    """The index of a generation on a replica's disk."""
    return resource_path(data) / "generations" / generation / "index.mdb"


def damage(path: Path) -> None:
    """Changes a byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
