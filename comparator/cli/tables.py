"""What the listing commands print: a table for people, JSON for programs."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from stayput.language import Text, language_of

# Control characters, and those that only change how others are shown.
_UNSEEN = ("Cc", "Cf")
_MINUTE = "%Y-%m-%d %H:%M"


def show(title: Text, columns: Sequence[Text], rows: Iterable[Sequence[str | Text]]) -> None:
    """Prints a table in the operator's language."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text as RichText

    language = language_of()
    table = Table(title=title.of(language))
    for column in columns:
        table.add_column(column.of(language), overflow="fold")
    for row in rows:
        # A plain string would have its square brackets read as markup.
        table.add_row(
            *(RichText(_visible(cell.of(language) if isinstance(cell, Text) else cell)) for cell in row)
        )
    Console().print(table)


def _visible(text: str) -> str:
    """Text in which nothing moves the cursor or turns the direction of reading."""
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in _UNSEEN else c.encode("unicode_escape").decode()
        for c in text
    )


def filled(text: Text, **values: object) -> Text:
    """The text with its places filled in both languages."""
    return Text(text.en.format(**values), text.zh.format(**values))


def dump(value: object) -> None:
    """Prints JSON."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def plain(message: Message) -> dict[str, object]:
    """A message as JSON has it, under the names of the .proto."""
    return MessageToDict(message, preserving_proto_field_name=True)


def minute(stamp: Timestamp) -> str:
    """A time in the local zone to the minute; empty if it is not set."""
    return stamp.ToDatetime(UTC).astimezone().strftime(_MINUTE) if stamp.ByteSize() else ""
