"""Mobile numbers of mainland China."""

import re
from typing import Final

from stayput.normalise.damage import is_damaged
from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import compact

CANONICAL: Final = re.compile("1[3-9][0-9]{9}")
_DIALLED: Final = re.compile(r"(?:\((?:\+|00)?86\)|(?:\+|00)?86)?(1[3-9][0-9]{9})")


def one(text: str) -> str | Reject:
    """11 digits, without the country code 86."""
    number = compact(text)
    if isinstance(number, Reject):
        return number
    found = _DIALLED.fullmatch(number)
    if found:
        return found[1]
    return Reject.SPREADSHEET_DAMAGE if is_damaged(number) else Reject.FORMAT
