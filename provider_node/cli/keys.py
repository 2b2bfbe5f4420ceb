"""`keys`: which keys there are, new ones in their place, and what opens their files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli import key_shares
from provider_node.cli.options import CONFIG, Administrator, Config, Json, administrator
from provider_node.cli.output import print_json, print_table, say, word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provider_node.config import NodeConfig
    from provider_node.domain.keyring import Keyring
    from provider_node.store.protection import Unlocker
    from stayput.v1.admin_pb2 import KeyStatus

Purpose = Annotated[str, typer.Argument(metavar="PURPOSE", help="index, sealing or oprf. 密钥用途。")]
PassphraseFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File with the passphrase. 口令文件。")
]
PassphraseEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Environment variable with the passphrase. 口令环境变量。")
]
KeyFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File of 32 bytes. 32 字节密钥文件。")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_keys)
    group.command()(rotate)
    group.command()(prune)
    group.command()(encrypt)
    group.command()(decrypt)
    group.command("change-passphrase")(change_passphrase)
    key_shares.register(group)
    app.add_typer(group, name="keys", help="The node's keys and their files (密钥管理).")


def list_keys(config: Config = CONFIG, as_json: Json = False) -> None:
    """Show the node's keys, without their secrets (查看密钥，不含密钥内容)."""
    from stayput.v1.admin_pb2 import ListKeysRequest, ListKeysResponse

    loaded = _loaded(config)
    if _answers(loaded):
        from asyncio import run

        from provider_node.cli.link import asked

        found: ListKeysResponse = run(asked(loaded, lambda node: node.ListKeys(ListKeysRequest())))
    else:
        found = ListKeysResponse(keys=_keyring(loaded).statuses())
    if as_json:
        print_json(found)
    else:
        _show(found.keys)


def rotate(purpose: Purpose, config: Config = CONFIG, by: Administrator = None) -> None:
    """Have a new key take the place of one, which goes on working while needed (轮换密钥)."""
    from datetime import UTC, datetime

    from stayput.v1.admin_pb2 import RotateKeyRequest

    loaded, name, keys = _loaded(config), administrator(by), list["KeyStatus"]()
    if _answers(loaded):
        from asyncio import run

        from provider_node.cli.link import asked

        request = RotateKeyRequest(purpose=purpose, administrator=name)
        keys.extend(run(asked(loaded, lambda node: node.RotateKey(request))).keys)
    else:
        with _stopped(loaded) as keyring:
            keys.extend(keyring.rotate(purpose, name, datetime.now(UTC)))
    say("key_rotated", purpose=purpose, id=keys[0].id, epoch=keys[0].epoch)
    if purpose != "sealing":
        say("key_rotated_builds")
    _show(keys)


def prune(config: Config = CONFIG) -> None:
    """Remove keys that nothing needs any more; a running node does so itself (清除不再需要的旧密钥)."""
    from datetime import UTC, datetime

    with _stopped(_loaded(config)) as keyring:
        removed = keyring.prune(datetime.now(UTC))
    say("keys_pruned", count=len(removed))


def encrypt(config: Config = CONFIG) -> None:
    """Encrypt the key files as node.toml says, the node being stopped (加密密钥文件，须先停机)."""
    from provider_node.store.keystore import KeyStore

    loaded = _loaded(config)
    with _held(loaded):
        say("keys_encrypted", count=len(KeyStore.of(loaded).encrypt()))


def decrypt(config: Config = CONFIG) -> None:
    """Write the key files without encryption, the node being stopped (解密密钥文件，须先停机)."""
    from provider_node.store.keystore import KeyStore

    loaded = _loaded(config)
    with _held(loaded):
        say("keys_decrypted", count=len(KeyStore.of(loaded).decrypt()))


def change_passphrase(
    *,
    config: Config = CONFIG,
    passphrase_file: PassphraseFile = None,
    passphrase_env: PassphraseEnv = None,
    key_file: KeyFile = None,
) -> None:
    """Have another passphrase or key file open the key files from now on (更换口令或密钥文件)."""
    from provider_node.store.keystore import KeyStore

    loaded = _loaded(config)
    with _held(loaded):
        KeyStore.of(loaded).change_unlocker(unlocker_given(passphrase_file, passphrase_env, key_file))
    say("passphrase_changed")


def unlocker_given(
    passphrase_file: Path | None, passphrase_env: str | None, key_file: Path | None
) -> "Unlocker":
    """What exactly one of the options names; `FIELD_INVALID` if it is not one."""
    from provider_node.store import protection
    from stayput.errors import field_invalid

    given: list[Unlocker] = []
    if passphrase_file is not None:
        given.append(protection.passphrase_file_unlocker(passphrase_file))
    if passphrase_env is not None:
        given.append(protection.environment_unlocker(passphrase_env))
    if key_file is not None:
        given.append(protection.key_file_unlocker(key_file))
    if len(given) != 1:
        raise field_invalid(
            "passphrase-file",
            "exactly one is needed",
            "give --passphrase-file, --passphrase-env or --key-file",
        )
    return given[0]


def _show(keys: "Iterable[KeyStatus]") -> None:
    from datetime import UTC

    print_table(
        ("purpose", "epoch", "key_id", "made", "state"),
        (
            (
                one.purpose,
                f"{one.epoch}",
                one.id,
                f"{one.made_at.ToDatetime(UTC).astimezone():%Y-%m-%d %H:%M}"
                if one.HasField("made_at")
                else "",
                word("current") if one.current else ", ".join((word("earlier"), *one.needed_by)),
            )
            for one in keys
        ),
    )


def _loaded(config: Path) -> "NodeConfig":
    from provider_node.config import load_node

    return load_node(config)


def _answers(loaded: "NodeConfig") -> bool:
    from provider_node.store.run_directory import RunDirectory

    return RunDirectory(loaded.node.data).answers()


@contextmanager
def _held(loaded: "NodeConfig") -> "Iterator[None]":
    """Nothing else may change the keys meanwhile."""
    from provider_node.store.run_directory import RunDirectory

    with RunDirectory(loaded.node.data).held():
        yield


@contextmanager
def _stopped(loaded: "NodeConfig") -> "Iterator[Keyring]":
    with _held(loaded):
        yield _keyring(loaded)


def _keyring(loaded: "NodeConfig") -> "Keyring":
    from provider_node.domain.keyring import Keyring
    from provider_node.domain.keys import NodeKeys

    return Keyring(NodeKeys.of(loaded), loaded.node.data)
