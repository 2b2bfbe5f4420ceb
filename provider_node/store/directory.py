"""The files of one resource under the node's data directory, and the few ways in which they change.

`resources/<code>/` holds

- `salt`: 16 bytes in hex, made by the first build;
- `lock`: held while a build runs;
- `current`: a symbolic link to the serving generation;
- `generations/<id>/`: `index.mdb` (`index-00.mdb` and so on if it is large), `manifest.json`,
  `quarantine.csv`; for oblivious mode `evaluations.mdb` and `fingerprints/`; and `held`, which says why it
  was not switched to, if it was not, or gone back from;
- `generations/<id>.building/`: the same while it is being made;
- `generations/<id>.removing/`: what is left of one while it is being removed.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from provider_node.store.files import replace_durably, sync_directory, write_durably
from stayput.contract import SALT_BYTES
from stayput.errors import StayputError
from stayput.identity import checked_code
from stayput.v1.errors_pb2 import ErrorReason

INDEX: Final = "index.mdb"
MANIFEST: Final = "manifest.json"
QUARANTINE: Final = "quarantine.csv"
EVALUATIONS: Final = "evaluations.mdb"
FINGERPRINTS: Final = "fingerprints"

GENERATION: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
"""Ids of generations."""
_BUILDING: Final = ".building"
_REMOVING: Final = ".removing"
_HELD: Final = "held"


class ResourceDirectory:
    """One resource's directory. Everything that writes needs the lock, of `locked` or `building`."""

    def __init__(self, data: Path, code: str) -> None:
        """Raises `FIELD_INVALID` for a code that could lead to another directory."""
        self._code = checked_code(code, "resource")
        self._path = data / "resources" / code

    def current(self) -> str | None:
        """Id of the serving generation, `None` before the first; `RESOURCE_NOT_READY` if it is damaged."""
        linked = self._linked()
        if linked is not None and not GENERATION.fullmatch(linked):
            raise damaged(self._code, "the link to the serving generation cannot be read")
        return linked

    def _linked(self) -> str | None:
        """What the link names, `None` if there is none; empty if it is no link."""
        try:
            return (self._path / "current").readlink().name
        except FileNotFoundError:
            return None
        except OSError:
            return ""

    def generation(self, generation: str) -> Path:
        """Directory of a generation."""
        return self._path / "generations" / generation

    def finished(self) -> list[str]:
        """Ids of the generations that are made, serving or not, newest first."""
        try:
            names = [path.name for path in (self._path / "generations").iterdir()]
        except FileNotFoundError:
            return []
        return sorted((name for name in names if GENERATION.fullmatch(name)), reverse=True)

    def size(self, generation: str) -> int:
        """Bytes of all files of a generation; of one that is being removed, of what is left."""
        total = 0
        for directory, _, names in os.walk(self.generation(generation)):
            for name in names:
                with suppress(FileNotFoundError):
                    total += (Path(directory) / name).stat().st_size
        return total

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the resource's lock; `BUILD_RUNNING` if it is held."""
        (self._path / "generations").mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StayputError(
                    ErrorReason.ERROR_REASON_BUILD_RUNNING,
                    f"{self._code}: a build of this resource is under way",
                    field="resource",
                    remedy="wait until it has ended",
                ) from None
            yield

    @contextmanager
    def building(self, keep: int = 2) -> Iterator[None]:
        """Holds the resource's lock, having made room for a new generation; `BUILD_RUNNING` if it is held.

        What serves stays, and as many others as leave the disk with `keep` generations, the new one among
        them; if that is none, the one that serves stays all the same.
        """
        with self.locked():
            for path in (self._path / "generations").iterdir():
                if path.name.endswith((_BUILDING, _REMOVING)):
                    shutil.rmtree(path)
            for generation in self._beyond(keep - 1):
                shutil.rmtree(self._out_of_the_way(generation))
            yield

    def trim(self, keep: int) -> None:
        """Removes all but so many generations, the serving one among them, as far as that can be done now.

        Who has a file of a removed generation open can go on reading it.
        """
        for generation in self._beyond(keep):
            with suppress(OSError):
                shutil.rmtree(self._out_of_the_way(generation))

    def _beyond(self, keep: int) -> list[str]:
        """What is over so many, the serving one among them; of the others, those held back are over first."""
        serving = self._linked()
        if serving == "":
            # With a damaged link any of them may be the one that shall serve again.
            return []
        others = [generation for generation in self.finished() if generation != serving]
        others.sort(key=lambda generation: self.held(generation) != "")
        return others[max(0, keep - 1) :]

    def _out_of_the_way(self, generation: str) -> Path:
        """Where it can be removed without being taken for whole if that is cut short."""
        path = self.generation(generation)
        return path.rename(path.with_name(generation + _REMOVING))

    def salt(self, random: Callable[[int], bytes]) -> bytes:
        """The resource's salt, made from `random` at the first build; `BUILD_FAILED` if it is damaged."""
        path = self._path / "salt"
        try:
            salt = bytes.fromhex(path.read_text("ascii"))
        except FileNotFoundError:
            salt = random(SALT_BYTES)
            replace_durably(path, f"{salt.hex()}\n".encode())
        except ValueError:
            salt = b""
        if len(salt) != SALT_BYTES:
            raise StayputError(
                ErrorReason.ERROR_REASON_BUILD_FAILED,
                f"{self._code}: the salt file is damaged",
                remedy="restore it from your backup; if there is none, delete it and build again",
            )
        return salt

    def begin(self, generation: str) -> Path:
        """A new, empty directory in which that generation can be made."""
        path = self.generation(generation + _BUILDING)
        path.mkdir(mode=0o700)
        return path

    def finish(self, generation: str) -> None:
        """Gives a generation that is made its final name; the files in it are durable already."""
        path = self.generation(generation)
        sync_directory(self.generation(generation + _BUILDING))
        self.generation(generation + _BUILDING).rename(path)
        sync_directory(path.parent)

    def abandon(self, generation: str) -> None:
        """Removes a generation that was not finished. What cannot be removed now, the next build removes."""
        shutil.rmtree(self.generation(generation + _BUILDING), ignore_errors=True)

    def hold(self, generation: str, why: str) -> None:
        """Notes why a generation that is being made will not be switched to."""
        write_durably(self.generation(generation + _BUILDING) / _HELD, why.encode())

    def hold_back(self, generation: str, why: str) -> None:
        """Notes why a finished generation shall not serve again by itself."""
        write_durably(self.generation(generation) / _HELD, why.encode())
        sync_directory(self.generation(generation))

    def held(self, generation: str) -> str:
        """Why a finished generation shall not serve by itself; empty if nothing speaks against it."""
        try:
            return (self.generation(generation) / _HELD).read_text("utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def switch(self, generation: str) -> None:
        """Makes a finished generation the serving one; the one before stays."""
        link = self._path / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("generations") / generation)
        link.replace(self._path / "current")
        sync_directory(self._path)
        (self.generation(generation) / _HELD).unlink(missing_ok=True)


def damaged(code: str, problem: str) -> StayputError:
    """`RESOURCE_NOT_READY`: what is on disk cannot serve."""
    return StayputError(
        ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
        f"{code}: {problem}",
        field="resource",
        remedy="the provider has to build the resource again",
    )
