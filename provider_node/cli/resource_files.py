"""`resource schema` and `resource new`: what helps to write a definition."""

from pathlib import Path
from typing import Annotated

import typer

from provider_node.cli.output import print_object, say


def register(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command()(schema)
    group.command()(new)


def schema(
    node: Annotated[
        bool, typer.Option("--node", help="Of node.toml instead. 改为输出 node.toml 的。")
    ] = False,
) -> None:
    """Print the JSON Schema of a resource file, for editors (输出供编辑器使用的 JSON Schema)."""
    from provider_node.config.schema import node_schema, resource_schema

    print_object(node_schema() if node else resource_schema())


def new(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Code of the new resource. 新资源代码。")],
    source: Annotated[
        Path, typer.Option("--from", exists=True, dir_okay=False, help="Its register as CSV. 数据表（CSV）。")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Default: CODE.toml here. 输出文件，默认为当前目录下 CODE.toml。"),
    ] = None,
) -> None:
    """Draft a definition from the columns of a CSV file (根据 CSV 表头起草资源定义).

    Types are guessed from the shapes of values; no value is copied (根据内容形态推测类型，不复制任何数据).
    """
    from datetime import UTC, datetime

    from provider_node.domain.drafting import drafted
    from stayput.china_time import china_date
    from stayput.errors import field_invalid
    from stayput.identity import checked_code

    text = drafted(checked_code(code, "code"), source.absolute(), china_date(datetime.now(UTC)))
    path = out or Path(f"{code}.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise field_invalid("out", "the file is there already", "choose another name with --out") from None
    say("drafted", file=path)
