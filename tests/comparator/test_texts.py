"""Texts for operators: both languages, the same places."""

from string import Formatter

import pytest

from comparator import texts
from comparator.texts import unusable
from stayput.language import Language, Text

_TEXTS = {name: value for name, value in vars(texts).items() if isinstance(value, Text)}


def _places(text: str) -> set[str]:
    return {place for _, place, _, _ in Formatter().parse(text) if place is not None}


@pytest.mark.parametrize("name", sorted(_TEXTS))
def test_both_languages_say_the_same(name: str) -> None:
    text = _TEXTS[name]
    assert text.en.isascii()
    assert text.zh
    if name != "BAD_INPUT":
        assert _places(text.en) == _places(text.zh)


def test_a_failure_is_told_in_the_operators_language() -> None:
    error = unusable(texts.EXISTS, texts.EXISTS_FIX, path="data")
    assert error.told(Language.ENGLISH) == (error.message, error.remedy)
    message, remedy = error.told(Language.CHINESE)
    assert message == "data：已经存在，未作任何改动"
    assert remedy == "请另选位置，或先将其移走"
