"""What a running node leaves for others to find: its lock, the administration socket, the bound address."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_LONGEST_SOCKET_PATH: Final = 107


class RunDirectory:
    """`<data>/run`, which only its owner can enter: that is what protects the administration socket."""

    def __init__(self, data: Path) -> None:
        self._path = data / "run"

    @property
    def socket(self) -> Path:
        """Where the administration of a running node listens."""
        return self._path / "admin.sock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the node's lock; the system lets go of it however the process ends.

        Raises `CONFIGURATION_INVALID` if a node holds it already.
        """
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.chmod(0o700)
        with (self._path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _unusable(
                    "a node is running on this data directory already",
                    "stop it first, or give this node a data directory of its own",
                ) from None
            yield

    def fresh_socket(self) -> Path:
        """Path for a new administration socket, without what a killed node left there."""
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET_PATH:
            raise _unusable(
                f"the path of the administration socket is longer than {_LONGEST_SOCKET_PATH} bytes",
                "use a data directory with a shorter path",
            )
        self.socket.unlink(missing_ok=True)
        return self.socket

    def answers(self) -> bool:
        """Whether a running node listens on the administration socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(os.fspath(self.socket))
            except OSError:
                return False
            return True

    def announce(self, address: str) -> None:
        """Writes `address.json`: where the node answers, and its process id."""
        temporary = self._path / "address.json.new"
        temporary.write_text(json.dumps({"address": address, "pid": os.getpid()}))
        temporary.replace(self._path / "address.json")


def _unusable(problem: str, remedy: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
        f"node.data: {problem}",
        field="node.data",
        remedy=remedy,
    )
