"""How many subjects have each value of a check, in bounded memory.

A subject that has the same value in many rows, as the name of who owns a fleet, counts once. Up to `capacity`
pairs of a subject and a value all are counted; beyond it an even sample of them stands for the others, as in
`repeats`.
"""

from typing import Final

import numpy as np

from provider_node.domain.profile.counting import NONE, Counts
from provider_node.domain.profile.hashing import Hashes, combined, ends_in_zeros

CAPACITY: Final = 1 << 18


class Pairs:
    """Counts the different pairs of a subject and a value."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pairs = [NONE]
        self._values = [NONE]
        self._waiting = 0
        self._zero_bits = 0

    def add(self, subjects: Hashes, values: Hashes) -> None:
        """Adds the hashes of some rows that have both."""
        pairs = combined([subjects, values])
        sampled = ends_in_zeros(pairs, self._zero_bits)
        self._pairs.append(pairs[sampled])
        self._values.append(values[sampled])
        self._waiting += len(self._pairs[-1])
        if self._waiting >= self._capacity // 2:
            self._settle()

    def number(self) -> int:
        """How many pairs there are."""
        self._settle()
        return len(self._pairs[0]) << self._zero_bits

    def exact(self) -> bool:
        """Whether all pairs were counted."""
        self._settle()
        return not self._zero_bits

    def counts(self) -> Counts:
        """How many of the counted subjects have each value, most first."""
        self._settle()
        counts: Counts = np.unique(self._values[0], return_counts=True)[1]
        return np.sort(counts)[::-1]

    def _settle(self) -> None:
        pairs, first = np.unique(np.concatenate(self._pairs), return_index=True)
        values = np.concatenate(self._values)[first]
        while len(pairs) > self._capacity:
            self._zero_bits += 1
            kept = ends_in_zeros(pairs, self._zero_bits)
            pairs, values = pairs[kept], values[kept]
        self._pairs, self._values, self._waiting = [pairs], [values], 0
