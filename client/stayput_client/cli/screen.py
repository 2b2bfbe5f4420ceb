"""What a command shows: texts in the chosen language, tables, JSON, and failures on standard error."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias
from unicodedata import east_asian_width

import typer

from stayput.language import Language
from stayput_client.texts import text

if TYPE_CHECKING:
    from stayput.delimited import DelimitedError
    from stayput.errors import StayputError

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | dict[str, Json] | None"
_WIDTH_IN_A_PIPE: Final = 160


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard output and error of one command."""

    language: Language

    @staticmethod
    def of(context: typer.Context) -> "Screen":
        """The screen that `main` gave to the command."""
        screen = context.find_object(Screen)
        if screen is None:
            raise RuntimeError("commands are run by stayput_client.cli.main")
        return screen

    def text(self, name: str, **places: object) -> str:
        """A text in the chosen language."""
        return text(name, self.language, **places)

    def say(self, name: str, **places: object) -> None:
        """One line on standard output."""
        typer.echo(printable(self.text(name, **places)))

    def warn(self, name: str, hint: str | None = None, **places: object) -> None:
        """A failure told by texts, on standard error."""
        self._complain(self.text(name, **places), self.text(hint) if hint else "")

    def json(self, value: Json) -> None:
        """JSON on standard output."""
        import json

        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))

    def facts(self, headings: tuple[str, str], rows: Sequence[tuple[str, str]]) -> None:
        """Names and values on standard output, one a line; `headings` are names of texts."""
        told = (self.text(headings[0]), self.text(headings[1]))
        lines = [(printable(name), printable(value)) for name, value in (told, *rows)]
        widest = max(_columns(name) for name, _ in lines)
        for name, value in lines:
            typer.echo(f"{name}{' ' * (widest - _columns(name))}  {value}".rstrip())

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table on standard output; `headings` are names of texts."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for at, heading in enumerate(headings):
            # The first column names what a row is about, for example an id to be copied.
            table.add_column(self.text(heading), no_wrap=at == 0, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        console = Console(file=sys.stdout)
        if not console.is_terminal:
            console.width = _WIDTH_IN_A_PIPE
        console.print(table)

    def moment(self, at: datetime | None) -> str:
        """A time in this computer's zone, to the minute."""
        return at.astimezone().strftime("%Y-%m-%d %H:%M %z") if at else self.text("none")

    def failure(self, error: "StayputError | DelimitedError | OSError") -> None:
        """Prints `error: …` and `hint: …` on standard error."""
        from stayput_client.cli.failures import told

        self._complain(*told(error, self.language))

    def _complain(self, problem: str, hint: str) -> None:
        typer.echo(self.text("error") + printable(problem), err=True)
        if hint:
            typer.echo(self.text("hint") + printable(hint), err=True)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: an ideograph takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def printable(line: str) -> str:
    """`line` without control characters, so that what another party wrote cannot drive the terminal."""
    return "".join(character if character.isprintable() else " " for character in line)
