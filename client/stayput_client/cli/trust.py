"""Commands about the trust file: show, add-log, add-witness, add-node, add-consumer, fetch."""

from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.options import HomeOption
from stayput_client.cli.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from stayput.evidence import Trust
    from stayput_client.trust import TrustFile

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_Key = Annotated[str, typer.Argument(metavar="KEY")]


@app.command()
def show(context: typer.Context, *, home: HomeOption = None) -> None:
    """Shows whom evidence is verified with."""
    _show(Screen.of(context), _file(home).load())


@app.command()
def add_log(context: typer.Context, *, key: _Key, home: HomeOption = None) -> None:
    """Begins the trust file."""
    _show(Screen.of(context), _file(home).begin(key))


@app.command()
def add_witness(
    context: typer.Context,
    *,
    key: _Key,
    least: Annotated[int | None, typer.Option("--least", metavar="N", min=0, show_default=False)] = None,
    home: HomeOption = None,
) -> None:
    """Adds a witness."""
    _show(Screen.of(context), _file(home).add_witness(key, least))


@app.command()
def add_node(
    context: typer.Context,
    *,
    node: Annotated[str, typer.Argument(metavar="NODE")],
    key: _Key,
    home: HomeOption = None,
) -> None:
    """Adds a node's key."""
    _show(Screen.of(context), _file(home).add_node(node, key))


@app.command()
def add_consumer(
    context: typer.Context,
    *,
    department: Annotated[str, typer.Argument(metavar="CODE")],
    key: _Key,
    home: HomeOption = None,
) -> None:
    """Adds a consumer's key."""
    _show(Screen.of(context), _file(home).add_consumer(department, key))


@app.command()
def fetch(context: typer.Context, *, home: HomeOption = None) -> None:
    """Adds the keys of the catalogue's nodes."""

    async def run() -> "Trust":
        from stayput_client.audit import Auditor

        async with Auditor.open(home) as auditor:
            return await auditor.fetch_keys()

    _show(Screen.of(context), interruptible.run(run()))


def _file(home: "Path | None") -> "TrustFile":
    from stayput_client.home import default_home
    from stayput_client.trust import TRUST_FILE, TrustFile

    return TrustFile((home or default_home()) / TRUST_FILE)


def _show(screen: Screen, trust: "Trust") -> None:
    from stayput.evidence.trust import encoded

    rows = [[screen.text("trust.log"), trust.log.name, str(trust.log)]]
    rows += [[screen.text("trust.witness"), one.name, str(one)] for one in trust.witnesses]
    for name, parties in (("trust.node", trust.nodes), ("trust.consumer", trust.consumers)):
        rows += [[screen.text(name), party, encoded(key)] for party, keys in parties.items() for key in keys]
    screen.table(["column.trusted", "column.name", "column.public_key"], rows)
    screen.say("trust.least", count=trust.least_witnesses)
