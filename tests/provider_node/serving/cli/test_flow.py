"""The commands from an empty directory to a granted application, each as a process, in both languages."""

import json
import re
import signal
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from provider_node.domain.keys import NodeKeys
from stayput import signing
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.cli.printed import cells, lines
from tests.provider_node.serving.consumer import Stream, call_request
from tests.provider_node.serving.node import NODE, PROVIDER, Material, grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess

Text = Callable[[str, str], str]


async def test_from_an_empty_directory_to_a_serving_node(
    tmp_path: Path, material: Material, peer: Peer, language: str, text: Text
) -> None:
    directory = tmp_path / "node"
    directory.mkdir()
    node = NodeProcess(directory, material, NodeKeys(directory / "data"))
    invitation = directory / "node.invitation"

    ran = await node.run(
        "init", "--id", NODE.id, "--department", PROVIDER, "--listen", "127.0.0.1:0", language=language
    )
    assert lines(ran) == [
        text(
            f"node {NODE.id} initialised in .; next: provider-node enrol INVITATION",
            f"节点 {NODE.id} 已在 . 初始化；下一步：provider-node enrol 邀请文件",
        )
    ]
    invitation.write_text(MessageToJson(peer.invitation))
    ran = await node.run("enrol", "node.invitation", language=language)
    assert lines(ran) == [
        text(f"node {NODE.id} of department {PROVIDER} enrolled", f"部门 {PROVIDER} 的节点 {NODE.id} 已登记")
    ]
    register.write_files(directory)
    ran = await node.run("status", language=language)
    assert lines(ran)[:2] == [
        text("the node is not running", "节点未运行"),
        text("0 receipts, 0 not delivered; 0 sessions open", "回执 0 份，未送达 0 份；进行中的会话 0 个"),
    ]
    ran = await node.run("build", register.CODE, "--as-of", "2020-11-01", language=language)
    assert ran.code == 0
    built = text(
        r"vehicle-owners: generation \S+, 300 rows, 300 subjects, \d+\.\d s",
        r"vehicle-owners：数据版本 \S+，300 行，300 个主体，用时 \d+\.\d 秒",
    )
    pace = text(r"[\d,]+ rows/s; \d+\.\d kB on disk", r"每秒 [\d,]+ 行；占用磁盘 \d+\.\d kB")
    assert re.fullmatch(f"{built}\n{pace}", ran.stdout.strip())
    await node.start()
    ran = await node.run("status", language=language)
    assert lines(ran)[0].startswith(text(f"running at {node.address} since ", f"运行于 {node.address}，自 "))
    (header, row) = cells(ran)
    assert header == text(
        "resource|state|published|generation|data as of|rows|subjects|left out",
        "资源|状态|已发布|数据版本|数据时点|行|主体数|剔除",
    ).split("|")
    state = text("serving, STALE", "可比对, 逾期未更新")
    assert row[:4] == [register.CODE, state, text("no", "否"), node.generation()]
    assert row[4].startswith("2020-11-01")
    assert row[5:] == ["300", "300", ""]
    assert await node.end(signal.SIGTERM) == 0


async def test_the_connection_to_the_platform_is_shown(
    node_process: NodeProcess, language: str, text: Text
) -> None:
    await node_process.start()
    connected = False
    while not connected:
        connected = json.loads((await node_process.run("status", "--json")).stdout)["connected"]
    shown = lines(await node_process.run("status", language=language))
    assert shown[2] == text(
        "connected to the platform; changes of grants are heard at once", "已连接平台，授权变更即时获知"
    )
    await node_process.clean_up()
    node_process.configure('comparator = "127.0.0.1:1"\n')
    await node_process.start()
    shown = lines(await node_process.run("status", language=language))
    assert shown[2:4] == text(
        "NOT connected to the platform; changes of grants are not heard|not caught up: no session is opened "
        "before the platform has told which grants it has stopped",
        "未连接平台，无法获知授权变更|尚未同步：在获知平台已停止哪些授权之前不开启会话",
    ).split("|")


async def test_publishing(node_process: NodeProcess, peer: Peer, language: str, text: Text) -> None:
    await node_process.start()
    ran = await node_process.run("publish", register.CODE, language=language)
    assert lines(ran) == [text("vehicle-owners is in the catalogue", "vehicle-owners 已发布到目录")]
    assert peer.published[register.CODE].address == node_process.address


async def test_the_status_for_programs(node_process: NodeProcess) -> None:
    await node_process.start()
    status = json.loads((await node_process.run("status", "--json")).stdout)
    assert (status["nodeId"], status["address"]) == (NODE.id, node_process.address)
    assert status["resources"][0]["rejects"] == []
    assert status["openSessions"] == 0
    assert await node_process.end(signal.SIGTERM) == 0
    offline = json.loads((await node_process.run("status", "--json")).stdout)
    assert "startedAt" not in offline
    assert offline["resources"] == status["resources"]
    assert offline["signingKey"] == status["signingKey"]


async def test_the_key_that_departments_pinned_is_told(
    node_process: NodeProcess, language: str, text: Text
) -> None:
    public = node_process.verification_key
    known = {"id": signing.key_id(public), "key": b64encode(public).decode()}
    assert json.loads((await node_process.run("status", "--json")).stdout)["signingKey"] == known
    assert lines(await node_process.run("status", language=language))[2] == text(
        f"public signing key {known['id']}: {known['key']} (departments compare it with the one they keep)",
        f"签名公钥 {known['id']}：{known['key']}（供使用部门与其留存的公钥核对）",
    )


async def test_a_build_of_a_running_node_is_done_by_it(node_process: NodeProcess) -> None:
    source = node_process.directory / "vehicles.csv"
    with source.open("a", encoding="utf-8") as file:
        file.write("110105195001010001,王某,京A1\n,王某,京A2\n")
    before = node_process.generation()
    await node_process.start()
    ran = await node_process.run("build", register.CODE)
    assert ran.code == 0
    first, *rejects, pace, change = ran.stdout.splitlines()
    assert f"generation {node_process.generation()}, 300 rows, 300 subjects" in first
    assert rejects == ["left out: owner_id CHECKSUM: 1", "left out: owner_id MISSING: 1"]
    assert pace.endswith(" kB on disk")
    assert change == f"against generation {before}: +0 rows, +0 subjects, +2 left out"
    assert node_process.generation() != before
    status = json.loads((await node_process.run("status", "--json")).stdout)
    assert status["resources"][0]["generation"] == node_process.generation()


async def test_what_the_platform_refuses_is_told(
    node_process: NodeProcess, peer: Peer, language: str, text: Text
) -> None:
    await node_process.start()
    peer.faults.errors["publish"] = StayputError(
        ErrorReason.ERROR_REASON_RESOURCE_TAKEN, "taken by another", remedy="choose another code"
    )
    ran = await node_process.run("publish", register.CODE, language=language)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr == text(
        "error: taken by another\nhint: choose another code\n",
        "错误：该资源代码已被其他提供部门使用（RESOURCE_TAKEN：taken by another）\n"
        "提示：choose another code\n",
    )
    ran = await node_process.run("approve", "A-99", language=language)
    assert ran.code == 1
    assert ran.stderr.startswith(text("error: ", "错误："))


async def test_receipts_that_wait_are_shown(
    node_process: NodeProcess, peer: Peer, language: str, text: Text
) -> None:
    peer.faults.errors["append"] = StayputError(
        ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="make room"
    )
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    async with node_process.consumer() as consumer:
        await consumer.CompareRecords(call_request(await node_process.asking(consumer), [register.person(1)]))
        stream = Stream(consumer, await node_process.asking(consumer))
        await stream.open()
        ran = await node_process.run("status", language=language)
    assert lines(ran)[1] == text(
        "1 receipts, 1 not delivered; 1 sessions open", "回执 1 份，未送达 1 份；进行中的会话 1 个"
    )
    assert lines(ran)[2].startswith(text("the oldest waits since 20", "最早一份自 20"))
    assert await node_process.end(signal.SIGTERM) == 0
    ran = await node_process.run("status", language=language)
    assert lines(ran)[0] == text("the node is not running", "节点未运行")
    assert lines(ran)[1] == text(
        "2 receipts, 2 not delivered; 0 sessions open", "回执 2 份，未送达 2 份；进行中的会话 0 个"
    )
