"""A field of a resource: its name, its declared type and the options of that type."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from stayput.normalise.scalar import DEFAULT_FALSE, DEFAULT_TRUE, boolean_word


class FieldType(StrEnum):
    """The types of the profile; the values are the names used on the wire."""

    RESIDENT_ID = "resident_id"
    USCC = "uscc"
    MOBILE = "mobile"
    PERSON_NAME = "person_name"
    DATE = "date"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    CODE = "code"


class FieldError(ValueError):
    """A field that the profile does not allow. The message names field, option and what is allowed."""


@dataclass(frozen=True, slots=True)
class _Option:
    doc: str
    allowed: str
    accepts: Callable[[str], bool]


_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DROPPABLE: Final = ("space", "hyphen", "dot")


def _distinct(parts: list[str], accepts: Callable[[str], bool]) -> bool:
    return len(set(parts)) == len(parts) and all(map(accepts, parts))


def _word_list(value: str) -> bool:
    return _distinct(value.split("|"), lambda word: boolean_word(word) == word)


def _words(default: str) -> str:
    return f"distinct words separated by |, without white space at either end, lower-case (default {default})"


_CASE: Final = _Option(
    "upper or lower: Latin letters are folded to that case; kept as they are by default",
    "upper, lower",
    lambda value: value in ("upper", "lower"),
)
_OPTIONS: Final[Mapping[FieldType, Mapping[str, _Option]]] = {
    FieldType.PERSON_NAME: {
        "separator_space": _Option(
            "dot: white space or an ideographic full stop between the parts of a name is read as the dot",
            "dot",
            lambda value: value == "dot",
        ),
    },
    FieldType.DATE: {
        "format": _Option(
            "dmy, mdy or excel-serial: a further form that is read besides those that begin with the year",
            "dmy, mdy, excel-serial",
            lambda value: value in ("dmy", "mdy", "excel-serial"),
        ),
    },
    FieldType.NUMBER: {
        "scale": _Option(
            "number of digits after the decimal point, 0 to 9; 0 by default",
            "one digit, 0 to 9",
            lambda value: re.fullmatch("[0-9]", value) is not None,
        ),
    },
    FieldType.BOOLEAN: {
        "true": _Option("words that mean true, separated by |", _words(DEFAULT_TRUE), _word_list),
        "false": _Option("words that mean false, separated by |", _words(DEFAULT_FALSE), _word_list),
    },
    FieldType.TEXT: {"case": _CASE},
    FieldType.CODE: {
        "case": _CASE,
        "drop": _Option(
            "space, hyphen, dot, or several of them separated by commas: characters left out of the code",
            "space, hyphen, dot, each at most once, separated by commas",
            lambda value: _distinct(value.split(","), _DROPPABLE.__contains__),
        ),
    },
}

OPTIONS: Final[Mapping[FieldType, Mapping[str, str]]] = MappingProxyType(
    {
        kind: MappingProxyType({name: option.doc for name, option in _OPTIONS.get(kind, {}).items()})
        for kind in FieldType
    }
)
"""The options of each type with a line of documentation each; an empty mapping for a type that has none."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column after normalisation. Name, type and options are part of what is hashed.

    Raises `FieldError` when made with a name other than `[a-z][a-z0-9_]{0,63}`, an option that the type does
    not have or a value that the option does not take.
    """

    name: str
    type: FieldType
    options: tuple[tuple[str, str], ...] = ()
    """Pairs of option and value, sorted by option, each option at most once."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise FieldError(
                f"field {self.name!r}: a name is a small letter and at most 63 more small letters, digits "
                "and underscores"
            )
        if not isinstance(self.type, FieldType):
            raise FieldError(f"field {self.name}: the type must be one of {', '.join(FieldType)}")
        names = [option for option, _ in self.options]
        if names != sorted(set(names)):
            raise FieldError(f"field {self.name}: options must be sorted by name, each at most once")
        for option, value in self.options:
            self._check(option, value)
        if self.type is FieldType.BOOLEAN:
            self._check_words_apart()

    def _check(self, option: str, value: str) -> None:
        known = _OPTIONS.get(self.type, {})
        if option not in known:
            allowed = ", ".join(known) or "none"
            raise FieldError(
                f"field {self.name}: type {self.type} has no option {option!r}; its options: {allowed}"
            )
        if not known[option].accepts(value):
            raise FieldError(f"field {self.name}: option {option} takes {known[option].allowed}")

    def _check_words_apart(self) -> None:
        given = dict(self.options)
        true = {"true", *given.get("true", DEFAULT_TRUE).split("|")}
        false = {"false", *given.get("false", DEFAULT_FALSE).split("|")}
        if true & false:
            raise FieldError(
                f"field {self.name}: options true and false must have no word in common; "
                f"a list that is not given is the default one: true {DEFAULT_TRUE}, false {DEFAULT_FALSE}"
            )
