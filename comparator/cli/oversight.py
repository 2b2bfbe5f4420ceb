"""The commands by which an operator watches over applications, grants and what happened."""

from typing import Annotated

import typer

from comparator.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption

app = typer.Typer()

_Grant = Annotated[str, typer.Argument(metavar="GRANT", help="Id of the grant.")]
_Reason = Annotated[str, typer.Option(help="Why; the consumer and the provider read it.")]


@app.command()
def applications(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List applications, newest first, and where their deadlines stand."""
    from comparator.cli import deadlines

    deadlines.applications(config, json)


@app.command()
def overdue(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List the applications whose decision is past its date, oldest first."""
    from comparator.cli import deadlines

    deadlines.overdue(config, json)


@app.command()
def grants(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List grants, newest first, and what provider and platform say of them."""
    from comparator.cli import standings

    standings.grants(config, json)


@app.command()
def suspend(grant: _Grant, reason: _Reason, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Suspend a grant for the platform. Its node learns of it within seconds."""
    from comparator.cli import standings

    standings.suspend(config, grant, reason)


@app.command()
def resume(grant: _Grant, reason: _Reason, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Lift the platform's suspension of a grant; what the provider says of it stays."""
    from comparator.cli import standings

    standings.resume(config, grant, reason)


@app.command()
def revoke(grant: _Grant, reason: _Reason, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Revoke a grant for the platform, for good. Its node learns of it within seconds."""
    from comparator.cli import standings

    standings.revoke(config, grant, reason)


@app.command()
def events(
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only of this type; may be repeated.")
    ] = None,
    grant: Annotated[str, typer.Option(metavar="GRANT", help="Only about this grant.")] = "",
    application: Annotated[
        str, typer.Option(metavar="APPLICATION", help="Only about this application.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """List what happened to parties, resources, applications and grants, newest first."""
    from comparator.cli import history

    history.events(config, types or [], grant, application, limit, json)


@app.command()
def receipts(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List the receipts stored, in the order of arrival."""
    from comparator.cli import listings

    listings.receipts(config, json)
