"""What is done with a grant after it was given, and what is shown of it."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.json_format import ParseDict

from stayput.limits import DEFAULTS
from stayput.v1.access_pb2 import GrantState, Hours, Limits
from stayput.v1.admin_pb2 import ListLimitsResponse, ListNodeGrantsResponse, NodeGrant
from tests.provider_node.serving import register
from tests.provider_node.serving.cli.printed import cells, lines
from tests.provider_node.serving.consumer import call_request
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import SECONDS, NodeProcess

Text = Callable[[str, str], str]
LIMITS_ENGLISH = (
    "records a session|records a day|sessions a minute|attempts a subject and day|"
    "miss ratio|misses in a row|sequence"
)
LIMITS_CHINESE = "每次会话条数|每日条数|每分钟会话数|每主体每日核验次数|未命中比例|连续未命中|连号"
COUNTS_ENGLISH, COUNTS_CHINESE = (
    "smallest total told|epsilon a session|epsilon in all",
    "最小汇总数|每次 epsilon|epsilon 总额",
)


@pytest.fixture
async def node(node_process: NodeProcess) -> NodeProcess:
    """Serves, and has given one grant."""
    given = grant(datetime.now(UTC))
    given.limits.CopyFrom(DEFAULTS)
    given.version = 1
    await node_process.give(given)
    await node_process.start()
    return node_process


async def known(node: NodeProcess) -> NodeGrant:
    """The grant as the node knows it."""
    ran = await node.run("grants", "--json")
    (one,) = ParseDict(json.loads(ran.stdout), ListNodeGrantsResponse()).grants
    return one


async def test_grants_are_shown(node: NodeProcess, language: str, text: Text) -> None:
    header, row = cells(await node.run("grants", language=language))
    assert header == text(
        "grant|version|consumer|resource|key|checks|mode|granularity|valid until|state|left today / a day|"
        "conditions|recorded by the platform",
        "授权|版本|使用部门|资源|比对键|核验项|比对方式|粒度|有效期至|状态|今日剩余／每日条数|限定条件|平台已备案",
    ).split("|")
    scope = [CONSUMER.id, register.CODE, register.KEY, ", ".join(register.CHECKS)]
    until = (await known(node)).grant.valid_until.ToDatetime(UTC).astimezone()
    assert row == [
        GRANT_ID,
        "1",
        *scope,
        *text("keyed|each record", "密态|逐条").split("|"),
        f"{until:%Y-%m-%d %H:%M}",
        text("active", "有效"),
        "5,000,000 / 5,000,000",
        "",
        text("yes", "是"),
    ]


async def test_renewing(node: NodeProcess, language: str, text: Text) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    (line,) = lines(await node.run("renew", GRANT_ID, "--days", "700", language=language))
    found = (await known(node)).grant
    until = found.valid_until.ToDatetime(UTC)
    assert before + timedelta(days=700) <= until <= datetime.now(UTC) + timedelta(days=700)
    shown = f"{until.astimezone():%Y-%m-%d %H:%M}"
    assert line == text(
        f"grant {GRANT_ID} is now version 2, valid until {shown}",
        f"授权 {GRANT_ID} 已变更为第 2 版，有效期至 {shown}",
    )
    assert found.version == 2


async def test_every_term_can_be_amended_and_lifted(node: NodeProcess) -> None:
    before = (await known(node)).grant
    ran = await node.run(
        "amend", GRANT_ID, "--per-session", "10", "--attempts", "off", "--miss-ratio", "off",
        "--sequence-run", "9", "--without-check", register.CHECKS[-1], "--operator", "li.na", "--hours",
        "08:30-18:00", "--weekdays", "1,2", "--case-number", "--agreement", "安协〔2026〕9号",
        "--count-minimum", "11", "--noise-epsilon", "0.25", "--noise-budget", "off",
    )  # fmt: skip
    assert ran.code == 0, ran.stderr
    amended = (await known(node)).grant
    # What was not named is as it was.
    assert amended.valid_until == before.valid_until
    expected = Limits()
    expected.CopyFrom(before.limits)
    expected.MergeFrom(
        Limits(records_per_session=10, attempts_per_subject=0, miss_permille=0, sequence_run=9)
    )
    expected.MergeFrom(Limits(count_minimum=11, noise_epsilon_milli=250, noise_budget_milli=0))
    assert amended.limits == expected
    assert list(amended.checks) == list(register.CHECKS[:-1])
    assert list(amended.operators) == ["li.na"]
    assert amended.hours == Hours(opens="08:30", closes="18:00", weekdays=[1, 2])
    assert (amended.case_number_required, amended.security_agreement) == (True, "安协〔2026〕9号")

    ran = await node.run("amend", GRANT_ID, "--any-operator", "--any-hour", "--no-case-number")
    assert ran.code == 0, ran.stderr
    lifted = (await known(node)).grant
    assert (list(lifted.operators), lifted.HasField("hours"), lifted.case_number_required) == (
        [],
        False,
        False,
    )
    assert (lifted.version, lifted.limits) == (3, expected)
    assert (list(lifted.checks), lifted.security_agreement) == (
        list(amended.checks),
        amended.security_agreement,
    )


async def test_conditions_are_shown(node: NodeProcess, language: str, text: Text) -> None:
    await node.run(
        "amend", GRANT_ID, "--case-number", "--operator", "a", "--operator", "b", "--hours", "09:00-17:00"
    )
    _, row = cells(await node.run("grants", language=language))
    assert row[-2] == text(
        "case number, operators named: 2, 09:00-17:00", "须填案件编号, 限定经办人：2, 09:00-17:00"
    )


async def test_suspending_resuming_and_revoking(
    node: NodeProcess, peer: Peer, language: str, text: Text
) -> None:
    said = ("--reason", "核查", "--as", "王建国")
    (line,) = lines(await node.run("suspend", GRANT_ID, *said, language=language))
    standing = (await known(node)).standing
    since = f"{standing.provider_changed_at.ToDatetime(UTC).astimezone():%Y-%m-%d %H:%M}"
    suspended = text(f"suspended by the provider, {since}: 核查", f"被提供部门暂停，{since}：核查")
    assert line == text(f"grant {GRANT_ID}: ", f"授权 {GRANT_ID}：") + suspended
    assert standing.provider_state == GrantState.GRANT_STATE_SUSPENDED
    _, row = cells(await node.run("grants", language=language))
    assert row[9] == suspended

    (line,) = lines(await node.run("resume", GRANT_ID, "--reason", "核查完毕", language=language))
    assert line == text(f"grant {GRANT_ID}: active", f"授权 {GRANT_ID}：有效")
    assert (await known(node)).standing.provider_state == GrantState.GRANT_STATE_ACTIVE

    # Nobody sits at a terminal, so nobody is asked.
    (line,) = lines(await node.run("revoke", GRANT_ID, "--reason", "滥用", language=language))
    assert line.startswith(
        text(f"grant {GRANT_ID}: revoked by the provider, ", f"授权 {GRANT_ID}：被提供部门撤销，")
    )
    ran = await node.run("resume", GRANT_ID, "--reason", "误操作", language=language)
    assert (ran.code, ran.stdout) == (1, "")
    assert (await known(node)).standing.provider_state == GrantState.GRANT_STATE_REVOKED


async def at_a_terminal(node: NodeProcess, answer: str, *arguments: str) -> int:
    """Runs a command for somebody at a terminal who types that; returns the exit code."""
    master, slave = os.openpty()
    os.write(master, answer.encode())
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "provider_node",
        *arguments,
        cwd=node.directory,
        stdin=slave,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(process.communicate(), SECONDS)
    os.close(slave)
    os.close(master)
    assert process.returncode is not None
    return process.returncode


async def test_somebody_at_a_terminal_is_asked_before_a_grant_is_revoked(node: NodeProcess) -> None:
    revoke = ("revoke", GRANT_ID, "--reason", "滥用")
    assert await at_a_terminal(node, "n\n", *revoke) == 1
    assert (await known(node)).standing.provider_state == GrantState.GRANT_STATE_ACTIVE
    assert await at_a_terminal(node, "y\n", *revoke) == 0
    assert (await known(node)).standing.provider_state == GrantState.GRANT_STATE_REVOKED


async def test_whoever_is_sure_is_not_asked(node: NodeProcess) -> None:
    assert await at_a_terminal(node, "", "revoke", GRANT_ID, "--reason", "滥用", "--yes") == 0
    assert (await known(node)).standing.provider_state == GrantState.GRANT_STATE_REVOKED


async def test_the_limits_of_new_grants_are_those_of_the_files(
    node_process: NodeProcess, peer: Peer, language: str, text: Text
) -> None:
    node_process.configure(
        f'comparator = "{peer.address}"\n[limits]\nrecords_per_day = 2_000\nmiss_ratio = 0.125\n'
        "noise_epsilon = 1.5\n"
    )
    (file,) = (node_process.directory / "resources").glob("*.toml")
    with file.open("a", encoding="utf-8") as resource:
        resource.write('\n[limits]\nrecords_per_day = 3_000\nsequence_run = "off"\n')
    await node_process.start()
    header, row = cells(await node_process.run("limits", language=language))
    columns = (text(LIMITS_ENGLISH, LIMITS_CHINESE), text(COUNTS_ENGLISH, COUNTS_CHINESE))
    assert header == [text("resource", "资源"), *"|".join(columns).split("|")]
    off = text("off", "关闭")
    counts = ["10", "1.5", off]
    assert row == [register.CODE, "1,000,000", "3,000", "12,000", "5", "0.125", "500", off, *counts]
    ran = await node_process.run("limits", "--json")
    (one,) = ParseDict(json.loads(ran.stdout), ListLimitsResponse()).resources
    assert (one.limits.records_per_day, one.limits.miss_permille, one.limits.sequence_run) == (3_000, 125, 0)


async def test_the_limits_of_a_grant_are_shown_with_what_is_left_and_changed(
    node: NodeProcess, language: str, text: Text
) -> None:
    async with node.consumer() as consumer:
        await consumer.CompareRecords(call_request(await node.asking(consumer), [register.person(1)]))
    header, row = cells(await node.run("limits", GRANT_ID, language=language))
    assert header == [
        text("grant", "授权"),
        text("version", "版本"),
        *text(LIMITS_ENGLISH, LIMITS_CHINESE).split("|"),
        text("used today", "今日已用"),
        text("left today", "今日剩余"),
    ]
    limits = ["1,000,000", "5,000,000", "12,000", "5", "0.5", "500", "30"]
    assert row == [GRANT_ID, "1", *limits, "1", "4,999,999"]
    ran = await node.run("limits", GRANT_ID, "--per-day", "10", "--miss-ratio", "off", language=language)
    _, row = cells(ran)
    changed = ["1,000,000", "10", "12,000", "5", text("off", "关闭"), "500", "30"]
    assert row == [GRANT_ID, "2", *changed, "1", "9"]
    assert (await known(node)).grant.limits.records_per_day == 10
    ran = await node.run("limits", GRANT_ID, "--json")
    one = ParseDict(json.loads(ran.stdout), NodeGrant())
    assert (one.allowance.records_used_today, one.allowance.records_left_today) == (1, 9)


@pytest.mark.parametrize(
    "arguments",
    [
        ("limits", "G-1"),
        ("limits", "G-1", "--per-day", "1"),
        ("amend", "G-1", "--case-number"),
        ("renew", "G-1"),
        ("suspend", "G-1", "--reason", "x"),
        ("resume", "G-1", "--reason", "x"),
        ("revoke", "G-1", "--reason", "x"),
    ],
)
async def test_a_grant_that_the_node_never_gave_is_told(
    node: NodeProcess, arguments: tuple[str, ...]
) -> None:
    ran = await node.run(*arguments)
    assert (ran.code, ran.stdout) == (1, "")
    assert "no" in ran.stderr.splitlines()[0]
    assert "grant" in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[-1] == "hint: see `provider-node grants`"
