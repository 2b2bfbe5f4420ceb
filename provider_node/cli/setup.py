"""`init` and `enrol`: from an empty directory to a node with a certificate; `serve` runs it."""

import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from provider_node.cli.keys import KeyFile, PassphraseEnv, PassphraseFile
from provider_node.cli.options import CONFIG, Config
from provider_node.cli.output import say


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(init)
    app.command()(enrol)
    app.command()(serve)


def init(
    node_id: Annotated[str, typer.Option("--id", help="Id of the node. 节点标识。")],
    department: Annotated[str, typer.Option(help="Code of its department. 部门代码。")],
    directory: Annotated[Path, typer.Option("--dir", help="Where to set it up. 目录。")] = Path(),
    listen: Annotated[str, typer.Option(help="host:port to answer on. 监听地址。")] = "0.0.0.0:7443",
    passphrase_file: PassphraseFile = None,
    passphrase_env: PassphraseEnv = None,
    key_file: KeyFile = None,
) -> None:
    """Write node.toml and draw the node's keys, encrypted if told how (生成配置与密钥，可加密)."""
    from provider_node.config import load_node
    from provider_node.domain.addresses import checked_listen
    from provider_node.domain.keys import NodeKeys
    from stayput.errors import field_invalid
    from stayput.identity import checked_code

    names = {
        "id": checked_code(node_id, "id"),
        "department": checked_code(department, "department"),
        "listen": checked_listen(listen),
    }
    path = directory / "node.toml"
    if path.exists():
        raise field_invalid("dir", "a node.toml is there already", "choose another directory")
    quoted = {name: json.dumps(value) for name, value in names.items()}
    template = Template(files("provider_node").joinpath("sample-node.toml").read_text("utf-8"))
    directory.mkdir(parents=True, exist_ok=True)
    # The name comes last, so that what was interrupted can be done again.
    unfinished = directory / "node.toml.new"
    opened_by = _keys_table(passphrase_file, passphrase_env, key_file)
    unfinished.write_text(template.substitute(quoted) + opened_by, "utf-8")
    config = load_node(unfinished)
    config.node.resources.mkdir(exist_ok=True)
    NodeKeys.of(config).create()
    unfinished.replace(path)
    say("initialised", node=node_id, directory=directory)


def _keys_table(passphrase_file: Path | None, passphrase_env: str | None, key_file: Path | None) -> str:
    """`[keys]` of node.toml, with paths that hold wherever commands are run; nothing if none is named."""
    named = {
        "passphrase_file": passphrase_file and str(passphrase_file.absolute()),
        "passphrase_env": passphrase_env,
        "key_file": key_file and str(key_file.absolute()),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in named.items() if value is not None]
    return "\n".join(["", "[keys]", *lines, ""]) if lines else ""


def enrol(
    invitation: Annotated[
        Path,
        typer.Argument(
            metavar="INVITATION",
            exists=True,
            dir_okay=False,
            help="The operator's invitation file. 邀请文件。",
        ),
    ],
    config: Config = CONFIG,
) -> None:
    """Get the node's certificate from the platform (凭邀请文件登记并取得证书)."""
    import asyncio

    from provider_node.config import load_node
    from provider_node.domain.enrolment import enrol_node

    loaded = load_node(config)
    # What is not text is no invitation either, and is told as that.
    asyncio.run(enrol_node(loaded, invitation.read_text("utf-8-sig", errors="replace")))
    say("enrolled", node=loaded.node.id, department=loaded.node.department)


def serve(
    config: Config = CONFIG,
    listen: Annotated[str | None, typer.Option(help="Overrides node.listen. 覆盖监听地址。")] = None,
) -> None:
    """Answer comparisons until stopped (启动服务)."""
    import asyncio

    from provider_node import server
    from stayput import logs

    logs.configure()
    asyncio.run(server.serve(config, listen))
