"""The commands about access, in a process of their own: apply, withdraw, applications, grants."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from stayput.v1 import access_pb2
from stayput.v1.access_pb2 import Hours
from tests.client.world import LIMITS, MATTER, PURPOSE, RESOURCE, Command, World, cells

KEY = "resident_id"
ENGLISH, CHINESE = {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "zh_CN.UTF-8"}
WANTED = (
    *("apply", "--resource", RESOURCE, "--key", KEY, "--check", "name"),
    *("--purpose", PURPOSE, "--legal-basis", "办法", "--matter", MATTER),
)
AGREED = (*WANTED, "--agreement", "协议 12 号")
THEN = datetime(2026, 11, 20, 8, tzinfo=UTC)


async def test_apply_tells_the_deadline_and_a_missing_agreement(world: World, stayput: Command) -> None:
    filed = await stayput(*AGREED)
    assert (filed.code, filed.out.splitlines()) == (
        0,
        [
            "application A-1 filed; its state: submitted",
            "the provider has to decide by 2026-11-27 (5 left)",
        ],
    )
    chinese = await stayput(*WANTED, "--lang", "zh")
    assert chinese.out.splitlines() == [
        "申请 A-2 已提交；状态：待审核",
        "提供部门应在 2026-11-27 前（含当日）处理（剩 5 个工作日）",
        "未注明双方的安全协议：没有安全协议的，提供部门的节点默认不予授权",
    ]
    without = json.loads((await stayput(*WANTED, "--volume", "300", "--json")).out)
    assert (without["id"], without["expected_records_per_day"], without["checks"]) == ("A-3", 300, ["name"])
    assert (without["matter"], without["security_agreement"]) == (MATTER, "")
    assert world.access.applications[2].security_agreement == "协议 12 号"


async def test_apply_tells_a_grant_given_at_once(world: World, stayput: Command) -> None:
    world.access.granted_at_once = "G-7"
    filed = await stayput(*WANTED)
    assert filed.out.splitlines() == [
        "application A-1 filed; its state: granted",
        "grant G-7; see what it permits by: stayput grants",
    ]


async def test_an_application_as_json(stayput: Command) -> None:
    filed = json.loads((await stayput(*AGREED, "--json")).out)
    assert filed == {
        "id": "A-1",
        "resource": RESOURCE,
        "key": KEY,
        "checks": ["name"],
        "mode": "KEYED",
        "granularity": "RECORD",
        "purpose": PURPOSE,
        "legal_basis": "办法",
        "matter": MATTER,
        "security_agreement": "协议 12 号",
        "expected_records_per_day": 0,
        "state": "SUBMITTED",
        "refusal_reason": "",
        "withdrawal_reason": "",
        "grant_id": "",
        "submitted_at": "2026-11-20T01:00:00+00:00",
        "accepted_at": None,
        "decided_at": None,
        "clock": {
            "due_date": "2026-11-27",
            "working_days_left": 5,
            "overdue": False,
            "provisional": False,
            "urgency": "NONE",
            "expiry_date": "2026-12-18",
            "expiry_provisional": False,
        },
    }
    assert json.loads((await stayput("applications", "--json")).out) == [filed]


async def test_withdraw(stayput: Command) -> None:
    await stayput(*AGREED)
    done = await stayput("withdraw", "A-1", "--reason", "不再需要")
    assert (done.code, done.out) == (0, "application A-1: withdrawn\n")
    again = json.loads((await stayput("withdraw", "A-1", "--json")).out)
    assert (again["state"], again["withdrawal_reason"], again["clock"]) == ("WITHDRAWN", "不再需要", None)
    assert (await stayput("withdraw", "A-1", **CHINESE)).out == "申请 A-1：已撤回\n"
    assert (await row(stayput, "applications", ENGLISH))["Grant or reason"] == "不再需要"


@pytest.mark.parametrize(
    ("state", "english", "chinese"),
    [
        ("GRANTED", "the provider has granted the application already", "提供部门已批准该申请"),
        ("REFUSED", "the provider has refused the application already", "提供部门已拒绝该申请"),
        ("EXPIRED", "the application has expired, as nobody decided", "该申请逾期无人处理，已失效"),
    ],
)
async def test_what_is_decided_is_told_and_not_taken_back(
    world: World, stayput: Command, state: str, english: str, chinese: str
) -> None:
    await stayput(*AGREED)
    world.access.applications[0].state = access_pb2.ApplicationState.Value(f"APPLICATION_STATE_{state}")
    for language, told, hint in ((ENGLISH, english, "hint: "), (CHINESE, chinese, "提示：")):
        done = await stayput("withdraw", "A-1", **language)
        problem, remedy = done.err.splitlines()
        assert (done.code, done.out) == (1, "")
        assert told in problem
        assert "APPLICATION_DECIDED" in problem
        assert remedy.startswith(hint)


async def late(world: World, stayput: Command) -> access_pb2.Application:
    """An application that the provider has accepted and forgotten."""
    await stayput(*AGREED)
    message = world.access.applications[0]
    message.state = access_pb2.APPLICATION_STATE_ACCEPTED
    clock = message.decision_clock
    clock.working_days_left, clock.overdue = -3, True
    clock.urgency = access_pb2.DECISION_URGENCY_ESCALATED
    return message


async def row(stayput: Command, command: str, language: dict[str, str]) -> dict[str, str]:
    """The only row of a listing by its headings; lines that a cell was folded into are joined again."""
    listed = (await stayput(command, **language)).out.splitlines()
    headings, values = (
        [" ".join(filter(None, folded)) for folded in zip(*cells("\n".join(lines)), strict=True)]
        for lines in (
            [line for line in listed if line.startswith("┃")],
            [line for line in listed if line.startswith("│")],
        )
    )
    return dict(zip(headings, values, strict=True))


async def test_applications_tell_the_clock_in_words(world: World, stayput: Command) -> None:
    message = await late(world, stayput)
    english = await row(stayput, "applications", ENGLISH)
    words = english["Working days left"].replace(" ", "")
    assert words == "overdueby3;platform'soperatortold;expiresundecidedafter2026-12-18"
    assert (english["State"], english["Decision due"]) == ("accepted", "2026-11-27")
    chinese = await row(stayput, "applications", CHINESE)
    words = chinese["剩余工作日"].replace(" ", "")
    assert words == "已逾期3个工作日;已告知平台运营方;2026-12-18之后仍未处理即失效"
    assert chinese["状态"] == "已受理"
    clock = message.decision_clock
    clock.provisional = clock.expiry_provisional = True
    clock.urgency = access_pb2.DECISION_URGENCY_REMINDER
    words = (await row(stayput, "applications", ENGLISH))["Working days left"].replace(" ", "")
    assert words == "overdueby3;providerreminded;provisional:holidaysnotannouncedyet"


@pytest.mark.parametrize(
    ("state", "field", "answer"),
    [
        ("GRANTED", "grant_id", "G-1"),
        ("REFUSED", "refusal_reason", "依据不足"),
        ("WITHDRAWN", "withdrawal_reason", "重复"),
    ],
)
async def test_applications_tell_the_answer_and_no_clock_after_it(
    world: World, stayput: Command, state: str, field: str, answer: str
) -> None:
    message = await late(world, stayput)
    message.state = access_pb2.ApplicationState.Value(f"APPLICATION_STATE_{state}")
    message.ClearField("decision_clock")
    setattr(message, field, answer)
    listed = await row(stayput, "applications", ENGLISH)
    assert (listed["Grant or reason"], listed["Decision due"], listed["Working days left"]) == (
        answer,
        "",
        "",
    )


async def test_a_grant_is_listed_with_its_limits_and_who_may_use_it(world: World, stayput: Command) -> None:
    world.access.grants.clear()
    world.grant(
        "G-01M824WBS9YHWVRSFNR73XK8F9",
        operators=["甲", "乙"],
        hours=Hours(opens="08:30", closes="18:00", weekdays=[1, 2]),
        case_number_required=True,
    )
    english = await row(stayput, "grants", ENGLISH)
    assert (english["Id"], english["State"]) == ("G-01M824WBS9YHWVRSFNR73XK8F9", "active")
    assert english["Only"].replace(" ", "") == "operators甲,乙;08:30-18:001,2inChina;withacasenumber"
    chinese = await row(stayput, "grants", CHINESE)
    assert (chinese["状态"], chinese["使用限制"].replace(" ", "")) == (
        "有效",
        "经办人甲,乙;北京时间08:30-18:001,2;须填案件编号",
    )
    assert chinese["每次条数 / 每日条数 / 每主体核验次数"].replace(" ", "") == "100,000/1,000,000/不限"
    world.access.grants.clear()
    world.grant("G-2", operators=[f"operator-{number}" for number in range(1_000)])
    assert (await row(stayput, "grants", ENGLISH))["Only"] == "1000 operators"


async def test_a_grant_as_json(world: World, stayput: Command) -> None:
    world.access.grants.clear()
    hours = Hours(opens="08:30", closes="18:00", weekdays=[1, 2])
    world.grant("G-2", operators=["甲"], hours=hours, security_agreement="协议 12 号")
    standing = world.standing("G-2")
    standing.provider_state = access_pb2.GRANT_STATE_SUSPENDED
    standing.provider_cause = access_pb2.CHANGE_CAUSE_SEQUENCE
    standing.provider_reason = "逐号"
    standing.provider_changed_at.FromDatetime(THEN)
    (grant,) = json.loads((await stayput("grants", "--json")).out)
    assert grant.pop("valid_from") < datetime.now(UTC).isoformat() < grant.pop("valid_until")
    assert grant == {
        "id": "G-2",
        "version": 1,
        "application_id": "A-1",
        "provider": "traffic-police",
        "node": "vehicles-1",
        "resource": RESOURCE,
        "key": KEY,
        "checks": ["name", "plate"],
        "modes": ["KEYED"],
        "granularities": ["RECORD"],
        "purpose": PURPOSE,
        "matter": MATTER,
        "security_agreement": "协议 12 号",
        "case_number_required": False,
        "operators": ["甲"],
        "hours": {"opens": "08:30", "closes": "18:00", "weekdays": [1, 2]},
        "limits": {descriptor.name: value for descriptor, value in LIMITS.ListFields()},
        "state": "SUSPENDED",
        "state_by": "PROVIDER",
        "state_reason": "逐号",
        "stops": [
            {
                "by": "PROVIDER",
                "state": "SUSPENDED",
                "cause": "SEQUENCE",
                "reason": "逐号",
                "since": "2026-11-20T08:00:00+00:00",
            }
        ],
    }
    world.access.grants.clear()
    world.grant("G-3")
    (active,) = json.loads((await stayput("grants", "--json")).out)
    assert (active["hours"], active["state_by"], active["stops"]) == (None, None, [])


async def test_a_grant_that_was_stopped_is_listed_with_who_and_why(world: World, stayput: Command) -> None:
    standing = world.standing("G-1")
    standing.provider_state = access_pb2.GRANT_STATE_SUSPENDED
    standing.provider_cause = access_pb2.CHANGE_CAUSE_MISS_RATIO
    standing.provider_reason = "600"
    english = (await row(stayput, "grants", ENGLISH))["State"].replace(" ", "")
    assert english == "suspendedbytheprovider(itsnode:toomanyrecordsnotfound):600"
    standing.platform_state = access_pb2.GRANT_STATE_REVOKED
    standing.platform_reason = "核查"
    chinese = (await row(stayput, "grants", CHINESE))["状态"].replace(" ", "")
    assert chinese == "平台撤销:核查;提供部门暂停(节点：库中无的记录过多):600"


async def test_a_grant_out_of_its_time_is_listed_as_such(world: World, stayput: Command) -> None:
    world.access.grants.clear()
    soon = Timestamp()
    soon.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    world.grant("G-2", valid_from=soon)
    assert (await row(stayput, "grants", ENGLISH))["State"].startswith("not valid yet, from 2")
    assert (await row(stayput, "grants", CHINESE))["状态"].startswith("未生效，自 2")


async def test_a_platform_that_does_not_say_is_told_in_both_languages(world: World, stayput: Command) -> None:
    world.access.grants[0].ClearField("standing")
    english, chinese = await stayput("grants"), await stayput("grants", **CHINESE)
    assert english.err.splitlines()[0].startswith("error: standing: the other party left it out")
    assert chinese.err.splitlines()[0].startswith("错误：standing：对方未提供")
    assert (english.code, english.out, chinese.code, chinese.out) == (1, "", 1, "")
