"""The password of a database's user: from a file or from the environment, and nowhere else to be seen."""

import os
from pathlib import Path
from typing import Final

from provider_node.config import DatabaseSourceConfig
from provider_node.sources.faults import invalid
from stayput.errors import StayputError

_OTHERS: Final = 0o077
_MOST_BYTES: Final = 4_096


def password_of(config: DatabaseSourceConfig) -> str | None:
    """The password without the line end after it; `None` if none is configured.

    Raises `SOURCE_INVALID` if the file is missing, empty, too long, no UTF-8 text, or may be read by others
    than its owner, or if the variable is not set.
    """
    if config.password_file is not None:
        return _from_file(config.password_file)
    if config.password_env is None:
        return None
    password = os.environ.get(config.password_env)
    if not password:
        raise invalid(
            "the environment has no such variable, or an empty one",
            "set it where the node is started",
            "source.password_env",
        )
    return password


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _unusable(f"the file cannot be read: {error.strerror}", "create it with mode 0600") from None
    if mode & _OTHERS:
        raise _unusable("others than its owner may read or write the file", "set its mode to 0600")
    line = content.removesuffix(b"\n").removesuffix(b"\r")
    if not line or len(content) > _MOST_BYTES:
        raise _unusable("the file must hold the password and nothing else", "write it on one line")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise _unusable("the file is not UTF-8 text", "save it as UTF-8") from None


def _unusable(problem: str, remedy: str) -> StayputError:
    return invalid(problem, remedy, "source.password_file")
