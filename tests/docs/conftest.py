"""The tutorial, followed once: the other documents go on where it ends."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.docs.terminal import Terminal, commands_of


@pytest.fixture(scope="session")
def after_tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The terminal of somebody who began in an empty directory and typed each command of the tutorial."""
    with closing(Terminal(tmp_path_factory.mktemp("tutorial"))) as terminal:
        terminal.follow(commands_of("tutorial.md"))
        yield terminal
