"""`backup` and `restore`: a node in one file, and a node made of it again."""

from pathlib import Path
from typing import Annotated, Final

import typer

from provider_node.cli.keys import KeyFile, PassphraseEnv, PassphraseFile, unlocker_given
from provider_node.cli.options import CONFIG, Config
from provider_node.cli.output import say

_MB: Final = 1_000_000


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write. 备份文件。")],
    *,
    config: Config = CONFIG,
    passphrase_file: PassphraseFile = None,
    passphrase_env: PassphraseEnv = None,
    key_file: KeyFile = None,
    with_indexes: Annotated[
        bool, typer.Option("--with-indexes", help="Save what serves, too. 一并备份在用索引。")
    ] = False,
) -> None:
    """Save the node's configuration, keys, grants and receipts, also while it runs (备份节点，无须停机)."""
    from datetime import UTC, datetime

    from provider_node.domain.backup import back_up

    unlocker = unlocker_given(passphrase_file, passphrase_env, key_file)
    contents, left_out = back_up(config, file, unlocker, datetime.now(UTC), with_indexes=with_indexes)
    size = f"{file.stat().st_size / _MB:,.1f}"
    say("backed_up", node=contents.node, file=file, files=len(contents.files), size=size)
    for path in left_out:
        say("not_backed_up", path=path)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The backup. 备份文件。")
    ],
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where to set it up. 目录。")],
    *,
    passphrase_file: PassphraseFile = None,
    passphrase_env: PassphraseEnv = None,
    key_file: KeyFile = None,
) -> None:
    """Make the node of a backup again, in an empty directory (由备份恢复节点)."""
    from provider_node.domain.restoring import restore as restored
    from provider_node.store.replicas import Replicas

    contents, config = restored(file, directory, unlocker_given(passphrase_file, passphrase_env, key_file))
    made = f"{contents.made_at.astimezone():%Y-%m-%d %H:%M}"
    say("restored", node=config.node.id, directory=directory, made=made)
    replicas = [one.name for one in Replicas(config.node.data).all()]
    if replicas:
        say("replicas_restored", names=", ".join(replicas))
