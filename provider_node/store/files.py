"""Writing files so that a crash leaves the old content or the new one, and hashing them."""

import errno
import hashlib
import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""How the system says that a disk, a quota or a limit leaves no room."""


def write_durably(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Writes a file, by default one that only its owner can read, and waits until it is on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor)
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def replace_durably(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """The same by one step, beside the file that was there; nobody else may write it meanwhile."""
    fresh = path.with_name(f"{path.name}.new")
    write_durably(fresh, content, mode)
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Waits until the names in a directory are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of what a file holds, in hex; one that is large does not come into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
