"""The sequence detector: somebody who walks through the numbers finds the register's subjects in their order.

It keeps the places at which walks may be under way, its frontiers: ranks of records found, each with the
length of the run that led to it. A record next to a frontier extends its run; any other begins a new one, and
the frontier not used for longest is forgotten. So walks are seen over any number of sessions and several side
by side, while the records of an honest list rarely fall next to one of so few places.
"""

from collections.abc import Iterable
from itertools import islice
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt

Ranks = npt.NDArray[np.uint32]

MOST_FRONTIERS: Final = 64
_STORED: Final = Struct(">Ii")

# A run is told by its length, negative if it goes down; a single record goes neither way yet.
_ALONE: Final = 1


class Asked:
    """The ranks of a chunk's records found, in the order asked, looked through before frontiers are known."""

    def __init__(self, ranks: Ranks) -> None:
        # Signed and wide, so that a rank's neighbours are always numbers.
        self.ranks = ranks.astype(np.int64)
        self._order = np.argsort(self.ranks)
        self._sorted = self.ranks[self._order]
        near = np.diff(self._sorted) <= 1
        self._has_neighbour = np.zeros(len(ranks), np.bool_)
        self._has_neighbour[self._order[1:]] = near
        self._has_neighbour[self._order[:-1]] |= near

    def near(self, frontiers: Iterable[int]) -> list[int]:
        """Places of the records, ascending, that are next to or the same as another one or a frontier."""
        near = self._has_neighbour.copy()
        ranks = np.fromiter(frontiers, np.int64)
        starts = np.searchsorted(self._sorted, ranks - 1, "left")
        ends = np.searchsorted(self._sorted, ranks + 1, "right")
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            near[self._order[start:end]] = True
        found: list[int] = np.flatnonzero(near).tolist()
        return found


class Frontiers:
    """Ranks with the runs that led to them, in the order of their last use."""

    def __init__(self, stored: bytes = b"") -> None:
        self._runs: dict[int, int] = dict(_STORED.iter_unpack(stored))

    def stored(self) -> bytes:
        """As they are kept, at most 512 bytes."""
        return b"".join(_STORED.pack(rank, run) for rank, run in self._runs.items())

    def extend(self, asked: Asked, most: int) -> bool:
        """Goes through a chunk; whether some run has reached `most` records, and then it stops there."""
        done = 0
        ranks, runs = asked.ranks.tolist(), self._runs
        # Records that are near nothing only begin runs, so all between two others are taken at once.
        for place in asked.near(runs):
            if place > done:
                self._begin(ranks[done:place])
            done = place + 1
            rank = ranks[place]
            below, above = runs.get(rank - 1, 0), runs.get(rank + 1, 0)
            if below > 0 or above < 0 or above == _ALONE:
                if self._join(rank, below, above) >= most:
                    return True
            elif rank not in runs:
                runs[rank] = _ALONE
                if len(runs) > MOST_FRONTIERS:
                    del runs[next(iter(runs))]
        self._begin(ranks[done:])
        return False

    def _join(self, rank: int, below: int, above: int) -> int:
        """Adds a record to a run next to it, up from below or down from above; the run's length then."""
        # Of two runs that lead to it, the longer one is taken.
        falling = abs(above) if above <= _ALONE else 0
        length, way = (below, 1) if below >= falling else (falling, -1)
        del self._runs[rank - way]
        # Another run may have led to this very record before.
        length = max(length + 1, abs(self._runs.pop(rank, 0)))
        self._runs[rank] = way * length
        return length

    def _begin(self, ranks: list[int]) -> None:
        runs = self._runs
        runs.update(dict.fromkeys(ranks[-MOST_FRONTIERS:], _ALONE))
        for oldest in list(islice(runs, max(0, len(runs) - MOST_FRONTIERS))):
            del runs[oldest]
