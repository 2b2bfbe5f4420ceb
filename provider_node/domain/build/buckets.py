"""What an index holds: the entries of all batches, token by token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.ranking import Masks
from provider_node.domain.build.records import CHECK, Records
from provider_node.domain.build.spool import distinct, parts_of, read, spread
from provider_node.store.index import RANK_BYTES, TOKEN_BYTES

_SPREAD: Final = "spread"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some distinct tokens, ascending, the value of each, and how many are of the first key.

    `is_key` tells the tokens of keys, and `bitmaps` has a row for each of these.
    """

    tokens: list[bytes]
    values: list[bytes]
    subjects: int
    is_key: npt.NDArray[np.bool_]
    bitmaps: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Packed:
    """A bucket as it goes from one process to another: arrays, `values` with a row for each key's token."""

    tokens: npt.NDArray[np.void] = field(repr=False)
    values: npt.NDArray[np.uint8] = field(repr=False)
    kinds: npt.NDArray[np.uint8]

    def bucket(self) -> Bucket:
        """What is in it."""
        is_key = self.kinds != CHECK
        values = [b""] * len(self.tokens)
        of_keys = self.values.view(f"V{self.values.shape[1]}").ravel().tolist()
        for place, value in zip(np.flatnonzero(is_key).tolist(), of_keys, strict=True):
            values[place] = value
        return Bucket(
            self.tokens.tolist(),
            values,
            int(np.count_nonzero(self.kinds == CHECK + 1)),
            is_key,
            self.values[:, :-RANK_BYTES],
        )


def parts(
    directories: Sequence[Path], record_type: np.dtype[np.void], most_bytes: int | None, byte: int = 0
) -> Iterator[list[Path]]:
    """The files of closed spools, by first byte.

    With `most_bytes`, where there are more than so many, by the next byte too; and none where there are none.
    """
    for number, paths in enumerate(parts_of(directories)):
        size = sum(path.stat().st_size for path in paths)
        if most_bytes is None or 0 < size <= most_bytes or byte + 1 == TOKEN_BYTES:
            yield paths
        elif size:
            finer = directories[0] / f"{_SPREAD}-{number:02x}"
            spread(paths, finer, record_type, byte + 1)
            yield from parts([finer], record_type, most_bytes, byte + 1)


def packed(paths: Sequence[Path], entry_type: np.dtype[np.void], masks: Masks) -> Packed:
    """The entries of some files, merged and with their ranks masked; the files are removed."""
    entries = read(paths, entry_type)
    starts = distinct(entries)
    if len(starts) < len(entries):
        entries = _merged(entries, starts)
    kinds = np.ascontiguousarray(entries["kind"])
    is_key = kinds != CHECK
    return Packed(
        np.ascontiguousarray(entries["token"]), _values(entries[is_key], kinds[is_key], masks), kinds
    )


def _merged(entries: Records, starts: npt.NDArray[np.intp]) -> Records:
    """Joins the entries of a token into one that has the checks of any of them."""
    bitmaps = np.bitwise_or.reduceat(entries["bitmap"], starts)
    entries = entries[starts]
    entries["bitmap"] = bitmaps
    return entries


def _values(entries: Records, kinds: npt.NDArray[np.uint8], masks: Masks) -> npt.NDArray[np.uint8]:
    """What the index holds for each key's token: the bitmap and the masked rank."""
    bitmaps = entries["bitmap"]
    values = np.zeros((len(entries), bitmaps.shape[1] + RANK_BYTES), np.uint8)
    values[:, :-RANK_BYTES] = bitmaps
    for kind in np.unique(kinds).tolist():
        places = np.flatnonzero(kinds == kind)
        tokens = np.ascontiguousarray(entries["token"][places]).tobytes()
        values[places, -RANK_BYTES:] = masks.masked(kind - 1, tokens, entries["rank"][places])
    return values
