"""A reader's terminal, and what a document tells the reader to type."""

import os
import re
import subprocess
from pathlib import Path

from examples.deployment import BIN, EXAMPLES

ROOT = EXAMPLES.parent
_COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


def document(name: str) -> str:
    """The text of a document."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def commands_of(name: str) -> list[str]:
    """What a document tells its reader to type, in its order."""
    return [line for block in _BLOCK.findall(document(name)) for line in _COMMAND.findall(block)]


def program_of(name: str) -> str:
    """The only program of a document."""
    (program,) = _PROGRAM.findall(document(name))
    return str(program)


class Terminal:
    """Runs what a reader would type, in one directory; leaving it stops what it started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._servers: list[subprocess.Popen[str]] = []
        self._environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "STAYPUT_CLONE": str(ROOT),
        }

    def follow(self, commands: list[str]) -> dict[str, str]:
        """Types one command after the other; returns what each printed."""
        printed = {}
        for command in commands:
            if command.endswith(" &"):
                self._serve(command.removesuffix(" &"))
            else:
                printed[command] = self.run(command)
        return printed

    def run(self, command: str) -> str:
        """What a command printed, which must go well."""
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _serve(self, command: str) -> None:
        server = subprocess.Popen(
            ["/bin/bash", "-c", f"exec {command}"],
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline().startswith("ready ")

    def close(self) -> None:
        """Stops the servers."""
        for server in self._servers:
            server.terminate()
            server.wait(30)
            assert server.stdout is not None
            server.stdout.close()
