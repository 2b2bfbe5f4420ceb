"""What the kinds of source that are files have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from provider_node.sources.batch import Batch
from provider_node.sources.faults import unreadable
from provider_node.sources.files import Files
from provider_node.sources.source import Digest

_BLOCK: Final = 1 << 20


class FileSource(ABC):
    """One reading of files. All it raises is `SOURCE_INVALID`, with none of their content."""

    def __init__(self, pattern: Path, columns: Mapping[str, str]) -> None:
        """Takes the files as they are now. `columns` gives the column of each field wanted.

        Raises if there is no file, or one cannot be read or lacks a column.
        """
        self._files = Files(pattern)
        self._places = [self._placed(file.path, columns) for file in self._files]

    @property
    def bytes_total(self) -> int:
        """Size of the files, as they are on the disk."""
        return self._files.bytes_total

    @property
    def modified_at(self) -> datetime:
        """When one of the files was last written."""
        return self._files.modified_at

    def batches(self, digest: Digest | None = None) -> Iterator[Batch]:
        """All rows, in the order of the files; raises at the end if these changed in the meantime.

        `digest` is given the bytes of the files.
        """
        several = len(self._places) > 1
        for file, places in zip(self._files, self._places, strict=True):
            try:
                with file.path.open("rb") as beside:
                    for batch in self._read(file.path, places):
                        reached = min(batch.bytes_read, file.size)
                        _digested(beside, reached, digest)
                        name = file.name if several else ""
                        yield replace(batch, bytes_read=file.before + reached, file=name)
                    _digested(beside, file.size, digest)
            except OSError as error:
                raise unreadable(file.path, error) from None
        self._files.require_unchanged()

    def _placed(self, path: Path, columns: Mapping[str, str]) -> dict[str, int]:
        try:
            return self._places_of(path, columns)
        except OSError as error:
            raise unreadable(path, error) from None

    @abstractmethod
    def _places_of(self, path: Path, columns: Mapping[str, str]) -> dict[str, int]:
        """Where in a file the column of each field is; may raise OSError."""

    @abstractmethod
    def _read(self, path: Path, places: Mapping[str, int]) -> Iterator[Batch]:
        """A file's rows, of the columns at the fields' places; may raise OSError."""


def _digested(file: BinaryIO, end: int, digest: Digest | None) -> None:
    """Gives `digest` the file up to there, which has just been read and so is in memory."""
    while digest is not None and (block := file.read(min(_BLOCK, end - file.tell()))):
        digest(block)
