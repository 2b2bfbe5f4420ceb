"""A profile at the terminal: tables, then what to do."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

import typer
from rich.console import Console
from rich.table import Table

from provider_node.cli.output import printable
from provider_node.cli.profile_cells import (
    CHECK_COLUMNS,
    FIELD_COLUMNS,
    KEY_COLUMNS,
    check_cells,
    field_cells,
    key_cells,
)
from provider_node.cli.profile_wording import Wording
from provider_node.domain.profile import Level, Profile

# A file or a pipe gets every row on one line and nothing cut off.
_FILE_COLUMNS: Final = 10_000


def show(profile: Profile, word: Wording) -> None:
    """Prints a profile."""
    _say(word("title", resource=profile.resource, title=profile.title))
    _say(f"{word.size(profile)}\n{word.freshness(profile.freshness)}")
    _print(word, FIELD_COLUMNS, map(field_cells, profile.fields))
    _print(word, KEY_COLUMNS, map(key_cells, profile.keys))
    if profile.checks:
        _print(word, CHECK_COLUMNS, map(check_cells, profile.checks))
    for level in Level:
        found = [word.finding(one) for one in profile.findings if one.level is level]
        if not found and level is Level.FIX:
            found = [word("nothing")]
        if found:
            _say("\n".join([f"{word(level.value)}:", *(f"  - {one}" for one in found)]))


def _say(text: str) -> None:
    typer.echo(printable(text))


def _print(word: Wording, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table()
    for header in headers:
        table.add_column(word(header), overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    width = None if sys.stdout.isatty() else _FILE_COLUMNS
    Console(width=width, markup=False, emoji=False, highlight=False).print(table)
