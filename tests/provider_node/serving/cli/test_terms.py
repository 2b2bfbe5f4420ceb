"""What is typed for a grant's terms, and how clocks and standings are told."""

import getpass
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from provider_node.cli import app
from provider_node.cli.applications import told_clock, told_decision
from provider_node.cli.options import administrator
from provider_node.cli.standing import told_standing
from provider_node.cli.terms import hours_from
from stayput.errors import StayputError
from stayput.v1.access_pb2 import (
    ChangeCause,
    DecisionClock,
    DecisionUrgency,
    Grant,
    GrantStanding,
    GrantState,
    Hours,
)
from stayput.v1.errors_pb2 import ErrorReason

NONE, REMINDER, ESCALATED = (
    DecisionUrgency.DECISION_URGENCY_NONE,
    DecisionUrgency.DECISION_URGENCY_REMINDER,
    DecisionUrgency.DECISION_URGENCY_ESCALATED,
)
ACTIVE, SUSPENDED, REVOKED = (
    GrantState.GRANT_STATE_ACTIVE,
    GrantState.GRANT_STATE_SUSPENDED,
    GrantState.GRANT_STATE_REVOKED,
)

PROVIDER_SAID = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
PLATFORM_SAID = datetime(2026, 11, 23, 9, 16, tzinfo=UTC)


@pytest.fixture(params=["C.UTF-8", "zh_CN.UTF-8"])
def chinese(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("LC_ALL", str(request.param))
    return str(request.param).startswith("zh")


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--per-session", "0", "must be a whole number, 1 to 100,000,000"),
        ("--per-session", "100000001", "must be a whole number, 1 to 100,000,000"),
        ("--per-day", "off", "must be a whole number, 1 to 1,000,000,000"),
        ("--per-day", "1e6", "must be a whole number, 1 to 1,000,000,000"),
        ("--sessions-per-minute", "1000001", "must be a whole number, 1 to 1,000,000"),
        ("--attempts", "1001", 'must be a whole number, 1 to 1,000, or "off"'),
        ("--attempts", "-1", 'must be a whole number, 1 to 1,000, or "off"'),
        ("--miss-ratio", "1", 'must be 0.001 to 0.999 with at most 3 decimals, or "off"'),
        ("--miss-ratio", "50%", 'must be 0.001 to 0.999 with at most 3 decimals, or "off"'),
        ("--miss-ratio", "0.1234", 'must be 0.001 to 0.999 with at most 3 decimals, or "off"'),
        ("--miss-ratio", "nan", 'must be 0.001 to 0.999 with at most 3 decimals, or "off"'),
        ("--miss-sample", "19", "must be a whole number, 20 to 100,000"),
        ("--miss-sample", "off", "must be a whole number, 20 to 100,000"),
        ("--sequence-run", "4", 'must be a whole number, 5 to 10,000, or "off"'),
    ],
)
@pytest.mark.parametrize("command", [("approve", "A-1"), ("amend", "G-1"), ("limits", "G-1")])
def test_a_limit_out_of_range_is_told_with_the_option_and_the_range(
    command: tuple[str, str], option: str, value: str, problem: str
) -> None:
    ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, option, value])
    assert ran.exit_code == 2
    assert option in ran.stderr
    assert problem in ran.stderr


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--hours", "8:30-18:00", "must be HH:MM-HH:MM"),
        ("--hours", "08:30", "must be HH:MM-HH:MM"),
        ("--weekdays", "0", "must be days 1 to 7"),
        ("--weekdays", "8", "must be days 1 to 7"),
        ("--weekdays", "5-1", "must be days 1 to 7"),
        ("--weekdays", "1,,2", "must be days 1 to 7"),
        ("--weekdays", "", "must be days 1 to 7"),
    ],
)
@pytest.mark.parametrize("command", [("approve", "A-1"), ("amend", "G-1")])
def test_hours_in_another_form_are_told_with_the_option_and_the_form(
    command: tuple[str, str], option: str, value: str, problem: str
) -> None:
    ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*command, option, value])
    assert ran.exit_code == 2
    assert option in ran.stderr
    assert problem in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("amend", "G-1"), "say what to change"),
        (("amend", "G-1", "--operator", "a", "--any-operator"), "--operator or --any-operator, not both"),
        (("amend", "G-1", "--hours", "08:00-09:00", "--any-hour"), "--hours or --any-hour, not both"),
        (("amend", "G-1", "--weekdays", "1", "--any-hour"), "--hours or --any-hour, not both"),
        (("amend", "G-1", "--case-number", "--no-case-number"), "--no-case-number, not both"),
        (("limits", "--per-day", "5"), "name the grant to change"),
    ],
)
def test_what_contradicts_itself_is_wrong_usage(arguments: tuple[str, ...], problem: str) -> None:
    ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert ran.exit_code == 2
    assert problem in ran.stderr


@pytest.mark.parametrize(
    ("hours", "weekdays", "expected"),
    [
        (None, None, None),
        ("08:30-18:00", None, Hours(opens="08:30", closes="18:00")),
        ("00:00-24:00", "1-5", Hours(opens="00:00", closes="24:00", weekdays=[1, 2, 3, 4, 5])),
        (None, "6,7", Hours(opens="00:00", closes="24:00", weekdays=[6, 7])),
        ("09:00-12:00", "1-3, 5", Hours(opens="09:00", closes="12:00", weekdays=[1, 2, 3, 5])),
    ],
)
def test_hours_are_read(hours: str | None, weekdays: str | None, expected: Hours | None) -> None:
    assert hours_from(hours, weekdays) == expected


@pytest.mark.parametrize(
    ("hours", "weekdays", "field"),
    [
        ("25:00-26:00", None, "hours.opens"),
        ("08:00-08:00", None, "hours.closes"),
        (None, "1-3,3", "hours.weekdays"),
    ],
)
def test_hours_that_are_none_are_refused(hours: str | None, weekdays: str | None, field: str) -> None:
    with pytest.raises(StayputError) as caught:
        hours_from(hours, weekdays)
    assert (caught.value.reason, caught.value.field) == (ErrorReason.ERROR_REASON_FIELD_INVALID, field)


@pytest.mark.parametrize(
    ("clock", "english", "told_in_chinese"),
    [
        (DecisionClock(working_days_left=4, urgency=NONE), "working days left: 4", "剩余工作日：4"),
        (
            DecisionClock(working_days_left=1, urgency=REMINDER),
            "working days left: 1, reminded",
            "剩余工作日：1, 已提醒",
        ),
        (DecisionClock(urgency=REMINDER), "due today, reminded", "今日到期, 已提醒"),
        (
            DecisionClock(working_days_left=-2, overdue=True, urgency=ESCALATED),
            "OVERDUE, working days: 2, escalated to the platform",
            "已逾期，工作日：2, 已上报平台",
        ),
        (
            DecisionClock(working_days_left=-1, overdue=True, provisional=True, urgency=REMINDER),
            "OVERDUE, working days: 1, reminded, provisional date",
            "已逾期，工作日：1, 已提醒, 日期暂定",
        ),
    ],
)
def test_the_clock_of_a_decision_is_told(
    chinese: bool, clock: DecisionClock, english: str, told_in_chinese: str
) -> None:
    assert told_clock(clock) == (told_in_chinese if chinese else english)


def standing(
    provider: "GrantState.ValueType", platform: "GrantState.ValueType", cause: "ChangeCause.ValueType"
) -> GrantStanding:
    word = GrantStanding(
        provider_state=provider,
        provider_cause=cause,
        provider_reason="why-1",
        platform_state=platform,
        platform_reason="why-2",
    )
    word.provider_changed_at.FromDatetime(PROVIDER_SAID)
    word.platform_changed_at.FromDatetime(PLATFORM_SAID)
    return word


@pytest.mark.parametrize(
    ("provider", "platform", "cause", "english", "told_in_chinese"),
    [
        (ACTIVE, ACTIVE, "UNSPECIFIED", "active", "有效"),
        (
            SUSPENDED,
            ACTIVE,
            "ADMINISTRATOR",
            "suspended by the provider, T1: why-1",
            "被提供部门暂停，T1：why-1",
        ),
        (
            SUSPENDED,
            ACTIVE,
            "MISS_RATIO",
            "suspended by the miss-ratio breaker, T1: why-1",
            "被未命中比例熔断暂停，T1：why-1",
        ),
        (
            SUSPENDED,
            REVOKED,
            "SEQUENCE",
            "suspended by the sequence detector, T1: why-1; revoked by the platform, T2: why-2",
            "被连号检测暂停，T1：why-1; 被平台撤销，T2：why-2",
        ),
        (ACTIVE, SUSPENDED, "ADMINISTRATOR", "suspended by the platform, T2: why-2", "被平台暂停，T2：why-2"),
        (REVOKED, ACTIVE, "ADMINISTRATOR", "revoked by the provider, T1: why-1", "被提供部门撤销，T1：why-1"),
    ],
)
def test_whose_word_stops_a_grant_is_told(
    chinese: bool,
    provider: "GrantState.ValueType",
    platform: "GrantState.ValueType",
    cause: str,
    english: str,
    told_in_chinese: str,
) -> None:
    grant = Grant()
    grant.valid_until.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    word = standing(provider, platform, ChangeCause.Value(f"CHANGE_CAUSE_{cause}"))
    expected = told_in_chinese if chinese else english
    for mark, moment in (("T1", PROVIDER_SAID), ("T2", PLATFORM_SAID)):
        expected = expected.replace(mark, f"{moment.astimezone():%Y-%m-%d %H:%M}")
    assert told_standing(grant, word) == expected


def test_a_grant_that_is_over_is_not_told_as_active(chinese: bool) -> None:
    grant = Grant()
    grant.valid_until.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    word = standing(ACTIVE, ACTIVE, ChangeCause.CHANGE_CAUSE_UNSPECIFIED)
    assert told_standing(grant, word) == ("已过期" if chinese else "expired")


@pytest.mark.parametrize(
    ("details", "english", "told_in_chinese"),
    [
        ({}, "", ""),
        ({"state": "GRANTED", "decided_by": "李四"}, "decided by 李四: granted", "已由 李四 办结：已批准"),
        ({"state": "NEW", "decided_by": "李四"}, "decided by 李四: ", "已由 李四 办结："),
    ],
)
def test_who_decided_before_is_told(
    chinese: bool, details: dict[str, str], english: str, told_in_chinese: str
) -> None:
    error = StayputError(ErrorReason.ERROR_REASON_APPLICATION_DECIDED, "decided", details=details)
    assert told_decision(error) == (told_in_chinese if chinese else english)


def test_who_decides_is_the_login_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "zhang-san")
    assert administrator(None) == "zhang-san"
    assert administrator("李四") == "李四"


@pytest.mark.parametrize("missing", [KeyError, OSError, ImportError])
def test_a_login_without_a_name_has_to_say_who_decides(
    monkeypatch: pytest.MonkeyPatch, missing: type[Exception]
) -> None:
    def nameless() -> str:
        raise missing

    monkeypatch.setattr(getpass, "getuser", nameless)
    with pytest.raises(StayputError, match="this login has no name") as caught:
        administrator(None)
    assert (caught.value.field, caught.value.remedy) == ("as", "say who decides with --as NAME")
    assert administrator("李四") == "李四"
