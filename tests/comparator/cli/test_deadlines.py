"""`comparator applications` and `comparator overdue`: where the decisions' clocks stand."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from comparator.config import Config
from comparator.domain import enrolment
from comparator.store.database import Database
from stayput.identity import department
from tests.comparator import documents
from tests.comparator.platform import Clock, Run, running_platform

# In 2023 (no calendar is packaged), in 2024 (one is), and now.
_RECEIVED = (datetime(2023, 6, 1, 4, tzinfo=UTC), datetime(2024, 6, 3, 4, tzinfo=UTC))


@pytest.fixture
async def stored(config: Config, clock: Clock) -> None:
    """Three applications that wait: two for long, one since now; and the third, refused."""
    async with running_platform(config, clock) as platform:
        await documents.publish(await platform.node("vehicles-1", "traffic-police"))
        consumer = await platform.department("civil-affairs")
    # Once nothing sweeps any more: a sweep would let the second of them expire.
    with closing(Database(config.database_url)) as database, database.writing() as store:
        for received in (*_RECEIVED, clock(), clock()):
            store.applications.submit(documents.application(), consumer.party, received)
        store.applications.refuse(3, "管理员", "理由", clock())


def _row(table: str, application_id: str) -> str:
    return next(line for line in table.splitlines() if f" {application_id} " in line)


def test_applications_show_their_clocks(run: Run, stored: None) -> None:
    table = run("applications").stdout
    assert "2023-06-08 (provisional)" in _row(table, "A-1")
    assert "yes, of no consequence" in _row(table, "A-1")
    assert "2024-06-11 " in _row(table, "A-2")
    assert " yes " in _row(table, "A-2")
    assert " no " in _row(table, "A-4")
    assert not any(word in _row(table, "A-3") for word in (" yes", " no ", "provisional"))
    chinese = run("applications", locale="zh_CN.UTF-8").stdout
    assert "应决定日期" in chinese
    assert "2023-06-08（暂定）" in _row(chinese, "A-1")
    assert "最低生活保障审核确认" in _row(table, "A-1")
    assert ("reminder" in _row(table, "A-1"), "2023-06-29 (provisional)" in _row(table, "A-1")) == (
        True,
        True,
    )
    assert ("escalated" in _row(table, "A-2"), "2024-07-02 " in _row(table, "A-2")) == (True, True)
    assert ("已提醒" in _row(chinese, "A-1"), "已上报" in _row(chinese, "A-2")) == (True, True)
    assert "是，不产生后果" in _row(chinese, "A-1")


def test_applications_tell_programs_their_clocks(run: Run, stored: None) -> None:
    newest, refused, second, first = json.loads(run("applications", "--json").stdout)
    assert "decision_clock" not in refused
    assert 4 <= newest["decision_clock"]["working_days_left"] <= 5
    assert second["decision_clock"]["due_date"] == "2024-06-11"
    assert second["decision_clock"]["overdue"] is True
    assert "provisional" not in second["decision_clock"]
    assert first["decision_clock"]["provisional"] is True


def test_overdue_lists_what_is_late(run: Run, stored: None) -> None:
    listed = json.loads(run("overdue", "--json").stdout)
    assert [(each["id"], each["provider"], each["of_no_consequence"]) for each in listed] == [
        ("A-1", "traffic-police", True),
        ("A-2", "traffic-police", False),
    ]
    assert listed[1]["decision_clock"]["working_days_left"] < -400
    table = run("overdue").stdout
    assert "none: rests on a provisional calendar" in _row(table, "A-1")
    assert "counts" in _row(table, "A-2")
    assert "A-3" not in table
    assert "A-4" not in table
    chinese = run("overdue", locale="zh_CN.UTF-8").stdout
    assert "无：依据的日历为暂定" in _row(chinese, "A-1")
    assert "计入" in _row(chinese, "A-2")


def test_a_calendar_gives_an_overdue_its_consequence(run: Run, config: Config, stored: None) -> None:
    path = config.data.parent / "2023.toml"
    path.write_text('year = 2023\nsource = "n"\nholidays = [2023-06-02]\nworkdays = []\n')
    assert run("calendar", "load", path.name).exit_code == 0
    first = json.loads(run("overdue", "--json").stdout)[0]
    assert (first["of_no_consequence"], first["decision_clock"]["due_date"]) == (False, "2023-06-09")


def test_nothing_is_overdue(run: Run, config: Config) -> None:
    with closing(Database(config.database_url)) as database, database.writing() as store:
        token, life = bytes(32), timedelta(hours=1)
        enrolment.invite_department(store, "civil-affairs", "民政局", token, datetime.now(UTC), life)
        assert store.parties.find(department("civil-affairs")) is not None
    assert run("overdue", "--json").stdout == "[]\n"
    assert run("overdue").exit_code == 0


def test_a_damaged_calendar_is_told(run: Run, config: Config) -> None:
    (config.data / "calendars").mkdir()
    (config.data / "calendars" / "2024.toml").write_text("year = 2024\n")
    for command in ("applications", "overdue"):
        result = run(command)
        assert result.exit_code == 1
        assert "2024.toml: source is missing" in result.stderr
        assert "hint: add source" in result.stderr


async def test_applications_in_every_state(run: Run, config: Config, clock: Clock) -> None:
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        consumer = await platform.department("civil-affairs")
        asked = [await documents.apply(consumer) for _ in range(5)]
        await documents.accept(node, asked[1].id)
        await documents.withdraw(consumer, asked[2].id)
        await documents.refuse(node, asked[3].id, "理由")
        await documents.decide(node, documents.grant(asked[4], node, clock()))
        with platform.database.writing() as store:
            old = store.applications.submit(documents.application(), consumer.party, _RECEIVED[1])
            store.applications.expire(int(old.id.removeprefix("A-")), clock())
    table, chinese = run("applications").stdout, run("applications", locale="zh_CN.UTF-8").stdout
    for number, (state, in_chinese) in enumerate(
        (
            ("submitted", "待决定"),
            ("accepted", "已受理"),
            ("withdrawn", "已撤回"),
            ("refused", "已拒绝"),
            ("granted", "已授权"),
            ("expired", "已失效"),
        ),
        start=1,
    ):
        assert f" {state} " in _row(table, f"A-{number}")
        assert in_chinese in _row(chinese, f"A-{number}")
