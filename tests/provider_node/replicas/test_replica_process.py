"""A replica as a process: what it prints, what consumers find, and what it does without its node."""

import asyncio
import json
import os
import signal
import socket
import ssl
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from grpc_health.v1 import health_pb2

from provider_node.domain.replicas.bundle import Bundle
from provider_node.domain.replicas.followers import Follower, Followers
from provider_node.store.run_directory import RunDirectory
from stayput.identity import department
from stayput.rpc import tls
from stayput.v1.comparison_pb2 import CompareRecordsRequest, DescribeRequest
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub
from stayput.v1.replica_pb2 import FollowRequest
from tests.commands import Commands
from tests.provider_node.replicas.node_side import (
    FaultyFiles,
    current_on,
    generations_on,
    index_of,
    offered,
)
from tests.provider_node.replicas.peer import NODE, REPLICA, NodeEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

SECONDS = 60.0
CONSUMER = department("civil-affairs")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class ReplicaProcess:
    """A replica's bundle and data directory, and its process while it runs."""

    def __init__(self, node: NodeEnd, directory: Path) -> None:
        self.node = node
        self.bundle, self.data, self.log = (directory / name for name in ("r1.json", "data", "log"))
        self.address = ""
        self.process: asyncio.subprocess.Process | None = None
        issued = node.admitted().credentials
        Bundle(
            replica=REPLICA.id,
            node_id=NODE.id,
            address=node.address,
            certificate_chain=issued.certificate_chain.decode(),
            private_key=issued.private_key.decode(),
            ca_certificate=issued.ca_certificate.decode(),
        ).write(self.bundle)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of the command."""
        files = str(self.bundle), "--data", str(self.data)
        return ("replica", "serve", *files, "--listen", "127.0.0.1:0")

    async def start(self) -> None:
        """Starts it, and waits until it says that it is ready."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "provider_node", *self.arguments),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), SECONDS)).decode()
        assert line.startswith("ready address="), self.log.read_text()
        self.address = line.strip().removeprefix("ready address=")

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends it a signal; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), SECONDS)

    async def failed(self, commands: Commands, *arguments: str) -> str:
        """What a start says that must fail."""
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        begun = commands.begin(
            ("provider-node", *self.arguments, *arguments), self.bundle.parent, environment
        )
        ran = await begun.end()
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "Traceback" not in ran.stderr
        return ran.stderr

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator["Consumer"]:
        """A consumer's connection, made anew."""
        credentials = self.node.material.public.party(CONSUMER).credentials
        async with tls.channel(self.address, NODE.tls_name, credentials) as channel:
            yield Consumer(channel)


class Consumer:
    """What a consumer, or a balancer, sees of a replica."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.comparison: ComparisonServiceAsyncStub = ComparisonServiceStub(channel)
        watch: grpc.aio.UnaryStreamMultiCallable[
            health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        ] = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        self._health = watch(health_pb2.HealthCheckRequest())

    async def health(self) -> int:
        """The health, when it is first asked and then whenever it changes."""
        told = await asyncio.wait_for(self._health.read(), SECONDS)
        assert isinstance(told, health_pb2.HealthCheckResponse)
        return int(told.status)


class Told(Followers):
    """The node's, which keeps what each replica says."""

    def __init__(self, node: NodeEnd) -> None:
        super().__init__(
            replicas=node.replicas,
            offering=node.offering,
            software_version=version("stayput"),
            clock=node.clock,
            poll_seconds=3_600.0,
        )
        self._said: asyncio.Queue[Follower] = asyncio.Queue()

    def _told(self, name: str, request: FollowRequest, since: datetime) -> Follower:
        follower = super()._told(name, request, since)
        self._said.put_nowait(follower)
        return follower

    async def serves(self, generation: str) -> str:
        """Waits until a replica says that it serves it; where consumers reach that."""
        while (follower := await self._said.get()).serving != {register.CODE: generation}:
            pass
        return follower.address


@pytest.fixture
def idle(idle: NodeEnd) -> NodeEnd:
    idle.files = FaultyFiles(idle)
    idle.followers = Told(idle)
    return idle


@pytest.fixture
def told(idle: NodeEnd) -> Told:
    assert isinstance(idle.followers, Told)
    return idle.followers


@pytest.fixture
async def replica(node: NodeEnd, tmp_path: Path) -> AsyncIterator[ReplicaProcess]:
    """A replica that is on the node's list, not started."""
    made = ReplicaProcess(node, tmp_path)
    yield made
    if made.process is not None and made.process.returncode is None:
        made.process.kill()
        await made.process.wait()


async def test_it_copies_serves_and_is_out_of_service_while_its_node_is_away(
    node: NodeEnd, told: Told, replica: ReplicaProcess
) -> None:
    await replica.start()
    assert stat.S_IMODE(replica.data.stat().st_mode) == 0o700
    announced = json.loads((replica.data / "run" / "address.json").read_text())
    assert announced["address"] == replica.address
    assert await told.serves(node.serving()) == replica.address
    async with replica.consumer() as consumer:
        assert await consumer.health() == SERVING
        described = await consumer.comparison.Describe(DescribeRequest(resource=register.CODE))
        assert described.description == offered(node).description
        assert [one.grant_id for one in described.allowances] == [f"{CONSUMER.urn} {register.CODE}"]
        with refused("RESOURCE_UNKNOWN"):
            await consumer.comparison.Describe(DescribeRequest(resource="other"))

        node.followers.stop()
        assert await consumer.health() == NOT_SERVING
        asked = CompareRecordsRequest()
        asked.chunk.final = True
        with refused("CATCHING_UP"):
            await consumer.comparison.CompareRecords(asked)
        node.followers._stopping = False
        assert await consumer.health() == SERVING
        with refused("FIELD_INVALID"):
            await consumer.comparison.CompareRecords(asked)
    assert await replica.end() == 0
    secrets = (node.directory / "data" / "keys" / "index.key").read_text().strip()
    assert secrets not in replica.log.read_text()
    for path in replica.data.rglob("*"):
        assert not path.is_file() or secrets.encode() not in path.read_bytes()


async def test_killed_in_the_middle_of_a_copy_it_goes_on_from_there(
    node: NodeEnd, replica: ReplicaProcess
) -> None:
    files = node.files
    assert isinstance(files, FaultyFiles)
    await replica.start()
    before = node.serving()
    hold = files.hold("fingerprints/3", 0)
    node.build()
    node.followers.wake()
    await asyncio.wait_for(hold.reached.wait(), SECONDS)
    assert await replica.end(signal.SIGKILL) == -signal.SIGKILL
    assert current_on(replica.data) == before
    copying = f"{node.serving()}.copying"
    assert generations_on(replica.data) == {before, copying}
    # As if it had died some time before.
    index = index_of(replica.data, copying)
    index.write_bytes(index.read_bytes()[:7_000])
    files.asked.clear()
    await replica.start()
    assert files.asked[0] == ("index.mdb", 7_000)
    assert ("manifest.json", 0) not in files.asked
    assert current_on(replica.data) == node.serving()
    assert generations_on(replica.data) == {before, node.serving()}


async def test_another_certificate_of_the_node_is_shown_without_a_restart(
    node: NodeEnd, told: Told, replica: ReplicaProcess
) -> None:
    def shown() -> bytes:
        host, _, port = replica.address.rpartition(":")
        pem = ssl.get_server_certificate((host, int(port)))
        return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.PEM)

    await replica.start()
    assert await asyncio.to_thread(shown) == node.credentials.certificate_chain
    async with replica.consumer() as consumer:
        assert await consumer.health() == SERVING
        other = node.material.public.party(NODE).credentials
        node.offering._certificate.certificate_chain = other.certificate_chain.decode()
        node.offering._certificate.private_key = other.private_key.decode()
        node.offering._last = None
        node.build()
        node.followers.wake()
        await told.serves(node.serving())
        assert await asyncio.to_thread(shown) == other.certificate_chain


async def test_one_that_is_taken_off_the_list_ends_and_says_why(
    node: NodeEnd, replica: ReplicaProcess
) -> None:
    await replica.start()
    node.replicas.remove(REPLICA.id)
    node.followers.wake()
    assert replica.process is not None
    assert await asyncio.wait_for(replica.process.wait(), SECONDS) == 1
    said = replica.log.read_text()
    assert "error: the caller is not on this node's list of replicas\nhint: at the node run" in said
    assert "Traceback" not in said


async def test_what_it_cannot_start_with_is_told(
    node: NodeEnd, replica: ReplicaProcess, commands: Commands
) -> None:
    node.followers._software_version = "0.0-other"
    said = await replica.failed(commands)
    assert "error: node and replica are of different releases\nhint: install the same release" in said
    node.followers._software_version = version("stayput")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = await replica.failed(commands, "--listen", address)
    assert said.startswith(f"error: listen: cannot listen on {address}\nhint: choose an address")
    said = await replica.failed(commands, "--advertise", "r1:0")
    assert said.startswith("error: advertise: must be host:port")
    with RunDirectory(replica.data).held():
        said = await replica.failed(commands)
    assert said.startswith("error: data: a node or a replica is running on this data directory already\n")
    replica.data.chmod(0o750)
    said = await replica.failed(commands)
    assert said.startswith(f"error: {replica.data} can be entered by others than its owner\nhint: ")
