"""Resident identity numbers: GB 11643-1999 and its 15-digit predecessor, and permanent-residence cards."""

import calendar
import re
from collections.abc import Sequence
from datetime import date
from functools import cache, partial
from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stayput.normalise.damage import is_damaged
from stayput.normalise.matrix import NO_VALUE, by_matrix, value_table
from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import compact

EARLIEST_BIRTH_YEAR: Final = 1850
_NUMBER: Final = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_OLD_NUMBER: Final = re.compile(r"[1-9]\d{14}", re.ASCII)
_OLD_RESIDENCE_CARD: Final = re.compile(r"[A-Z]{3}\d{12}", re.ASCII)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ZEROS: Final = ord("0") * sum(_WEIGHTS)
_CHECK: Final = tuple("10X98765432"[(total - _ZEROS) % 11] for total in range(11))
_DIGITS: Final = value_table("0123456789")
_DIGITS_AND_X: Final = value_table("0123456789X")


def one(text: str, this_year: int) -> str | Reject:
    """18 characters, or the three letters and twelve digits of an old permanent-residence card."""
    number = compact(text)
    if isinstance(number, Reject):
        return number
    if _OLD_NUMBER.fullmatch(number):
        number = f"{number[:6]}19{number[6:]}"
    elif not _NUMBER.fullmatch(number):
        if _OLD_RESIDENCE_CARD.fullmatch(number):
            return number
        return Reject.SPREADSHEET_DAMAGE if is_damaged(number) else Reject.FORMAT
    if not _is_birth_date(number[6:14], this_year):
        return Reject.DATE
    correct = number[:17] + _check_character(number)
    if number in (correct, correct[:17]):
        return correct
    return Reject.SPREADSHEET_DAMAGE if is_damaged(number) else Reject.CHECKSUM


def column(texts: Sequence[str], this_year: int) -> list[str | Reject]:
    """`one` of each."""
    return by_matrix(texts, partial(_canonical, this_year=this_year), partial(one, this_year=this_year))


def _check_character(number: str) -> str:
    # ISO 7064 MOD 11-2 over ASCII codes, of which _CHECK makes up for the zeros' share; map leaves out the
    # eighteenth character.
    total: int = sum(map(mul, _WEIGHTS, number.encode()))
    return _CHECK[total % 11]


def _is_birth_date(digits: str, this_year: int) -> bool:
    year = int(digits[:4])
    if not EARLIEST_BIRTH_YEAR <= year <= this_year:
        return False
    try:
        date(year, int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _canonical(characters: NDArray[np.uint8], this_year: int) -> NDArray[np.bool_]:
    digits = _DIGITS[characters[:17]]
    last = _DIGITS_AND_X[characters[17]]
    numbers = (digits[0] > 0) & (digits.max(axis=0) != NO_VALUE) & (last != NO_VALUE)
    remainder = last.astype(np.uint16)
    for weight, digit in zip(_WEIGHTS, digits, strict=True):
        remainder += np.uint16(weight) * digit
    years, days = _calendar(this_year)
    is_date = years[_decimal(digits[6:10])] >= days[_decimal(digits[10:14])]
    certain: NDArray[np.bool_] = numbers & (remainder % 11 == 1) & is_date
    return certain


def _decimal(digits: NDArray[np.uint8]) -> NDArray[np.uint16]:
    thousands, hundreds, tens, units = digits.astype(np.uint16)
    value: NDArray[np.uint16] = ((thousands * 10 + hundreds) * 10 + tens) * 10 + units
    return value


@cache
def _calendar(this_year: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """By year: 0 not allowed, 1 common, 2 leap; by month * 100 + day: 1 every year, 2 leap years, 3 never.

    So a date exists where the year's entry is not less than the day's. The tables are as long as 16 bits can
    count, since characters that are no digits give any number.
    """
    years = np.zeros(1 << 16, np.uint8)
    days = np.full(1 << 16, 3, np.uint8)
    for year in range(EARLIEST_BIRTH_YEAR, this_year + 1):
        years[year] = 1 + calendar.isleap(year)
    for month in range(1, 13):
        first = month * 100 + 1
        days[first : first + calendar.monthrange(2001, month)[1]] = 1
    days[229] = 2
    return years, days
