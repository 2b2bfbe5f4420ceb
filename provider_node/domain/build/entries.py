"""What a build keeps on disk of the records of its batches, until all of them are read.

A record of a check, or of a subject without a position, is an entry of the index already and goes into a
spool. A subject with a position waits in sorted runs until all positions are known, and with them its rank.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from provider_node.domain.build.positions import NO_POSITION
from provider_node.domain.build.records import CHECK, Records
from provider_node.domain.build.runs import Runs
from provider_node.domain.build.spool import Spool
from provider_node.store.index import NO_RANK, TOKEN_BYTES, bitmap_bytes

_TOKENS: Final = "tokens"
_KEY: Final = "key-"


def entry_type(checks: int) -> np.dtype[np.void]:
    """An entry of a resource with so many checks: token, kind, bitmap (as `record_type`) and rank."""
    return np.dtype(
        [
            ("token", f"V{TOKEN_BYTES}"),
            ("kind", "u1"),
            ("bitmap", "u1", (bitmap_bytes(checks),)),
            ("rank", "<u4"),
        ]
    )


@dataclass(frozen=True, slots=True)
class Heap:
    """Where one process of a build puts its records: a directory with a spool and the runs of each key."""

    directory: Path

    @property
    def tokens(self) -> Path:
        """The spool's directory."""
        return self.directory / _TOKENS

    def runs(self, key: int) -> Path:
        """The directory of the runs of that key, from 0."""
        return self.directory / f"{_KEY}{key}"


def heaps_in(directory: Path) -> list[Heap]:
    """The heaps in a directory and in those of pieces, in the order of their names."""
    found = {path.parent for name in (_TOKENS, f"{_KEY}*") for path in directory.glob(f"**/{name}")}
    return [Heap(path) for path in sorted(found)]


class HeapWriter:
    """Fills a heap."""

    def __init__(self, heap: Heap, keys: int, checks: int) -> None:
        self._type = entry_type(checks)
        self._spool = Spool(heap.tokens, self._type)
        self._runs = [Runs(heap.runs(key), self._type) for key in range(keys)]

    def add(self, records: Records) -> None:
        """Adds the records of a batch."""
        entries = entries_of(records, self._type)
        kinds, positions = records["kind"], records["position"]
        waits = (kinds != CHECK) & (positions != NO_POSITION)
        self._spool.add(entries[~waits])
        for key, runs in enumerate(self._runs):
            chosen = waits & (kinds == key + 1)
            runs.add(positions[chosen], entries[chosen])

    def finish(self) -> None:
        """Writes what is still in memory and closes the files."""
        self._spool.close()
        for runs in self._runs:
            runs.finish()

    def close(self) -> None:
        """Closes the files as they are."""
        self._spool.close()


def entries_of(records: Records, into: np.dtype[np.void]) -> Records:
    """The entries of records, not ranked yet: all but the position, which stands last, is the same."""
    entries = np.empty(len(records), into)
    kept = into.itemsize - into["rank"].itemsize
    source = records.view(np.uint8).reshape(len(records), records.itemsize)
    entries.view(np.uint8).reshape(len(records), into.itemsize)[:, :kept] = source[:, :kept]
    entries["rank"] = NO_RANK
    return entries
