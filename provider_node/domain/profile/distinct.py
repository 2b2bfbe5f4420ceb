"""How many different values there are, in 64 KiB whatever their number.

HyperLogLog (Flajolet and others, 2007) with 65,536 registers over 64-bit hashes, and the estimator of Ertl
("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no table of
corrections. The standard error is 1.04 / sqrt(65,536) = 0.41 %: an estimate is off by more than 2 %
about once in a million.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from provider_node.domain.profile.hashing import Hashes

_INDEX_BITS: Final = 16
_REGISTERS: Final = 1 << _INDEX_BITS
_REST_BITS: Final = 64 - _INDEX_BITS
_REST: Final = np.uint64((1 << _REST_BITS) - 1)


class Distinct:
    """Counts different hashes."""

    def __init__(self) -> None:
        self._registers: npt.NDArray[np.uint8] = np.zeros(_REGISTERS, np.uint8)

    def add(self, hashes: Hashes) -> None:
        """Adds some hashes."""
        places = (hashes >> np.uint64(_REST_BITS)).astype(np.intp)
        # The exponent of a number below 2^48, which a double holds exactly, is its length in bits.
        lengths = np.frexp((hashes & _REST).astype(np.float64))[1]
        np.maximum.at(self._registers, places, (_REST_BITS + 1 - lengths).astype(np.uint8))

    def estimate(self) -> int:
        """How many different hashes were added, with a standard error of 0.41 %."""
        counts = np.bincount(self._registers, minlength=_REST_BITS + 2).tolist()
        if counts[0] == _REGISTERS:
            return 0
        sum_ = _REGISTERS * _tau(1 - counts[-1] / _REGISTERS)
        for count in reversed(counts[1:-1]):
            sum_ = (sum_ + count) / 2
        sum_ += _REGISTERS * _sigma(counts[0] / _REGISTERS)
        return round(_REGISTERS * _REGISTERS / (2 * math.log(2) * sum_))


def _sigma(x: float) -> float:
    """Ertl's sigma for 0 <= x < 1: the share of registers that are empty."""
    power, total, before = 1.0, x, -1.0
    while total != before:
        x, before = x * x, total
        total += x * power
        power *= 2
    return total


def _tau(x: float) -> float:
    """Ertl's tau for 0 <= x <= 1: the share of registers that are not full."""
    if x in (0.0, 1.0):
        return 0.0
    power, total, before = 1.0, 1 - x, -1.0
    while total != before:
        x, before = math.sqrt(x), total
        power /= 2
        total -= (1 - x) ** 2 * power
    return total / 3
