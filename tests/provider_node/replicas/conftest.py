"""A node's end over a register that is built once for all tests here."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.provider_node.replicas.peer import Material, NodeEnd, make_material, node_end

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("replicas"))


@pytest.fixture
def idle(material: Material, tmp_path: Path) -> Iterator[NodeEnd]:
    """A node's end that does not listen."""
    with node_end(material, tmp_path / "node") as made:
        yield made


@pytest.fixture
async def node(idle: NodeEnd) -> AsyncIterator[NodeEnd]:
    """A node's end, listening."""
    async with idle.listening():
        yield idle


@pytest.fixture
async def stub(node: NodeEnd) -> "AsyncIterator[ReplicaServiceAsyncStub]":
    """The connection of a replica that is on the list."""
    async with node.called_by(node.admitted()) as made:
        yield made
