"""What a text field may hold."""

import pytest

from stayput.plain_text import is_plain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "王五",
        "张\N{IDEOGRAPHIC SPACE}三",
        "a\tb\nc",
        "\xa0",
        "\N{ZERO WIDTH SPACE}",
        "\ue863",
        "\U00031350",
    ],
)
def test_what_people_type(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize("text", ["\x00", "a\rb", "\x1b[2J", "\x7f", "\x85", "\ud800"], ids=repr)
def test_what_nobody_types(text: str) -> None:
    assert not is_plain(text)
    assert not is_plain(f"王{text}五")
