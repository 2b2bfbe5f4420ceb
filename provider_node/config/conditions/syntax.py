"""What a condition is once it has been read. Places in the text, from 0, play no part in comparing two."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class Operator(StrEnum):
    """Comparisons, as they are written."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


class LiteralKind(StrEnum):
    """What is written in a condition in place of a field."""

    NUMBER = "number"
    DATE = "date"
    TEXT = "text"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Name:
    """A field."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number without needless digits, a day as `YYYY-MM-DD`, a text, or `true` or `false`."""

    kind: LiteralKind
    value: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a literal or with another field; unknown if either is null."""

    field: Name
    operator: Operator
    operand: Literal | Name


@dataclass(frozen=True, slots=True)
class Membership:
    """A field is one of some literals, or none of them; unknown if it is null."""

    field: Name
    values: tuple[Literal, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Nullness:
    """A field has no value, or has one; never unknown."""

    field: Name
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite; unknown stays unknown."""

    of: "Condition"


@dataclass(frozen=True, slots=True)
class Conjunction:
    """All of two or more parts, none of them a conjunction."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """Any of two or more parts, none of them a disjunction."""

    parts: tuple["Condition", ...]


Test: TypeAlias = Comparison | Membership | Nullness
Condition: TypeAlias = Test | Negation | Conjunction | Disjunction


def conjunction(parts: list[Condition]) -> Condition:
    """All of the parts, of which there is at least one."""
    flat = [each for part in parts for each in (part.parts if isinstance(part, Conjunction) else (part,))]
    return flat[0] if len(flat) == 1 else Conjunction(tuple(flat))


def disjunction(parts: list[Condition]) -> Condition:
    """Any of the parts, of which there is at least one."""
    flat = [each for part in parts for each in (part.parts if isinstance(part, Disjunction) else (part,))]
    return flat[0] if len(flat) == 1 else Disjunction(tuple(flat))


def tests(condition: Condition) -> Iterator[Test]:
    """The comparisons and other tests of single fields that a condition is made of, from left to right."""
    match condition:
        case Negation(part):
            yield from tests(part)
        case Conjunction(parts) | Disjunction(parts):
            for part in parts:
                yield from tests(part)
        case _:
            yield condition


def fields_named(condition: Condition) -> set[str]:
    """Names of the fields that a condition is about."""
    named = set()
    for test in tests(condition):
        named.add(test.field.name)
        if isinstance(test, Comparison) and isinstance(test.operand, Name):
            named.add(test.operand.name)
    return named
