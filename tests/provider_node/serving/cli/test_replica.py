"""The commands about replicas, on files and on a running node."""

import json
import os
from pathlib import Path

import pytest

from provider_node.domain.replicas.bundle import read
from provider_node.store.replicas import Replicas
from stayput.v1.admin_pb2 import ListReplicasRequest
from tests.provider_node.serving.cli.printed import CHINESE, ENGLISH
from tests.provider_node.serving.processes import NodeProcess

LISTEN = '[replicas]\nlisten = "127.0.0.1:0"\nadvertise = "vehicles-1.internal:7444"\n'


@pytest.fixture
def node(node_process: NodeProcess) -> NodeProcess:
    """The node with `[replicas]` in its node.toml, not started."""
    node_process.configure(LISTEN)
    return node_process


def listed(directory: Path) -> list[str]:
    return [one.name for one in Replicas(directory / "data").all()]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            ENGLISH,
            (
                "replica east is on the list; its certificate is valid until 2",
                "copy east.json to its machine by a safe way",
                "whoever has east.json can get this node's keys for as long as east is on the list",
            ),
        ),
        (
            CHINESE,
            (
                "只读副本 east 已列入名单，证书有效期至 2",
                "通过安全途径将 east.json 复制到副本机器",
                "在 east 列入名单期间，任何持有 east.json 的人都能取得本节点的密钥",
            ),
        ),
    ],
)
async def test_a_replica_is_added_and_the_next_step_told(
    node: NodeProcess, language: str, told: tuple[str, ...]
) -> None:
    ran = await node.run("replica", "add", "east", "--out", "east.json", "--as", "王建国", language=language)
    assert ran.code == 0, ran.stderr
    for text in (*told, "provider-node replica serve "):
        assert text in ran.stdout
    bundle = read(node.directory / "east.json")
    assert (bundle.replica, bundle.address) == ("east", "vehicles-1.internal:7444")
    assert "PRIVATE" not in ran.stdout
    assert listed(node.directory) == ["east"]


async def test_what_cannot_be_added_is_told(node: NodeProcess) -> None:
    assert (await node.run("replica", "add", "east", "--out", "east.json")).code == 0
    for arguments, error in (
        (("east", "--out", "again.json"), "name: a replica of this name is on the list already"),
        (("west", "--out", "east.json"), "out: east.json is there already"),
        (("West", "--out", "west.json"), "name: must be 2 to 63 of a-z"),
        (("west", "--out", "none/west.json"), "none/west.json: No such file"),
    ):
        ran = await node.run("replica", "add", *arguments)
        assert (ran.code, error in ran.stderr) == (1, True), ran.stderr
        assert "\nhint: " in ran.stderr
    node.configure("")
    ran = await node.run("replica", "add", "west", "--out", "west.json")
    assert (ran.code, "replicas.listen: is needed" in ran.stderr) == (1, True)
    assert listed(node.directory) == ["east"]


async def test_replicas_are_listed_and_removed_without_a_running_node(node: NodeProcess) -> None:
    for name in ("west", "east"):
        await node.run("replica", "add", name, "--out", f"{name}.json", "--as", "王建国")
    found = json.loads((await node.run("replica", "list", "--json")).stdout)["replicas"]
    assert [(one["name"], one["administrator"], one["serving"]) for one in found] == [
        ("east", "王建国", []),
        ("west", "王建国", []),
    ]
    assert not any("connectedSince" in one for one in found)
    ran = await node.run("replica", "list", language=CHINESE)
    assert (ran.stdout.count("未连接"), ran.stdout.count("王建国")) == (2, 2)
    ran = await node.run("replica", "remove", "west", "--yes")
    assert "replica west is on the list no more; it has had the node's keys" in ran.stdout
    ran = await node.run("replica", "remove", "west", language=CHINESE)
    assert (ran.code, "name: no replica of this name is on the list" in ran.stderr) == (1, True)
    assert "not connected" in (await node.run("replica", "list")).stdout
    assert listed(node.directory) == ["east"]


async def test_a_running_node_sees_who_is_added_and_removed(node: NodeProcess) -> None:
    await node.start()
    assert json.loads((await node.run("replica", "list", "--json")).stdout) == {"replicas": []}
    assert (await node.run("replica", "add", "east", "--out", "east.json", "--as", "李梅")).code == 0
    (one,) = json.loads((await node.run("replica", "list", "--json")).stdout)["replicas"]
    assert (one["name"], one["administrator"]) == ("east", "李梅")
    async with node.administrator() as administrator:
        (told,) = (await administrator.ListReplicas(ListReplicasRequest())).replicas
        assert (told.name, told.administrator, told.HasField("connected_since")) == ("east", "李梅", False)
    (node.directory / "data" / "replicas.json").write_text("{}}")
    ran = await node.run("replica", "list")
    assert (ran.code, f"{os.sep}replicas.json is damaged" in ran.stderr) == (1, True)
    (node.directory / "data" / "replicas.json").unlink()
    assert json.loads((await node.run("replica", "list", "--json")).stdout) == {"replicas": []}


async def test_a_damaged_list_is_told_with_what_to_do(node: NodeProcess) -> None:
    (node.directory / "data" / "replicas.json").write_text("[]")
    ran = await node.run("replica", "list")
    assert (ran.code, "replicas.json is damaged" in ran.stderr) == (1, True)
    assert "hint: restore it from a backup" in ran.stderr
