"""Records spread over 256 files by a byte of their token, so that each can be sorted in memory."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.records import Records
from provider_node.store.files import PRIVATE

_FILES: Final = 256
_WORDS: Final = np.dtype(">u8")
_CHUNK: Final = 1 << 18


class Spool:
    """Records that begin with a token; the files are in a directory of their own.

    A context manager that closes them, of which each is open from its first record on.
    """

    def __init__(self, directory: Path, record_type: np.dtype[np.void], byte: int = 0) -> None:
        """Spreads records by that byte of their tokens."""
        directory.mkdir(mode=0o700, parents=True)
        self.directory = directory
        self._type = record_type
        self._byte = byte
        self._files: dict[int, BinaryIO] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files; to be called before they are read."""
        self._stack.close()

    def add(self, records: Records) -> None:
        """Appends each record to its file."""
        first = records.view(np.uint8).reshape(len(records), self._type.itemsize)[:, self._byte]
        order = np.argsort(first, kind="stable")
        # Taken as opaque blocks of bytes, records move four times as fast as field by field.
        content = records.view(f"V{self._type.itemsize}")[order].tobytes()
        ends = np.cumsum(np.bincount(first, minlength=_FILES)) * self._type.itemsize
        start = 0
        for number, end in enumerate(ends.tolist()):
            if start != end:
                self._file(number).write(content[start:end])
            start = end

    def parts(self) -> Iterator[Records]:
        """The records of each file, in the order of first bytes, sorted by token; the files are removed."""
        self.close()
        for paths in parts_of([self.directory]):
            yield read(paths, self._type)
        self.directory.rmdir()

    def _file(self, number: int) -> BinaryIO:
        if number not in self._files:
            path = self.directory / _name(number)
            path.touch(PRIVATE)
            self._files[number] = self._stack.enter_context(path.open("wb"))
        return self._files[number]


def parts_of(directories: Sequence[Path]) -> Iterator[list[Path]]:
    """The files of several closed spools that belong together, in the order of the byte.

    A spool of which there is no directory is empty.
    """
    there = [(one, {path.name for path in one.iterdir()}) for one in directories if one.exists()]
    for name in map(_name, range(_FILES)):
        yield [one / name for one, names in there if name in names]


def read(paths: Sequence[Path], record_type: np.dtype[np.void]) -> Records:
    """The records of those files, sorted by token; the files are removed."""
    records = np.concatenate([np.empty(0, record_type), *(np.fromfile(path, record_type) for path in paths)])
    for path in paths:
        path.unlink()
    return _sorted(records)


def spread(paths: Sequence[Path], directory: Path, record_type: np.dtype[np.void], byte: int) -> None:
    """Moves the records of files to a new spool, by that byte of their tokens."""
    with Spool(directory, record_type, byte) as spool:
        for path in paths:
            with path.open("rb") as file:
                while len(records := np.fromfile(file, record_type, _CHUNK)):
                    spool.add(records)
            path.unlink()


def distinct(records: Records) -> npt.NDArray[np.intp]:
    """The places of the first record of each token, in records sorted by token."""
    words = _words(records)
    differs = np.ones(len(words), np.bool_)
    differs[1:] = (words[1:] != words[:-1]).any(axis=1)
    return np.flatnonzero(differs)


def _name(number: int) -> str:
    return f"{number:02x}"


def _words(records: Records) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(records["token"]).view(_WORDS).astype(np.uint64).reshape(-1, 2)


def _sorted(records: Records) -> Records:
    words = _words(records)
    order = np.argsort(words[:, 0])
    words = words[order]
    # Tokens with one first half and different second halves are as rare as chance has it in 64 bits.
    same = words[1:, 0] == words[:-1, 0]
    if (same & (words[1:, 1] < words[:-1, 1])).any():
        order = order[np.lexsort((words[:, 1], words[:, 0]))]
    return records.view(f"V{records.itemsize}")[order].view(records.dtype)
