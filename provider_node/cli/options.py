"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path,
    typer.Option("--config", envvar="STAYPUT_NODE_CONFIG", help="The node's configuration. 节点配置文件。"),
]
CONFIG = Path("node.toml")
Json = Annotated[bool, typer.Option("--json", help="For programs. 供程序读取。")]
Resource = Annotated[str, typer.Argument(metavar="RESOURCE", help="Code of the resource. 资源代码。")]
