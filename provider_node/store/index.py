"""The index of a generation: an LMDB file, written once in order of tokens and then only read.

A large one is in several files, each with some consecutive tokens.

An entry is a token of 16 bytes and its value. For a key's token that is a bitmap of which checks the subject
has a value for (bit `i % 8` of byte `i // 8`), and behind it the subject's rank, its place in the order of
the register's numbers from 0 (4 bytes, little-endian; 0xFFFFFFFF if it has none), masked so that the file
alone tells no order. For a check's token it is nothing. The file is opened without LMDB's lock file: a build
writes to a path nobody else knows, and a finished file never changes.
"""

import errno
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

import lmdb

TOKEN_BYTES: Final = 16
RANK_BYTES: Final = 4
NO_RANK: Final = 0xFFFFFFFF
# Address space only: the file grows with what is written.
_MAP_BYTES: Final = 1 << 40
_MORE_BYTES: Final = 1 << 20


def bitmap_bytes(checks: int) -> int:
    """Bytes of the bitmap in a key's value for so many checks: at least 1."""
    return max(1, -(-checks // 8))


class IndexWriter:
    """Writes a new index file; a context manager that closes it, durably unless there was an exception."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._environment = lmdb.open(
            str(path),
            map_size=_MAP_BYTES,
            subdir=False,
            mode=0o600,
            lock=False,
            sync=False,
            metasync=False,
            max_dbs=0,
        )
        self.entries = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._environment.sync(force=True)
        finally:
            self._environment.close()

    def append(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Adds (token, value) pairs, ascending and above all added before; `ValueError` if they are not.

        Each call is a transaction of its own: LMDB keeps what one has written in memory. Raises `OSError` or
        `lmdb.Error` if the file cannot be written.
        """
        try:
            with self._environment.begin(write=True) as transaction, transaction.cursor() as cursor:
                consumed, added = cursor.putmulti(entries, append=True)
        except lmdb.Error as error:
            if error.code == errno.EIO:
                self._write_more()
            raise
        if consumed != added:
            raise ValueError("tokens must ascend")
        self.entries += added

    def _write_more(self) -> None:
        """Raises the `OSError` behind a short write, which LMDB calls EIO whatever the cause."""
        with self._path.open("ab") as file:
            file.write(bytes(_MORE_BYTES))


class Index:
    """A finished index, open for reading; closed when the last reference is gone.

    Thread-safe. LMDB lets a process open a file once at a time: share the object.
    """

    def __init__(self, *paths: Path) -> None:
        """Opens its file, or its files if it has several: in the order of their tokens.

        Raises `lmdb.Error` if one is missing or not an LMDB file, `ValueError` if they are in another order.
        """
        self._environments = [_opened(path) for path in paths]
        # Below its own first token a file has nothing, so any file will do for what is below all of them.
        self._bounds = [_first(environment) for environment in self._environments[1:]]
        if self._bounds != sorted(self._bounds):
            raise ValueError("the files of an index must come in the order of their tokens")

    @property
    def entries(self) -> int:
        """How many tokens are in it."""
        return sum(environment.stat()["entries"] for environment in self._environments)

    @contextmanager
    def reading(self) -> Iterator[Callable[[bytes], bytes | None]]:
        """A read transaction: a function from token to value, or `None` where there is no such token.

        Looking tokens up in ascending order is three times as fast as in any order.
        """
        with ExitStack() as stack:
            found = [stack.enter_context(one.begin()).get for one in self._environments]
            bounds = self._bounds
            yield (lambda token: found[bisect_right(bounds, token)](token)) if bounds else found[0]


def _opened(path: Path) -> lmdb.Environment:
    return lmdb.open(
        str(path),
        subdir=False,
        readonly=True,
        create=False,
        lock=False,
        # Lookups are scattered; the check of the file's hash has read it in already if there is room.
        readahead=False,
        max_dbs=0,
    )


def _first(environment: lmdb.Environment) -> bytes:
    with environment.begin() as transaction, transaction.cursor() as cursor:
        return cursor.key() if cursor.first() else b""
