"""A replica put on the list: what has to be said in node.toml first, and what a failure leaves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from provider_node.cli import app
from provider_node.config import NodeConfig, load_node
from provider_node.domain.backup import back_up
from provider_node.domain.keys import NodeKeys
from provider_node.domain.replicas.adding import add, called_by_replicas
from provider_node.domain.replicas.authority import ReplicaAuthority
from provider_node.domain.replicas.bundle import read
from provider_node.domain.restoring import restore
from provider_node.store import replicas as store
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import Unlocker
from provider_node.store.replicas import Replicas
from tests.provider_node.serving.consumer import refused

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
BY = "王建国"
Configured = Callable[[str], NodeConfig]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """A node that is initialised, with such a `[replicas]`."""

    def configured_(replicas: str) -> NodeConfig:
        path = tmp_path / "node.toml"
        path.write_text(
            f'[node]\nid = "deaths-1"\ndepartment = "health-commission"\n[replicas]\n{replicas}\n'
        )
        (tmp_path / "resources").mkdir(exist_ok=True)
        config = load_node(path)
        NodeKeys.of(config).create()
        return config

    return configured_


@pytest.fixture
def config(configured: Configured) -> NodeConfig:
    return configured('listen = "10.0.0.1:7444"')


def test_a_replica_is_added_with_the_file_that_it_is_started_from(config: NodeConfig, tmp_path: Path) -> None:
    until = add(config, "east", tmp_path / "east.json", BY, NOW)
    assert until == NOW + timedelta(days=825)
    bundle = read(tmp_path / "east.json")
    assert (bundle.replica, bundle.node_id, bundle.address) == ("east", "deaths-1", "10.0.0.1:7444")
    (listed,) = Replicas(config.node.data).all()
    assert (listed.name, listed.administrator, listed.added_at) == ("east", BY, NOW)
    ca = ReplicaAuthority(KeyStore.of(config), config.node.id).server_credentials().ca_certificate
    assert bundle.ca_certificate.encode() == ca


@pytest.mark.parametrize(
    ("replicas", "address"),
    [
        ('listen = "[::1]:7444"', "[::1]:7444"),
        ('listen = "0.0.0.0:7444"\nadvertise = "deaths-1.internal:1"', "deaths-1.internal:1"),
        ('listen = "10.0.0.1:0"\nadvertise = "deaths-1.internal:1"', "deaths-1.internal:1"),
        ('listen = "10.0.0.1:7444"\nadvertise = "deaths-1.internal:1"', "deaths-1.internal:1"),
    ],
)
def test_replicas_call_what_is_advertised_or_else_listened_on(
    configured: Configured, replicas: str, address: str
) -> None:
    assert called_by_replicas(configured(replicas)) == address


@pytest.mark.parametrize(
    ("replicas", "field"),
    [
        ("", "replicas.listen"),
        ('listen = "0.0.0.0:7444"', "replicas.advertise"),
        ('listen = "[::]:7444"', "replicas.advertise"),
        ('listen = "10.0.0.1:0"', "replicas.advertise"),
    ],
)
def test_without_an_address_that_can_be_called_nothing_is_made(
    configured: Configured, tmp_path: Path, replicas: str, field: str
) -> None:
    config = configured(replicas)
    with refused("CONFIGURATION_INVALID", field) as caught:
        add(config, "east", tmp_path / "east.json", BY, NOW)
    assert caught.value.message.startswith(f"{field}: is needed")
    assert_nothing_made(config, tmp_path)


@pytest.mark.parametrize(
    ("name", "by", "field"),
    [("East", BY, "name"), ("east", " ", "administrator"), ("east", "x" * 101, "administrator")],
)
def test_what_is_malformed_is_refused_before_anything_is_made(
    config: NodeConfig, tmp_path: Path, name: str, by: str, field: str
) -> None:
    with refused("FIELD_INVALID", field):
        add(config, name, tmp_path / "east.json", by, NOW)
    assert_nothing_made(config, tmp_path)


def test_a_file_that_is_there_is_kept(config: NodeConfig, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with refused("FIELD_INVALID", "out"):
        add(config, "east", tmp_path / "mine", BY, NOW)
    assert (tmp_path / "mine").read_text() == "mine"
    assert_nothing_made(config, tmp_path)


def test_a_name_that_is_taken_gets_no_file(config: NodeConfig, tmp_path: Path) -> None:
    add(config, "east", tmp_path / "east.json", BY, NOW)
    with refused("FIELD_INVALID", "name"):
        add(config, "east", tmp_path / "again.json", BY, NOW)
    assert not (tmp_path / "again.json").exists()


def test_if_it_cannot_be_put_on_the_list_there_is_no_file(
    config: NodeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "replace_durably", fail)
    with pytest.raises(OSError, match="No space"):
        add(config, "east", tmp_path / "east.json", BY, NOW)
    assert not (tmp_path / "east.json").exists()


def test_a_node_made_again_of_its_backup_knows_its_replicas(config: NodeConfig, tmp_path: Path) -> None:
    add(config, "east", tmp_path / "east.json", BY, NOW)
    unlocker = Unlocker("key-file", bytes(range(32)))
    back_up(tmp_path / "node.toml", tmp_path / "backup", unlocker, NOW)
    _, restored = restore(tmp_path / "backup", tmp_path / "new", unlocker)
    assert Replicas(restored.node.data).all() == Replicas(config.node.data).all()
    ca = ReplicaAuthority(KeyStore.of(restored), "deaths-1").server_credentials().ca_certificate
    assert read(tmp_path / "east.json").ca_certificate.encode() == ca


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "C.UTF-8",
            "replicas on the list as of then: east, west; before you serve, run provider-node replica",
        ),
        ("zh_CN.UTF-8", "备份时名单上的副本：east, west；启动节点之前，请对此后已移除的每个副本运行"),
    ],
)
def test_whoever_restores_a_node_is_told_which_replicas_are_listed_again(
    config: NodeConfig, tmp_path: Path, language: str, told: str
) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_bytes(bytes(range(32)))

    def restored(name: str) -> str:
        back_up(tmp_path / "node.toml", tmp_path / name, Unlocker("key-file", key.read_bytes()), NOW)
        runner = CliRunner(env={"LC_ALL": language})
        asked = ["restore", str(tmp_path / name), str(tmp_path / f"{name}-again"), "--key-file", str(key)]
        return runner.invoke(app, asked, catch_exceptions=False).stdout

    assert "provider-node replica remove" not in restored("without")
    for replica in ("west", "east"):
        add(config, replica, tmp_path / f"{replica}.json", BY, NOW)
    out = restored("with")
    assert told in out
    assert "provider-node replica remove" in out


def assert_nothing_made(config: NodeConfig, directory: Path) -> None:
    assert not (directory / "east.json").exists()
    assert not (config.node.data / "replicas.json").exists()
    assert not (config.node.data / "keys" / "replicas.key").exists()
