"""The files of a source: one, or all that match a pattern, which must stay as they are while read."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from provider_node.sources.faults import invalid, name_of, unreadable
from stayput.delimited.faults import printable_name

_MAGIC: Final = frozenset("*?[")
_LEFT_BY_PROGRAMS: Final = (".", "~$")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was when it was found.

    `name`, a text whatever bytes the system has, tells it from the source's other files; `before` is the size
    of those before it, in bytes; `version`, its inode and the nanosecond of its last change, is another when
    it was written or replaced.
    """

    path: Path
    name: str
    before: int
    size: int
    version: tuple[int, int]


class Files:
    """The files of a source in the order of their names. All it raises is `SOURCE_INVALID`."""

    def __init__(self, pattern: Path) -> None:
        """Takes the files as they are now; raises if there is none."""
        self._pattern = pattern
        self._files = _found(pattern)

    def __iter__(self) -> Iterator[SourceFile]:
        return iter(self._files)

    @property
    def bytes_total(self) -> int:
        """Size of all of them."""
        return sum(file.size for file in self._files)

    @property
    def modified_at(self) -> datetime:
        """When any of them was last written."""
        modified_ns = max(file.version[1] for file in self._files)
        return datetime.fromtimestamp(modified_ns // 1_000_000_000, UTC)

    def require_unchanged(self) -> None:
        """Raises if one was written, replaced, added or removed since they were found."""
        if _found(self._pattern) != self._files:
            several = len(self._files) > 1
            raise invalid(
                f"the {'files changed while they were' if several else 'file changed while it was'} read",
                "write an export under another name, rename it when it is complete, and build again",
            )


def _found(pattern: Path) -> tuple[SourceFile, ...]:
    files: list[SourceFile] = []
    before = 0
    try:
        root = _root(pattern)
        for path in _matching(pattern, root):
            seen = path.stat()
            if not stat.S_ISREG(seen.st_mode):
                raise invalid(f"{name_of(path)}: is not a regular file")
            name = name_of(path) if path == root else _name_below(root, path)
            files.append(SourceFile(path, name, before, seen.st_size, (seen.st_ino, seen.st_mtime_ns)))
            before += seen.st_size
    except OSError as error:
        raise unreadable(pattern, error) from None
    return tuple(files)


def _root(pattern: Path) -> Path:
    """The directory that a pattern begins at: what exists of it is meant as it is written."""
    return next((one for one in (pattern, *pattern.parents) if one.exists()), Path())


def _matching(pattern: Path, root: Path) -> list[Path]:
    rest = pattern.relative_to(root)
    if pattern == root or not _MAGIC.intersection(str(rest)):
        return [pattern]
    try:
        found = [path for path in root.glob(str(rest)) if path.is_file()]
    except ValueError:
        raise invalid(f"{rest}: is no pattern for files; '**' stands for directories by itself") from None
    paths = [path for path in found if not path.name.startswith(_LEFT_BY_PROGRAMS)]
    if not paths:
        raise invalid(f"{rest}: matches no file")
    return sorted(paths, key=partial(_name_below, root))


def _name_below(root: Path, path: Path) -> str:
    return printable_name(str(path.relative_to(root)))
