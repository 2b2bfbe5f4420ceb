"""Conditions: what a provider evaluates on its own rows in place of a value of the consumer's.

A text of a small grammar (docs/conditions.md) is read to a tree, bound to the resource's fields and written
again in one canonical form, which is part of the contract. Rows are evaluated in provider_node.domain.build.
"""

from provider_node.config.conditions.binding import bind
from provider_node.config.conditions.canonical import canonical
from provider_node.config.conditions.definitions import Conditions, condition_problems, conditions_of
from provider_node.config.conditions.errors import ConditionError
from provider_node.config.conditions.parser import DEEPEST, parse
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
    Nullness,
    Operator,
    fields_named,
)
from provider_node.config.conditions.tokens import LONGEST

__all__ = [
    "DEEPEST",
    "LONGEST",
    "Comparison",
    "Condition",
    "ConditionError",
    "Conditions",
    "Conjunction",
    "Disjunction",
    "Literal",
    "LiteralKind",
    "Membership",
    "Name",
    "Negation",
    "Nullness",
    "Operator",
    "bind",
    "canonical",
    "condition_problems",
    "conditions_of",
    "fields_named",
    "parse",
]
