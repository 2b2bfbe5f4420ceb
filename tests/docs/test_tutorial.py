"""Every command of docs/tutorial.md is run, in its order, in an empty directory; so is its program."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.deployment import BIN, EXAMPLES

ROOT = EXAMPLES.parent
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
_COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


class Terminal:
    """Runs what a reader would type."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._servers: list[subprocess.Popen[str]] = []
        self._environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "STAYPUT_CLONE": str(ROOT),
        }

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serve(self, command: str) -> None:
        server = subprocess.Popen(
            ["/bin/bash", "-c", f"exec {command}"],
            cwd=self._directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline().startswith("ready ")

    def close(self) -> None:
        for server in self._servers:
            server.terminate()
            server.wait(30)
            assert server.stdout is not None
            server.stdout.close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def test_the_tutorial_runs(terminal: Terminal, tmp_path: Path) -> None:
    commands = [line for block in _BLOCK.findall(TUTORIAL) for line in _COMMAND.findall(block)]
    assert len(commands) > 20
    for command in commands:
        if command.endswith(" &"):
            terminal.serve(command.removesuffix(" &"))
        else:
            terminal.run(command)
    (program,) = _PROGRAM.findall(TUTORIAL)
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    assert terminal.run(f"{sys.executable} program.py") == "NOT_FOUND\n"
