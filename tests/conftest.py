"""What tests of several programs stand on."""

from collections.abc import Iterator

import pytest

from tests.commands import Commands


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """The project's commands, imported once (by each worker)."""
    with Commands() as begun:
        yield begun
