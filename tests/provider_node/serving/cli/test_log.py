"""A provider looks into its own log: with the node running or not, in both languages."""

import json
import re
import signal
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

import pytest
import typer.main
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import ParseDict

from provider_node.cli import app
from provider_node.config import load_node
from provider_node.domain.chain import FaultKind
from provider_node.domain.outbox import Outbox
from provider_node.domain.platform import Platform
from provider_node.domain.reconciliation import DifferenceKind
from provider_node.store.receipt_log import reading
from provider_node.store.state import State
from stayput import receipts, requests, signing
from stayput.v1.admin_pb2 import ListReceiptsResponse
from stayput.v1.log_pb2 import LogRecord, Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving import kept, register
from tests.provider_node.serving.cli.printed import cells, lines
from tests.provider_node.serving.cli.test_help import chinese
from tests.provider_node.serving.consumer import Stream, call_request
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NOW, grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess, Ran

Text = Callable[[str, str], str]
CUT = SessionEnd.SESSION_END_CUT_BY_CONSUMER


def state_of(node: NodeProcess) -> Path:
    return node.directory / "data" / "state"


async def keep(node: NodeProcess, *drafts: Receipt, key: Ed25519PrivateKey | None = None) -> None:
    """Gives the node, which is not running, receipts."""
    key = key or node.keys.signing_key()

    def sign(receipt: Receipt) -> Envelope:
        return signing.sign(signing.PayloadType.RECEIPT, receipt, key)

    state = State(state_of(node))
    for draft in drafts:
        await state.cut(draft, sign)
    state.close()


async def deliver(node: NodeProcess) -> None:
    """What the node's outbox would do, while it is not running."""
    state = State(state_of(node))
    enrolled = node.keys.enrolled()
    comparator = load_node(node.directory / "node.toml").node.comparator
    assert comparator is not None
    platform = Platform(comparator, enrolled.credentials)
    await Outbox(state, platform, timedelta(hours=4), lambda: NOW).deliver()
    await platform.close()
    state.close()


def held(node: NodeProcess) -> dict[int, bytes]:
    with reading(state_of(node)) as log:
        return {one.number: one.held for one in log.walk()}


@pytest.fixture
async def node(node_process: NodeProcess, peer: Peer) -> NodeProcess:
    """Has a grant and three receipts, the first two delivered, the third of a session cut; does not run."""
    await node_process.give(grant())
    await keep(node_process, kept.draft(1), kept.draft(2))
    await deliver(node_process)
    await keep(node_process, kept.draft(3, CUT))
    return node_process


def numbers(ran: Ran) -> list[int]:
    assert ran.code == 0, ran.stderr
    return [one.sequence for one in ParseDict(json.loads(ran.stdout), ListReceiptsResponse()).receipts]


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
async def test_receipts_are_shown(
    node: NodeProcess, peer: Peer, language: str, text: Text, *, running: bool
) -> None:
    if running:
        node.configure('comparator = "127.0.0.1:1"\n')
        await node.start()
    header, third, _, first = cells(await node.run("log", "search", language=language))
    assert header == text(
        "number|finished|consumer|operator|case number|resource|grant|records|found|end|at the platform",
        "编号|完成时间|使用部门|经办人|案件编号|资源|授权|条数|命中|结束方式|已送达平台",
    ).split("|")
    finished = (NOW + timedelta(minutes=1)).astimezone()
    assert first == [
        "1",
        f"{finished:%Y-%m-%d %H:%M}",
        CONSUMER.id,
        "li.na",
        "低保〔2026〕1号",
        register.CODE,
        GRANT_ID,
        "2",
        "1",
        text("complete", "完成"),
        text("yes", "是"),
    ]
    assert third[-2:] == [text("cut by the consumer", "使用部门中断"), text("no", "否")]


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
async def test_every_filter_narrows(node: NodeProcess, *, running: bool) -> None:
    if running:
        node.configure('comparator = "127.0.0.1:1"\n')
        await node.start()
    local = (NOW + timedelta(minutes=2)).astimezone()
    moment = f"{local:%Y-%m-%dT%H:%M:%S}"
    for options, expected in (
        ((), [3, 2, 1]),
        (("--operator", "wang.wei"), [2]),
        (("--case-number", "低保〔2026〕3号"), [3]),
        (("--consumer", "tax"), []),
        (("--grant", GRANT_ID, "--resource", register.CODE, "--consumer", CONSUMER.id), [3, 2, 1]),
        (("--end", "cut-by-consumer"), [3]),
        (("--least-records", "4"), [3, 2]),
        (("--since", moment), [3, 2]),
        (("--until", moment), [1]),
        (("--limit", "2"), [3, 2]),
    ):
        assert numbers(await node.run("log", "search", "--json", *options)) == expected, options


async def test_that_there_is_more_is_told(node: NodeProcess, language: str, text: Text) -> None:
    ran = await node.run("log", "search", "--limit", "2", language=language)
    assert lines(ran)[-1] == text(
        "there may be more than these 2; raise --limit or narrow the search",
        "仅显示前 2 份，可能还有更多；请调大 --limit 或缩小范围",
    )


async def test_a_damaged_receipt_is_shown_as_such(node: NodeProcess, language: str, text: Text) -> None:
    kept.tamper(state_of(node), {2: b"\xff"})
    _, _, second, _ = cells(await node.run("log", "search", language=language))
    assert second == ["2", text("DAMAGED", "已损坏"), *[""] * 8, text("yes", "是")]


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
async def test_a_whole_chain_is_verified(
    node: NodeProcess, language: str, text: Text, *, running: bool
) -> None:
    if running:
        await node.start()
    ran = await node.run("log", "verify", language=language)
    assert lines(ran) == [text("3 receipts verified; the chain is whole", "已校验 3 份回执，链完整")]


async def test_every_fault_is_named_and_the_first_of_them(
    node: NodeProcess, language: str, text: Text
) -> None:
    changed = kept.receipt_of(held(node)[3])
    changed.operator = "zhao.liu"
    changed.outcome_bytes = 1
    changed.grant_id = "G-2"
    kept.tamper(state_of(node), {2: None, 3: kept.signed(changed, node.keys.signing_key())})
    ran = await node.run("log", "verify", language=language)
    assert (ran.code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines() == text(
        "receipt 2: missing from the chain\n"
        "receipt 3: contradicts itself or this node: outcome_bytes\n"
        "receipt 3: names a grant that this node has not signed\n"
        "2 receipts read, 3 faults; the first broken link is receipt 2",
        "回执 2：链中缺失\n"
        "回执 3：内容自相矛盾或与本节点不符：outcome_bytes\n"
        "回执 3：所载授权并非本节点签署\n"
        "已读取 2 份回执，发现 3 处问题；首个断点为回执 2",
    ).split("\n")


async def test_forged_swapped_and_cut_off_receipts_are_named(
    node: NodeProcess, language: str, text: Text
) -> None:
    stranger = Ed25519PrivateKey.generate()
    forged = kept.signed(kept.receipt_of(held(node)[1]), stranger)
    kept.tamper(state_of(node), {1: forged, 2: None, 3: None})
    ran = await node.run("log", "verify", language=language)
    assert ran.code == 1
    assert ran.stdout.splitlines() == text(
        "receipt 1: not signed by a key of this node\n"
        "receipt 2: confirmed by the platform, but no longer in this node's state\n"
        "1 receipts read, 2 faults; the first broken link is receipt 1",
        "回执 1：签名不是本节点密钥所作\n"
        "回执 2：平台已确认收到，但本节点状态中已不存在\n"
        "已读取 1 份回执，发现 2 处问题；首个断点为回执 1",
    ).split("\n")
    kept.tamper(state_of(node), {1: forged, 2: forged, 3: b"\xff"})
    ran = await node.run("log", "verify", language=language)
    assert ran.stdout.splitlines()[1:] == text(
        "receipt 2: not signed by a key of this node\n"
        "receipt 2: says another number than its place\n"
        "receipt 2: does not name the receipt before it; one of the two is not the original\n"
        "receipt 3: damaged at this node, cannot be read\n"
        "3 receipts read, 5 faults; the first broken link is receipt 1",
        "回执 2：签名不是本节点密钥所作\n"
        "回执 2：所载编号与所在位置不符\n"
        "回执 2：与前一份回执的摘要不符，两者之一不是原件\n"
        "回执 3：本节点保存的内容已损坏，无法读取\n"
        "已读取 3 份回执，发现 5 处问题；首个断点为回执 1",
    ).split("\n")


async def test_keys_of_earlier_enrolments_are_taken_from_a_file(node_process: NodeProcess) -> None:
    node, earlier = node_process, Ed25519PrivateKey.generate()
    await node.give(grant())
    await keep(node, kept.draft(1), key=earlier)
    await keep(node, kept.draft(2))
    keys = node.directory / "earlier-keys.txt"
    keys.write_text(f"# 2025\n{b64encode(earlier.public_key().public_bytes_raw()).decode()}\n")
    ran = await node.run("log", "verify")
    assert (ran.code, ran.stdout.splitlines()[0]) == (1, "receipt 1: not signed by a key of this node")
    assert lines(await node.run("log", "verify", "--key", "earlier-keys.txt")) == [
        "2 receipts verified; the chain is whole"
    ]
    # A key that was put away must not sign again; and a grant is about one register and no other.
    await keep(node, kept.draft(3), key=earlier)
    other = kept.draft(4)
    other.resource = "marriages"
    other.request.CopyFrom(requests.sign(kept.statement(other), kept.ASKS))
    await keep(node, other)
    ran = await node.run("log", "verify", "--key", "earlier-keys.txt")
    assert (ran.code, ran.stdout.splitlines()[:-1]) == (
        1,
        [
            "receipt 3: signed by an earlier key after a later one was in use",
            "receipt 4: is not what its grant is about: resource",
        ],
    )
    keys.write_text("公钥\n")
    ran = await node.run("log", "verify", "--key", "earlier-keys.txt")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: key: a line of the file is no public key")


async def test_faults_are_objects_for_programs(node: NodeProcess) -> None:
    ran = await node.run("log", "verify", "--json")
    assert (ran.code, json.loads(ran.stdout)) == (0, {"receipts": 3, "faults": []})
    changed = kept.receipt_of(held(node)[3])
    changed.outcome_bytes = 1
    kept.tamper(state_of(node), {1: None, 2: None, 3: kept.signed(changed, node.keys.signing_key())})
    ran = await node.run("log", "verify", "--json")
    assert (ran.code, ran.stderr) == (1, "")
    assert json.loads(ran.stdout) == {
        "receipts": 1,
        "faults": [
            {"kind": "missing", "first": 1, "last": 2, "field": ""},
            {"kind": "inconsistent", "first": 3, "last": 3, "field": "outcome_bytes"},
        ],
    }


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
async def test_what_is_exported_verifies_line_by_line(
    node: NodeProcess, language: str, text: Text, *, running: bool
) -> None:
    if running:
        await node.start()
    ran = await node.run("log", "export", "-o", "receipts.jsonl", language=language)
    assert lines(ran) == [text("3 receipts written to receipts.jsonl", "已将 3 份回执写入 receipts.jsonl")]
    file = node.directory / "receipts.jsonl"
    assert file.stat().st_mode & 0o777 == 0o600
    written = [receipts.from_file(line) for line in file.read_text().splitlines()]
    key = node.verification_key
    assert [receipts.verify(one, key).sequence for one in written] == [1, 2, 3]
    assert [one.SerializeToString() for one in written] == list(held(node).values())
    ran = await node.run("log", "export", "-o", "receipts.jsonl", "--first", "2", "--last", "2")
    assert lines(ran) == ["1 receipts written to receipts.jsonl"]
    since = (NOW + timedelta(minutes=3)).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    ran = await node.run("log", "export", "-o", "receipts.jsonl", "--since", since)
    assert lines(ran) == ["1 receipts written to receipts.jsonl"]
    (line,) = file.read_text().splitlines()
    assert receipts.verify(receipts.from_file(line), key).sequence == 3


async def test_an_export_that_fails_leaves_no_file(node: NodeProcess) -> None:
    kept.tamper(state_of(node), {2: b"\xff"})
    ran = await node.run("log", "export", "-o", "receipts.jsonl")
    assert (ran.code, ran.stdout) == (1, "")
    assert "number 2 in the node's state is damaged" in ran.stderr
    assert list(node.directory.glob("receipts.jsonl*")) == []


async def test_the_chain_is_compared_with_the_platforms_log(
    node: NodeProcess, peer: Peer, language: str, text: Text
) -> None:
    ran = await node.run("log", "reconcile", language=language)
    assert lines(ran) == text(
        "receipt 3: not delivered to the platform yet\n"
        "3 receipts here, 2 in the platform's log, 2 agree; differences: 0",
        "回执 3：尚未送达平台\n本节点 3 份回执，平台日志 2 份，一致 2 份；差异：0",
    ).split("\n")


async def test_receipts_of_real_sessions_verify_and_agree(node_process: NodeProcess, peer: Peer) -> None:
    node = node_process
    await node.give(grant(datetime.now(UTC)))
    await node.start()
    async with node.consumer() as consumer:
        await consumer.CompareRecords(call_request(await node.asking(consumer), [register.person(1)]))
        await Stream(consumer, await node.asking(consumer)).open()
        await node.end(signal.SIGKILL)
    await node.start()
    async with node.consumer() as consumer:
        await Stream(consumer, await node.asking(consumer)).open()
    assert await node.end(signal.SIGTERM) == 0
    assert lines(await node.run("log", "verify")) == ["3 receipts verified; the chain is whole"]
    await deliver(node)
    assert lines(await node.run("log", "reconcile")) == [
        "3 receipts here, 3 in the platform's log, 3 agree; differences: 0"
    ]
    ends = [row[-2] for row in cells(await node.run("log", "search"))[1:]]
    # The node may be told to stop before it has noticed that the consumer left.
    assert ends[0] in ("cut by the consumer", "cut by the node")
    assert ends[1:] == ["node crashed", "complete"]


async def test_every_difference_is_named(node: NodeProcess, peer: Peer, language: str, text: Text) -> None:
    await deliver(node)
    await keep(node, *(kept.draft(number) for number in (4, 5, 6)))
    await deliver(node)
    other = kept.receipt_of(peer.receipts[3].SerializeToString())
    other.records += 1
    peer.receipts[3] = Envelope.FromString(kept.signed(other, node.keys.signing_key()))
    del peer.receipts[:2]

    def show(records: list[LogRecord]) -> list[LogRecord]:
        records[1].operator = ""
        return [records[0], *records]

    peer.showing = show
    kept.tamper(state_of(node), {3: b"\xff", 6: None})
    ran = await node.run("log", "reconcile", language=language)
    assert (ran.code, ran.stderr) == (1, "")
    assert ran.stdout.splitlines() == text(
        "receipt 6: in the platform's log, but not in this node's chain\n"
        "receipt 6: shown twice or out of order by the platform's log\n"
        "receipt 5: the same receipt, but the platform's log shows it with another value of: operator\n"
        "receipt 4: other content in the platform's log than in this node's chain\n"
        "receipt 3: damaged at this node, cannot be read\n"
        "receipts 1 to 2: MISSING from the platform's log, which had confirmed it\n"
        "5 receipts here, 5 in the platform's log, 0 agree; differences: 6",
        "回执 6：平台日志中有，而本节点链中没有\n"
        "回执 6：平台日志重复显示或顺序有误\n"
        "回执 5：回执相同，但平台日志显示的字段值不同：operator\n"
        "回执 4：平台日志中的内容与本节点链中的不同\n"
        "回执 3：本节点保存的内容已损坏，无法读取\n"
        "回执 1 至 2：平台日志中缺失，而平台曾确认收到\n"
        "本节点 5 份回执，平台日志 5 份，一致 0 份；差异：6",
    ).split("\n")


async def test_differences_are_objects_for_programs(node: NodeProcess, peer: Peer) -> None:
    waiting = {"kind": "waiting", "first": 3, "last": 3, "field": ""}
    ran = await node.run("log", "reconcile", "--json")
    # What is on its way is told, and is no difference.
    assert (ran.code, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {"node": 3, "platform": 2, "agree": 2, "differences": [waiting]}
    del peer.receipts[:2]
    ran = await node.run("log", "reconcile", "--json")
    assert (ran.code, ran.stderr) == (1, "")
    missing = {"kind": "missing_at_platform", "first": 1, "last": 2, "field": ""}
    assert json.loads(ran.stdout) == {
        "node": 3,
        "platform": 0,
        "agree": 0,
        "differences": [waiting, missing],
    }


async def test_a_platform_that_cannot_be_reached_is_told(node: NodeProcess) -> None:
    node.configure('comparator = "127.0.0.1:1"\n')
    ran = await node.run("log", "reconcile")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: comparator: ")


@pytest.mark.parametrize("command", [("search",), ("verify",), ("export", "-o", "x"), ("reconcile",)])
async def test_a_node_without_a_state_is_told(node_process: NodeProcess, command: tuple[str, ...]) -> None:
    ran = await node_process.run("log", *command)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: ")
    assert "there is no node's state" in ran.stderr
    assert not state_of(node_process).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "--limit", "0"),
        ("search", "--limit", "100001"),
        ("search", "--least-records", "-1"),
        ("search", "--since", "yesterday"),
        ("search", "--end", "somehow"),
        ("export",),
        ("export", "-o", "x", "--first", "0"),
        ("verify", "--key", "no-such-file"),
        ("nonsense",),
    ],
)
async def test_wrong_usage_is_told_with_exit_code_2(
    node_process: NodeProcess, arguments: tuple[str, ...]
) -> None:
    ran = await node_process.run("log", *arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert "Usage: " in ran.stderr


@pytest.mark.parametrize(("command", "kinds"), [("verify", FaultKind), ("reconcile", DifferenceKind)])
def test_every_kind_that_a_program_may_read_is_in_the_help(command: str, kinds: type[Enum]) -> None:
    log = typer.main.get_command(app).commands["log"]  # type: ignore[attr-defined]  # what typer makes of an app
    assert {kind.value for kind in kinds} <= set(re.findall(r"\w+", log.commands[command].help))


def test_every_command_and_option_is_explained_in_both_languages() -> None:
    log = typer.main.get_command(app).commands["log"]  # type: ignore[attr-defined]  # what typer makes of an app
    assert list(log.commands) == ["search", "verify", "reconcile", "export"]
    for name, command in log.commands.items():
        assert chinese(command.help), name
        for parameter in command.params:
            assert chinese(parameter.help), (name, parameter.name)
