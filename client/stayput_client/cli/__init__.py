"""The `stayput` command."""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli import (
    applications,
    audit,
    catalogue,
    compare,
    enrol,
    grants,
    receipt,
    trust,
    verify,
    witness,
)
from stayput_client.cli.localised import localise
from stayput_client.cli.screen import Screen
from stayput_client.cli.values import read_plainly
from stayput_client.texts import chosen_language

if TYPE_CHECKING:
    from stayput.delimited import DelimitedError
    from stayput.errors import StayputError

REFUSED = 1
_OPTION = "--lang"

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
for commands in (enrol, catalogue, applications, grants, compare, verify, witness):
    commands.register(app)
app.add_typer(receipt.app, name="receipt")
app.add_typer(audit.app, name="audit")
app.add_typer(trust.app, name="trust")


class _LanguageName(StrEnum):
    EN = "en"
    ZH = "zh"


@app.callback()
def _root(
    context: typer.Context, lang: Annotated[_LanguageName | None, typer.Option(_OPTION)] = None
) -> None:
    context.obj = Screen(chosen_language(lang, os.environ))


def main() -> None:
    """Runs the command line; exits with the codes that `stayput compare --help` lists."""
    lang, arguments = _language_first(sys.argv[1:])
    screen = Screen(chosen_language(lang, os.environ))
    command = typer.main.get_group(app)
    localise(command, screen.language)
    read_plainly(command)
    try:
        command.main(arguments, prog_name="stayput")
    except SystemExit:
        # The usual end: what tells a failure is not needed for it, and not imported.
        raise
    except _failures() as error:
        screen.failure(error)
        sys.exit(REFUSED)


def _failures() -> "tuple[type[StayputError], type[DelimitedError], type[OSError]]":
    """What a command is expected to fail with; everything else is a defect."""
    from stayput.delimited import DelimitedError
    from stayput.errors import StayputError

    return StayputError, DelimitedError, OSError


def _language_first(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The language named anywhere among the arguments, and the arguments with that option in front.

    Help is printed while arguments are parsed, so its language must be known before.
    """
    for at, argument in enumerate(arguments):
        if argument.startswith(f"{_OPTION}="):
            return argument.removeprefix(f"{_OPTION}="), [argument, *arguments[:at], *arguments[at + 1 :]]
        if argument == _OPTION and at + 1 < len(arguments):
            value = arguments[at + 1]
            return value, [argument, value, *arguments[:at], *arguments[at + 2 :]]
    return None, list(arguments)
