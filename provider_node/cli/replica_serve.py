"""`replica serve`: answers consumers in a node's name, from the file that the node made."""

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Adds the command."""
    group.command()(serve)


def serve(
    bundle: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file of `replica add`. 由 replica add 生成的文件。")
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to keep copies of the indexes. 索引副本目录。")
    ],
    listen: Annotated[str, typer.Option(help="host:port to answer on. 监听地址。")] = "0.0.0.0:7443",
    advertise: Annotated[
        str | None,
        typer.Option(help="host:port shown by `replica list`. 在 replica list 中显示的地址。"),
    ] = None,
) -> None:
    """Answer comparisons in the node's name until stopped (以节点名义提供服务)."""
    import asyncio

    from provider_node.server import replica
    from stayput import logs

    logs.configure()
    asyncio.run(replica.serve(bundle, data, listen, advertise))
