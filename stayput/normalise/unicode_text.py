"""Text of any origin to one spelling: what every type of the profile does first."""

import re
from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import Final
from unicodedata import normalize

from stayput.normalise.reject import Reject
from stayput.normalise.unicode14 import GB_PRIVATE_USE, RADICALS, RADICALS_FROM, REPERTOIRE

MAX_BYTES: Final = 512
HAN: Final = (
    "\u3007\u3400-\u4dbf\u4e00-\u9fff\ufa0e\ufa0f\ufa11\ufa13\ufa14\ufa1f\ufa21\ufa23\ufa24\ufa27-\ufa29"
    "\U00020000-\U0002a6df\U0002a700-\U0002ee5d\U00030000-\U00033479"
)
"""Ideographs as the inside of a character class, with U+3007 (〇), without those that NFKC replaces."""
COMMON_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff"
"""The ideographs of `HAN` that fast paths look for."""
DOTS: Final = "\u00b7\u16eb\u2022\u2027\u2219\u22c5\u25cf\u26ab\u2981\u2e31\u2e33\u30fb\u318d"
"""What is typed for the middle dot, as the inside of a character class, as NFKC leaves it."""
HYPHENS: Final = "\u002d\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d"
"""Hyphens, dashes and minus signs as the inside of a character class."""

_IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)


def _replacements() -> dict[str, str]:
    radicals = {
        chr(RADICALS_FROM + i): ideograph for i, ideograph in enumerate(RADICALS) if ideograph != "\u3000"
    }
    assigned = {
        chr(first + i): chr(int(code, 16))
        for first, codes in GB_PRIVATE_USE.items()
        for i, code in enumerate(codes.split())
    }
    return radicals | {private: radicals.get(char, char) for private, char in assigned.items()}


def _character_class(ranges: str) -> str:
    ends = (entry.partition("-")[::2] for entry in ranges.split())
    return "".join(f"\\U{int(low, 16):08x}-\\U{int(high or low, 16):08x}" for low, high in ends)


_REPLACE: Final = _replacements()
_ASCII: Final = re.compile("[ -~]*")
_ORDINARY: Final = re.compile(
    f"[ -~\u00b7\u2014\u201c\u201d\u2022\u3001\u3002\u300a-\u300f\u30fb{COMMON_HAN}]*"
)
_NO_SMALL: Final = re.compile(f"[ -`{{-~\u00b7{COMMON_HAN}]*")
_NO_CAPITAL: Final = re.compile(f"[ -@\\[-~\u00b7{COMMON_HAN}]*")
_REPLACED: Final = re.compile(f"[{_IGNORABLE}{''.join(_REPLACE)}]")
_NO_TEXT: Final = re.compile(f"[^{_character_class(REPERTOIRE)}]")
_FULL_WIDTH: Final = {code + 0xFEE0: chr(code) for code in range(0x21, 0x7F)} | {0x3000: " "}
_WIDE: Final = re.compile("[\u3000\uff01-\uff5e]")
_WIDE_TO: Final = {chr(code): to for code, to in _FULL_WIDTH.items()}
# Roman ten is what some keyboards give for the X of a resident number; the radicals for sun and moon are what
# copying a date from a PDF gives.
_NARROW: Final = _FULL_WIDTH | str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\u2018\u2019\u2169\u2179\u2f47\u2f49",
    "----------''Xx\u65e5\u6708",
)
# The Latin letters of European languages that do not decompose into one of a to z and an accent.
_CAPITALS: Final = ascii_uppercase + "ÆÐØÞĐĦŁŊŒŦ"
_SMALL: Final = ascii_lowercase + "æðøþđħłŋœŧ"
_UPPER: Final = str.maketrans(_SMALL, _CAPITALS) | {0x131: "I", 0xDF: "SS"}
_LOWER: Final = str.maketrans(_CAPITALS, _SMALL)


def decoded(text: str) -> str | Reject:
    """The text without invisible characters, with radicals and known private use replaced; or `ENCODING`."""
    text = _REPLACED.sub(lambda found: _REPLACE.get(found[0], ""), text)
    return Reject.ENCODING if _NO_TEXT.search(text) else text


def clean(text: str) -> str | Reject:
    """NFKC, trimmed, inner white space folded to one space each; `ENCODING` or `MISSING`."""
    if not _ORDINARY.fullmatch(text):
        text = _WIDE.sub(lambda found: _WIDE_TO[found[0]], text)
    if not _ORDINARY.fullmatch(text):
        known = decoded(text)
        if isinstance(known, Reject):
            return known
        text = normalize("NFKC", known)
    return " ".join(text.split()) or Reject.MISSING


def narrow(text: str) -> str | Reject:
    """Like `clean` for values made of ASCII; folds hyphens too, but not superscripts or circled digits.

    A leading apostrophe, which tells a spreadsheet not to convert, is taken off.
    """
    if not _ASCII.fullmatch(text):
        known = decoded(text)
        if isinstance(known, Reject):
            return known
        text = known.translate(_NARROW)
    return " ".join(text.split()).removeprefix("'").lstrip() or Reject.MISSING


def compact(text: str) -> str | Reject:
    """Like `narrow`, without white space and hyphens, in upper case."""
    known = narrow(text)
    if isinstance(known, Reject) or not known.isascii():
        return known
    return known.replace(" ", "").replace("-", "").upper()


def upper(text: str) -> str:
    """Latin letters of an NFKC text in upper case, accented ones too, ß as SS; the result is NFKC."""
    return text if _NO_SMALL.fullmatch(text) else _recased(text, _UPPER)


def lower(text: str) -> str:
    """Latin letters of an NFKC text in lower case, accented ones too; the result is NFKC."""
    return text if _NO_CAPITAL.fullmatch(text) else _recased(text, _LOWER)


def _recased(text: str, table: Mapping[int, int | str]) -> str:
    # Through the decomposed form, so that a short table does for every accented letter, and no result depends
    # on how many letters the run-time's Unicode version knows.
    return normalize("NFC", normalize("NFD", text).translate(table))


def bounded(text: str) -> str | Reject:
    """The text, or `TOO_LONG` if it takes more than 512 bytes of UTF-8."""
    if len(text) * 4 > MAX_BYTES and len(text.encode()) > MAX_BYTES:
        return Reject.TOO_LONG
    return text
