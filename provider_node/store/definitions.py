"""Versions of resource definitions, kept beside the resource files, which are what holds.

`<data>/definitions/` holds `lock`, and in `<code>/` for each version, from 1,

- `NNNN.toml`: the resource file as it was, byte by byte;
- `NNNN.json`: who stored it, when, its hash; with this file it is a version;

and `pending.json` while one is being stored: NNNN.toml and pending.json are written, then the resource file
is replaced, then pending.json becomes NNNN.json. Whatever a crash cuts off, the next reading finishes if the
resource file was replaced, and forgets if it was not.
"""

import fcntl
import hashlib
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from provider_node.store.files import NO_ROOM, replace_durably, sync_directory, write_durably
from stayput.errors import StayputError
from stayput.identity import checked_code
from stayput.v1.errors_pb2 import ErrorReason

_VERSION: Final = re.compile(r"(\d{4,9})\.json")
_PENDING: Final = "pending.json"
_READABLE: Final = 0o644


class Version(BaseModel):
    """A version of a definition.

    `administrator` is empty if the file was edited by hand. `file` is its name in the resources directory,
    `sha256` in hex the hash of its content, `replaced` that of what it took the place of; empty for nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    stored_at: AwareDatetime
    administrator: str
    file: str
    sha256: str
    replaced: str


class DefinitionStore:
    """The definitions of a node's resources, in its data directory and its resources directory.

    Everything needs the lock of `locked`. Raises `STORAGE_FULL` without room, and `CONFIGURATION_INVALID` for
    what cannot be read or written otherwise.
    """

    def __init__(self, data: Path, resources: Path) -> None:
        self._path = data / "definitions"
        self._resources = resources

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock, waiting for it if need be; it is never held for long."""
        with _storage_faults():
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._path / "lock").open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def versions(self, code: str) -> list[Version]:
        """The versions of a resource's definition, in the order of their numbers."""
        with _storage_faults():
            self._recover(code)
            return self._versions(code)

    def content(self, code: str, version: int) -> bytes:
        """The file as it was."""
        with _storage_faults():
            return self._toml(code, version).read_bytes()

    def held(self, code: str) -> tuple[Path, bytes] | None:
        """The resource file of that code and what it holds, `None` if there is none."""
        with _storage_faults():
            file = self._file(code)
            return None if file is None else (file, file.read_bytes())

    def record(self, code: str, file: Path, content: bytes, now: datetime) -> Version:
        """Makes a version of a file that was edited by hand."""
        with _storage_faults():
            version = self._next(code, file, content, "", now)
            self._begin(code, version, content)
            self._finish(code)
        return version

    def store(self, code: str, content: bytes, administrator: str, now: datetime) -> Version:
        """Makes a version and has it hold: its content takes the place of the resource file, or makes one."""
        with _storage_faults():
            file = self._file(code) or self._last_file(code)
            if file.exists() and _code_in(file) not in (code, None):
                raise _unusable(f"{file}: holds another resource", "rename that file after its own code")
            version = self._next(code, file, content, administrator, now)
            self._begin(code, version, content)
            _replace(file, content)
            self._finish(code)
        return version

    def _file(self, code: str) -> Path | None:
        """The resource file of that code; one that is no TOML now is still that of its newest version."""
        for path in sorted(self._resources.glob("*.toml")):
            if _code_in(path) == code:
                return path
        path = self._last_file(code)
        return path if path.exists() and _code_in(path) is None else None

    def _last_file(self, code: str) -> Path:
        """Where the newest version was; for a new resource, where it will be."""
        versions = self._versions(code)
        return self._resources / (versions[-1].file if versions else f"{code}.toml")

    def _next(self, code: str, file: Path, content: bytes, administrator: str, now: datetime) -> Version:
        versions = self.versions(code)
        return Version(
            version=versions[-1].version + 1 if versions else 1,
            stored_at=now,
            administrator=administrator,
            file=file.name,
            sha256=sha256(content),
            replaced=_sha256_of(file) if administrator else (versions[-1].sha256 if versions else ""),
        )

    def _begin(self, code: str, version: Version, content: bytes) -> None:
        directory = self._directory(code)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self._path)
        write_durably(self._toml(code, version.version), content)
        replace_durably(directory / _PENDING, version.model_dump_json(indent=2).encode())

    def _finish(self, code: str) -> None:
        directory = self._directory(code)
        version = _read(directory / _PENDING)
        (directory / _PENDING).replace(directory / f"{version.version:04}.json")
        sync_directory(directory)

    def _recover(self, code: str) -> None:
        """Finishes or forgets what a crash has cut off."""
        pending = self._directory(code) / _PENDING
        if not pending.exists():
            return
        version = _read(pending)
        held = _sha256_of(self._resources / version.file)
        if held == version.replaced and held != version.sha256:
            pending.unlink()
        else:
            # Replaced, and if it is a third content now, edited by hand since: then that is the next version.
            self._finish(code)

    def _versions(self, code: str) -> list[Version]:
        directory = self._directory(code)
        if not directory.is_dir():
            return []
        names = [found for path in directory.iterdir() if (found := _VERSION.fullmatch(path.name))]
        return [_read(directory / name[0]) for name in sorted(names, key=lambda name: int(name[1]))]

    def _toml(self, code: str, version: int) -> Path:
        return self._directory(code) / f"{version:04}.toml"

    def _directory(self, code: str) -> Path:
        return self._path / checked_code(code, "resource")


def sha256(content: bytes) -> str:
    """Hash of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def _sha256_of(file: Path) -> str:
    return sha256(file.read_bytes()) if file.exists() else ""


def _code_in(file: Path) -> str | None:
    """The code that a resource file names, `None` if it is no TOML; empty if it names none."""
    try:
        code = tomllib.loads(file.read_bytes().decode("utf-8-sig")).get("code", "")
    except (ValueError, RecursionError, OSError):
        return None
    return code if isinstance(code, str) else ""


def _read(path: Path) -> Version:
    try:
        return Version.model_validate_json(path.read_bytes())
    except ValidationError:
        raise _unusable(f"{path}: is damaged", "restore the data directory from a backup") from None


def _replace(file: Path, content: bytes) -> None:
    """Has a resource file hold that content, by one step; a link stays one, and who may read it may still."""
    target = file.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else _READABLE
    replace_durably(target, content, mode)


@contextmanager
def _storage_faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StayputError(
                ErrorReason.ERROR_REASON_STORAGE_FULL,
                "there is no room for the definition; what held before holds on",
                remedy="make room under the node's data and resources directories, then try again",
            ) from None
        raise _unusable(
            f"{error.filename or 'definitions'}: {error.strerror}",
            "check the permissions of the node's data and resources directories",
        ) from None


def _unusable(problem: str, remedy: str) -> StayputError:
    return StayputError(ErrorReason.ERROR_REASON_CONFIGURATION_INVALID, problem, remedy=remedy)
