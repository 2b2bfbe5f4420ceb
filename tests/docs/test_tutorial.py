"""Every command of docs/tutorial.md is run, in its order, in an empty directory; so is its program."""

import sys

from tests.docs.terminal import Terminal, commands_of, program_of


def test_the_tutorial_runs(after_tutorial: Terminal) -> None:
    assert len(commands_of("tutorial.md")) > 20
    (after_tutorial.directory / "program.py").write_text(program_of("tutorial.md"), encoding="utf-8")
    assert after_tutorial.run(f"{sys.executable} program.py") == "NOT_FOUND\n"
