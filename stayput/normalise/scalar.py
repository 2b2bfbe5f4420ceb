"""Numbers and booleans."""

import re
from collections.abc import Callable
from typing import Final

from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import clean, lower, narrow

DEFAULT_TRUE: Final = "true|t|yes|y|1|是|有"
DEFAULT_FALSE: Final = "false|f|no|n|0|否|无"
MAX_INTEGER_DIGITS: Final = 18
_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<whole>\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.(?P<part>\d+))?|\.(?P<only>\d+))", re.ASCII
)


def number(text: str, scale: int) -> str | Reject:
    """Decimal with exactly `scale` digits after the point, no exponent, no separators, no negative zero."""
    known = narrow(text)
    if isinstance(known, Reject):
        return known
    found = _NUMBER.fullmatch(known)
    if not found:
        return Reject.FORMAT
    whole = (found["whole"] or "0").replace(",", "").lstrip("0") or "0"
    part = (found["part"] or found["only"] or "").rstrip("0")
    if len(whole) > MAX_INTEGER_DIGITS or len(part) > scale:
        return Reject.RANGE
    sign = "-" if found["sign"] == "-" and (whole, part) != ("0", "") else ""
    return f"{sign}{whole}.{part.ljust(scale, '0')}" if scale else sign + whole


def canonical_number(scale: int) -> re.Pattern[str]:
    """Full-matches numbers that are canonical as they stand."""
    whole = f"[1-9][0-9]{{0,{MAX_INTEGER_DIGITS - 1}}}"
    if not scale:
        return re.compile(f"0|-?{whole}")
    return re.compile(rf"(?:0|-?{whole})\.[0-9]{{{scale}}}")


def boolean_word(text: str) -> str | Reject:
    """The spelling under which a word that means true or false is looked up."""
    word = clean(text)
    return word if isinstance(word, Reject) else lower(word)


def boolean(options: dict[str, str]) -> Callable[[str], str | Reject]:
    """The function from a text to `true` or `false`, by the declared words and these two themselves."""
    meanings = {
        **dict.fromkeys(options.get("true", DEFAULT_TRUE).split("|"), "true"),
        **dict.fromkeys(options.get("false", DEFAULT_FALSE).split("|"), "false"),
        "true": "true",
        "false": "false",
    }

    def one(text: str) -> str | Reject:
        word = boolean_word(text)
        return word if isinstance(word, Reject) else meanings.get(word, Reject.FORMAT)

    return one
