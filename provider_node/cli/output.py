"""What the command prints: texts in the person's language, tables, and JSON for programs."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Final
from unicodedata import category

import typer

from provider_node.cli.texts import TEXTS
from stayput.language import language_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

# A file or a pipe gets every row on one line and nothing cut off.
_FILE_COLUMNS: Final = 10_000
_KILO: Final = 1_000
_UNITS: Final = ("B", "kB", "MB", "GB")


def say(text: str, **values: object) -> None:
    """Prints one of the command's texts in the person's language; values may come from other departments."""
    typer.echo(printable(sentence(text, **values)))


def sentence(text: str, **values: object) -> str:
    """One of the command's texts in the person's language, with its places filled."""
    return word(text).format(**values)


def word(text: str) -> str:
    """One of the command's texts in the person's language."""
    return TEXTS[text].of(language_of())


def local(time: "Timestamp") -> str:
    """A time as a person here reads it, to the minute."""
    return f"{time.ToDatetime(UTC).astimezone():%Y-%m-%d %H:%M}"


def print_json(message: "Message") -> None:
    """Prints a message as protobuf JSON, with every field."""
    print_object(as_object(message))


def as_object(message: "Message") -> dict[str, object]:
    """A message as protobuf JSON has it, with every field."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, always_print_fields_with_no_presence=True)


def print_object(value: "Mapping[str, object]") -> None:
    """Prints an object as JSON."""
    from json import dumps

    typer.echo(dumps(value, ensure_ascii=False, indent=2))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table; `headers` name texts. Cells may come from other departments: they are plain text."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for header in headers:
        table.add_column(word(header), overflow="fold")
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    width = None if sys.stdout.isatty() else _FILE_COLUMNS
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)


def printable(text: str) -> str:
    """The text without what could steer a terminal."""
    return "".join(c if _harmless(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _harmless(character: str) -> bool:
    # To Python the ideographic space of Chinese text is not printable.
    return character.isprintable() or character == "\n" or category(character) == "Zs"


def size_of(count: int) -> str:
    """A number of bytes as a person reads it."""
    value, unit = float(count), 0
    while value >= _KILO and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} {_UNITS[0]}"
