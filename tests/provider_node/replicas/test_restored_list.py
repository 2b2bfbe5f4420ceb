"""A node that is restored lists again what was on its list: `restore` says which replicas that are."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from provider_node.cli import app
from provider_node.domain.backup import back_up
from provider_node.domain.keys import NodeKeys
from provider_node.store.protection import Unlocker
from provider_node.store.replicas import Replicas
from provider_node.store.state import State
from tests.provider_node.serving.cli.printed import CHINESE, ENGLISH

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
PASSPHRASE = "correct horse battery staple"
TOLD = {
    ENGLISH: "replicas on the list as of then: east, west; before you serve, run provider-node replica",
    CHINESE: "备份时名单上的副本：east, west；启动节点之前，请对此后已移除的每个副本运行",
}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node's directory, with a state."""
    directory = tmp_path / "node"
    (directory / "resources").mkdir(parents=True)
    (directory / "node.toml").write_text('[node]\nid = "deaths-1"\ndepartment = "health-commission"\n')
    NodeKeys(directory / "data").create()
    State(directory / "data" / "state").close()
    return directory


def restored(node: Path, language: str) -> str:
    """What `restore` prints of a backup of the node; the commands' own line is left out."""
    backup, secret = node.parent / "node.backup", node.parent / "secret"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    back_up(node / "node.toml", backup, Unlocker("scrypt", PASSPHRASE.encode()), NOW)
    command = ["restore", f"{backup}", f"{node.parent / 'again'}", "--passphrase-file", f"{secret}"]
    ran = CliRunner(env={"LC_ALL": language}).invoke(app, command)
    assert ran.exit_code == 0, ran.output
    _, _, told = ran.output.partition("\n")
    return told


@pytest.mark.parametrize("language", TOLD)
def test_the_replicas_on_the_list_are_told(node: Path, language: str) -> None:
    for number, name in enumerate(("west", "east", "gone")):
        Replicas(node / "data").add(name, f"{number:043}", NOW, "王建国")
    Replicas(node / "data").remove("gone")
    assert restored(node, language).startswith(TOLD[language])
    assert [one.name for one in Replicas(node.parent / "again" / "data").all()] == ["east", "west"]


@pytest.mark.parametrize("language", TOLD)
def test_without_any_nothing_is_told_of_them(node: Path, language: str) -> None:
    assert restored(node, language) == ""
