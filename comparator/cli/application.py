"""The commands and their options. What they do is imported when they run, so that `--help` is quick."""

from inspect import getdoc
from pathlib import Path
from typing import Annotated

import typer

from comparator.cli import log, oversight
from comparator.cli.options import (
    DEFAULT_CONFIG,
    CategoryName,
    ConfigOption,
    JsonOption,
    ModeName,
    RoleName,
    SharingName,
)

app = typer.Typer(
    name="comparator",
    help="The control plane of Stayput: catalogue, applications, grants, tickets and the comparison log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
invite = typer.Typer(help="Invite a department or a node, or renew its enrolment.", no_args_is_help=True)
app.add_typer(invite, name="invite")
calendar = typer.Typer(help="Show or load the working days that deadlines count.", no_args_is_help=True)
app.add_typer(calendar, name="calendar")
app.add_typer(log.app, name="log", short_help="Search the comparison log, check it, and keep it.")
app.add_typer(oversight.app)

_Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write the invitation.")
]
_LISTEN = typer.Option(metavar="HOST:PORT", help="Where departments and nodes call.")
_ENROLMENT_LISTEN = typer.Option(metavar="HOST:PORT", help="Where invitations are used.")
_Roles = Annotated[list[RoleName] | None, typer.Option("--role", help="What it may be; may be repeated.")]


@app.command()
def init(
    config: ConfigOption = DEFAULT_CONFIG,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Directory for keys and database; new or empty.")
    ] = Path("comparator-data"),
    listen: Annotated[str, _LISTEN] = "127.0.0.1:7443",
    enrolment_listen: Annotated[str, _ENROLMENT_LISTEN] = "127.0.0.1:7444",
    advertise: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="What callers dial, if not --listen.")
    ] = None,
    enrolment_advertise: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="What callers dial, if not --enrolment-listen.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="An empty PostgreSQL database, without its password; else SQLite in --data."
        ),
    ] = None,
) -> None:
    """Create configuration, certificate authority, keys and database. Nothing is overwritten."""
    from comparator.cli import setup

    setup.initialise(config, data, listen, enrolment_listen, advertise, enrolment_advertise, database)


@app.command()
def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    listen: Annotated[str | None, _LISTEN] = None,
    enrolment_listen: Annotated[str | None, _ENROLMENT_LISTEN] = None,
) -> None:
    """Run the service until SIGTERM or SIGINT. The options replace what the configuration says."""
    from comparator.cli import running

    running.serve(config, listen, enrolment_listen)


@app.command()
def migrate(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Bring the database to this release's schema. Back it up first."""
    from comparator.cli import setup

    setup.migrate(config)


@invite.command("department")
def invite_department(
    code: Annotated[str, typer.Argument(help="Code of the department.")],
    title: Annotated[str, typer.Option(help="Its name, as people know it.")],
    role: _Roles = None,
    output: _Output = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write an invitation for a department. Earlier unused ones of the same department end.

    Without --role, a new department is consumer and provider, and one invited again stays what it is.
    """
    from comparator.cli import invitations

    invitations.department(config, code, title, role, output)


@invite.command("node")
def invite_node(
    node_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the node.")],
    department: Annotated[str, typer.Option(metavar="CODE", help="Code of its department.")],
    output: _Output = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write an invitation for a department's node. Earlier unused ones of the same node end."""
    from comparator.cli import invitations

    invitations.node(config, node_id, department, output)


@app.command()
def roles(
    code: Annotated[str, typer.Argument(help="Code of the department.")],
    role: Annotated[list[RoleName], typer.Option(help="What it may be; may be repeated.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Give a department these roles and no others, from its next call on."""
    from comparator.cli import invitations

    invitations.roles(config, code, role)


@app.command()
def departments(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List departments with their roles, and their nodes."""
    from comparator.cli import listings

    listings.departments(config, json)


@app.command()
def resources(
    query: Annotated[str, typer.Option(metavar="WORDS", help="Only those that hold all these words.")] = "",
    category: Annotated[
        list[CategoryName] | None, typer.Option(help="Only of this category; may be repeated.")
    ] = None,
    sharing: Annotated[
        list[SharingName] | None, typer.Option(help="Only of this sharing type; may be repeated.")
    ] = None,
    provider: Annotated[str, typer.Option(metavar="CODE", help="Only of this department.")] = "",
    mode: Annotated[
        list[ModeName] | None, typer.Option(help="Only those that offer this mode; may be repeated.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List the catalogue, or what a search of it finds."""
    from comparator.cli import listings

    listings.resources(config, query, category or [], sharing or [], provider, mode or [], json)


@calendar.command("load")
def calendar_load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The year's calendar, a TOML file.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Check a year's calendar and use it from now on, a running service included."""
    from comparator.cli import calendars

    calendars.load_file(config, file)


@calendar.command("show")
def calendar_show(
    year: Annotated[
        int | None, typer.Argument(metavar="[YEAR]", min=1, max=9999, help="Show this year's days.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show which years are known, or one year's holidays and make-up days."""
    from comparator.cli import calendars

    if year is None:
        calendars.show_years(config, json)
    else:
        calendars.show_year(config, year, json)


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show whether the service runs, where, and how long its certificates last."""
    from comparator.cli import running

    running.status(config, json)


def _told_whole(commands: typer.Typer) -> None:
    """Has lists of commands say all of what each does, where typer would cut it to a line."""
    for command in commands.registered_commands:
        command.short_help = (getdoc(command.callback) or "").partition("\n\n")[0]
    for group in commands.registered_groups:
        if group.typer_instance:
            _told_whole(group.typer_instance)


_told_whole(app)
