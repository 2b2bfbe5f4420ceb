"""What conditions say of rows, also as SQLite has it."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given

from provider_node.config.conditions import Condition, bind, canonical, parse
from provider_node.domain.build.conditions import Evaluation, Truth
from stayput.elements import CONDITION_MET
from stayput.normalise import Reject
from tests.provider_node.conditions.database import COLUMNS, ROWS, Cell, Row, in_sqlite
from tests.provider_node.conditions.strategies import CONDITIONS, FIELDS


def evaluated(condition: Condition, rows: Sequence[Row]) -> Truth:
    columns = {name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)}
    return Evaluation(columns, FIELDS).of(condition)


def answers(truth: Truth) -> list[bool | None]:
    """True, False, or None for unknown."""
    pairs = zip(truth.met.tolist(), truth.failed.tolist(), strict=True)
    assert not (truth.met & truth.failed).any()
    return [True if met else False if failed else None for met, failed in pairs]


def of_one(text: str, field: str, values: Sequence[Cell], **others: Sequence[Cell]) -> list[bool | None]:
    columns: Mapping[str, Sequence[Cell]] = {field: values, **others}
    return answers(Evaluation(columns, FIELDS).of(bind(parse(text), FIELDS)))


@given(CONDITIONS, ROWS)
def test_rows_are_answered_as_by_a_database(condition: Condition, rows: list[Row]) -> None:
    assert answers(evaluated(condition, rows)) == in_sqlite(canonical(condition), rows)


NOTHING = (Reject.MISSING, Reject.FORMAT)
PRICES: Sequence[Cell] = ["99999.99", "100000.00", "100000.01", "-100000.00", *NOTHING]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price >= 100000", [False, True, True, False, None, None]),
        ("price > 100000", [False, False, True, False, None, None]),
        ("price < 100000", [True, False, False, True, None, None]),
        ("price <= 100000", [True, True, False, True, None, None]),
        ("price = 100000.00", [False, True, False, False, None, None]),
        ("price != 100000", [True, False, True, True, None, None]),
        ("not price != 100000", [False, True, False, False, None, None]),
        ("price in (100000, 99999.99)", [True, True, False, False, None, None]),
        ("price not in (100000, 99999.99)", [False, False, True, True, None, None]),
        ("price is null", [False, False, False, False, True, True]),
        ("price is not null", [True, True, True, True, False, False]),
        ("price is null or price > 5", [True, True, True, False, True, True]),
        ("price > 5 and price is null", [False, False, False, False, None, None]),
        ("not (price > 5 and price is null)", [True, True, True, True, None, None]),
    ],
)
def test_numbers_are_compared_exactly_and_a_rejected_one_is_none(text: str, said: list[bool | None]) -> None:
    assert of_one(text, "price", PRICES) == said


def test_numbers_of_all_digits_are_compared_exactly() -> None:
    most = "9" * 18
    values: Sequence[Cell] = [f"{most}.99", f"{most}.98", f"-{most}.99"]
    assert of_one(f"price >= {most}.99", "price", values) == [True, False, False]
    assert of_one(f"price <= -{most}.99", "price", values) == [False, False, True]
    assert of_one(f"price in ({most}.98)", "price", values) == [False, True, False]
    assert of_one(f"price < {most}.98", "price", ["1.00", "-1.00"]) == [True, True]
    assert of_one("price > 0.99", "price", values) == [True, True, False]
    seats = [most, most, f"-{most}"]
    assert of_one("price > seats", "price", values, seats=seats) == [True, True, False]
    assert of_one("price > seats", "price", ["1.00", "0.00", "0.00"], seats=seats) == [False, False, True]


def test_numbers_of_different_scales_are_compared_as_numbers() -> None:
    prices: Sequence[Cell] = ["5.00", "4.99", "10.00", Reject.FORMAT]
    seats = ["5", "5", "9", "1"]
    assert of_one("price = seats", "price", prices, seats=seats) == [True, False, False, None]
    assert of_one("price > seats", "price", prices, seats=seats) == [False, False, True, None]
    assert of_one("seats > price", "price", prices, seats=seats) == [False, True, False, None]


def test_days_are_compared_in_their_order() -> None:
    days: Sequence[Cell] = ["1999-12-31", "2024-02-29", "2026-01-31", Reject.FORMAT]
    assert of_one("date >= date '2024-02-29'", "date", days) == [False, True, True, None]
    assert of_one("date in (date '1999-12-31')", "date", days) == [True, False, False, None]


def test_a_row_that_fails_is_known_but_has_no_value() -> None:
    truth = evaluated(
        parse("scrapped = true"),
        [("", "", "", "", one, "", "", "") for one in ("true", "false", Reject.MISSING)],
    )
    assert truth.known.tolist() == [True, True, False]
    assert truth.encoded == [CONDITION_MET, Reject.MISSING, Reject.MISSING]


def test_no_rows_are_no_answers() -> None:
    for text in (
        "price > 5",
        "price in (5)",
        "price is null",
        "not (price > seats or price is null) and seats = 4",
    ):
        assert answers(evaluated(parse(text), [])) == []
