"""A node whose register is offered in both modes and granularities, with a grant for all of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.provider_node.serving.node import LocalNode, Material, make_material
from tests.provider_node.serving.oblivious.consumer import RESOURCE, granted
from tests.provider_node.serving.processes import prepare


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("oblivious"), RESOURCE)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Path:
    """The directory of a node that is enrolled and built: each test has a copy."""
    directory = tmp_path_factory.mktemp("prepared") / "node"
    return prepare(directory, material, "127.0.0.1:1", RESOURCE).directory


@pytest.fixture
async def node(bare_node: LocalNode) -> AsyncIterator[LocalNode]:
    """A node with a grant, listening."""
    await bare_node.give(granted())
    async with bare_node.listening():
        yield bare_node
