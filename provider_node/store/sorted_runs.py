"""A growing multiset of 64-bit numbers, in memory, 8 bytes each.

Log-structured: what is added becomes a sorted run, and runs of like size are merged, so that there are few of
them however many numbers there are. Each number is moved a few times in all, and whole chunks are looked up
at once. (O'Neil et al., The log-structured merge-tree, Acta Informatica 33, 1996.)
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]

_RATIO: Final = 4


class SortedRuns:
    """The numbers. Not thread-safe."""

    def __init__(self) -> None:
        self._runs: list[Numbers] = []

    def add(self, numbers: Numbers) -> None:
        """Adds numbers, in any order; one that is there already is there once more."""
        if not len(numbers):
            return
        self._runs.append(np.sort(numbers))
        while len(self._runs) > 1 and len(self._runs[-2]) < _RATIO * len(self._runs[-1]):
            last = self._runs.pop()
            # A stable sort finds the two runs and merges them.
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")

    def numbers(self) -> Numbers:
        """All numbers, in any order."""
        return np.concatenate([np.empty(0, np.uint64), *self._runs])

    def counts(self, numbers: Numbers) -> npt.NDArray[np.int64]:
        """How often each of the numbers has been added. Fastest for numbers in ascending order."""
        found = np.zeros(len(numbers), np.int64)
        for run in self._runs:
            places = np.searchsorted(run, numbers)
            there = np.flatnonzero(run[np.minimum(places, len(run) - 1)] == numbers)
            found[there] += np.searchsorted(run, numbers[there], "right") - places[there]
        return found
