"""A backup as one file: an uncompressed tar whose last member, `backup.json`, lists the others with hashes.

Nothing is taken out of one before all of it has been read and agrees with its list.
"""

import hashlib
import io
import json
import os
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from provider_node.store.files import sync_directory
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_LIST: Final = "backup.json"
_LONGEST_LIST: Final = 64 * 2**20
_BLOCK: Final = 1 << 20
_MODE: Final = 0o600


class Member(BaseModel):
    """One file of a backup: its bytes, and their SHA-256 in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int
    sha256: str


class Contents(BaseModel):
    """What a backup is of, and its files by name. `keys` is their sealed set, bound to all the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    node: str
    department: str
    made_at: AwareDatetime
    software_version: str
    files: dict[str, Member]
    keys: dict[str, str] = {}

    def bound(self) -> bytes:
        """To what the keys are bound: everything but themselves."""
        return self.model_copy(update={"keys": {}}).model_dump_json().encode()


@dataclass
class Archive:
    """A backup that is being written."""

    tar: tarfile.TarFile
    files: dict[str, Member] = field(default_factory=dict)

    def add(self, name: str, path: Path) -> None:
        """Adds a file, as long as it is when it is opened. Raises `OSError`."""
        with path.open("rb") as file:
            self.add_open(name, file)

    def add_open(self, name: str, file: IO[bytes]) -> None:
        """Adds a file that is open, which need not have a name any more."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = os.fstat(file.fileno()).st_size, _MODE
        hashing = _Hashing(file, member.size)
        self.tar.addfile(member, hashing)
        self.files[name] = Member(bytes=member.size, sha256=hashing.digest.hexdigest())

    def add_text(self, name: str, text: str) -> None:
        """Adds a file that holds this."""
        content = text.encode()
        self._put(name, content)
        self.files[name] = Member(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    def finish(self, contents: Contents) -> None:
        """Adds the list."""
        self._put(_LIST, contents.model_dump_json(indent=2).encode())

    def _put(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), _MODE
        self.tar.addfile(member, io.BytesIO(content))


class _Hashing(io.RawIOBase):
    """Reads a file and hashes what was read; padded with zeros if it has become shorter."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__()
        self._file = file
        self._left = size
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        wanted = self._left if size < 0 else min(size, self._left)
        block = self._file.read(wanted).ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(block)
        return block


@contextmanager
def writing(path: Path) -> Iterator[Archive]:
    """A new backup, which has its name when the block has ended well and all of it is on disk.

    Raises `CONFIGURATION_INVALID` if there is a file of that name.
    """
    if path.exists():
        raise unusable(f"{path}", "is there already", "choose another name")
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor)
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Archive(tar)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        sync_directory(path.absolute().parent)
    finally:
        unfinished.unlink(missing_ok=True)


def verified(path: Path) -> Contents:
    """What a backup holds, all of which has been read. Raises `CONFIGURATION_INVALID` if it is damaged."""
    found: dict[str, Member] = {}
    contents: Contents | None = None
    with _reading(path) as tar:
        for member in tar:
            if contents is not None or not member.isfile() or member.name in found:
                raise _damaged(path)
            file = tar.extractfile(member)
            if file is None:
                raise _damaged(path)
            if member.name == _LIST:
                contents = _contents(path, file.read(_LONGEST_LIST))
            else:
                digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # reads
                found[member.name] = Member(bytes=member.size, sha256=digest)
    if contents is None or found != contents.files or not all(map(_is_inside, found)):
        raise _damaged(path)
    return contents


def read(path: Path, name: str) -> bytes:
    """One member."""
    with _reading(path) as tar:
        file = tar.extractfile(name)
        return file.read() if file else b""


def extract(path: Path, prefix: str, directory: Path) -> None:
    """Writes the members below a prefix into a new directory of mode 0700, each durable."""
    directory.mkdir(mode=0o700, parents=True)
    with _reading(path) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.startswith(prefix) else None
            if file is None:
                continue
            target = directory / member.name.removeprefix(prefix)
            for parent in reversed(target.relative_to(directory).parents):
                (directory / parent).mkdir(mode=0o700, exist_ok=True)
            with target.open("xb") as copy:
                target.chmod(_MODE)
                while block := file.read(_BLOCK):
                    copy.write(block)
                copy.flush()
                os.fsync(copy.fileno())


@contextmanager
def _reading(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError, UnicodeError):
        raise _damaged(path) from None


def _contents(path: Path, text: bytes) -> Contents:
    try:
        return Contents.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError):
        raise _damaged(path) from None


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not PurePosixPath(name).is_absolute() and ".." not in parts and "\0" not in name


def _damaged(path: Path) -> StayputError:
    return unusable(f"{path}", "is no backup, or is damaged or not whole", "use another copy of it")


def unusable(place: str, problem: str, remedy: str) -> StayputError:
    """`CONFIGURATION_INVALID`."""
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID, f"{place}: {problem}", field="file", remedy=remedy
    )
