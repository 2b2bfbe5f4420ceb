"""A node's end of what it and its replicas say to each other, over real files, and a replica's calls."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc.aio import EOF

from provider_node.config import ResourceConfig, load_resources
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.keyring import Keyring
from provider_node.domain.keys import NodeKeys
from provider_node.domain.replicas.files_of_generation import ReadableFiles
from provider_node.domain.replicas.followers import Followers
from provider_node.domain.replicas.offering import Offering
from provider_node.domain.resources import Resources
from provider_node.servicers.replica import ReplicaServicer
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from provider_node.store.replicas import Replicas
from provider_node.store.state import State
from stayput.identity import Party, node, replica
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.comparison_pb2 import Allowance
from stayput.v1.replica_pb2 import (
    AccountRequest,
    AccountResponse,
    FollowRequest,
    FollowResponse,
    ReadFileRequest,
    ServedGeneration,
    SessionAccounted,
)
from stayput.v1.replica_pb2_grpc import ReplicaServiceStub, add_ReplicaServiceServicer_to_server
from tests.provider_node.serving import register
from tests.provider_node.serving.authority import Authority, Issued

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
NODE, PROVIDER, REPLICA = node("vehicles-1"), "traffic-police", replica("r1")
ADDRESS, VERSION, BY = "r1.internal:7443", "0.0-test", "王建国"
RESOURCE = register.RESOURCE.replace(
    "[source]", 'modes = ["keyed", "oblivious"]\ngranularities = ["record", "count"]\n[source]'
)
PEOPLE = 40
NOT_SENT = ("quarantine.csv", "evaluations.mdb")
"""What a generation has on disk, and replicas do not get."""


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Material:
    """What never changes: a node's directory with its keys and one generation, and two authorities."""

    directory: Path
    public: Authority
    internal: Authority


def make_material(directory: Path) -> Material:
    """The register, with a line that is left out of it, built for both modes under new keys."""
    register.write_files(directory, people=PEOPLE, resource=RESOURCE)
    with (directory / "vehicles.csv").open("a", encoding="utf-8") as source:
        source.write("not-a-number,李四,京A00001\n")
    keys = NodeKeys(directory / "data")
    keys.create()
    register.build(directory, keys.index_keys().current, keys.oprf_keys(), directory / "data")
    return Material(directory, Authority(), Authority())


class NodeEnd:
    """The parts of a node that replicas have to do with, on a copy of the material."""

    def __init__(self, material: Material, directory: Path, poll_seconds: float) -> None:
        """Looks for changes by itself each `poll_seconds`."""
        self.directory = Path(shutil.copytree(material.directory, directory, symlinks=True))
        self.material, self.data, self.clock = material, directory / "data", Clock()
        keys = NodeKeys(self.data)
        self.signing_key: Ed25519PrivateKey = keys.signing_key()
        self.keyring = Keyring(keys, self.data)
        self.identity = NodeIdentity(NODE.id, PROVIDER, VERSION, self.keyring.sealing, self.signing_key)
        self.credentials = material.public.party(NODE).credentials
        self.configured: dict[str, ResourceConfig] = load_resources(directory / "resources")
        self.state = State(self.data / "state")
        self.generations = Generations(self.data, self.keyring.index)
        self.resources = Resources(
            configured=self.configured,
            generations=self.generations,
            index_keys=self.keyring.index,
            oprf_keys=self.keyring.oprf,
            identity=self.identity,
            state=self.state,
            clock=self.clock,
        )
        self.replicas = Replicas(self.data)
        self.offering = Offering(
            resources=self.resources,
            generations=self.generations,
            keyring=self.keyring,
            identity=self.identity,
            credentials=self.credentials,
            clock=self.clock,
        )
        self.followers = Followers(
            replicas=self.replicas,
            offering=self.offering,
            software_version=VERSION,
            clock=self.clock,
            poll_seconds=poll_seconds,
        )
        self.files = ReadableFiles(self.resources, self.generations)
        self.accounts = Accounts()
        self.address = ""
        self._built_at = register.BUILT_AT

    def build(self) -> Manifest:
        """Another generation of the register, under the current keys, that serves from then on."""
        self._built_at += timedelta(hours=1)
        index = self.keyring.index.current
        return register.build(self.directory, index, self.keyring.oprf, self.data, self._built_at)

    def serving(self) -> str:
        """Id of the generation that serves."""
        return self.generations.directory(register.CODE).current() or ""

    def generation(self, name: str) -> Path:
        """The directory of a generation."""
        return self.generations.directory(register.CODE).generation(name)

    def admitted(self, party: Party = REPLICA) -> Issued:
        """A certificate that is on the list under the party's name."""
        issued = self.material.internal.party(party)
        self.replicas.add(party.id, issued.thumbprint, NOW, BY)
        return issued

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves replicas for the length of the block."""
        server = tls.server([ErrorInterceptor()])
        servicer = ReplicaServicer(
            replicas=self.replicas,
            followers=self.followers,
            files=self.files,
            allowances=lambda party, resource: [Allowance(grant_id=f"{party.urn} {resource}")],
            keep=self.accounts.keep,
        )
        add_ReplicaServiceServicer_to_server(servicer, server)
        credentials = self.material.internal.party(NODE).credentials
        self.address = f"127.0.0.1:{tls.listen(server, '127.0.0.1:0', credentials)}"
        await server.start()
        try:
            yield
        finally:
            self.followers.stop()
            await server.stop(None)

    @asynccontextmanager
    async def called_by(self, holder: Issued) -> "AsyncIterator[ReplicaServiceAsyncStub]":
        """A connection of whoever holds a certificate."""
        async with tls.channel(self.address, NODE.tls_name, holder.credentials) as channel:
            yield ReplicaServiceStub(channel)


@contextmanager
def node_end(material: Material, directory: Path, poll_seconds: float = 3_600.0) -> Iterator[NodeEnd]:
    """A node's end that looks for changes only when it is woken, unless `poll_seconds` say otherwise."""
    made = NodeEnd(material, directory, poll_seconds)
    try:
        yield made
    finally:
        made.state.close()


@dataclass
class Accounts:
    """Answers each message of an account with `done`."""

    kept: list[tuple[str, AccountRequest]] = field(default_factory=list)

    async def keep(
        self, name: str, requests: AsyncIterator[AccountRequest]
    ) -> AsyncGenerator[AccountResponse, None]:
        """Remembers what came of which replica."""
        async for request in requests:
            self.kept.append((name, request))
            yield AccountResponse(done=SessionAccounted())


class Follows:
    """One call of Follow, seen from the replica. What fails raises `StayputError`."""

    def __init__(self, stub: "ReplicaServiceAsyncStub") -> None:
        self._call = stub.Follow()

    async def say(self, serving: Mapping[str, str] | None = None, *, address: str = ADDRESS) -> None:
        """Who the replica is and what it serves."""
        generations = [
            ServedGeneration(resource=code, generation=generation)
            for code, generation in (serving or {}).items()
        ]
        await self.write(FollowRequest(software_version=VERSION, address=address, serving=generations))

    async def write(self, request: FollowRequest) -> None:
        """Says that. A node that has hung up already says why to who reads."""
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await self._call.write(request)

    async def first(self, request: FollowRequest) -> FollowResponse:
        """Says that, and what it is told."""
        await self.write(request)
        return await self.told()

    async def told(self) -> FollowResponse:
        """The next of what it is told; waits for it."""
        with translated("node"):
            async with asyncio.timeout(60):
                response = await self._call.read()
        assert isinstance(response, FollowResponse), "the node hung up"
        return response

    async def hang_up(self) -> None:
        """Ends the call and waits until the node has ended it too."""
        await self._call.done_writing()
        with translated("node"):
            while await self._call.read() is not EOF:
                pass


async def read_file(stub: "ReplicaServiceAsyncStub", request: ReadFileRequest) -> list[bytes]:
    """The pieces of a file."""
    with translated("node"):
        return [response.content async for response in stub.ReadFile(request)]


async def called(
    stub: "ReplicaServiceAsyncStub", requests: Sequence[AccountRequest]
) -> list[AccountResponse]:
    """What the account of a session at a replica is answered."""
    with translated("node"):
        return [response async for response in stub.Account(iter(requests))]


def sha256(content: bytes) -> bytes:
    """As a listed file has it."""
    return hashlib.sha256(content).digest()
