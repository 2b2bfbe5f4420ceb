"""`generations` and `rollback`: what is on disk of a resource, and the way back to an earlier one."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli.options import CONFIG, Config, Json, Resource
from provider_node.cli.output import as_object, local, print_object, print_table, say, sentence, size_of, word

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from provider_node.config import NodeConfig, ResourceConfig
    from provider_node.store.generations import Generations
    from stayput.v1.admin_pb2 import GenerationStatus, ListGenerationsResponse


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(generations)
    app.command()(rollback)


def generations(resource: Resource, config: Config = CONFIG, as_json: Json = False) -> None:
    """List the generations of a resource on this node's disk (列出资源的各代数据)."""
    from provider_node.config import load_node, resource_of

    loaded = load_node(config)
    found = _found(loaded, resource)
    serving = next((one for one in found.generations if one.serving), None)
    configured = resource_of(loaded, resource)
    stale = serving is not None and serving.HasField("as_of") and _stale(configured, serving.as_of)
    if as_json:
        frequency = configured.update_frequency.value
        print_object({"resource": resource, "updateFrequency": frequency, "stale": stale, **as_object(found)})
        return
    headers = ("generation", "state", "as_of", "built_at", "rows", "left_out", "subjects", "size")
    print_table(headers, (_row(one, stale=stale) for one in found.generations))


def rollback(
    resource: Resource,
    generation: Annotated[
        str,
        typer.Argument(help="Its id; default: the newest before the serving one. 数据版本，默认为上一版本。"),
    ] = "",
    config: Config = CONFIG,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. 不再确认。")] = False,
) -> None:
    """Let an earlier generation serve again (回退到先前的数据版本)."""
    from provider_node.config import load_node, resource_of
    from provider_node.store.run_directory import RunDirectory

    if not yes and sys.stdin.isatty():
        typer.confirm(sentence("confirm_rollback", resource=resource), abort=True)
    loaded = load_node(config)
    if RunDirectory(loaded.node.data).answers():
        _roll_back_in_node(loaded, resource, generation)
    else:
        from provider_node.domain.generations import roll_back

        resource_of(loaded, resource)
        roll_back(_generations(loaded), resource, generation)
    (serving,) = (one for one in _found(loaded, resource).generations if one.serving)
    say("rolled_back", resource=resource, generation=serving.generation, as_of=local(serving.as_of))


def _found(loaded: "NodeConfig", resource: str) -> "ListGenerationsResponse":
    """From the running node if there is one, else from its files."""
    from provider_node.store.run_directory import RunDirectory
    from stayput.v1.admin_pb2 import ListGenerationsRequest, ListGenerationsResponse

    if RunDirectory(loaded.node.data).answers():
        from asyncio import run

        from provider_node.cli.link import asked

        request = ListGenerationsRequest(resource=resource)
        return run(asked(loaded, lambda node: node.ListGenerations(request)))
    from provider_node.config import resource_of
    from provider_node.domain.generations import listed

    resource_of(loaded, resource)
    return ListGenerationsResponse(generations=listed(_generations(loaded), resource))


def _roll_back_in_node(loaded: "NodeConfig", resource: str, generation: str) -> None:
    from asyncio import run

    from provider_node.cli.link import asked
    from stayput.v1.admin_pb2 import RollbackRequest

    request = RollbackRequest(resource=resource, generation=generation)
    run(asked(loaded, lambda node: node.Rollback(request)))


def _generations(loaded: "NodeConfig") -> "Generations":
    from provider_node.domain.status import index_keys_of
    from provider_node.store.generations import Generations

    return Generations(loaded.node.data, index_keys_of(loaded))


def _stale(configured: "ResourceConfig", as_of: "Timestamp") -> bool:
    from datetime import UTC, datetime

    from provider_node.domain.freshness import stale

    return stale(configured, as_of, datetime.now(UTC))


def _row(one: "GenerationStatus", *, stale: bool) -> tuple[str, ...]:
    state = word("serving" if one.serving else "kept")
    if one.serving and stale:
        state += f", {word('stale')}"
    return (
        one.generation,
        f"{state}: {one.problem}" if one.problem else state,
        local(one.as_of) if one.HasField("as_of") else "",
        local(one.built_at) if one.HasField("built_at") else "",
        f"{one.rows:,}",
        f"{one.rows_left_out:,}",
        f"{one.subjects:,}",
        size_of(one.bytes),
    )
