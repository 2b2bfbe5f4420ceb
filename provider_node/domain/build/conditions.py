"""Evaluating conditions over columns of normalised values, by SQL's logic of true, false and unknown."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from provider_node.config.conditions import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    Literal,
    Membership,
    Name,
    Negation,
    Nullness,
    Operator,
)
from stayput.elements import CONDITION_MET, Encoded
from stayput.normalise import Field, FieldType, Reject

_Rows: TypeAlias = npt.NDArray[np.bool_]
_Values: TypeAlias = npt.NDArray[Any]
_Compare: TypeAlias = Callable[[_Values, Any], _Rows]

_COMPARE: Final[Mapping[Operator, _Compare]] = {
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.GREATER: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """Of each row whether it meets a condition, and whether it fails it; if neither, that is unknown."""

    met: _Rows
    failed: _Rows

    @property
    def known(self) -> _Rows:
        """Whether there is an answer."""
        return self.met | self.failed

    @property
    def encoded(self) -> list[Encoded]:
        """The value of the condition's check: that of a row that does not meet it is rejected."""
        return [CONDITION_MET if met else Reject.MISSING for met in self.met.tolist()]


@dataclass(frozen=True, slots=True)
class _Column:
    """Comparable values, and in which rows there is one; another row has a value that means nothing."""

    values: _Values = field(repr=False)
    present: _Rows


class Evaluation:
    """Evaluates conditions on one batch of normalised columns. A rejected value counts as none."""

    def __init__(self, columns: Mapping[str, Sequence[str | Reject]], fields: Mapping[str, Field]) -> None:
        """`fields` defines the columns that conditions name."""
        self._columns = columns
        self._fields = fields
        self._made: dict[str, _Column] = {}

    def of(self, condition: Condition) -> Truth:
        """What the condition says of each row."""
        match condition:
            case Negation(part):
                truth = self.of(part)
                return Truth(truth.failed, truth.met)
            case Conjunction(parts):
                truths = [self.of(part) for part in parts]
                return Truth(
                    np.logical_and.reduce([one.met for one in truths]),
                    np.logical_or.reduce([one.failed for one in truths]),
                )
            case Disjunction(parts):
                truths = [self.of(part) for part in parts]
                return Truth(
                    np.logical_or.reduce([one.met for one in truths]),
                    np.logical_and.reduce([one.failed for one in truths]),
                )
            case Comparison(name, comparison, operand):
                return self._compared(name.name, _COMPARE[comparison], operand)
            case Membership(name, literals, negated):
                return self._among(name.name, literals, negated=negated)
            case Nullness(name, negated):
                present = self._column(name.name).present
                return Truth(present, ~present) if negated else Truth(~present, present)

    def _compared(self, name: str, compare: _Compare, operand: Literal | Name) -> Truth:
        one = self._column(name)
        if isinstance(operand, Literal):
            [literal] = _comparable(self._fields[name], [self._written(name, operand)])
            return _truth(compare(one.values, literal), one.present)
        other = self._column(operand.name)
        values, others = one.values, other.values
        scales = [_scale(self._fields[each]) for each in (name, operand.name)]
        if scales[0] != scales[1]:
            # As Python's own whole numbers, which have room for any number of digits.
            values, others = (
                each.astype(object) * 10 ** (max(scales) - scale)
                for each, scale in zip((values, others), scales, strict=True)
            )
        return _truth(compare(values, others), one.present & other.present)

    def _among(self, name: str, literals: Sequence[Literal], *, negated: bool) -> Truth:
        one = self._column(name)
        among = set(_comparable(self._fields[name], [self._written(name, each) for each in literals]))
        truth = _truth(np.array([value in among for value in one.values.tolist()], np.bool_), one.present)
        return Truth(truth.failed, truth.met) if negated else truth

    def _written(self, name: str, literal: Literal) -> str:
        """The literal as the field's values are written."""
        scale = _scale(self._fields[name])
        if not scale:
            return literal.value
        whole, _, part = literal.value.partition(".")
        return f"{whole}.{part.ljust(scale, '0')}"

    def _column(self, name: str) -> _Column:
        if name not in self._made:
            self._made[name] = _column(self._fields[name], self._columns[name])
        return self._made[name]


def _truth(met: _Rows, known: _Rows) -> Truth:
    there = met.astype(np.bool_, copy=False) & known
    return Truth(there, known & ~there)


def _column(field: Field, column: Sequence[str | Reject]) -> _Column:
    present = np.ones(len(column), np.bool_)
    texts = column
    if Reject in set(map(type, column)):
        present = np.array([isinstance(value, str) for value in column], np.bool_)
        texts = [value if isinstance(value, str) else "0" for value in column]
    values = _comparable(field, texts)  # type: ignore[arg-type]  # the rejected ones are replaced
    if field.type is FieldType.NUMBER:
        try:
            return _Column(np.array(values, np.int64), present)
        except OverflowError:
            pass
    return _Column(np.array(values, object), present)


def _comparable(field: Field, texts: Sequence[str]) -> Sequence[str] | list[int]:
    """Canonical values as what has the order of the field's type; numbers without their decimal point."""
    if field.type is FieldType.NUMBER:
        return [int(text.replace(".", "")) for text in texts]
    return texts


def _scale(field: Field) -> int:
    """Digits after the decimal point."""
    return int(dict(field.options).get("scale", "0")) if field.type is FieldType.NUMBER else 0
