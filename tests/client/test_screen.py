"""What commands print, to the column."""

import pytest

from stayput.language import Language
from stayput_client.cli.screen import Screen


def test_names_and_values_stand_in_two_columns_whatever_they_are_written_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [("经办人", "李娜"), ("Ａ", "1"), ("key", ""), ("a long name", "x")]
    Screen(Language.CHINESE).facts(("receipt.name", "receipt.value"), rows)
    assert capsys.readouterr().out.splitlines() == [
        "节点声明     内容",
        "经办人       李娜",
        "Ａ           1",
        "key",
        "a long name  x",
    ]


def test_neither_names_nor_values_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(Language.ENGLISH).facts(("receipt.name", "receipt.value"), [("k\x1b[2J", "v\nw")])
    assert capsys.readouterr().out.splitlines()[1:] == ["k [2J             v w"]
