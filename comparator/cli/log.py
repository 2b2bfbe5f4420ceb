"""The commands of `comparator log`: what is in it, whether it is intact, and how long it is kept."""

from pathlib import Path
from typing import Annotated

import typer

from comparator.cli.options import DEFAULT_CONFIG, ConfigOption, EntryKindName, JsonOption

app = typer.Typer(
    help="Search the comparison log, check it, and keep it: holds, archives, removal.", no_args_is_help=True
)

_LOGGED_BEFORE = "Only entries logged before this day begins in China"
_Before = Annotated[str, typer.Option(metavar="DATE", help=f"{_LOGGED_BEFORE}.")]


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show the log's size and root, who has cosigned it, and what was archived and removed."""
    from comparator.cli import keeping

    keeping.status(config, json)


@app.command()
def search(  # noqa: PLR0917 (one parameter per option)
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Logged at or after this.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Logged before this.")] = "",
    consumer: Annotated[str, typer.Option(metavar="CODE", help="Only of this consuming department.")] = "",
    provider: Annotated[str, typer.Option(metavar="CODE", help="Only of this providing department.")] = "",
    resource: Annotated[str, typer.Option(metavar="CODE", help="Only about this resource.")] = "",
    grant: Annotated[str, typer.Option(metavar="GRANT", help="Only about this grant.")] = "",
    operator: Annotated[str, typer.Option(metavar="NAME", help="Only by this civil servant.")] = "",
    case_number: Annotated[str, typer.Option(metavar="NUMBER", help="Only for this case.")] = "",
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only events of this type; repeatable.")
    ] = None,
    kind: Annotated[EntryKindName | None, typer.Option(help="Only entries of this kind.")] = None,
    least_records: Annotated[int, typer.Option(help="Only receipts of at least so many records.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 100,
    after: Annotated[str, typer.Option(metavar="TOKEN", help="Go on where a page before ended.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List receipts and events, newest first. A TIME is a date, or a date with a time, in China."""
    from comparator.cli import searching

    filters = searching.Filters(
        since=since,
        until=until,
        consumer=consumer,
        provider=provider,
        resource=resource,
        grant=grant,
        operator=operator,
        case_number=case_number,
        types=types or [],
        kind=kind,
        least_records=least_records,
        limit=limit,
        after=after,
    )
    searching.search(config, filters, json)


@app.command()
def check(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Check every entry, the whole tree, and that nothing was removed early. Exits with 1 if not."""
    from comparator.cli import keeping

    keeping.check(config, json)


@app.command()
def archive(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The new archive file.")],
    until: Annotated[
        int | None, typer.Option(metavar="PLACE", help="Only entries before this place.")
    ] = None,
    before: Annotated[
        str,
        typer.Option(metavar="DATE", help=f"{_LOGGED_BEFORE}, up to a checkpoint that is cosigned if any."),
    ] = "",
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write what follows the last archive to a file that anyone can verify alone."""
    from comparator.cli import keeping

    keeping.archive(config, until, before, output)


@app.command()
def remove(
    before: _Before,
    first: Annotated[
        int, typer.Option(metavar="PLACE", help="Only entries from this place on, to go around a hold.")
    ] = 0,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Remove the content of entries that are archived, past their retention and not held; for good."""
    from comparator.cli import keeping

    keeping.remove(config, first, before)


@app.command()
def hold(
    first: Annotated[int, typer.Option(metavar="PLACE", help="The first entry held.")],
    last: Annotated[int, typer.Option(metavar="PLACE", help="The last entry held.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the log.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Place a legal hold: these entries cannot be removed until it is lifted."""
    from comparator.cli import keeping

    keeping.hold(config, first, last, reason)


@app.command()
def release(
    number: Annotated[int, typer.Argument(metavar="HOLD", help="Number of the hold.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the log.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Lift a legal hold."""
    from comparator.cli import keeping

    keeping.release(config, number, reason)


@app.command()
def holds(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List legal holds, also those that were lifted."""
    from comparator.cli import keeping

    keeping.holds(config, json)
