"""What values look like, without the values: digits as 9, letters as A and a, ideographs as 汉.

Punctuation of a small set stays as it is where there is something else beside it; everything else is `?`.
Runs are counted: `9{17}A`. The shape of a name is its length alone, `?{3}`. A shape is told if at least ten
rows have it: one that nobody else has could be somebody.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from stayput.normalise import FieldType
from stayput.normalise.unicode_text import HAN

LEAST_ROWS: Final = 10
MOST_SHAPES: Final = 10
OTHER: Final = "?"
HAN_SHAPE: Final = "汉"
_LONGEST_TEXT: Final = 256
_MOST_RUNS: Final = 24
_KEPT: Final = 4_096
_SAFE: Final = " -./:,+()_*#\u00b7（）、"
_RUN: Final = re.compile(r"(.)\1*", re.DOTALL)
_IS_HAN: Final = re.compile(f"[{HAN}]")


class _Classes(dict[int, str]):
    """From code points to what stands for them, found when first needed."""

    def __missing__(self, code: int) -> str:
        found = HAN_SHAPE if _IS_HAN.fullmatch(chr(code)) else OTHER
        self[code] = found
        return found


_CLASSES: Final = _Classes(
    {ord(c): "9" for c in digits}
    | {ord(c): "A" for c in ascii_uppercase}
    | {ord(c): "a" for c in ascii_lowercase}
    | {ord(c): c for c in _SAFE}
)
_SOMETHING: Final = frozenset(("9", "A", "a", HAN_SHAPE))


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape, how many rows have it, and how many of those were rejected."""

    shape: str
    rows: int
    rejected: int


class Shapes:
    """Counts the shapes of a column's values."""

    def __init__(self, field_type: FieldType) -> None:
        self._length_only = field_type is FieldType.PERSON_NAME
        self._usable: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def add(self, usable: Sequence[str], refused: Sequence[str]) -> None:
        """Adds the texts of some rows: of those with a value, and of those whose text is refused."""
        self._usable = self._counted(self._usable, usable)
        self._refused = self._counted(self._refused, refused)

    def _counted(self, counts: Counter[str], texts: Sequence[str]) -> Counter[str]:
        if self._length_only:
            counts.update([OTHER * min(len(text), _LONGEST_TEXT) for text in texts])
        else:
            counts.update([text[:_LONGEST_TEXT].translate(_CLASSES) for text in texts])
        return counts if len(counts) <= 2 * _KEPT else Counter(dict(counts.most_common(_KEPT)))

    def told(self) -> tuple[Shape, ...]:
        """The ten most frequent shapes of at least ten rows each."""
        usable, rejected = _by_shape(self._usable), _by_shape(self._refused)
        rows = usable + rejected
        often = ((shape, count) for shape, count in rows.items() if count >= LEAST_ROWS)
        return tuple(
            Shape(shape, count, rejected[shape])
            for shape, count in sorted(often, key=lambda one: (-one[1], one[0]))[:MOST_SHAPES]
        )


def _by_shape(counts: Counter[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for classes, count in counts.items():
        found[_shape(classes)] += count
    return found


def _shape(classes: str) -> str:
    if _SOMETHING.isdisjoint(classes):
        # Punctuation alone would be the value itself.
        classes = OTHER * len(classes)
    runs = [(run[0], len(run)) for run in (found[0] for found in _RUN.finditer(classes))]
    return _counted(runs[:_MOST_RUNS]) + ("…" if len(runs) > _MOST_RUNS else "")


def _counted(runs: Iterable[tuple[str, int]]) -> str:
    return "".join(sign if length == 1 else f"{sign}{{{length}}}" for sign, length in runs)
