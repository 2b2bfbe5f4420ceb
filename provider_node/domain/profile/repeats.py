"""How many rows repeat a subject, in bounded memory.

Distinct sampling (Gibbons, 2001): up to `capacity` subjects all are counted and every figure is exact. Beyond
it those are counted whose hash ends in enough zero bits, each with all of its rows, and stand for the others.
A register without a repetition is therefore always told as such.
"""

from typing import Final

import numpy as np

from provider_node.domain.profile.counting import NONE, Counts, Pending, merged
from provider_node.domain.profile.hashing import Hashes, ends_in_zeros

CAPACITY: Final = 1 << 20


class Repeats:
    """Counts of the rows of each subject, or of an even sample of the subjects."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pending = Pending(capacity // 2)
        self._hashes: Hashes = NONE
        self._counts: Counts = np.zeros(0, np.int64)
        self._zero_bits = 0
        self._rows = 0

    def add(self, hashes: Hashes) -> None:
        """Adds the hash of the subject of each row that has one."""
        self._rows += len(hashes)
        if self._pending.add(self._sampled(hashes)):
            self._settle()

    @property
    def rows(self) -> int:
        """How many rows were added."""
        return self._rows

    def exact(self) -> bool:
        """Whether all subjects were counted."""
        self._settle()
        return not self._zero_bits

    def repeating(self) -> int:
        """How many rows have a subject that an earlier row has."""
        self._settle()
        sampled = int(self._counts.sum()) - len(self._counts)
        return min(sampled << self._zero_bits, self._rows)

    def subjects(self) -> int:
        """How many subjects there are."""
        return self._rows - self.repeating()

    def most_rows(self) -> int:
        """The rows of the subject that has most, of those counted; 0 if there is none."""
        self._settle()
        return int(self._counts.max(initial=0))

    def _settle(self) -> None:
        self._hashes, self._counts = merged(self._hashes, self._counts, self._pending.take())
        while len(self._hashes) > self._capacity:
            self._zero_bits += 1
            kept = ends_in_zeros(self._hashes, self._zero_bits)
            self._hashes, self._counts = self._hashes[kept], self._counts[kept]

    def _sampled(self, hashes: Hashes) -> Hashes:
        return hashes[ends_in_zeros(hashes, self._zero_bits)] if self._zero_bits else hashes
