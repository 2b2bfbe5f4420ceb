from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.sources.values import NO_TEXT, TOO_LONG, date_text, decimal_text, float_text
from stayput.normalise import Field, FieldType, Reject, normaliser

TODAY: Final = date(2026, 1, 5)
BELOW_EXACT: Final = 999_999_999_999_999.9


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (-3.0, "-3"),
        (1.5, "1.5"),
        (1e-7, "0.0000001"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1.000000E+15"),
        (1.10105e17, "1.101050E+17"),
        (float("nan"), ""),
        (float("inf"), "inf"),
        (float("-inf"), "inf"),
    ],
)
def test_floating_point_is_told_in_plain_digits(value: float, expected: str) -> None:
    assert float_text(value) == expected


@given(st.floats(-BELOW_EXACT, BELOW_EXACT))
def test_the_digits_tell_the_value_and_nothing_else(value: float) -> None:
    text = float_text(value)
    assert float(text) == value
    assert set(text) <= set("-0123456789.")


@pytest.mark.parametrize("kind", [FieldType.RESIDENT_ID, FieldType.USCC, FieldType.MOBILE])
@given(st.floats(1e15, 1e19))
def test_an_identifier_in_floating_point_is_damage(kind: FieldType, value: float) -> None:
    assert normaliser(Field("id", kind), TODAY).one(float_text(value)) is Reject.SPREADSHEET_DAMAGE


@pytest.mark.parametrize("kind", list(FieldType))
def test_no_type_takes_what_stands_for_bytes_or_for_a_long_text(kind: FieldType) -> None:
    one = normaliser(Field("x", kind), TODAY).one
    assert one(NO_TEXT) is Reject.ENCODING
    assert isinstance(one(TOO_LONG), Reject)


def test_decimals_are_told_without_an_exponent() -> None:
    texts = [decimal_text(Decimal(text)) for text in ("1E+3", "0.0000001", "12.50", "NaN")]
    assert texts == ["1000", "0.0000001", "12.50", ""]


def test_a_time_that_is_midnight_is_left_out() -> None:
    assert date_text(date(2026, 1, 2)) == "2026-01-02"
    assert date_text(datetime(2026, 1, 2)) == "2026-01-02"  # noqa: DTZ001 (as a file has it)
    assert date_text(datetime(2026, 1, 2, 3, 4, 5)) == "2026-01-02 03:04:05"  # noqa: DTZ001
    assert date_text(datetime(2026, 1, 2, 3, tzinfo=UTC)) == "2026-01-02 03:00:00+00:00"
