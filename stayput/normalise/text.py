"""Free text and codes."""

import re
from collections.abc import Callable
from typing import Final
from unicodedata import normalize

from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import COMMON_HAN, DOTS, HYPHENS, bounded, clean, lower, upper

_DROPPED: Final = {"space": " ", "hyphen": HYPHENS, "dot": "." + DOTS}
_CASES: Final = {"upper": upper, "lower": lower}


def texts(options: dict[str, str]) -> Callable[[str], str | Reject]:
    """The function for a text or a code, with the options `case` and `drop`."""
    drop = options.get("drop")
    dropped = re.compile(f"[{_dropped(drop)}]") if drop else None
    recase = _CASES.get(options.get("case", ""))

    def one(text: str) -> str | Reject:
        known = clean(text)
        if isinstance(known, Reject):
            return known
        if dropped:
            # What comes to stand side by side may compose, white space be doubled or outermost.
            known = " ".join(normalize("NFKC", dropped.sub("", known)).split())
            if not known:
                return Reject.FORMAT
        return bounded(recase(known) if recase else known)

    return one


def canonical_text(options: dict[str, str]) -> re.Pattern[str]:
    """Full-matches what is canonical as it stands, up to its length: words of ASCII and common ideographs."""
    case, drop = options.get("case"), options.get("drop")
    letters = {"upper": "A-Z", "lower": "a-z"}.get(case or "", "A-Za-z")
    marks = "".join(mark for mark in map(chr, range(0x21, 0x7F)) if not mark.isalpha())
    if drop:
        marks = re.sub(f"[{_dropped(drop)}]", "", marks)
    word = f"[{letters}{re.escape(marks)}{COMMON_HAN}]+"
    return re.compile(word if "space" in (drop or "") else f"{word}(?: {word})*")


def _dropped(drop: str) -> str:
    # The hyphens first: their class must begin with the ASCII one for that to stand for itself.
    return "".join(_DROPPED[name] for name in sorted(drop.split(","), key=("hyphen", "space", "dot").index))
