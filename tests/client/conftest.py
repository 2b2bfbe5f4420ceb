"""A platform for the client's tests: a comparator, a node and an enrolled department, over mutual TLS."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.access_pb2_grpc import add_AccessServiceServicer_to_server
from stayput.v1.catalogue_pb2_grpc import add_CatalogueServiceServicer_to_server
from stayput.v1.comparison_pb2_grpc import add_ComparisonServiceServicer_to_server
from stayput_client import Client
from tests.client.authority import Authority
from tests.client.servicers.comparator import AccessPeer, CataloguePeer
from tests.client.servicers.node import NodePeer
from tests.client.servicers.register import NODE, Register
from tests.client.world import (
    CONTRACT,
    RESOURCE,
    Command,
    Finished,
    World,
    enrolled,
    entry,
    resident_id,
    started,
)
from tests.commands import Commands


@pytest.fixture
def register_rows() -> list[dict[str, str]]:
    row = {"resident_id": resident_id(0), "name": "张三", "plate": "京A12345", "birth_date": "1949-12-31"}
    return [
        row,
        {**row, "plate": "京B00001"},
        {"resident_id": resident_id(1), "name": "李四", "plate": "", "birth_date": "1980-01-02"},
    ]


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def ticket_key() -> ECKey:
    return ECKey.generate_key("P-256")


@pytest.fixture
def node(register_rows: Sequence[Mapping[str, str]], ticket_key: ECKey) -> NodePeer:
    return NodePeer(Register(CONTRACT, register_rows), ticket_key)


@pytest.fixture
async def world(
    tmp_path: Path, authority: Authority, node: NodePeer, ticket_key: ECKey
) -> AsyncIterator[World]:
    catalogue, access = CataloguePeer(), AccessPeer(ticket_key)
    node_server, comparator = tls.server([ErrorInterceptor()]), tls.server([ErrorInterceptor()])
    node.server = node_server
    add_ComparisonServiceServicer_to_server(node, node_server)
    add_CatalogueServiceServicer_to_server(catalogue, comparator)
    add_AccessServiceServicer_to_server(access, comparator)
    node_port = await started(node_server, authority.credentials(NODE))
    comparator_port = await started(comparator, authority.credentials(None))
    catalogue.resources[RESOURCE] = entry(f"127.0.0.1:{node_port}", node.public_key)
    world = World(tmp_path / "home", node, catalogue, access, authority, f"127.0.0.1:{comparator_port}")
    world.grant("G-1")
    enrolled(world.home, authority, world.comparator_address, access.consumer_key)
    yield world
    await asyncio.gather(node_server.stop(None), comparator.stop(None))


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with Client.open(world.home) as opened:
        yield opened


@pytest.fixture
def stayput(world: World, commands: Commands) -> Command:
    """Runs the command in a process of its own, with English texts unless the environment says otherwise."""

    async def run(
        *arguments: str | Path, interrupt: asyncio.Event | None = None, **environment: str
    ) -> Finished:
        command = ("stayput", *map(str, arguments))
        running = commands.begin(command, Path.cwd(), _environment(world, environment))
        if interrupt is not None:
            await interrupt.wait()
            running.signal(signal.SIGINT)
        done = await running.end()
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def fresh_stayput(world: World) -> Command:
    """The same in a process that has to import everything first, as at a terminal."""

    async def run(*arguments: str | Path, **environment: str) -> Finished:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from stayput_client.cli import main; main()",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(world, environment),
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    return run


def _environment(world: World, changes: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "STAYPUT_HOME": str(world.home), "LC_ALL": "C.UTF-8", **changes}
