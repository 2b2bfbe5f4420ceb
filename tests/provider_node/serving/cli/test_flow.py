"""The commands from an empty directory to a granted application, each as a process, in both languages."""

import json
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson

from provider_node.domain.keys import NodeKeys
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Application
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, call_request
from tests.provider_node.serving.node import CONSUMER, NODE, PROVIDER, Material, grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess, Ran

ENGLISH, CHINESE = "C.UTF-8", "zh_CN.UTF-8"
Text = Callable[[str, str], str]


@pytest.fixture(params=[ENGLISH, CHINESE])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def text(language: str) -> Text:
    return lambda english, chinese: english if language == ENGLISH else chinese


@pytest.fixture
def application(peer: Peer) -> Application:
    for number in (6, 7, 8):
        peer.add(
            Application(
                id=f"A-{number}",
                consumer=CONSUMER.id,
                resource=register.CODE,
                key=register.KEY,
                checks=["name"],
                mode=Mode.MODE_KEYED,
                granularity=Granularity.GRANULARITY_RECORD,
                purpose="核对[/bold]\x1b[31m",
            )
        )
    return peer.applications["A-7"]


def lines(ran: Ran) -> list[str]:
    assert (ran.code, ran.stderr.replace("\n", "")) == (0, "")
    return ran.stdout.splitlines()


def cells(ran: Ran) -> list[list[str]]:
    """The rows of a printed table."""
    rows = [line.strip("│┃").split("│" if "│" in line else "┃") for line in lines(ran) if line[:1] in "│┃"]
    return [[cell.strip() for cell in row] for row in rows]


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
    ran = await node.run("build", register.CODE, "--as-of", "2026-11-01", language=language)
    assert ran.code == 0
    built = text(
        r"vehicle-owners: generation \S+, 300 rows, 300 subjects, \d+\.\d s",
        r"vehicle-owners：数据版本 \S+，300 行，300 个主体，用时 \d+\.\d 秒",
    )
    assert re.fullmatch(built, ran.stdout.strip())
    await node.start()
    ran = await node.run("status", language=language)
    assert lines(ran)[0].startswith(text(f"running at {node.address} since ", f"运行于 {node.address}，自 "))
    (header, row) = cells(ran)
    assert header == text(
        "resource|state|published|generation|data as of|rows|subjects|left out",
        "资源|状态|已发布|数据版本|数据时点|行|主体数|剔除",
    ).split("|")
    assert row[:4] == [register.CODE, text("serving", "可比对"), text("no", "否"), node.generation()]
    assert row[4].startswith("2026-11-01")
    assert row[5:] == ["300", "300", ""]
    assert await node.end(signal.SIGTERM) == 0


async def test_publishing_and_deciding(
    node_process: NodeProcess, peer: Peer, application: Application, language: str, text: Text
) -> None:
    await node_process.start()

    async def run(*arguments: str) -> Ran:
        return await node_process.run(*arguments, language=language)

    ran = await run("publish", register.CODE)
    assert lines(ran) == [text("vehicle-owners is in the catalogue", "vehicle-owners 已发布到目录")]
    assert peer.published[register.CODE].address == node_process.address

    _, *rows = cells(await run("applications"))
    # What another department wrote is shown as it is, but cannot steer the terminal.
    purpose = "核对[/bold]\N{REPLACEMENT CHARACTER}[31m"
    assert rows == [
        [f"A-{n}", text("submitted", "待办"), CONSUMER.id, register.CODE, register.KEY, "name", purpose]
        for n in (8, 7, 6)
    ]

    ran = await run("approve", "A-7", "--days", "30", "--per-day", "1000", "--case-number")
    (line,) = lines(ran)
    assert re.fullmatch(
        text(
            r"application A-7 granted: G-\w{26} for civil-affairs on vehicle-owners, valid until 20\S+ \S+",
            r"申请 A-7 已批准：授权 G-\w{26}，使用部门 civil-affairs，资源 vehicle-owners，有效期至 20.+",
        ),
        line,
    )
    ran = await run("refuse", "A-8", "--reason", "材料不全")
    assert lines(ran) == [text("application A-8 refused", "申请 A-8 已拒绝")]
    assert peer.applications["A-8"].refusal_reason == "材料不全"

    _, *rows = cells(await run("applications"))
    states = [text("refused", "已拒绝"), text("granted", "已批准"), text("submitted", "待办")]
    assert [row[1] for row in rows] == states

    _, row = cells(await run("grants"))
    assert row[0] == application.grant_id
    assert (row[1:5], row[6]) == ([CONSUMER.id, register.CODE, register.KEY, "name"], "1,000")


async def test_for_programs(node_process: NodeProcess, peer: Peer, application: Application) -> None:
    await node_process.start()
    await node_process.run("approve", "A-7", "--case-number")
    listed = json.loads((await node_process.run("applications", "--json")).stdout)["applications"]
    assert [one["id"] for one in listed] == ["A-8", "A-7", "A-6"]
    assert listed[1]["state"] == "APPLICATION_STATE_GRANTED"
    assert listed[1]["purpose"].startswith("核对")
    (given,) = json.loads((await node_process.run("grants", "--json")).stdout)["grants"]
    assert (given["id"], given["caseNumberRequired"]) == (application.grant_id, True)
    assert given["limits"] == {"recordsPerSession": "1000000", "recordsPerDay": "5000000"}
    status = json.loads((await node_process.run("status", "--json")).stdout)
    assert (status["nodeId"], status["address"]) == (NODE.id, node_process.address)
    assert status["resources"][0]["rejects"] == []
    assert status["openSessions"] == 0
    assert await node_process.end(signal.SIGTERM) == 0
    offline = json.loads((await node_process.run("status", "--json")).stdout)
    assert "startedAt" not in offline
    assert offline["resources"] == status["resources"]


async def test_a_build_of_a_running_node_is_done_by_it(node_process: NodeProcess) -> None:
    source = node_process.directory / "vehicles.csv"
    with source.open("a", encoding="utf-8") as file:
        file.write("110105195001010001,王某,京A1\n,王某,京A2\n")
    before = node_process.generation()
    await node_process.start()
    ran = await node_process.run("build", register.CODE)
    assert ran.code == 0
    first, *rest = ran.stdout.splitlines()
    assert f"generation {node_process.generation()}, 300 rows, 300 subjects" in first
    assert rest == ["left out: owner_id CHECKSUM: 1", "left out: owner_id MISSING: 1"]
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
