"""`build`: in the running node if there is one, else here."""

import sys
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli.options import CONFIG, Config, Resource
from provider_node.cli.output import say, word

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from provider_node.config import NodeConfig
    from stayput.v1.admin_pb2 import BuildResponse, ResourceStatus


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(build)


def build(
    resource: Resource,
    config: Config = CONFIG,
    as_of: Annotated[
        datetime | None,
        typer.Option(help="When the source was true; default: its modification time. 数据时点。"),
    ] = None,
) -> None:
    """Build a new generation and switch to it (建库并切换)."""
    import asyncio

    from provider_node.config import load_node
    from provider_node.store.run_directory import RunDirectory

    started = monotonic()
    loaded = load_node(config)
    moment = as_of.astimezone() if as_of else None
    run = RunDirectory(loaded.node.data)
    if run.answers():
        steps = _in_node(str(run.socket), resource, moment)
        built = asyncio.run(_watched(steps)).generation
    else:
        built = asyncio.run(_here(config, loaded, resource, moment))
    _tell(built, monotonic() - started)


async def _here(
    config: "Path", loaded: "NodeConfig", resource: str, moment: datetime | None
) -> "ResourceStatus":
    from provider_node.domain.builds import run_build
    from provider_node.domain.status import index_key_of, status_of
    from provider_node.store.generations import Generations

    await _watched(run_build(config, resource, moment))
    return status_of(resource, Generations(loaded.node.data, index_key_of(loaded).id), published=False)


async def _watched(steps: "AsyncIterator[BuildResponse]") -> "BuildResponse":
    """Shows the progress of a build at a terminal; returns its last message."""
    from stayput.v1.admin_pb2 import BuildResponse

    last = BuildResponse()
    if not sys.stderr.isatty():
        async for last in steps:  # noqa: B007 (the last one is what is returned)
            pass
        return last
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} " + word("rows")),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task(word("building"), total=None, rows=0)
        async for step in steps:
            bar.update(task, completed=step.bytes_read, total=step.bytes_total or None, rows=step.rows)
            last = step
    return last


async def _in_node(socket: str, resource: str, as_of: datetime | None) -> "AsyncIterator[BuildResponse]":
    from stayput.rpc.client import translated
    from stayput.rpc.tls import local_channel
    from stayput.v1.admin_pb2 import BuildRequest
    from stayput.v1.admin_pb2_grpc import NodeAdminServiceStub

    request = BuildRequest(resource=resource)
    if as_of is not None:
        request.as_of.FromDatetime(as_of)
    async with local_channel(socket) as channel:
        with translated("node"):
            async for step in NodeAdminServiceStub(channel).Build(request):
                yield step


def _tell(built: "ResourceStatus", seconds: float) -> None:
    say(
        "built",
        resource=built.code,
        generation=built.generation,
        rows=built.rows,
        subjects=built.subjects,
        seconds=seconds,
    )
    for reject in built.rejects:
        say("rejected", field=reject.field or "*", reason=reject.reason, count=reject.count)
