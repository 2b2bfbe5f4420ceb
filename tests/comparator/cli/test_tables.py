"""What a table shows of texts that others wrote."""

import pytest

from comparator.cli.tables import show
from stayput.language import Text


def test_nothing_in_a_cell_moves_the_cursor_or_turns_the_reading(capsys: pytest.CaptureFixture[str]) -> None:
    cell = "a\x1b[2Jb\x9bc\u202ed\u200be[bold]f\x07\u0007"
    show(Text("t", "t"), (Text("c", "c"),), [[cell]])
    shown = capsys.readouterr().out
    assert "a\\x1b[2Jb\\x9bc\\u202ed\\u200be[bold]f\\x07" in shown
    assert not any(character in shown for character in "\x1b\x9b\u202e\u200b\x07")
