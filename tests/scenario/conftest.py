"""The story's world, started once for the tests that only read what it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Commands
from tests.world import CONSUMER, DEATHS, STRANGER, VEHICLES, World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[World]:
    """Comparator, both registers in the catalogue, a consumer with both grants, a stranger with none."""
    with World(tmp_path_factory.mktemp("w"), commands) as world:
        world.add_comparator()
        world.add_consumer(CONSUMER)
        world.add_consumer(STRANGER)
        for node in (VEHICLES, DEATHS):
            world.open_register(node)
            world.grant(node)
        yield world


@pytest.fixture
def empty_world(tmp_path: Path, commands: Commands) -> Iterator[World]:
    """A comparator and an enrolled consumer; the test adds the rest."""
    with World(tmp_path, commands) as world:
        world.add_comparator()
        world.add_consumer(CONSUMER)
        yield world
