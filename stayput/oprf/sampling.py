"""Which elements of a session a proof is over, and what a sample of them detects."""

import math
import random
from collections.abc import Sequence
from typing import Final, TypeVar

from stayput.errors import field_invalid

WHOLE_UP_TO: Final = 1_000
"""Elements: a session of no more is proved as a whole, of a larger one a sample of so many."""

_REMEDY: Final = "draw the indices by `draw_indices`"

_Item = TypeVar("_Item")


def draw_indices(total: int, source: random.Random) -> list[int]:
    """Indices of the elements to have proved, in the order of the proof; `total` is how many were answered.

    To be drawn after the answers have come: until then nobody may know which will be asked for, nor in what
    order.
    `source` is `secrets.SystemRandom()` in earnest.
    """
    return source.sample(range(total), min(total, WHOLE_UP_TO))


def chosen(items: Sequence[_Item], indices: Sequence[int]) -> list[_Item]:
    """The items at these indices, in the order of the indices.

    Raises `FIELD_INVALID` unless there are 1 to `WHOLE_UP_TO` of them, each in range and none twice.
    """
    if not 0 < len(indices) <= WHOLE_UP_TO:
        raise field_invalid("indices", f"must be 1 to {WHOLE_UP_TO:,}", _REMEDY)
    if len(set(indices)) != len(indices) or min(indices) < 0 or max(indices) >= len(items):
        raise field_invalid(
            "indices", "must differ from one another and name elements that were answered", _REMEDY
        )
    return [items[index] for index in indices]


def detection_probability(total: int, wrong: int, sample: int = WHOLE_UP_TO) -> float:
    """Probability that a sample has at least one of the wrong answers among all: 1 - C(t-w, s) / C(t, s)."""
    sample = min(total, sample)
    if sample + wrong > total:
        return 1.0
    # The fraction as a product over the shorter of two equal ones, in logarithms: most answers may be wrong.
    fewer, more = sorted((sample, wrong))
    missed = math.fsum(math.log1p(-more / (total - drawn)) for drawn in range(fewer))
    return 0.0 - math.expm1(missed)
