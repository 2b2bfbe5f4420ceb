"""`build-shard` and `assemble`: a build in pieces, on several machines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli.options import CONFIG, Config, Resource
from provider_node.cli.output import say

if TYPE_CHECKING:
    from provider_node.domain.build.pieces import Share


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(build_shard)
    app.command()(assemble)


def build_shard(
    resource: Resource,
    shard: Annotated[
        str,
        typer.Option(metavar="I/N", help="Which piece of how many, as 3/16. 第几份，共几份。"),
    ],
    out: Annotated[Path, typer.Option(help="A new directory for the piece. 存放该分片的新目录。")],
    config: Config = CONFIG,
) -> None:
    """Read one piece of the source, for assemble (读取数据源的一份，供 assemble 合并)."""
    import gc
    from datetime import UTC, datetime

    from provider_node.build_process import builder_of
    from provider_node.config import load_node, resource_of
    from provider_node.domain.build.piecework import make_piece

    share = _share(shard)
    loaded = load_node(config)
    # As in a build's own process.
    gc.disable()
    piece = make_piece(
        builder_of(loaded), resource_of(loaded, resource), datetime.now(UTC), share, out, lambda _: None
    )
    say(
        "piece_made",
        resource=resource,
        number=piece.number,
        pieces=piece.pieces,
        rows=piece.rows,
        left_out=piece.rows_left_out,
    )


def assemble(
    resource: Resource,
    pieces: Annotated[
        list[Path],
        typer.Argument(metavar="DIRECTORY", help="The directories of all pieces. 全部分片的目录。"),
    ],
    config: Config = CONFIG,
    accept_bounds: Annotated[
        bool,
        typer.Option("--accept-bounds", help="As for build. 同 build。"),
    ] = False,
) -> None:
    """Make one generation of all pieces and switch to it (合并全部分片建库并切换)."""
    import gc
    from datetime import UTC, datetime
    from time import monotonic

    from provider_node.build_process import builder_of
    from provider_node.config import load_node, resource_of

    started = monotonic()
    loaded = load_node(config)
    gc.disable()
    built = builder_of(loaded).build(
        resource_of(loaded, resource),
        datetime.now(UTC),
        lambda _: None,
        accept_bounds=accept_bounds,
        pieces=pieces,
    )
    say(
        "built",
        resource=resource,
        generation=built.generation,
        rows=built.rows,
        subjects=built.subjects,
        seconds=monotonic() - started,
    )


def _share(shard: str) -> "Share":
    from provider_node.domain.build.pieces import Share
    from stayput.errors import field_invalid

    number, _, pieces = shard.partition("/")
    if not (number.isascii() and number.isdigit() and pieces.isascii() and pieces.isdigit()):
        raise field_invalid("shard", "must be like 3/16", "say which piece, from 1, of how many")
    return Share(int(number), int(pieces))
