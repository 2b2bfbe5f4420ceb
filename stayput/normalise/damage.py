"""Recognising what a spreadsheet, or a table held as floating point, makes of a long number."""

import re
from typing import Final

_DAMAGED: Final = re.compile(
    r"\d(?:\.\d+)?E\+\d{1,3}|\d\.\d+E\d{1,3}|\d{9,18}\.0+|[1-9]\d{14}000",
    re.ASCII,
)


def is_damaged(identifier: str) -> bool:
    """Whether a compact identifier that has been found invalid shows the marks of damage.

    They are an exponent, a decimal point, and 18 digits with zeros beyond the 15 that a double can hold.
    """
    return _DAMAGED.fullmatch(identifier) is not None
