"""Values to 64-bit numbers under a key of one run: no sketch can be tested against a list of values."""

from collections.abc import Sequence
from functools import reduce
from hashlib import blake2b
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from stayput.normalise import Reject

Hashes: TypeAlias = npt.NDArray[np.uint64]
Mask: TypeAlias = npt.NDArray[np.bool_]

KEY_BYTES: Final = 32
_BYTES: Final = 8
_NOTHING: Final = bytes(_BYTES)
_ORDERED: Final = np.uint64(0x9E3779B97F4A7C15)
# splitmix64's finaliser (Steele, Lea and Flood, 2014).
_MIXED: Final = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT: Final = np.uint64(31)


class KeyedHashes:
    """Numbers for the values of one run. `key` is 32 random bytes that nobody keeps."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, column: Sequence[str | Reject]) -> tuple[Hashes, Mask]:
        """A number for every row, and which rows have a value; the number of any other means nothing."""
        known = _Known(self._key)
        numbers = np.frombuffer(b"".join(map(known.__getitem__, column)), np.uint64)
        has_value = np.fromiter((value.__class__ is str for value in column), np.bool_, len(column))
        return numbers, has_value


class _Known(dict[str | Reject, bytes]):
    """The hashes within a batch, each computed once."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, value: str | Reject) -> bytes:
        found = _NOTHING
        if isinstance(value, str):
            found = blake2b(value.encode(), digest_size=_BYTES, key=self._key).digest()
        self[value] = found
        return found


def combined(columns: Sequence[Hashes]) -> Hashes:
    """A number for each row's tuple of values, in this order."""
    return reduce(lambda left, right: _finalised(left * _ORDERED + right), columns)


def ends_in_zeros(hashes: Hashes, bits: int) -> Mask:
    """Which hashes end in so many zero bits: an even sample of one in 2^bits of what is hashed."""
    sampled: Mask = (hashes & np.uint64((1 << bits) - 1)) == 0
    return sampled


def _finalised(numbers: Hashes) -> Hashes:
    for shift, factor in _MIXED:
        numbers = (numbers ^ (numbers >> shift)) * factor
    return numbers ^ (numbers >> _LAST_SHIFT)
