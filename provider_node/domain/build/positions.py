"""Where a number stands in the order in which somebody would walk through the numbers of its kind.

- `resident_id`: its first 17 digits. An old permanent-residence card has no position.
- `mobile`: its 11 digits.
- `uscc`: its region, then the first 8 characters of its organisation code, digits before letters; the kind of
  registration and the check characters do not count. An organisation code on its own stands before all of
  those, in the same order.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from stayput.normalise import FieldType

Positions = npt.NDArray[np.uint64]

NO_POSITION: Final = np.uint64(2**64 - 1)

_VALUES: Final = np.zeros(256, np.uint64)
for _character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ":
    _VALUES[ord(_character)] = int(_character, 36)

_ORGANISATION: Final = tuple(36**place for place in range(7, -1, -1))
_REGION: Final = tuple(10**place * 36**8 for place in range(5, -1, -1))
# What each character of a value of that length counts for.
_WEIGHTS: Final[Mapping[str, Mapping[int, tuple[int, ...]]]] = {
    FieldType.RESIDENT_ID: {18: (*(10**place for place in range(16, -1, -1)), 0)},
    FieldType.MOBILE: {11: tuple(10**place for place in range(10, -1, -1))},
    FieldType.USCC: {18: (0, 0, *_REGION, *_ORGANISATION, 0, 0), 9: (*_ORGANISATION, 0)},
}


def positions(kind: str, values: Sequence[str]) -> Positions:
    """The position of each canonical value of a field of that type; `NO_POSITION` where it has none."""
    found = np.full(len(values), NO_POSITION)
    lengths = np.fromiter(map(len, values), np.intp, len(values))
    for length, weights in _WEIGHTS.get(kind, {}).items():
        places = np.flatnonzero(lengths == length)
        if len(places) == len(values):
            found = _weighed("".join(values), weights)
        elif len(places):
            found[places] = _weighed("".join(values[place] for place in places.tolist()), weights)
    return found


def _weighed(text: str, weights: Sequence[int]) -> Positions:
    characters = np.frombuffer(text.encode("ascii"), np.uint8).reshape(-1, len(weights))
    total = np.zeros(len(characters), np.uint64)
    for place, weight in enumerate(weights):
        if weight:
            total += _VALUES[characters[:, place]] * np.uint64(weight)
    return total
