"""The miss-ratio breaker: a walk that rises with each record not found and falls with each one found.

A miss adds 1000 - r, a record found subtracts r, r being the permitted misses in 1,000, and the walk never
falls below 0. So its height is that of the worst run of records up to now: misses in excess of what was
permitted in it. A long honest history lowers nothing below 0, so it is no reservoir to crawl from.
(E. S. Page, Continuous inspection schemes, Biometrika 41, 1954: the cumulative sum chart.)
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

_WHOLE = 1_000


@dataclass(frozen=True, slots=True)
class Climb:
    """A chunk as the walk sees it, so that the walk from any height can be told without its records.

    `total` is what the chunk adds in all and `highest` the most that it adds on the way, both from far above
    0; `end` and `peak` are where a walk from 0 ends and how high it gets.
    """

    total: int
    highest: int
    end: int
    peak: int

    @classmethod
    def over(cls, found: npt.NDArray[np.bool_], permille: int) -> Self:
        """The climb over records, in the order asked; `permille` of them may be missed."""
        if not len(found):
            return cls(0, 0, 0, 0)
        sums = np.cumsum(np.where(found, -permille, _WHOLE - permille))
        from_zero = sums - np.minimum(np.minimum.accumulate(sums), 0)
        return cls(int(sums[-1]), int(sums.max()), int(from_zero[-1]), int(from_zero.max()))

    def from_height(self, height: int) -> tuple[int, int]:
        """Where the walk ends that begins at `height`, and the highest point on its way after that."""
        return max(height + self.total, self.end), max(height + self.highest, self.peak)


def tripping_height(permille: int, sample: int) -> int:
    """The height that `sample` misses in a row reach from 0, and no fewer records do."""
    return sample * (_WHOLE - permille)
