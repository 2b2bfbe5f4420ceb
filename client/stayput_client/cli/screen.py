"""What a command shows: texts in the chosen language, tables, JSON, and failures on standard error."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import typer

from stayput.delimited import DelimitedError
from stayput.errors import StayputError
from stayput.language import Language
from stayput_client.faults import ClientFault
from stayput_client.refusals import explained
from stayput_client.texts import reason_texts, text

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
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))

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

    def failure(self, error: StayputError | DelimitedError | OSError) -> None:
        """Prints `error: …` and `hint: …` on standard error."""
        match error:
            case ClientFault():
                self._complain(error.message_in(self.language), error.remedy_in(self.language))
            case StayputError():
                self._complain(*self._told(error))
            case DelimitedError():
                self._complain(error.chinese if self.language is Language.CHINESE else str(error), "")
            case _:
                place = f"{error.filename}: " if error.filename else ""
                self._complain(f"{place}{error.strerror}", "")

    def _told(self, error: StayputError) -> tuple[str, str]:
        """What is wrong and what to do, of a failure that another party told in English."""
        incident = f" [{error.details['incident']}]" if "incident" in error.details else ""
        fault = explained(error)
        if fault is None:
            meaning, remedy = reason_texts(error.reason, self.language)
        else:
            meaning, remedy = fault.message_in(self.language), fault.remedy_in(self.language)
        if self.language is Language.CHINESE:
            # The meaning is the translation of what the other party said.
            return f"{meaning}（{error.reason_name}：{error.message}{incident}）", remedy
        if fault is None:
            return f"{error.message} ({error.reason_name}){incident}", error.remedy or remedy
        return f"{meaning} ({error.reason_name}: {error.message}{incident})", remedy

    def _complain(self, problem: str, hint: str) -> None:
        typer.echo(self.text("error") + printable(problem), err=True)
        if hint:
            typer.echo(self.text("hint") + printable(hint), err=True)


def printable(line: str) -> str:
    """`line` without control characters, so that what another party wrote cannot drive the terminal."""
    return "".join(character if character.isprintable() else " " for character in line)
