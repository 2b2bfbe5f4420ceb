"""The profile as a whole: from a field to the computation for its values."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Final

from stayput.normalise import mobile, person_name, resident_id, uscc
from stayput.normalise.date import dates
from stayput.normalise.field import Field, FieldType
from stayput.normalise.reject import Reject
from stayput.normalise.scalar import boolean, canonical_number, number
from stayput.normalise.text import canonical_text, texts
from stayput.normalise.unicode_text import MAX_BYTES

PROFILE: Final = "cn-gov/1"
"""The name of the profile, part of what is hashed."""

_ALWAYS_FITS: Final = MAX_BYTES // 3
_REMEMBERED: Final = 1 << 16

_One = Callable[[str], str | Reject]
_Column = Callable[[Sequence[str]], list[str | Reject]]


class Normaliser:
    """The computation for one field, made by `normaliser`. It keeps no values; threads may share it."""

    __slots__ = ("_column", "_one")

    def __init__(self, one: _One, column: _Column) -> None:
        self._one = one
        self._column = column

    def one(self, text: str) -> str | Reject:
        """The canonical form, or why there is none."""
        return self._one(text)

    def column(self, texts: Sequence[str]) -> list[str | Reject]:
        """The same as `[one(text) for text in texts]`, in a fraction of the time."""
        return self._column(texts)


def normaliser(field: Field, today: date) -> Normaliser:
    """The computation for the values of a field; `today` tells which birth years are in the future."""
    options = dict(field.options)
    match field.type:
        case FieldType.RESIDENT_ID:
            made = _resident_id(today.year)
        case FieldType.USCC:
            made = Normaliser(uscc.one, uscc.column)
        case FieldType.MOBILE:
            made = _matching(mobile.one, mobile.CANONICAL)
        case FieldType.PERSON_NAME:
            one = partial(person_name.one, separator_space=options.get("separator_space"))
            made = _matching(one, person_name.CANONICAL)
        case FieldType.DATE:
            made = _remembering(dates(options))
        case FieldType.NUMBER:
            scale = int(options.get("scale", "0"))
            made = _matching(partial(number, scale=scale), canonical_number(scale))
        case FieldType.BOOLEAN:
            made = _remembering(boolean(options))
        case FieldType.TEXT | FieldType.CODE:
            made = _matching(texts(options), canonical_text(options))
    return made


def _resident_id(this_year: int) -> Normaliser:
    return Normaliser(
        partial(resident_id.one, this_year=this_year), partial(resident_id.column, this_year=this_year)
    )


def _matching(one: _One, canonical: re.Pattern[str]) -> Normaliser:
    """For types of which most values are canonical as they stand, as a pattern can tell."""
    whole = canonical.fullmatch

    def column(texts: Sequence[str]) -> list[str | Reject]:
        return [text if len(text) <= _ALWAYS_FITS and whole(text) else one(text) for text in texts]

    return Normaliser(one, column)


def _remembering(one: _One) -> Normaliser:
    """For types of which a column has few different values."""

    def column(texts: Sequence[str]) -> list[str | Reject]:
        known = _Known(one)
        return [known[text] for text in texts]

    return Normaliser(one, column)


class _Known(dict[str, str | Reject]):
    """The results so far, up to a number that bounds the memory a column of nonsense can take."""

    def __init__(self, one: _One) -> None:
        super().__init__()
        self._one = one

    def __missing__(self, text: str) -> str | Reject:
        found = self._one(text)
        if len(self) < _REMEMBERED:
            self[text] = found
        return found
