"""`build`: in the running node if there is one, else here."""

import sys
from datetime import datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli.options import CONFIG, Config, Resource
from provider_node.cli.output import say, size_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from provider_node.store.manifest import Manifest
    from stayput.v1.admin_pb2 import BuildResponse


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
    accept_bounds: Annotated[
        bool,
        typer.Option(
            "--accept-bounds",
            help="Switch even if there are fewer subjects, or more rows left out, than the bounds allow. "
            "即使主体减少或剔除增多超出允许范围，仍然切换。",
        ),
    ] = False,
) -> None:
    """Build a new generation and switch to it (建库并切换)."""
    import asyncio

    from provider_node.config import load_node
    from provider_node.store.directory import ResourceDirectory
    from provider_node.store.manifest import serving_manifest
    from provider_node.store.run_directory import RunDirectory

    started = monotonic()
    loaded = load_node(config)
    directory = ResourceDirectory(loaded.node.data, resource)
    before = serving_manifest(directory)
    moment = as_of.astimezone() if as_of else None
    run = RunDirectory(loaded.node.data)
    if run.answers():
        steps = _in_node(str(run.socket), resource, moment, accept_bounds=accept_bounds)
    else:
        from provider_node.domain.builds import run_build

        steps = run_build(config, resource, moment, accept_bounds=accept_bounds)
    asyncio.run(_watched(resource, steps))
    built = serving_manifest(directory)
    if built is not None:
        _tell(built, before, directory.size(built.generation), monotonic() - started)


async def _watched(resource: str, steps: "AsyncIterator[BuildResponse]") -> None:
    """Shows the progress of a build."""
    from provider_node.cli.progress import Lines, show_bar

    if sys.stderr.isatty():
        await show_bar(steps)
        return
    lines = Lines(resource, partial(print, file=sys.stderr, flush=True), monotonic)
    async for step in steps:
        lines.tell(step)


async def _in_node(
    socket: str, resource: str, as_of: datetime | None, *, accept_bounds: bool
) -> "AsyncIterator[BuildResponse]":
    from stayput.rpc.client import translated
    from stayput.rpc.tls import local_channel
    from stayput.v1.admin_pb2 import BuildRequest
    from stayput.v1.admin_pb2_grpc import NodeAdminServiceStub

    request = BuildRequest(resource=resource, accept_bounds=accept_bounds)
    if as_of is not None:
        request.as_of.FromDatetime(as_of)
    async with local_channel(socket) as channel:
        with translated("node"):
            async for step in NodeAdminServiceStub(channel).Build(request):
                yield step


def _tell(built: "Manifest", before: "Manifest | None", size: int, seconds: float) -> None:
    say(
        "built",
        resource=built.contract.resource,
        generation=built.generation,
        rows=built.rows,
        subjects=built.subjects,
        seconds=seconds,
    )
    for reject in built.rejects:
        say("rejected", field=reject.field or "*", reason=reject.reason, count=reject.count)
    say("built_pace", rate=(built.rows + built.rows_left_out) / seconds, size=size_of(size))
    if before is not None:
        say(
            "built_before",
            generation=before.generation,
            rows=built.rows - before.rows,
            subjects=built.subjects - before.subjects,
            left_out=built.rows_left_out - before.rows_left_out,
        )
