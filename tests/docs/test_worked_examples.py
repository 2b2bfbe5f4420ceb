"""Every command of docs/tutorial.md is run, in order, in an empty directory; then those of docs/audit.md."""

import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.docs.terminal import Terminal, commands_of, program_of

# Dozens of commands, each a process of its own.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def after_tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The terminal of somebody who began in an empty directory and typed each command of the tutorial."""
    with closing(Terminal(tmp_path_factory.mktemp("tutorial"))) as terminal:
        terminal.follow(commands_of("tutorial.md"))
        yield terminal


def test_the_tutorial_runs_and_so_does_its_program(after_tutorial: Terminal) -> None:
    assert len(commands_of("tutorial.md")) > 20
    (after_tutorial.directory / "program.py").write_text(program_of("tutorial.md"), encoding="utf-8")
    assert after_tutorial.run(f"{sys.executable} program.py") == "NOT_FOUND\n"


def test_the_example_of_the_audit_document_runs(after_tutorial: Terminal) -> None:
    printed = after_tutorial.follow(commands_of("audit.md"))
    assert len(printed) > 12
    (verified,) = (text for command, text in printed.items() if command.startswith("stayput verify "))
    assert "vehicles-1" in verified
    (chain,) = (text for command, text in printed.items() if "log verify" in command)
    assert chain.endswith("the chain is whole\n")
    (reconciled,) = (text for command, text in printed.items() if "log reconcile" in command)
    assert reconciled.endswith("differences: 0\n")
