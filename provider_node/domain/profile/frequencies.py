"""Which share of the rows the most frequent value has, in bounded memory and without the values.

Misra and Gries' summary in the mergeable form of Agarwal and others ("Mergeable summaries", 2012): up to
`capacity` different values every count is exact; beyond it a count may be too low, by at most the number of
rows divided by the capacity plus 1.
"""

from typing import Final

import numpy as np

from provider_node.domain.profile.counting import NONE, Counts, Pending, merged
from provider_node.domain.profile.hashing import Hashes

CAPACITY: Final = 1 << 16


class Frequencies:
    """Counts of the most frequent hashes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pending = Pending(capacity)
        self._hashes: Hashes = NONE
        self._counts: Counts = np.zeros(0, np.int64)
        self._rows = 0
        self._short = 0

    def add(self, hashes: Hashes) -> None:
        """Adds the hashes of some rows."""
        self._rows += len(hashes)
        if self._pending.add(hashes):
            self._settle()

    @property
    def rows(self) -> int:
        """How many rows were added."""
        return self._rows

    def distinct(self) -> int | None:
        """How many different hashes were added; `None` if there were too many to count all."""
        self._settle()
        return None if self._short else len(self._hashes)

    def top_share(self) -> float:
        """The share of the rows that the most frequent hash has; 0 without rows.

        It is exact if `distinct` is, and is else never too low and too high by at most 1 in `capacity` + 1.
        """
        self._settle()
        return (int(self._counts.max(initial=0)) + self._short) / max(1, self._rows)

    def _settle(self) -> None:
        self._hashes, self._counts = merged(self._hashes, self._counts, self._pending.take())
        excess = len(self._counts) - self._capacity
        if excess > 0:
            less = int(np.partition(self._counts, excess - 1)[excess - 1])
            kept = self._counts > less
            self._hashes, self._counts = self._hashes[kept], self._counts[kept] - less
            self._short += less
