"""Numbers with how often each came, as two arrays in the order of the numbers."""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from provider_node.domain.profile.hashing import Hashes

Counts: TypeAlias = npt.NDArray[np.int64]

NONE: Final[Hashes] = np.zeros(0, np.uint64)


class Pending:
    """What waits to be counted: counting many at once costs least."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._arrays: list[Hashes] = []
        self._number = 0

    def add(self, hashes: Hashes) -> bool:
        """Adds some hashes; tells whether there are now so many that they should be taken."""
        self._arrays.append(hashes)
        self._number += len(hashes)
        return self._number >= self._most

    def take(self) -> Hashes:
        """All that wait, which then wait no more."""
        taken = np.concatenate([NONE, *self._arrays])
        self._arrays, self._number = [], 0
        return taken


def merged(hashes: Hashes, counts: Counts, more: Hashes) -> tuple[Hashes, Counts]:
    """The same with each of `more` counted too."""
    both = np.concatenate([hashes, more])
    weights = np.concatenate([counts, np.ones(len(more), np.int64)])
    if not len(both):
        return hashes, counts
    order = np.argsort(both, kind="stable")
    both, weights = both[order], weights[order]
    begins = np.flatnonzero(np.concatenate([[True], both[1:] != both[:-1]]))
    return both[begins], np.add.reduceat(weights, begins)
