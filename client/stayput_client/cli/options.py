"""Options that several commands share; their help is in the text catalogue."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


# The values of options are told before anything else is imported; the names are those of the vocabulary.
class ModeName(StrEnum):
    """How `--mode` names a mode."""

    KEYED = "keyed"
    OBLIVIOUS = "oblivious"


class GranularityName(StrEnum):
    """How `--granularity` names a granularity."""

    RECORD = "record"
    COUNT = "count"


HomeOption: TypeAlias = Annotated[
    Path | None, typer.Option("--home", metavar="DIRECTORY", show_default=False)
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json")]
Resource: TypeAlias = Annotated[str, typer.Option("--resource", metavar="CODE")]
Key: TypeAlias = Annotated[str, typer.Option("--key", metavar="NAME")]
Check: TypeAlias = Annotated[list[str] | None, typer.Option("--check", metavar="NAME")]
InMode: TypeAlias = Annotated[ModeName | None, typer.Option("--mode")]
InGranularity: TypeAlias = Annotated[GranularityName | None, typer.Option("--granularity")]
Column: TypeAlias = Annotated[list[str] | None, typer.Option("--column", metavar="FIELD=COLUMN")]
Encoding: TypeAlias = Annotated[str | None, typer.Option("--encoding", metavar="NAME")]
Delimiter: TypeAlias = Annotated[str, typer.Option("--delimiter", metavar="CHARACTER")]


def columns_of(given: Sequence[str]) -> dict[str, str]:
    """Column by field; a usage error for what is no pair."""
    columns = {}
    for pair in given:
        field, separator, column = pair.partition("=")
        if not separator:
            raise typer.BadParameter("FIELD=COLUMN", param_hint="--column")
        columns[field.strip()] = column.strip()
    return columns


def delimiter_of(given: str) -> str:
    """The character; a tab can be written as backslash and t."""
    return "\t" if given == r"\t" else given
