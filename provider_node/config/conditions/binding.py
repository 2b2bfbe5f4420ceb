"""Fitting a condition to the fields that it names: their types, and the canonical form of its literals."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from provider_node.config.conditions.errors import ConditionError
from provider_node.config.conditions.syntax import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Operator,
    Test,
)
from provider_node.config.document import nearest
from stayput.normalise import Field, FieldType, Reject, normaliser

_ORDERED: Final = frozenset({FieldType.NUMBER, FieldType.DATE})
_ORDERING: Final = frozenset({Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST})
_KINDS: Final = {
    FieldType.NUMBER: LiteralKind.NUMBER,
    FieldType.DATE: LiteralKind.DATE,
    FieldType.BOOLEAN: LiteralKind.BOOLEAN,
}
_EXAMPLES: Final = {
    LiteralKind.NUMBER: "a number, like 100000",
    LiteralKind.DATE: "a day, like date '2026-01-31'",
    LiteralKind.BOOLEAN: "true or false",
    LiteralKind.TEXT: "a text in single quotes, like 'A'",
}
_REJECTED: Final = {
    Reject.MISSING: "is empty; to ask for a missing value write 'is null'",
    Reject.RANGE: "has more digits than the field declares; see its option 'scale'",
}


def bind(condition: Condition, fields: Mapping[str, Field]) -> Condition:
    """The condition with each literal as the field that it is compared with writes it.

    Raises `ConditionError` if a field is not among these, or is compared as its type cannot be.
    """
    match condition:
        case Negation(part):
            return Negation(bind(part, fields))
        case Conjunction(parts):
            return Conjunction(tuple(bind(part, fields) for part in parts))
        case Disjunction(parts):
            return Disjunction(tuple(bind(part, fields) for part in parts))
        case _:
            return _bound(condition, fields)


def _bound(test: Test, fields: Mapping[str, Field]) -> Test:
    field = _declared(test.field, fields)
    match test:
        case Membership():
            return replace(test, values=tuple(_normalised(field, literal) for literal in test.values))
        case Comparison():
            if test.operator in _ORDERING and field.type not in _ORDERED:
                problem = (
                    f"the field '{field.name}' is of type {field.type}; only number and date have an order"
                )
                raise ConditionError(test.field.position, f"{problem}: use = or != or in")
            if isinstance(test.operand, Literal):
                return replace(test, operand=_normalised(field, test.operand))
            _require_same_type(field, _declared(test.operand, fields), test.operand.position)
    return test


def _declared(name: Name, fields: Mapping[str, Field]) -> Field:
    if name.name not in fields:
        hint = nearest(name.name, fields)
        raise ConditionError(name.position, f"names the field '{name.name}', which is not declared{hint}")
    return fields[name.name]


def _require_same_type(one: Field, other: Field, position: int) -> None:
    if one.type is not other.type:
        types = f"'{one.name}' is of type {one.type} and '{other.name}' of type {other.type}"
        raise ConditionError(position, f"{types}; only fields of the same type are compared")


def _normalised(field: Field, literal: Literal) -> Literal:
    kind = _KINDS.get(field.type, LiteralKind.TEXT)
    if literal.kind is not kind:
        expected = f"expected {_EXAMPLES[kind]}"
        raise ConditionError(
            literal.position, f"{expected}: the field '{field.name}' is of type {field.type}"
        )
    # A literal is valid on every day that the register is built.
    value = normaliser(field, date.max).one(literal.value)
    if isinstance(value, Reject):
        problem = _REJECTED.get(value, f"is refused ({value.value}) by the field's type {field.type}")
        raise ConditionError(literal.position, f"the literal compared with '{field.name}' {problem}")
    return literal if kind is LiteralKind.NUMBER else replace(literal, value=value)
