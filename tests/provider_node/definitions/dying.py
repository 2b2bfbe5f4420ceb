"""Processes that kill themselves at each point of storing a definition.

`python -m tests.provider_node.definitions.dying DIRECTORY`: for each beginning and write,
DIRECTORY/beginning-write/n is made for each n from 1, and a process begins the write there and gets SIGKILL
just before its n-th step: waiting for the disk or renaming a file. The last n is that of a process that had
fewer steps and came to the end.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from provider_node.store.definitions import DefinitionStore

CODE = "vehicle-owners"
FIRST, SECOND, BY_HAND = (f'code = "{CODE}"\ntitle = "{title}"\n'.encode() for title in ("a", "b", "c"))
CASES = (("new", "store"), ("stored", "store"), ("stored", "record"))
ADMINISTRATOR = "王建国"
_P = ParamSpec("_P")
_T = TypeVar("_T")
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)


def store(directory: Path) -> DefinitionStore:
    """The definitions of the node in that directory."""
    return DefinitionStore(directory / "data", directory / "resources")


def begin(directory: Path, beginning: str) -> None:
    """A node that has no definition (`new`), or has stored the first (`stored`)."""
    (directory / "resources").mkdir(parents=True)
    if beginning == "stored":
        write(directory, FIRST, "store")


def write(directory: Path, content: bytes, how: str) -> None:
    """Stores a definition, or notes a file that was edited by hand."""
    definitions = store(directory)
    with definitions.locked():
        if how == "store":
            definitions.store(CODE, content, ADMINISTRATOR, NOW)
        else:
            definitions.record(CODE, directory / "resources" / f"{CODE}.toml", content, NOW)


def _die_at(step: int) -> None:
    steps = iter(range(1, step + 1))

    def counted(function: Callable[_P, _T]) -> Callable[_P, _T]:
        def call(*arguments: _P.args, **options: _P.kwargs) -> _T:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    os.fsync, os.replace = counted(os.fsync), counted(os.replace)


def main(directory: Path, beginning: str, how: str) -> None:
    """One process for each step."""
    begin(directory / "0", beginning)
    step, killed = 0, True
    while killed:
        step += 1
        here = Path(shutil.copytree(directory / "0", directory / str(step)))
        if how == "record":
            (here / "resources" / f"{CODE}.toml").write_bytes(SECOND)
        pid = os.fork()
        if not pid:
            _die_at(step)
            write(here, SECOND, how)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    for case in CASES:
        main(Path(sys.argv[1]) / "-".join(case), *case)
