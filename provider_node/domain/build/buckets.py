"""Records spread over 256 files by the first byte of their token, so that each can be sorted in memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.ranking import Ranking
from provider_node.domain.build.records import CHECK, Records
from provider_node.store.index import RANK_BYTES

_BUCKETS: Final = 256
_WORDS: Final = np.dtype(">u8")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket's distinct tokens, ascending, the value of each, and how many are of the first key."""

    tokens: list[bytes]
    values: list[bytes]
    subjects: int


class Buckets:
    """The files, in a directory of their own; a context manager that closes them after writing."""

    def __init__(self, directory: Path, record_type: np.dtype[np.void]) -> None:
        directory.mkdir(mode=0o700)
        self._paths = [directory / f"{number:02x}" for number in range(_BUCKETS)]
        self._type = record_type
        self._stack = ExitStack()
        self._files = [self._stack.enter_context(path.open("wb")) for path in self._paths]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, records: Records) -> None:
        """Writes each record to its bucket's file."""
        first = records.view(np.uint8).reshape(len(records), self._type.itemsize)[:, 0]
        order = np.argsort(first, kind="stable")
        # Taken as opaque blocks of bytes, records move four times as fast as field by field.
        content = records.view(f"V{self._type.itemsize}")[order].tobytes()
        ends = np.cumsum(np.bincount(first, minlength=_BUCKETS)) * self._type.itemsize
        start = 0
        for file, end in zip(self._files, ends.tolist(), strict=True):
            file.write(content[start:end])
            start = end

    def merged(self, ranking: Ranking) -> Iterator[Bucket]:
        """The buckets in ascending order, each read as a whole and its file removed."""
        for path in self._paths:
            yield _merged(np.fromfile(path, self._type), ranking)
            path.unlink()


def _merged(records: Records, ranking: Ranking) -> Bucket:
    """Sorts by token, and joins the records of a token into one that has the checks of any of them."""
    words = np.ascontiguousarray(records["token"]).view(_WORDS).astype(np.uint64).reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    words, records = words[order], records.view(f"V{records.itemsize}")[order].view(records.dtype)
    starts = np.flatnonzero(_differs_from_previous(words))
    bitmaps = np.bitwise_or.reduceat(records["bitmap"], starts) if len(starts) else records["bitmap"]
    records = records[starts]
    kinds = records["kind"]
    return Bucket(
        np.ascontiguousarray(records["token"]).tolist(),
        _values(records, bitmaps, ranking),
        int(np.count_nonzero(kinds == CHECK + 1)),
    )


def _values(records: Records, bitmaps: npt.NDArray[np.uint8], ranking: Ranking) -> list[bytes]:
    """What the index holds for each token: of a key the bitmap and the masked rank, of a check nothing."""
    kinds = records["kind"]
    content = np.zeros((len(records), bitmaps.shape[1] + RANK_BYTES), np.uint8)
    content[:, :-RANK_BYTES] = bitmaps
    for kind in np.unique(kinds[kinds != CHECK]).tolist():
        places = np.flatnonzero(kinds == kind)
        tokens = np.ascontiguousarray(records["token"][places]).tobytes()
        content[places, -RANK_BYTES:] = ranking.masked(kind - 1, tokens, records["position"][places])
    values = content.view(f"V{content.shape[1]}").ravel().tolist()
    return [b"" if kind == CHECK else value for kind, value in zip(kinds.tolist(), values, strict=True)]


def _differs_from_previous(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    differs = np.ones(len(words), np.bool_)
    differs[1:] = (words[1:] != words[:-1]).any(axis=1)
    return differs
