"""What request fields must look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparator.domain import fields
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Mode


@given(st.text(max_size=30))
def test_a_text_comes_back_whole_or_is_refused_unrepeated(value: str) -> None:
    try:
        assert fields.text("purpose", value, most=20) == value
    except StayputError as error:
        told = (error.reason_name, error.field, error.message.removeprefix("purpose: "))
    else:
        told = ("", "", "")
    fits = 1 <= len(value) <= 20 and bool(value.strip())
    clean = all(c in "\n\t" or not (c < " " or "\x7f" <= c <= "\x9f") for c in value)
    if fits and clean:
        assert told == ("", "", "")
    else:
        assert told[:2] == ("FIELD_INVALID", "purpose")
        assert told[2] in {"is missing", "must have 1 to 20 characters", "must not hold control characters"}


@given(st.integers(0, 2**63 - 1))
def test_a_page_number_is_read_back(number: int) -> None:
    assert fields.page_number(str(number)) == number


@given(st.text(min_size=1))
def test_any_page_token_is_a_number_or_refused(token: str) -> None:
    try:
        number = fields.page_number(token)
    except StayputError as error:
        told = error.field
    else:
        told = "page_token"
        assert number is not None
        assert 0 <= number < 2**63
    assert told == "page_token"


@given(st.integers(-(2**31), 2**31 - 1))
def test_page_sizes(size: int) -> None:
    try:
        wanted = fields.page_size(size)
    except StayputError as error:
        wanted = None
        told = error.field
    else:
        told = ""
    if 0 <= size <= 1_000:
        assert wanted == (size or 100)
    else:
        assert told == "page_size"


def test_choices_are_listed_in_the_error() -> None:
    with pytest.raises(StayputError, match="MODE_KEYED, MODE_OBLIVIOUS"):
        fields.choice("mode", 7, Mode)


@pytest.mark.parametrize("values", [[], [Mode.MODE_KEYED], [Mode.MODE_KEYED, Mode.MODE_KEYED]])
def test_some_of_an_enumeration(values: list[int]) -> None:
    fields.some_of("modes", values, Mode)


@pytest.mark.parametrize("values", [[0], [Mode.MODE_KEYED, 9], [-1]])
def test_none_of_an_enumeration(values: list[int]) -> None:
    with pytest.raises(StayputError) as caught:
        fields.some_of("modes", values, Mode)
    assert (caught.value.reason_name, caught.value.field) == ("FIELD_INVALID", "modes")
