"""Shapes tell what values look like and never what they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.profile.shapes import LEAST_ROWS, MOST_SHAPES, Shape, Shapes
from stayput.normalise import FieldType

SHAPE = re.compile(r"(?:[9Aa汉? \-./:,+()_*#·（）、](?:\{[1-9][0-9]*\})?)*…?")


def told(texts: list[str], field_type: FieldType = FieldType.TEXT) -> tuple[Shape, ...]:
    shapes = Shapes(field_type)
    shapes.add(texts, [])
    return shapes.told()


def shape(text: str, field_type: FieldType = FieldType.TEXT) -> str:
    (found,) = told([text] * LEAST_ROWS, field_type)
    return found.shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11010519491231002X", "9{17}A"),
        ("1990-01-02", "9{4}-9{2}-9{2}"),
        ("京A·12345", "汉A·9{5}"),
        ("ab Cd", "a{2} Aa"),
        ("７８", "?{2}"),
        ("a\x00\n\u202eb", "a?{3}a"),
        ("-", "?"),
        ("/-/", "?{3}"),
        ("𠮷野", "汉{2}"),
        ("٣", "?"),
        ("<b>1", "?a?9"),
        ("1a" * 20, "9a" * 12 + "…"),
        ("7" * 400, "9{256}"),
    ],
)
def test_shapes(text: str, expected: str) -> None:
    assert shape(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("王小明", "?{3}"), ("AB·C-1", "?{6}")])
def test_of_a_name_only_the_length_is_told(text: str, expected: str) -> None:
    assert shape(text, FieldType.PERSON_NAME) == expected


@given(st.text(max_size=300))
def test_every_text_has_a_shape_of_few_signs(text: str) -> None:
    found = shape(text)
    assert SHAPE.fullmatch(found)
    assert len(found) < 24 * 6 + 2


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_a_shape_gives_back_no_letter_digit_or_ideograph(text: str) -> None:
    signs = re.sub(r"\{[0-9]+\}", "", shape(text))
    assert not set(signs) & (set(text) - set("9Aa汉? -./:,+()_*#·（）、…"))


def test_a_shape_of_few_rows_is_not_told() -> None:
    rare, often = ["12345"] * (LEAST_ROWS - 1), ["ABC"] * LEAST_ROWS
    assert told(rare + often) == (Shape("A{3}", LEAST_ROWS, 0),)


def test_the_most_frequent_shapes_are_told_in_order() -> None:
    texts = [text for length in range(1, 15) for text in ["8" * length] * (LEAST_ROWS + length)]
    found = told(texts)
    assert len(found) == MOST_SHAPES
    assert [one.rows for one in found] == [LEAST_ROWS + length for length in range(14, 4, -1)]


def test_refused_values_are_counted_among_the_rows() -> None:
    shapes = Shapes(FieldType.RESIDENT_ID)
    shapes.add(["123"] * (LEAST_ROWS - 1), ["456"])
    shapes.add([], ["ab"] * LEAST_ROWS)
    assert shapes.told() == (Shape("9{3}", LEAST_ROWS, 1), Shape("a{2}", LEAST_ROWS, LEAST_ROWS))


def test_a_column_without_any_order_takes_bounded_room() -> None:
    shapes = Shapes(FieldType.TEXT)
    for number in range(12_000):
        text = f"{number:014b}".replace("0", "-").replace("1", "x")
        shapes.add([text, "77"], [text])
    assert shapes.told()[0] == Shape("9{2}", 12_000, 0)
    assert max(len(shapes._usable), len(shapes._refused)) <= 8_192
