"""`grants`, `suspend`, `resume`, `revoke`: what provider and platform say, and the platform's word."""

import json

import pytest

from comparator.config import Config
from stayput.v1.access_pb2 import ChangeCause, Grant, GrantState, WatchAccessRequest
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, Run, running_platform


async def _granted(platform: Platform, node: Member, consumer: Member, number: int) -> Grant:
    given = documents.grant(await documents.apply(consumer), node, platform.clock(), number)
    await documents.decide(node, given)
    return given


@pytest.fixture
async def granted(config: Config, clock: Clock) -> list[str]:
    """Ids of three grants: of two versions, suspended by the node's guard, revoked by the provider."""
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        consumer = await platform.department("civil-affairs")
        given = [await _granted(platform, node, consumer, number) for number in (1, 2, 3)]
        await documents.amend(node, documents.amended(given[0]))
        tripped = documents.change(given[1], GrantState.GRANT_STATE_SUSPENDED, clock())
        tripped.cause, tripped.administrator = ChangeCause.CHANGE_CAUSE_MISS_RATIO, ""
        tripped.reason = "查无过多[bold]"
        await documents.record(node, tripped)
        await documents.record(node, documents.change(given[2], GrantState.GRANT_STATE_REVOKED, clock()))
    return [grant.id for grant in given]


def _row(table: str, grant_id: str) -> list[str]:
    line = next(line for line in table.splitlines() if f" {grant_id} " in line)
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_grants_show_both_words(run: Run, granted: list[str]) -> None:
    table = run("grants").stdout
    assert _row(table, granted[0])[1:5] == ["civil-affairs", "traffic-police", "vehicle-owners", "2"]
    assert _row(table, granted[0])[6:] == ["active", "active", ""]
    assert _row(table, granted[1])[6:] == ["suspended (too many not found)", "active", "查无过多[bold]"]
    assert _row(table, granted[2])[6:] == ["revoked", "active", "年度复核"]
    chinese = run("grants", locale="zh_CN.UTF-8").stdout
    assert _row(chinese, granted[1])[6:8] == ["已暂停（查无比例过高）", "有效"]
    assert _row(chinese, granted[2])[6] == "已撤销"


def test_grants_for_programs(run: Run, granted: list[str]) -> None:
    listed = json.loads(run("grants", "--json").stdout)
    assert [each["id"] for each in listed] == granted[::-1]
    assert listed[2]["version"] == 2
    assert listed[2]["standing"]["platform_state"] == "GRANT_STATE_ACTIVE"
    assert listed[1]["standing"]["provider_cause"] == "CHANGE_CAUSE_MISS_RATIO"


def test_the_platforms_word(run: Run, granted: list[str]) -> None:
    said = run("suspend", granted[0], "--reason", "核查")
    assert said.stdout == f"{granted[0]}: the platform says suspended, the provider active\n"
    assert _row(run("grants").stdout, granted[0])[6:] == ["active", "suspended", "核查"]
    assert run("resume", granted[0], "--reason", "已核实").exit_code == 0
    assert _row(run("grants").stdout, granted[0])[6:] == ["active", "active", ""]
    chinese = run("revoke", granted[0], "--reason", "违规使用", locale="zh_CN.UTF-8")
    assert chinese.stdout == f"{granted[0]}：平台为已撤销，提供部门为有效\n"
    assert run("suspend", granted[1], "--reason", "核查").exit_code == 0
    assert _row(run("grants").stdout, granted[1])[6:] == [
        "suspended (too many not found)",
        "suspended",
        "查无过多[bold]; 核查",
    ]
    events = json.loads(run("events", "--json", "--grant", granted[0]).stdout)
    assert [(each["type"], each["actor"], each.get("detail")) for each in events[:3]] == [
        ("EVENT_TYPE_GRANT_REVOKED", "urn:stayput:comparator", "违规使用"),
        ("EVENT_TYPE_GRANT_RESUMED", "urn:stayput:comparator", "已核实"),
        ("EVENT_TYPE_GRANT_SUSPENDED", "urn:stayput:comparator", "核查"),
    ]


def test_words_that_cannot_be_said(run: Run, granted: list[str]) -> None:
    assert run("revoke", granted[0], "--reason", "违规").exit_code == 0
    for arguments, problem in (
        (("resume", granted[0], "--reason", "x"), "revoked by the platform"),
        (("suspend", "G-none", "--reason", "x"), "no grant of this id"),
        (("suspend", granted[1], "--reason", " "), "reason: is missing"),
        (("suspend", granted[1], "--reason", "x" * 1_001), "reason: must have 1 to 1000"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert problem in result.stderr
    assert run("suspend", granted[1]).exit_code == 2
    assert _row(run("grants").stdout, granted[1])[7] == "active"


async def test_a_running_service_tells_the_node(run: Run, config: Config, clock: Clock) -> None:
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        grant = await _granted(platform, node, await platform.department("civil-affairs"), 1)
        stream = aiter(node.access.WatchAccess(WatchAccessRequest(), timeout=20))
        assert (await anext(stream)).HasField("caught_up")
        assert run("suspend", grant.id, "--reason", "核查").exit_code == 0
        while not (told := await anext(stream)).HasField("standing"):
            assert told.HasField("heartbeat")
        assert told.standing.platform_state == GrantState.GRANT_STATE_SUSPENDED


def test_no_grants(run: Run, config: Config) -> None:
    assert run("grants", "--json").stdout == "[]\n"
    assert run("grants").exit_code == 0
