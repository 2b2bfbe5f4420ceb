"""The command `provider-node`: set up, build, serve, publish, decide and look back."""

import sys
from inspect import getdoc
from typing import NoReturn

import typer

from provider_node.cli import (
    applications,
    backup,
    build,
    generations,
    grants,
    keys,
    limits,
    log,
    profile,
    publishing,
    replica,
    resource,
    setup,
    shards,
    status,
)
from stayput.errors import StayputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A provider's data service node. 数据提供部门的数据服务节点。",
)
for group in (
    setup,
    profile,
    build,
    shards,
    generations,
    status,
    publishing,
    applications,
    grants,
    limits,
    log,
    resource,
    keys,
    replica,
    backup,
):
    group.register(app)


def _told_whole(commands: typer.Typer) -> None:
    """Has lists of commands say all of what each does: typer would cut off the Chinese half."""
    for command in commands.registered_commands:
        command.short_help = (getdoc(command.callback) or "").partition("\n\n")[0]
    for group in commands.registered_groups:
        if group.typer_instance:
            _told_whole(group.typer_instance)


_told_whole(app)


def main() -> None:
    """Runs the command; an error is told as `error:` and `hint:` lines, with exit code 1 (2 for usage)."""
    try:
        app()
    except StayputError as error:
        _fail(error)
    except OSError as error:
        from stayput.v1.errors_pb2 import ErrorReason

        # A file or directory that the person named or configured.
        _fail(
            StayputError(
                ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
                f"{error.filename or 'the system'}: {error.strerror}",
                remedy="check that the path is right and that you may read and write there",
            )
        )


def _fail(error: StayputError) -> NoReturn:
    from provider_node.cli.output import printable
    from stayput.language import language_of
    from stayput.reasons import told

    text = "\n".join(filter(None, (told(error, language_of()), applications.told_decision(error))))
    # What the platform or another department wrote may be part of it.
    print(printable(text), file=sys.stderr)  # noqa: T201 (the command's own word)
    sys.exit(1)
