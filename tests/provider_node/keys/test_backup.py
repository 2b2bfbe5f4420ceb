"""Backups: what is in one, that nothing changed is ever restored, and what a failure leaves."""

import base64
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from provider_node.cli import app
from provider_node.config import load_node
from provider_node.domain import restoring
from provider_node.domain.backup import back_up
from provider_node.domain.keys import NodeKeys
from provider_node.domain.restoring import restore
from provider_node.store import archive
from provider_node.store.protection import Unlocker
from provider_node.store.state import State
from tests.provider_node.serving.consumer import refused

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
# A key file takes no derivation; that a passphrase is as good, the tests of key files show.
UNLOCKER = Unlocker("key-file", bytes(range(32)))
GENERATION = "20261122T060000Z-0a1b"
Files = dict[str, bytes]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    directory = tmp_path / "node"
    resources, data = directory / "resources", directory / "data"
    resources.mkdir(parents=True)
    (directory / "node.toml").write_text('[node]\nid = "deaths-1"\ndepartment = "health-commission"\n')
    (resources / "deaths.toml").write_text("code = 'deaths'\n")
    NodeKeys(data).create()
    generation = data / "resources" / "deaths" / "generations" / GENERATION
    generation.mkdir(parents=True)
    (generation / "manifest.json").write_text("{}")
    (generation / "index.mdb").write_bytes(b"index" * 1_000)
    (generation.parent.parent / "current").symlink_to(Path("generations") / GENERATION)
    (generation.parent.parent / "salt").write_text("00" * 16)
    (generation.parent.parent / "lock").touch()
    (data / "definitions" / "deaths").mkdir(parents=True)
    (data / "definitions" / "deaths" / "0001.toml").write_text("code = 'deaths'\n")
    (data / "run").mkdir()
    (data / "run" / "address.json").write_text("{}")
    return directory


@pytest.fixture
async def running(node: Path) -> Path:
    """With a state that is in use."""
    state = State(node / "data" / "state")
    await state.set_published("deaths")
    state.close()
    return node


def held(directory: Path) -> Files:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def keys_of(node: Path) -> Files:
    keys = node / "data" / "keys"
    return {path.name: path.read_bytes() for path in keys.iterdir()}


def rewritten(source: Path, target: Path, change: Callable[[Files], object]) -> Path:
    """A backup whose members were changed by somebody who can write a list that agrees."""
    with tarfile.open(source) as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    contents = json.loads(files.pop("backup.json"))
    change(files)
    contents["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {**files, "backup.json": json.dumps(contents).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target


async def test_what_cannot_be_made_again_is_saved_and_nothing_else(running: Path, tmp_path: Path) -> None:
    contents, left_out = back_up(running / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    assert left_out == []
    assert sorted(contents.files) == [
        "data/definitions/deaths/0001.toml",
        f"data/resources/deaths/manifests/{GENERATION}.json",
        "data/resources/deaths/salt",
        "data/state/data.mdb",
        "node.toml",
        "resources/deaths.toml",
    ]
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    saved = (tmp_path / "backup").read_bytes()
    secrets = [content for name, content in keys_of(running).items() if name.endswith(".key")]
    assert len(secrets) == 6
    assert not any(secret[:64] in saved for secret in secrets)
    assert names(tmp_path) == {"backup", "node"}


@pytest.mark.parametrize("with_indexes", [False, True])
def test_what_nobody_knows_is_left_out_and_told(node: Path, tmp_path: Path, *, with_indexes: bool) -> None:
    data, secret = node / "data", b"0badc0de" * 8
    resource = data / "resources" / "deaths"
    generation = resource / "generations" / GENERATION
    unknown = [
        data / ".keys.0a1b",
        data / "definitions" / "deaths" / "0001.key",
        data / "keys.old",
        data / "resources" / "Deaths (copy)",
        resource / "manifests",
        resource / "salt.key",
    ]
    in_a_generation = [generation / "deep" / "index.key", generation / "evaluations.mdb"]
    for path in (data / "keys.old", data / ".keys.0a1b", data / "resources" / "Deaths (copy)"):
        path.mkdir()
        (path / "salt").write_bytes(secret)
        (path / "index.key").write_bytes(secret)
    in_a_generation[0].parent.mkdir()
    for path in (unknown[1], unknown[5], in_a_generation[0]):
        path.write_bytes(secret)
    # Links to keys under names that a node has.
    in_a_generation[1].symlink_to(data / "keys.old" / "index.key")
    unknown[4].symlink_to(data / "keys.old" / "index.key")
    _, left_out = back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW, with_indexes=with_indexes)
    assert sorted(left_out) == sorted([*unknown, *in_a_generation] if with_indexes else unknown)
    assert secret not in (tmp_path / "backup").read_bytes()
    restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert sorted(names(tmp_path / "again" / "data")) == ["definitions", "keys", "resources"]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("C.UTF-8", "left out: {} is no part of a node's data; if it holds keys"),
        ("zh_CN.UTF-8", "未备份：{} 不属于节点数据；如其中有密钥"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--with-indexes"]])
def test_the_command_saves_no_key_in_the_clear_and_tells_what_it_left_out(
    node: Path, tmp_path: Path, language: str, told: str, more: list[str]
) -> None:
    data, of_resource = node / "data", node / "data" / "resources" / "deaths"
    shutil.copytree(data / "keys", data / "keys.old")
    left_out = [
        data / "keys.old",
        data / "index.key",
        of_resource / "index.mdb~",
        data / "definitions" / "deaths" / "0002.toml",
        data / os.fsdecode("密钥".encode("gb18030")),
    ]
    for path in (left_out[1], left_out[2], left_out[4]):
        shutil.copy(data / "keys" / "index.key", path)
    left_out[3].symlink_to(data / "keys" / "signing.key")
    secrets = [content for content in keys_of(node).values() if len(content) >= 32]
    assert len(secrets) > 5
    passphrase = tmp_path / "secret"
    passphrase.touch(mode=0o600)
    passphrase.write_text("a passphrase of the test\n")
    command = ["backup", f"{tmp_path / 'backup'}", "--config", f"{node / 'node.toml'}", *more]
    ran = CliRunner(env={"LC_ALL": language}).invoke(app, [*command, "--passphrase-file", f"{passphrase}"])
    assert ran.exit_code == 0, ran.output
    lines = ran.output.splitlines()
    shown = [path.as_posix().encode("utf-8", "replace").decode().replace("?", "\ufffd") for path in left_out]
    assert [line for line in lines[1:] if not any(told.format(one) in line for one in shown)] == []
    assert len(lines) == 1 + len(left_out)
    archived = (tmp_path / "backup").read_bytes()
    with tarfile.open(tmp_path / "backup") as tar:
        saved = {name.removeprefix("data/") for name in tar.getnames() if name.startswith("data/")}
    assert not any("key" in name or "~" in name or "0002" in name for name in saved)
    # Neither as files hold them nor as what their hex and their PEM stand for.
    for secret in (one for content in secrets for one in forms(content)):
        assert secret not in archived


def forms(content: bytes) -> list[bytes]:
    """The key in a file, as the file has it and as bytes."""
    text = content.strip()
    if text.startswith(b"-----BEGIN PRIVATE"):
        return [text, base64.b64decode(b"".join(text.splitlines()[1:-1]))]
    try:
        return [text, bytes.fromhex(text.decode())]
    except ValueError:
        return [text] if b"PRIVATE" in text else []


async def test_what_is_restored_is_what_was_saved(running: Path, tmp_path: Path) -> None:
    back_up(running / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    contents, config = restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert (config.node.id, contents.made_at) == ("deaths-1", NOW)
    again = tmp_path / "again"
    assert sorted(path.name for path in again.iterdir()) == ["data", "node.toml", "resources"]
    assert keys_of(again) == keys_of(running)
    assert held(again / "resources") == held(running / "resources")
    assert held(again / "data" / "definitions") == held(running / "data" / "definitions")
    assert {path.stat().st_mode & 0o077 for path in (again / "data").rglob("*")} == {0}
    state = State(again / "data" / "state")
    assert state.published() == {"deaths"}
    state.close()
    assert not (again / "data" / "resources" / "deaths" / "current").exists()


def test_indexes_are_saved_if_they_are_asked_for(node: Path, tmp_path: Path) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW, with_indexes=True)
    restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    resource = Path("data", "resources", "deaths")
    assert (tmp_path / "again" / resource / "current").readlink() == Path("generations") / GENERATION
    assert held(tmp_path / "again" / resource / "current") == held(node / resource / "current")
    assert sorted(path.name for path in (tmp_path / "again" / resource).iterdir()) == [
        "current", "generations", "salt"
    ]  # fmt: skip


async def test_a_state_that_is_written_to_meanwhile_is_saved_as_of_one_moment(
    running: Path, tmp_path: Path
) -> None:
    # The environment is open in another process, as that of a node that runs is.
    back_up(running / "node.toml", tmp_path / "first", UNLOCKER, NOW)
    state = State(running / "data" / "state")
    await state.set_published("later")
    state.close()
    for name, published in (("first", {"deaths"}), ("second", {"deaths", "later"})):
        if name == "second":
            back_up(running / "node.toml", tmp_path / name, UNLOCKER, NOW)
        restore(tmp_path / name, tmp_path / f"{name}-again", UNLOCKER)
        restored = State(tmp_path / f"{name}-again" / "data" / "state")
        assert restored.published() == published
        restored.close()


def test_a_restored_node_can_be_saved_again(node: Path, tmp_path: Path) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW, with_indexes=True)
    restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    again, _ = back_up(tmp_path / "again" / "node.toml", tmp_path / "next", UNLOCKER, NOW, with_indexes=True)
    assert again.files == archive.verified(tmp_path / "backup").files


@pytest.mark.parametrize("name", ["node.toml", "data/resources/deaths/salt", "resources/deaths.toml"])
@pytest.mark.parametrize("change", ["other", "gone", "more"])
def test_what_was_changed_is_not_restored_even_with_a_list_that_agrees(
    node: Path, tmp_path: Path, name: str, change: str
) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    changes: dict[str, Callable[[Files], object]] = {
        "other": lambda files: files.update({name: files[name] + b"\n"}),
        "gone": lambda files: files.pop(name),
        "more": lambda files: files.update({f"{name}.more": b""}),
    }
    changed = rewritten(tmp_path / "backup", tmp_path / "changed", changes[change])
    with refused("CONFIGURATION_INVALID", "file") as caught:
        restore(changed, tmp_path / "again", UNLOCKER)
    assert "was changed" in caught.value.message
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["../evil", "/evil", "data/../../evil", "data/keys/../../../evil"])
def test_a_name_that_leads_elsewhere_is_refused(node: Path, tmp_path: Path, name: str) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    changed = rewritten(tmp_path / "backup", tmp_path / "changed", lambda files: files.update({name: b"x"}))
    with refused("CONFIGURATION_INVALID", "file"):
        restore(changed, tmp_path / "again", UNLOCKER)
    assert not list(tmp_path.rglob("evil"))


@given(at=st.integers(0, 40_000), put=st.binary(max_size=600), rest=st.sampled_from([0, 1]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_of_any_kind_is_seen_before_anything_is_written(
    node: Path, tmp_path: Path, at: int, put: bytes, rest: int
) -> None:
    source = tmp_path / "backup"
    if not source.exists():
        back_up(node / "node.toml", source, UNLOCKER, NOW)
    whole = source.read_bytes()
    at %= len(whole)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(whole[:at] + put + rest * whole[at + len(put) :])
    # Behind the list there is only padding, and padding is nothing.
    if _members(damaged) == _members(source):
        return
    with refused("CONFIGURATION_INVALID"):
        restore(damaged, tmp_path / "again", UNLOCKER)
    assert not (tmp_path / "again").exists()


def _members(path: Path) -> object:
    try:
        with tarfile.open(path, "r:") as tar:
            return [(one.name, one.type, tar.extractfile(one).read()) for one in tar]  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, ValueError, AttributeError, EOFError):
        return None


def test_another_passphrase_restores_nothing(node: Path, tmp_path: Path) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    with refused("CONFIGURATION_INVALID", "the backup"):
        restore(tmp_path / "backup", tmp_path / "again", Unlocker("key-file", bytes(32)))
    assert not (tmp_path / "again").exists()


def test_a_backup_is_never_written_over(node: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("mine")
    with refused("CONFIGURATION_INVALID", "file"):
        back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    assert (tmp_path / "backup").read_text() == "mine"


def test_a_short_passphrase_saves_nothing(node: Path, tmp_path: Path) -> None:
    with refused("CONFIGURATION_INVALID", "keys"):
        back_up(node / "node.toml", tmp_path / "backup", Unlocker("scrypt", b"short"), NOW)
    assert not (tmp_path / "backup").exists()


def test_a_backup_that_fails_leaves_no_file(node: Path, tmp_path: Path) -> None:
    (node / "data" / "resources" / "deaths" / "generations" / GENERATION / "manifest.json").unlink()
    with refused("CONFIGURATION_INVALID", "resource"):
        back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["node"]


@pytest.mark.parametrize("there", ["node.toml", "data/keys/index.key", "resources/deaths.toml"])
def test_what_is_there_is_never_written_over(node: Path, tmp_path: Path, there: str) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    path = tmp_path / "again" / there
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with refused("FIELD_INVALID" if there == "node.toml" else "CONFIGURATION_INVALID"):
        restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert held(tmp_path / "again") == {there: b"mine"}


def test_a_restoring_that_fails_can_be_done_again(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restoring, "_finish", full)
    with pytest.raises(OSError, match="No space"):
        restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert held(tmp_path / "again") == {}
    monkeypatch.undo()
    restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert keys_of(tmp_path / "again") == keys_of(node)


def test_a_resource_file_of_any_name_is_restored(node: Path, tmp_path: Path) -> None:
    (node / "resources" / "deaths.toml").rename(node / "resources" / os.fsdecode(b"\xcb\xc0.toml"))
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert held(tmp_path / "again" / "resources") == {r"\xcb\xc0.toml": b"code = 'deaths'\n"}


def test_what_a_killed_restoring_left_is_removed_by_the_next(node: Path, tmp_path: Path) -> None:
    back_up(node / "node.toml", tmp_path / "backup", UNLOCKER, NOW)
    for name in (".data.0a1b2c3d.unfinished", ".resources.0a1b2c3d.unfinished", ".data.20261122"):
        (tmp_path / "again" / name / "keys").mkdir(parents=True)
        (tmp_path / "again" / name / "keys" / "index.key").write_text("00" * 32)
    restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    assert names(tmp_path / "again") == {"data", "node.toml", "resources", ".data.20261122"}


def test_keys_are_restored_as_node_toml_protects_them(node: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.touch(mode=0o600)
    secret.write_bytes(bytes(range(100, 132)))
    config = node / "node.toml"
    config.write_text(f'{config.read_text()}[keys]\nkey_file = "{secret}"\n')
    NodeKeys.of(load_node(config)).store.encrypt()
    back_up(config, tmp_path / "backup", UNLOCKER, NOW)
    _, restored = restore(tmp_path / "backup", tmp_path / "again", UNLOCKER)
    keys = NodeKeys.of(restored)
    assert not keys.store.plain()
    assert keys.index_keys().current.id == NodeKeys.of(load_node(config)).index_keys().current.id
