"""Fields of a register, and conditions on them as hypothesis draws them."""

from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st

from provider_node.config.conditions import (
    Comparison,
    Condition,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Nullness,
    Operator,
)
from provider_node.config.conditions.syntax import conjunction, disjunction
from stayput.normalise import Field, FieldType

NUMBERS: Final = ("price", "seats")
DATES: Final = ("first_seen", "date")
BOOLEANS: Final = ("scrapped", "insured")
TEXTS: Final = ("plate", "former_plate")
FIELDS: Final[Mapping[str, Field]] = {
    "price": Field("price", FieldType.NUMBER, (("scale", "2"),)),
    "seats": Field("seats", FieldType.NUMBER, (("scale", "0"),)),
    "first_seen": Field("first_seen", FieldType.DATE),
    "date": Field("date", FieldType.DATE, (("format", "dmy"),)),
    "scrapped": Field("scrapped", FieldType.BOOLEAN, (("false", "在用"), ("true", "报废"))),
    "insured": Field("insured", FieldType.BOOLEAN),
    "plate": Field("plate", FieldType.CODE, (("case", "upper"), ("drop", "space,dot"))),
    "former_plate": Field("former_plate", FieldType.CODE, (("case", "upper"),)),
    "owner": Field("owner", FieldType.PERSON_NAME),
    "owner_id": Field("owner_id", FieldType.RESIDENT_ID),
    "colour": Field("colour", FieldType.TEXT, (("case", "lower"),)),
}

VALUES: Final[Mapping[LiteralKind, tuple[str, ...]]] = {
    LiteralKind.NUMBER: ("0", "4", "5", "-3", "100000"),
    LiteralKind.DATE: ("1999-12-31", "2024-02-29", "2026-01-31"),
    LiteralKind.BOOLEAN: ("true", "false"),
    LiteralKind.TEXT: ("京A12345", "沪B1", "O'1", "AND"),
}
_OF_KIND: Final = {
    LiteralKind.NUMBER: NUMBERS,
    LiteralKind.DATE: DATES,
    LiteralKind.BOOLEAN: BOOLEANS,
    LiteralKind.TEXT: TEXTS,
}
_ANY: Final = list(Operator)
_UNORDERED: Final = [Operator.EQUAL, Operator.UNEQUAL]


def _tests(kind: LiteralKind) -> st.SearchStrategy[Condition]:
    names = st.sampled_from(_OF_KIND[kind]).map(Name)
    literals = st.sampled_from(VALUES[kind]).map(lambda value: Literal(kind, value))
    ordered = kind in (LiteralKind.NUMBER, LiteralKind.DATE)
    return st.one_of(
        st.builds(Comparison, names, st.sampled_from(_ANY if ordered else _UNORDERED), literals | names),
        st.builds(
            Membership, names, st.lists(literals, min_size=1, max_size=3).map(tuple), negated=st.booleans()
        ),
        st.builds(Nullness, names, negated=st.booleans()),
    )


CONDITIONS: Final[st.SearchStrategy[Condition]] = st.recursive(
    st.one_of(*map(_tests, LiteralKind)),
    lambda inner: st.one_of(
        st.builds(Negation, inner),
        st.lists(inner, min_size=2, max_size=3).map(conjunction),
        st.lists(inner, min_size=2, max_size=3).map(disjunction),
    ),
    max_leaves=8,
)
"""Conditions on `FIELDS`, whose literals are canonical."""
