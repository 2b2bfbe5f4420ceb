"""An index in one file, or in several if it is large: each has some consecutive tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from provider_node.store.directory import INDEX
from provider_node.store.files import sha256_of
from provider_node.store.index import IndexWriter
from provider_node.store.manifest import Shard

# A transaction has so many entries wherever they come from, so that the same entries make the same file.
_TRANSACTION: Final = 1 << 17
_STEM, _SUFFIX = INDEX.split(".")


class ShardWriter:
    """Writes a new index into a directory; a context manager that makes it durable without an exception.

    A file with `most` entries is full. One file is `index.mdb`, several are `index-00.mdb`, `index-01.mdb` …
    """

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._most = most
        self._first: list[bytes] = []
        self._entries: list[int] = []
        self._writers: list[IndexWriter] = []
        self._tokens: list[bytes] = []
        self._values: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            if kind is None:
                self._flush(0)
        finally:
            self._close(kind)
        if kind is None and len(self._first) > 1:
            (self._directory / INDEX).rename(self._path(0))

    def add(self, tokens: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Adds entries, ascending and above all added before; `ValueError` if they are not.

        Raises `OSError` or `lmdb.Error` if a file cannot be written.
        """
        self._tokens += tokens
        self._values += values
        if len(self._tokens) >= _TRANSACTION:
            self._flush(_TRANSACTION)

    def shards(self) -> list[Shard]:
        """The finished files, in the order of their tokens."""
        paths = [self._path(number) for number in range(len(self._first))]
        if len(paths) == 1:
            paths = [self._directory / INDEX]
        return [
            Shard(file=path.name, first=first.hex(), entries=entries, sha256=sha256_of(path))
            for path, first, entries in zip(paths, self._first, self._entries, strict=True)
        ]

    def _flush(self, least: int) -> None:
        """Writes what is in memory, in transactions of which only a file's last may have fewer entries."""
        start, end = 0, len(self._tokens)
        while start < end and end - start >= least:
            if not self._entries or self._entries[-1] == self._most:
                self._next(self._tokens[start])
            stop = min(end, start + _TRANSACTION, start + self._most - self._entries[-1])
            self._writers[-1].append(zip(self._tokens[start:stop], self._values[start:stop], strict=True))
            self._entries[-1] += stop - start
            start = stop
        del self._tokens[:start], self._values[:start]

    def _next(self, first: bytes) -> None:
        self._close(None)
        number = len(self._first)
        # The first is renamed when it turns out that it is not the only one.
        path = self._path(number) if number else self._directory / INDEX
        self._writers.append(IndexWriter(path))
        self._first.append(first)
        self._entries.append(0)

    def _close(self, kind: type[BaseException] | None) -> None:
        for writer in self._writers:
            writer.__exit__(kind)
        self._writers.clear()

    def _path(self, number: int) -> Path:
        return self._directory / f"{_STEM}-{number:02}.{_SUFFIX}"
