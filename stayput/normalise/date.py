"""Dates of the Gregorian calendar."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import narrow

_MIDNIGHT: Final = "(?:[ T]00?:00(?::00(?:[.]0{1,9})?)?)?"


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern + _MIDNIGHT, re.ASCII)


_SEPARATED: Final = _form(r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d\d?)(?P=s)(?P<d>\d\d?)")
_CHINESE: Final = _form(r"(?P<y>\d{4}) ?年 ?(?P<m>\d\d?) ?月 ?(?P<d>\d\d?) ?日")
_PLAIN: Final = _form(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)")
_DAY_FIRST: Final = _form(r"(?P<d>\d\d?)(?P<s>[-/.])(?P<m>\d\d?)(?P=s)(?P<y>\d{4})")
_MONTH_FIRST: Final = _form(r"(?P<m>\d\d?)(?P<s>[-/.])(?P<d>\d\d?)(?P=s)(?P<y>\d{4})")
_FORMS: Final = {
    "": (_SEPARATED, _PLAIN, _CHINESE),
    # Eight digits could begin with either end where the year may come last.
    "dmy": (_SEPARATED, _DAY_FIRST, _CHINESE),
    "mdy": (_SEPARATED, _MONTH_FIRST, _CHINESE),
    "excel-serial": (_SEPARATED, _PLAIN, _CHINESE),
}
_SERIAL: Final = re.compile(r"(\d{1,7})(?:\.0+)?", re.ASCII)
_SERIAL_OF_29_FEBRUARY_1900: Final = 60
_LAST_SERIAL: Final = 2_958_465


def dates(options: dict[str, str]) -> Callable[[str], str | Reject]:
    """The function from a text to `YYYY-MM-DD`, with the option `format`."""
    declared = options.get("format", "")
    forms = _FORMS[declared]

    def one(text: str) -> str | Reject:
        known = narrow(text)
        if isinstance(known, Reject):
            return known
        for form in forms:
            found = form.fullmatch(known)
            if found:
                return _day(int(found["y"]), int(found["m"]), int(found["d"]))
        serial = _SERIAL.fullmatch(known) if declared == "excel-serial" else None
        return _from_serial(int(serial[1])) if serial else Reject.FORMAT

    return one


def _day(year: int, month: int, day: int) -> str | Reject:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return Reject.DATE


def _from_serial(serial: int) -> str | Reject:
    # Spreadsheets count a 29 February 1900, which did not exist, so that the days before it are one off.
    if not 1 <= serial <= _LAST_SERIAL or serial == _SERIAL_OF_29_FEBRUARY_1900:
        return Reject.DATE
    epoch = date(1899, 12, 31) if serial < _SERIAL_OF_29_FEBRUARY_1900 else date(1899, 12, 30)
    return (epoch + timedelta(days=serial)).isoformat()
