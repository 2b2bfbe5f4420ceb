"""The text of each kind of value."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.sources.databases.cells import MOST_CHARACTERS, text_of, texts_of
from provider_node.sources.values import NO_TEXT, TOO_LONG
from stayput.normalise import Field, FieldType, Reject, normaliser

TODAY = date(2026, 11, 22)
_NEEDED = {
    FieldType.NUMBER: (("scale", "2"),),
    FieldType.BOOLEAN: (("false", "false"), ("true", "true")),
}


def normalised(kind: FieldType, text: str) -> str | Reject:
    (found,) = normaliser(Field("one", kind, _NEEDED.get(kind, ())), TODAY).column([text])
    return found


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("", ""),
        (" 张三\0", " 张三\0"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (110105194912310021, "110105194912310021"),
        (1.5, "1.5"),
        (110105.0, "110105"),
        (0.00001, "0.00001"),
        (1.10105e17, "1.101050E+17"),
        (Decimal("100.50"), "100.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2), "2026-01-02"),  # noqa: DTZ001 (as drivers give them)
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04:05"),  # noqa: DTZ001
        (datetime(2026, 1, 1, 16, tzinfo=UTC), "2026-01-02"),
        (datetime(2026, 1, 1, 23, 30, tzinfo=UTC), "2026-01-02 07:30:00"),
        (time(3, 4, 5), "03:04:05"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"", NO_TEXT),
        (b"\xff1", NO_TEXT),
        (memoryview(b"1"), NO_TEXT),
        (timedelta(1), NO_TEXT),
        (["1"], NO_TEXT),
        ({"id": "1"}, NO_TEXT),
        ("x" * MOST_CHARACTERS, "x" * MOST_CHARACTERS),
        (" " * MOST_CHARACTERS + "x", TOO_LONG),
        (10**MOST_CHARACTERS, TOO_LONG),
        (Decimal("1E+2000"), TOO_LONG),
    ],
)
def test_a_cell_has_one_text(cell: object, text: str) -> None:
    assert text_of(cell) == text
    assert texts_of((cell, cell)) == [text, text]


@pytest.mark.parametrize("kind", list(FieldType))
def test_what_has_no_text_is_rejected_in_every_type(kind: FieldType) -> None:
    assert normalised(kind, NO_TEXT) is Reject.ENCODING
    assert isinstance(normalised(kind, TOO_LONG), Reject)


def test_an_identifier_in_a_column_of_floating_point_is_found_to_be_damaged() -> None:
    assert normalised(FieldType.RESIDENT_ID, text_of(1.10105e17)) is Reject.SPREADSHEET_DAMAGE


def test_a_number_too_long_to_be_printed_is_not_printed() -> None:
    assert text_of(10**10_000) == TOO_LONG


@given(st.floats(min_value=-9e14, max_value=9e14))
def test_ordinary_numbers_are_plain_and_exact(number: float) -> None:
    text = text_of(number)
    assert "e" not in text.lower()
    assert float(text) == number


@given(st.datetimes() | st.dates())
def test_every_day_is_told_as_a_date(moment: date) -> None:
    assert text_of(moment).startswith(moment.isoformat()[:10])
