"""Unified social credit codes (GB 32100-2015) and organisation codes (GB 11714-1997)."""

import re
from collections.abc import Sequence
from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stayput.normalise.damage import is_damaged
from stayput.normalise.matrix import NO_VALUE, by_matrix, value_table
from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import compact

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE: Final = re.compile(f"[{_ALPHABET[1:]}][{_ALPHABET}][0-9]{{6}}[{_ALPHABET}]{{10}}")
_ORGANISATION: Final = re.compile(f"[{_ALPHABET}]{{8}}[0-9X]")
_VALUE: Final = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS: Final = (*(3**i % 31 for i in range(17)), 1)
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_CHECK: Final = "0X987654321"
_VALUES: Final = value_table(_ALPHABET)
_DIGITS: Final = value_table("0123456789")


def one(text: str) -> str | Reject:
    """18 characters, or the 9 of an organisation code, which is never converted."""
    code = compact(text)
    if isinstance(code, Reject):
        return code
    if _CODE.fullmatch(code):
        valid = sum(map(mul, _WEIGHTS, map(_VALUE.__getitem__, code))) % 31 == 0
    elif _ORGANISATION.fullmatch(code):
        valid = _organisation_check(code) == code[8]
    else:
        return Reject.SPREADSHEET_DAMAGE if is_damaged(code) else Reject.FORMAT
    if not valid:
        return Reject.SPREADSHEET_DAMAGE if is_damaged(code) else Reject.CHECKSUM
    return code


def column(texts: Sequence[str]) -> list[str | Reject]:
    """`one` of each."""
    return by_matrix(texts, _canonical, one)


def _organisation_check(code: str) -> str:
    # Letters count 10 to 35 here, without the gaps that GB 32100 leaves.
    weighted = zip(_ORGANISATION_WEIGHTS, code, strict=False)
    return _ORGANISATION_CHECK[sum(weight * int(char, 36) for weight, char in weighted) % 11]


def _canonical(characters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    values = _VALUES[characters]
    region = _DIGITS[characters[2:8]]
    formed = (values[0] > 0) & (values.max(axis=0) != NO_VALUE) & (region.max(axis=0) != NO_VALUE)
    total = np.zeros(values.shape[1], np.uint16)
    for weight, value in zip(_WEIGHTS, values, strict=True):
        total += np.uint16(weight) * value
    certain: NDArray[np.bool_] = formed & (total % 31 == 0)
    return certain
