"""What a condition may ask of a field, by its type, and literals in the form of the field's values."""

import pytest

from provider_node.config.conditions import ConditionError, bind, canonical, parse
from tests.provider_node.conditions.strategies import FIELDS


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("price >= 100000.50", "price >= 100000.5"),
        ("seats = 5.0", "seats = 5"),
        ("date > date '2026-01-31'", "date > date '2026-01-31'"),
        ("plate = '京a·12 345'", "plate = '京A12345'"),
        ("plate in ('京a 1', '沪b1')", "plate in ('京A1', '沪B1')"),
        ("former_plate = '京A·1'", "former_plate = '京A·1'"),
        ("colour != ' RED　 '", "colour != 'red'"),
        ("owner = '张　三'", "owner = '张三'"),
        ("owner_id = '11010519491231002x'", "owner_id = '11010519491231002X'"),
        ("scrapped = true and insured in (false, true)", "scrapped = true and insured in (false, true)"),
        ("plate = former_plate and date >= first_seen", "plate = former_plate and date >= first_seen"),
        ("price > seats", "price > seats"),
        ("owner is null or colour is not null", "owner is null or colour is not null"),
    ],
)
def test_literals_are_written_as_their_field_writes_them(text: str, bound: str) -> None:
    assert canonical(bind(parse(text), FIELDS)) == bound


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("prise > 5", "column 1: names the field 'prise', which is not declared; did you mean 'price'?"),
        ("price > 5 and not Price < 9", "column 19: names the field 'Price', which is not declared; did you"),
        ("price > cost", "column 9: names the field 'cost', which is not declared"),
        ("plate > 'A'", "column 1: the field 'plate' is of type code; only number and date have an order"),
        ("insured >= true", "column 1: the field 'insured' is of type boolean; only number and date have"),
        ("plate < former_plate", "column 1: the field 'plate' is of type code; only number and date"),
        ("price = '5'", "column 9: expected a number, like 100000: the field 'price' is of type number"),
        ("price = date '2026-01-31'", "column 9: expected a number"),
        ("date = '2026-01-31'", "column 8: expected a day, like date '2026-01-31': the field 'date' is of"),
        ("insured = 1", "column 11: expected true or false"),
        ("plate = 5", "column 9: expected a text in single quotes, like 'A'"),
        ("plate in ('A', true)", "column 16: expected a text in single quotes"),
        ("price = seats and price = date", "column 27: 'price' is of type number and 'date' of type date"),
        ("owner = colour", "column 9: 'owner' is of type person_name and 'colour' of type text"),
        ("price = 0.125", "column 9: the literal compared with 'price' has more digits than the field"),
        ("seats in (1, 2.5)", "column 14: the literal compared with 'seats' has more digits than the field"),
        ("price > 9999999999999999999", "column 9: the literal compared with 'price' has more digits"),
        ("plate = ''", "column 9: the literal compared with 'plate' is empty; to ask for a missing value"),
        (
            "plate = ' . '",
            "column 9: the literal compared with 'plate' is refused (FORMAT) by the field's type",
        ),
        (
            "owner_id = '110105194912310021'",
            "column 12: the literal compared with 'owner_id' is refused (CHECKSUM)",
        ),
        ("colour = '\ue000'", "column 10: the literal compared with 'colour' is refused (ENCODING)"),
    ],
)
def test_what_does_not_fit_the_field_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ConditionError) as caught:
        bind(parse(text), FIELDS)
    assert caught.value.told(text).startswith(problem)


def test_a_refused_literal_is_not_repeated() -> None:
    with pytest.raises(ConditionError) as caught:
        bind(parse("owner_id = '110105194912310021'"), FIELDS)
    assert "110105" not in repr(caught.value)
