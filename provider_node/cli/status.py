"""`status`: what the node and its resources are doing, also when the node is not running."""

import asyncio
from typing import TYPE_CHECKING

import typer

from provider_node.cli.options import CONFIG, Config, Json
from provider_node.cli.output import local, print_json, print_table, say, word

if TYPE_CHECKING:
    from stayput.v1.admin_pb2 import ResourceStatus


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(status)


def status(config: Config = CONFIG, as_json: Json = False) -> None:
    """Show the node, its resources and their rejects (显示节点与资源状态)."""
    from provider_node.cli.link import asked
    from provider_node.config import load_node
    from provider_node.domain.status import offline_status
    from provider_node.store.run_directory import RunDirectory
    from stayput.v1.admin_pb2 import GetStatusRequest

    loaded = load_node(config)
    if RunDirectory(loaded.node.data).answers():
        found = asyncio.run(asked(loaded, lambda node: node.GetStatus(GetStatusRequest())))
    else:
        found = offline_status(loaded)
    if as_json:
        print_json(found)
        return
    if found.HasField("started_at"):
        say("running", address=found.address, since=local(found.started_at))
    else:
        say("not_running")
    say(
        "receipts",
        receipts=found.receipts,
        waiting=found.undelivered_receipts,
        open=found.open_sessions,
    )
    if found.HasField("undelivered_since"):
        say("waiting_since", since=local(found.undelivered_since))
    if found.HasField("started_at"):
        say("platform_connected" if found.connected else "platform_away")
        if not found.caught_up:
            say("catching_up")
    print_table(
        ("resource", "state", "in_catalogue", "generation", "as_of", "rows", "subjects", "left_out"),
        (_row(one) for one in found.resources),
    )


def _row(one: "ResourceStatus") -> tuple[str, ...]:
    return (
        one.code,
        f"{word('not_serving')}: {one.problem}" if one.problem else word("serving"),
        word("yes" if one.published else "no"),
        one.generation,
        local(one.as_of) if one.generation else "",
        f"{one.rows:,}",
        f"{one.subjects:,}",
        "\n".join(f"{reject.field or '*'} {reject.reason}: {reject.count:,}" for reject in one.rejects),
    )
