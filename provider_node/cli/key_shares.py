"""`keys split` and `keys recover`: all keys in the hands of several people, of whom some suffice."""

from pathlib import Path
from typing import Annotated, Final

import typer

from provider_node.cli.options import CONFIG, Config
from provider_node.cli.output import say

_KEY_SET: Final = "key-set.json"
_MODE: Final = 0o600

_PAGE: Final = """\
Stayput: share of a node's keys / 节点密钥份额

node / 节点          {node}
set / 组号           {set}
share / 份额         {index} of {shares}; any {threshold} recover the keys / 任意 {threshold} 份可恢复
made / 制作时间      {made}

{lines}

Keep this page where nobody but you gets at it, apart from the other shares and from key-set.json.
By itself it tells nothing. To recover the keys, {threshold} holders bring their pages to the node's
administrator, who runs:
    provider-node keys recover SHARE-FILE SHARE-FILE … --set key-set.json
A page that was kept on paper only is typed into a file of its own: the four numbered lines suffice.

请将本页单独保管，不得与其他份额或 key-set.json 放在一起。单独一份不泄露任何内容。
恢复密钥时，由 {threshold} 位持有人携份额到场，管理员执行上述命令。
仅存纸质的份额，将四行带编号的单词录入一个文件即可。
"""


def register(group: typer.Typer) -> None:
    """Adds the commands."""
    group.command()(split)
    group.command()(recover)


def split(
    *,
    config: Config = CONFIG,
    shares: Annotated[int, typer.Option(help="How many shares to make. 份额总数。")] = 5,
    threshold: Annotated[int, typer.Option(help="How many recover the keys. 恢复所需份数。")] = 3,
    out: Annotated[Path, typer.Option(metavar="DIR", help="New directory for them. 输出目录。")],
) -> None:
    """Split all keys into shares for several people, a page for each (将全部密钥拆分为多份，每份一页)."""
    from datetime import datetime

    from provider_node.config import load_node
    from provider_node.domain import shares as sharing
    from provider_node.domain.key_set import KeySet, check_empty
    from provider_node.store.files import sync_directory, write_durably
    from provider_node.store.keystore import KeyStore

    loaded = load_node(config)
    check_empty(out)
    sealed, made = sharing.split(KeySet.of(KeyStore.of(loaded)), shares, threshold)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_durably(out / _KEY_SET, sealed.encode())
    for share in made:
        page = _PAGE.format(
            node=loaded.node.id,
            set=share.set_id.hex(),
            index=share.index,
            shares=shares,
            threshold=threshold,
            made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
            lines="\n".join(f"    {line}" for line in share.lines()),
        )
        # A printer that gets several files at once begins each on a page of its own.
        write_durably(out / f"share-{share.index}.txt", f"{page}\f".encode())
    sync_directory(out)
    say("keys_split", shares=shares, threshold=threshold, directory=out)


def recover(
    shares: Annotated[
        list[Path],
        typer.Argument(metavar="SHARE…", exists=True, dir_okay=False, help="Files of shares. 份额文件。"),
    ],
    config: Config = CONFIG,
    key_set: Annotated[
        Path | None,
        typer.Option(
            "--set", metavar="FILE", help="The key set; default: beside the first share. 密钥集文件。"
        ),
    ] = None,
) -> None:
    """Put the keys together again from shares, into an empty keys directory (由份额恢复密钥)."""
    from provider_node.config import load_node
    from provider_node.domain.shares import read_share
    from provider_node.domain.shares import recover as recovered
    from provider_node.store.keystore import KeyStore
    from provider_node.store.run_directory import RunDirectory

    loaded = load_node(config)
    key_set = key_set or shares[0].with_name(_KEY_SET)
    given = {
        f"{path}": read_share(path.read_text("utf-8-sig", errors="replace"), f"{path}") for path in shares
    }
    sealed = key_set.read_text("utf-8-sig", errors="replace")
    keys = recovered(sealed, f"{key_set}", given)
    with RunDirectory(loaded.node.data).held():
        signing_key = keys.put(KeyStore.of(loaded))
    say("keys_recovered", id=signing_key)
