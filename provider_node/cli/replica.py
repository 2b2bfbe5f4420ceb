"""`replica`: machines that answer consumers in the node's name, put on its list and taken off again."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli import replica_serve
from provider_node.cli.options import CONFIG, Administrator, Config, Json, administrator
from provider_node.cli.output import local, print_json, print_table, say, sentence, word

if TYPE_CHECKING:
    from provider_node.config import NodeConfig
    from stayput.v1.admin_pb2 import ListReplicasResponse, ReplicaStatus

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the replica. 只读副本名称。")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command()(add)
    group.command("list")(list_replicas)
    group.command()(remove)
    replica_serve.register(group)
    app.add_typer(group, name="replica", help="Machines that answer in the node's name (只读副本).")


def add(
    name: Name,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write. 要生成的文件。")],
    config: Config = CONFIG,
    by: Administrator = None,
) -> None:
    """Put a replica on the list, and write the file that it is started from (添加只读副本)."""
    from datetime import UTC, datetime

    from provider_node.config import load_node
    from provider_node.domain.replicas.adding import add as added

    until = added(load_node(config), name, out, administrator(by), datetime.now(UTC))
    say("replica_added", name=name, file=out, until=f"{until.astimezone():%Y-%m-%d}")
    say("replica_secret", name=name, file=out)


def list_replicas(config: Config = CONFIG, as_json: Json = False) -> None:
    """List the replicas, and what those that are connected serve (列出只读副本)."""
    from provider_node.config import load_node

    found = _found(load_node(config))
    if as_json:
        print_json(found)
        return
    headers = ("replica", "added_at", "administrator", "state", "address", "generation", "open_sessions")
    print_table(headers, map(_row, found.replicas))


def remove(
    name: Name,
    config: Config = CONFIG,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. 不再确认。")] = False,
) -> None:
    """Take a replica off the list; the node admits it no more at once (移除只读副本，立即生效)."""
    from provider_node.config import load_node
    from provider_node.store.replicas import Replicas

    loaded = load_node(config)
    if not yes and sys.stdin.isatty():
        typer.confirm(sentence("confirm_replica_remove", name=name), abort=True)
    Replicas(loaded.node.data).remove(name)
    say("replica_removed", name=name)


def _found(loaded: "NodeConfig") -> "ListReplicasResponse":
    """From the running node if there is one, else from its list, with nobody connected."""
    from provider_node.store.run_directory import RunDirectory
    from stayput.v1.admin_pb2 import ListReplicasRequest, ListReplicasResponse

    if RunDirectory(loaded.node.data).answers():
        from asyncio import run

        from provider_node.cli.link import asked

        return run(asked(loaded, lambda node: node.ListReplicas(ListReplicasRequest())))
    from provider_node.domain.replicas.listing import statuses
    from provider_node.store.replicas import Replicas

    data = loaded.node.data
    return ListReplicasResponse(replicas=statuses(Replicas(data), (), lambda _: 0, data))


def _row(one: "ReplicaStatus") -> tuple[str, ...]:
    connected = one.HasField("connected_since")
    return (
        one.name,
        local(one.added_at),
        one.administrator,
        sentence("connected_since", since=local(one.connected_since)) if connected else word("not_connected"),
        one.address,
        "\n".join(
            f"{each.resource}: {each.generation}{'' if each.current else ', ' + word('earlier')}"
            for each in one.serving
        ),
        f"{one.open_sessions}" if connected else "",
    )
