"""The project's commands as processes with nothing left to import, which is most of what a command takes.

For each command one process (`python -m tests.commands NAME DESCRIPTOR`) imports its modules, and forks when
a command is to begin. From the fork on it is a process like any other, with a directory, an environment and
files of its own, and ends as the command's console script does. How a command starts from nothing is for the
tests that run it by its name.
"""

import asyncio
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import IO, Self

_ROOT = Path(__file__).resolve().parent.parent
_NUMBER = 4
_DRIVERS = frozenset({"dmPython", "ksycopg2", "oracledb"})
"""Of databases that no test can reach; they are not installed here."""


class Running:
    """A command that has begun; its standard input is empty."""

    def __init__(
        self, arguments: Sequence[str], connection: socket.socket, kept: Sequence[IO[bytes]]
    ) -> None:
        self._arguments = arguments
        self._connection = connection
        self._kept = kept
        # A reset, if what forks could not import the command; it has said why.
        self._pid = int.from_bytes(connection.recv(_NUMBER), "big")

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self._pid, number)

    def ended(self) -> "subprocess.CompletedProcess[str]":
        """Waits for its end."""
        return self._result(self._connection.recv(_NUMBER))

    async def end(self) -> "subprocess.CompletedProcess[str]":
        """Waits for its end while other tasks go on."""
        self._connection.setblocking(False)
        return self._result(await asyncio.get_running_loop().sock_recv(self._connection, _NUMBER))

    def _result(self, answer: bytes) -> "subprocess.CompletedProcess[str]":
        self._connection.close()
        assert answer, f"{self._arguments} was lost"
        texts = []
        for file in self._kept:
            with file:
                file.seek(0)
                texts.append(file.read().decode())
        return subprocess.CompletedProcess(
            self._arguments, int.from_bytes(answer, "big", signed=True), *texts
        )


class Commands:
    """Begins commands; what they need is imported before the first of each name."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[subprocess.Popen[bytes], socket.socket]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Ends what forks, not what it has forked.
        for process, connection in self._sources.values():
            connection.close()
            process.wait()

    def begin(self, command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Running:
        """A command by its name and arguments, with that environment and no other; what it writes is kept."""
        kept = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115 (closed when the command has ended)
        return self._begun(command, directory, environment, [file.fileno() for file in kept], kept)

    def serve(
        self,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        output: socket.socket,
        log: IO[bytes],
    ) -> Running:
        """A command that serves: what it says goes to `output`, what it logs to `log`."""
        return self._begun(command, directory, environment, [output.fileno(), log.fileno()], [])

    def _begun(
        self,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        written: list[int],
        kept: Sequence[IO[bytes]],
    ) -> Running:
        here, there = socket.socketpair()
        with there:
            socket.send_fds(self._source(command[0]), [b"!"], [there.fileno(), *written])
        order = {"arguments": command, "directory": str(directory), "environment": dict(environment)}
        here.sendall(json.dumps(order).encode() + b"\n")
        return Running(command, here, kept)

    def _source(self, name: str) -> socket.socket:
        if name not in self._sources:
            here, there = socket.socketpair()
            with there:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.commands", name, str(there.fileno())],
                    cwd=_ROOT,
                    env={**os.environ, "PYTHONUTF8": "1"},
                    pass_fds=(there.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            self._sources[name] = process, here
        return self._sources[name][1]


def _imported(found: EntryPoint) -> Callable[[], int | None]:
    package = importlib.import_module(found.module.partition(".")[0])
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        # Those that run when they are imported.
        if not module.name.endswith(("__main__", ".env")):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as missing:
                if missing.name not in _DRIVERS:
                    raise
    # What typer imports when it reads an option.
    importlib.import_module("pydantic.type_adapter")
    main: Callable[[], int | None] = found.load()
    # What is there at the fork stays where it is: collecting it would copy it into each process.
    gc.collect()
    gc.freeze()
    return main


def _forked(control: socket.socket) -> socket.socket:
    """Returns in each process that is to become a command, with the connection to whoever asked for it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        order, files, _, _ = socket.recv_fds(control, 1, 3)
        if not order:
            sys.exit()
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    # This one waits for the command, so that whoever asked learns how it ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control.close()
    connection = socket.socket(fileno=files[0])
    for number, file in enumerate(files[1:], start=1):
        os.dup2(file, number)
        os.close(file)
    pid = os.fork()
    if pid:
        connection.sendall(pid.to_bytes(_NUMBER, "big"))
        _, status = os.waitpid(pid, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(_NUMBER, "big", signed=True))
        os._exit(0)
    return connection


def _as_ordered(connection: socket.socket) -> None:
    with connection, connection.makefile(encoding="utf-8") as lines:
        order = json.loads(lines.readline())
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = order["arguments"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _main() -> int | None:
    name, descriptor = sys.argv[1:]
    # An interrupt of the tests is theirs alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (found,) = entry_points(group="console_scripts", name=name)
    main = _imported(found)
    _as_ordered(_forked(socket.socket(fileno=int(descriptor))))
    return main()


if __name__ == "__main__":
    sys.exit(_main())
