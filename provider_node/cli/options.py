"""Arguments and options that several commands share."""

import getpass
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
Application = Annotated[str, typer.Argument(metavar="APPLICATION", help="Id of the application. 申请编号。")]
Grant = Annotated[str, typer.Argument(metavar="GRANT", help="Id of the grant. 授权编号。")]
Administrator = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Who decides; default: the login name. 经办人，默认为登录名。"),
]


def administrator(name: str | None) -> str:
    """Who decides: the name given, or that of the login; `FIELD_INVALID` if the login has none."""
    from stayput.errors import field_invalid

    if name is not None:
        return name
    try:
        return getpass.getuser()
    # A user id that no account has; which of these it is depends on the release of Python.
    except (KeyError, ImportError, OSError):
        raise field_invalid("as", "this login has no name", "say who decides with --as NAME") from None
