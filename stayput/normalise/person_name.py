"""Names of persons: Chinese, of ethnic minorities in Chinese characters, and in other scripts."""

import re
from functools import lru_cache
from typing import Final
from unicodedata import category

from stayput.normalise.reject import Reject
from stayput.normalise.unicode_text import COMMON_HAN, DOTS, HAN, HYPHENS, bounded, clean, upper

CANONICAL: Final = re.compile(f"[{COMMON_HAN}]+(?:\u00b7[{COMMON_HAN}]+)*|[A-Z]+(?: [A-Z]+)*")
"""Full-matches names that are canonical as they stand, up to their length; nearly all are."""

_HAS_HAN: Final = re.compile(f"[{HAN}]")
_ONLY_HAN: Final = re.compile(f"[{HAN}]+")
_ANY_DOT: Final = re.compile(f" ?[.{DOTS}] ?")
_TYPED_DOT: Final = re.compile(f" ?[{DOTS}] ?")
_ANY_SEPARATOR: Final = re.compile(" ?[\u00b7\u3002] ?| ")
_APOSTROPHE: Final = re.compile("[\u2018\u2019\u02bc]")
_HYPHEN: Final = re.compile(f"[{HYPHENS}]")
# Up to three characters are spaced for looks; in longer names a space may stand for the dot.
_SPACED_FOR_LOOKS: Final = re.compile(f"[{HAN}](?: ?[{HAN}]){{0,2}}")
_FOREIGN_MARKS: Final = " -.'\u0f0b"


def one(text: str, separator_space: str | None = None) -> str | Reject:
    """The name with U+00B7 as its only dot; Latin letters in upper case."""
    # NFKC would turn this one into an ancient Korean vowel.
    name = clean(text.replace("\u318d", "\u00b7"))
    if isinstance(name, Reject):
        return name
    if _SPACED_FOR_LOOKS.fullmatch(name):
        return name.replace(" ", "")
    found = _chinese(name, separator_space) if _HAS_HAN.search(name) else _foreign(name)
    return found if isinstance(found, Reject) else bounded(found)


def _chinese(name: str, separator_space: str | None) -> str | Reject:
    name = _HYPHEN.sub("-", upper(_ANY_DOT.sub("\u00b7", name)))
    parts = _ANY_SEPARATOR.split(name)
    if not all(map(_is_part, parts)):
        return Reject.FORMAT
    dotted = "\u00b7".join(parts)
    return dotted if dotted == name or separator_space == "dot" else Reject.AMBIGUOUS


def _foreign(name: str) -> str | Reject:
    name = _APOSTROPHE.sub("'", _HYPHEN.sub("-", upper(_TYPED_DOT.sub("\u00b7", name))))
    return name if all(_is_part(part, _FOREIGN_MARKS) for part in name.split("\u00b7")) else Reject.FORMAT


def _is_part(part: str, marks: str = "-") -> bool:
    if _ONLY_HAN.fullmatch(part):
        return True
    if not any(map(_is_letter, part)) or part[0] in "-." or part[-1] == "-":
        return False
    return all(char in marks or _is_letter(char) or category(char)[0] == "M" for char in part)


@lru_cache(maxsize=1 << 14)
def _is_letter(char: str) -> bool:
    # Not left to isalpha() alone, which does not know 〇, nor extensions newer than the run-time.
    return char.isalpha() or _HAS_HAN.fullmatch(char) is not None
