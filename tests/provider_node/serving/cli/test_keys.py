"""The commands about keys, on files and on a running node."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provider_node.config import load_node
from provider_node.domain.keys import NodeKeys
from tests.commands import Commands
from tests.provider_node.serving.consumer import call_request
from tests.provider_node.serving.node import NODE, PROVIDER, grant
from tests.provider_node.serving.processes import NodeProcess
from tests.provider_node.serving.register import person

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PASSPHRASE, NEXT = "correct horse battery staple", "staple battery horse correct"


@pytest.fixture
def run(tmp_path: Path, commands: Commands) -> Run:
    """Runs a command in the test's directory; it must go well unless another code is expected."""

    def run_(*arguments: str, code: int = 0, **more: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **more}
        done = commands.begin(("provider-node", *arguments), tmp_path, environment).ended()
        assert done.returncode == code, done.stderr
        for secret in (PASSPHRASE, NEXT):
            assert secret not in done.stdout + done.stderr
        return done

    return run_


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return passphrase(tmp_path / "secret", PASSPHRASE)


def passphrase(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(f"{text}\n")
    return path


INIT = ("init", "--id", NODE.id, "--department", PROVIDER, "--listen", "127.0.0.1:0")


def identity(directory: Path) -> str:
    keys = NodeKeys.of(load_node(directory / "node.toml"))
    return keys.signing_key().public_key().public_bytes_raw().hex()


def test_init_writes_encrypted_keys_if_told_how(run: Run, secret: Path, tmp_path: Path) -> None:
    run(*INIT, "--passphrase-file", "secret")
    keys = NodeKeys.of(load_node(tmp_path / "node.toml"))
    assert not keys.store.plain()
    assert "WARNING" not in run("status").stdout
    assert json.loads(run("status", "--json").stdout)["plainKeys"] == []
    secret.unlink()
    told = run("status", code=1).stderr
    assert "cannot be read" in told
    assert "hint: " in told


def test_files_without_encryption_are_warned_of(run: Run) -> None:
    run(*INIT)
    assert "WARNING: key files without encryption: guards.key, index.key, " in run("status").stdout


def test_from_plain_to_encrypted_and_back(run: Run, secret: Path, tmp_path: Path) -> None:
    run(*INIT)
    before = identity(tmp_path)
    assert "names nothing that shall open" in run("keys", "encrypt", code=1).stderr
    config = tmp_path / "node.toml"
    plain = config.read_text()
    config.write_text(f'{plain}\n[keys]\npassphrase_env = "NODE_SECRET"\n')
    told = run("keys", "encrypt", NODE_SECRET=PASSPHRASE).stdout
    assert told == "key files encrypted: 6\n"
    assert "does not open" in run("keys", "list", code=1, NODE_SECRET=NEXT).stderr
    assert "must hold a passphrase" in run("keys", "list", code=1).stderr
    config.write_text(f'{plain}\n[keys]\npassphrase_file = "secret"\n')
    assert identity(tmp_path) == before

    passphrase(tmp_path / "next", NEXT)
    run("keys", "change-passphrase", "--passphrase-file", "next")
    assert "does not open" in run("keys", "list", code=1).stderr
    (tmp_path / "next").replace(secret)
    assert identity(tmp_path) == before
    assert run("keys", "decrypt").stdout.startswith("key files written without encryption: 6;")
    config.write_text(plain)
    assert identity(tmp_path) == before
    assert not (tmp_path / "data" / "keys" / "kek.json").exists()


def test_exactly_one_new_way_to_open_is_taken(run: Run, secret: Path) -> None:
    run(*INIT, "--passphrase-file", "secret")
    assert "exactly one is needed" in run("keys", "change-passphrase", code=1).stderr
    both = ("--passphrase-file", "secret", "--passphrase-env", "NODE_SECRET")
    assert "exactly one is needed" in run("keys", "change-passphrase", *both, code=1, NODE_SECRET=NEXT).stderr


def test_keys_rotate_on_a_node_that_is_stopped(run: Run) -> None:
    run(*INIT)
    rotated = run("keys", "rotate", "index").stdout
    assert re.match(r"index has a new key, epoch 2: [0-9a-f]{16}\n", rotated)
    assert "from its next build on" in rotated
    listed = json.loads(run("keys", "list", "--json").stdout)["keys"]
    assert [(one["purpose"], one["epoch"], one["current"]) for one in listed[:3]] == [
        ("index", 2, True), ("index", 1, False), ("oprf", 1, True)
    ]  # fmt: skip
    assert listed[1]["neededBy"][0].startswith("until ")
    assert run("keys", "prune").stdout == "keys removed: 0\n"
    refused = run("keys", "rotate", "signing", code=1).stderr
    assert "is not rotated by itself" in refused
    assert "Another signing key" in refused


def test_all_keys_are_split_and_recovered(run: Run, tmp_path: Path) -> None:
    run(*INIT)
    before = identity(tmp_path)
    run("keys", "split", "--shares", "3", "--threshold", "2", "--out", "shares")
    made = sorted(path.name for path in (tmp_path / "shares").iterdir())
    assert made == ["key-set.json", "share-1.txt", "share-2.txt", "share-3.txt"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "shares").iterdir()} == {0o600}
    page = (tmp_path / "shares" / "share-2.txt").read_text("utf-8")
    assert page.endswith("\f")
    for told in (NODE.id, "2 of 3", "任意 2 份", "provider-node keys recover", "请将本页单独保管"):
        assert told in page
    refused = run("keys", "recover", "shares/share-1.txt", "shares/share-2.txt", code=1).stderr
    assert "is not empty" in refused
    (tmp_path / "data" / "keys").rename(tmp_path / "lost")
    assert "2 are needed" in run("keys", "recover", "shares/share-3.txt", code=1).stderr
    (tmp_path / "bad.txt").write_text(page.replace("1) ", "1) ABE ", 1))
    told = run(
        "keys", "recover", "bad.txt", "shares/share-1.txt", "--set", "shares/key-set.json", code=1
    ).stderr
    assert "bad.txt" in told
    assert not (tmp_path / "data" / "keys").exists()
    run("keys", "recover", "shares/share-3.txt", "shares/share-1.txt")
    assert identity(tmp_path) == before
    assert "must be at least 2" in run("keys", "split", "--threshold", "1", "--out", "more", code=1).stderr
    assert "is not empty" in run("keys", "split", "--out", "shares", code=1).stderr


async def test_a_node_with_encrypted_keys_serves_and_rotates(node_process: NodeProcess) -> None:
    node = node_process
    await node.give(grant(datetime.now(UTC)))
    passphrase(node.directory / "secret", PASSPHRASE)
    config = (node.directory / "node.toml").read_text()
    (node.directory / "node.toml").write_text(f'{config}[keys]\npassphrase_file = "secret"\n')
    assert (await node.run("keys", "encrypt")).code == 0
    node.keys = NodeKeys.of(load_node(node.directory / "node.toml"))
    assert not node.keys.store.plain()
    await node.start()
    async with node.consumer() as consumer:
        answer = await consumer.CompareRecords(call_request(await node.asking(consumer), [person(1)]))
        assert answer.receipt.payload
    assert (await node.run("keys", "rotate", "sealing", "--as", "王建国")).code == 0
    assert "sealing.2.key" not in node.keys.store.plain()
    for command in ("encrypt", "decrypt", "prune"):
        refused = await node.run("keys", command)
        assert (refused.code, "a node is running" in refused.stderr) == (1, True)
    assert (await node.run("build", "vehicle-owners")).code == 0
    assert await node.end(signal.SIGTERM) == 0
    held = b"".join(path.read_bytes() for path in node.directory.rglob("*") if path.is_file())
    assert held.count(PASSPHRASE.encode()) == 1
    assert PASSPHRASE not in node.log.read_text()
