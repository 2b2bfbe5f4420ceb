"""`status`: what the node and its resources are doing, also when the node is not running."""

from typing import TYPE_CHECKING

import typer

from provider_node.cli.options import CONFIG, Config, Json
from provider_node.cli.output import as_object, local, print_object, print_table, say, word

if TYPE_CHECKING:
    from provider_node.config import NodeConfig
    from stayput.v1.admin_pb2 import GetStatusResponse, ResourceStatus


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(status)


def status(config: Config = CONFIG, as_json: Json = False) -> None:
    """Show the node, its resources and their rejects (显示节点与资源状态)."""
    from base64 import b64encode

    from provider_node.config import load_node
    from provider_node.domain.keys import NodeKeys
    from stayput.signing import key_id

    loaded = load_node(config)
    found = _found(loaded)
    keys = NodeKeys.of(loaded)
    public = keys.signing_key().public_key().public_bytes_raw()
    plain = keys.store.plain()
    signing_key = {"id": key_id(public), "key": b64encode(public).decode()}
    if as_json:
        print_object({**as_object(found), "signingKey": signing_key, "plainKeys": plain})
        return
    _show_node(found)
    say("signing_key", **signing_key)
    if plain:
        say("keys_plain", files=", ".join(plain))
    print_table(
        ("resource", "state", "in_catalogue", "generation", "as_of", "rows", "subjects", "left_out"),
        (_row(one) for one in found.resources),
    )
    for one in found.resources:
        if one.HasField("next_build_at"):
            say("next_build", resource=one.code, at=local(one.next_build_at))
        if one.last_failure:
            say("last_failure", resource=one.code, why=one.last_failure)


def _show_node(found: "GetStatusResponse") -> None:
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


def _found(loaded: "NodeConfig") -> "GetStatusResponse":
    """From the running node if there is one, else from its files."""
    from provider_node.store.run_directory import RunDirectory

    if RunDirectory(loaded.node.data).answers():
        from asyncio import run

        from provider_node.cli.link import asked
        from stayput.v1.admin_pb2 import GetStatusRequest

        return run(asked(loaded, lambda node: node.GetStatus(GetStatusRequest())))
    from provider_node.domain.status import offline_status

    return offline_status(loaded)


def _row(one: "ResourceStatus") -> tuple[str, ...]:
    return (
        one.code,
        _state(one),
        word("yes" if one.published else "no"),
        one.generation,
        local(one.as_of) if one.generation else "",
        f"{one.rows:,}",
        f"{one.subjects:,}",
        "\n".join(f"{reject.field or '*'} {reject.reason}: {reject.count:,}" for reject in one.rejects),
    )


def _state(one: "ResourceStatus") -> str:
    if one.problem:
        return f"{word('not_serving')}: {one.problem}"
    return f"{word('serving')}, {word('stale')}" if one.stale else word("serving")
