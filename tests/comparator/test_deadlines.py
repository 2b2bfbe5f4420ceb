"""The decision's clock on applications, over mutual TLS."""

from datetime import datetime, timedelta

import pytest

from comparator.config import Config
from comparator.data import DataDirectory
from comparator.server import serving
from stayput.china_time import CHINA
from stayput.errors import StayputError
from stayput.v1.access_pb2 import (
    Application,
    DecisionClock,
    DecisionUrgency,
    GetApplicationRequest,
    ListApplicationsRequest,
)
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, refused

# Years that have gone by, so that the parties enrolled today are known then.
_2023 = b'year = 2023\nsource = "notice"\nholidays = [2023-10-02, 2023-10-03, 2023-10-04]\nworkdays = []\n'
_NONE = DecisionUrgency.DECISION_URGENCY_NONE
_REMINDER = DecisionUrgency.DECISION_URGENCY_REMINDER
_ESCALATED = DecisionUrgency.DECISION_URGENCY_ESCALATED


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


def _turn(clock: Clock, *day: int, hour: int = 12) -> None:
    clock.advance(datetime(day[0], day[1], day[2], hour, tzinfo=CHINA) - clock())


async def _get(by: Member, application_id: str) -> Application:
    return (await by.access.GetApplication(GetApplicationRequest(id=application_id))).application


async def _list(by: Member) -> list[Application]:
    return list((await by.access.ListApplications(ListApplicationsRequest())).applications)


async def test_the_clock_runs_while_the_decision_is_awaited(
    clock: Clock, node: Member, consumer: Member
) -> None:
    _turn(clock, 2024, 9, 30)
    asked = await documents.apply(consumer)
    expected = DecisionClock(
        due_date="2024-10-12", working_days_left=5, urgency=_NONE, expiry_date="2024-11-01"
    )
    assert asked.decision_clock == expected
    for day, left, urgency in (
        ((2024, 10, 7), 5, _NONE),
        ((2024, 10, 10), 2, _NONE),
        ((2024, 10, 11), 1, _REMINDER),
        ((2024, 10, 12), 0, _REMINDER),
        ((2024, 10, 13), -1, _ESCALATED),
    ):
        _turn(clock, *day)
        expected.working_days_left, expected.overdue, expected.urgency = left, left < 0, urgency
        for party in (consumer, node):
            assert (await _get(party, asked.id)).decision_clock == expected
            assert [each.decision_clock for each in await _list(party)] == [expected]


async def test_being_taken_in_does_not_stop_the_clock(clock: Clock, node: Member, consumer: Member) -> None:
    _turn(clock, 2024, 9, 30)
    asked = await documents.apply(consumer)
    _turn(clock, 2024, 10, 8)
    clocks = [(await documents.accept(node, asked.id)).decision_clock]
    clocks += [(await _get(party, asked.id)).decision_clock for party in (consumer, node)]
    assert {(each.due_date, each.working_days_left) for each in clocks} == {("2024-10-12", 4)}


async def test_each_application_has_its_own_clock(clock: Clock, node: Member, consumer: Member) -> None:
    _turn(clock, 2024, 6, 3)
    await documents.apply(consumer)
    _turn(clock, 2024, 6, 12)
    await documents.apply(consumer)
    newer, older = await _list(node)
    assert (newer.decision_clock.due_date, newer.decision_clock.overdue) == ("2024-06-19", False)
    assert (older.decision_clock.due_date, older.decision_clock.overdue) == ("2024-06-11", True)


async def test_received_late_by_greenwich_is_received_the_next_day(
    clock: Clock, node: Member, consumer: Member
) -> None:
    _turn(clock, 2024, 6, 18, hour=1)
    asked = await documents.apply(consumer)
    assert asked.submitted_at.ToDatetime().day == 17
    assert asked.decision_clock.due_date == "2024-06-25"


async def test_a_decision_ends_the_clock(clock: Clock, node: Member, consumer: Member) -> None:
    _turn(clock, 2024, 6, 3)
    granted, turned_down, withdrawn = [await documents.apply(consumer) for _ in range(3)]
    answers = [
        await documents.decide(node, documents.grant(granted, node, clock())),
        await documents.refuse(node, turned_down.id, "理由"),
        await documents.withdraw(consumer, withdrawn.id),
    ]
    for application in (*answers, await _get(consumer, granted.id), *await _list(node)):
        assert not application.HasField("decision_clock")
        assert application.HasField("decided_at")


async def test_a_calendar_loaded_while_the_service_runs_counts_at_once(
    platform: Platform, clock: Clock, node: Member, consumer: Member
) -> None:
    _turn(clock, 2023, 9, 28)
    asked = await documents.apply(consumer)
    assert asked.decision_clock == DecisionClock(
        due_date="2023-10-05",
        working_days_left=5,
        provisional=True,
        urgency=_NONE,
        expiry_date="2023-10-26",
        expiry_provisional=True,
    )
    clock.advance(timedelta(days=8))
    late = (await _get(node, asked.id)).decision_clock
    # Nobody is called to account for a date that may move.
    assert (late.overdue, late.provisional, late.urgency) == (True, True, _REMINDER)
    DataDirectory(platform.config.data).put_calendar(2023, _2023)
    assert (await _get(node, asked.id)).decision_clock == DecisionClock(
        due_date="2023-10-10", working_days_left=2, urgency=_NONE, expiry_date="2023-10-31"
    )


async def test_a_damaged_calendar_is_not_guessed_at(
    platform: Platform, clock: Clock, node: Member, consumer: Member
) -> None:
    asked = await documents.apply(consumer)
    path = DataDirectory(platform.config.data).put_calendar(2024, b"year = 2024\n")
    with refused("CONFIGURATION_INVALID"):
        await _get(consumer, asked.id)
    with refused("CONFIGURATION_INVALID"):
        await documents.apply(consumer)
    await documents.publish(node)  # what counts no days goes on
    path.unlink()
    assert [each.id for each in await _list(consumer)] == [asked.id]


async def test_a_damaged_calendar_is_not_served(config: Config, clock: Clock) -> None:
    DataDirectory(config.data).put_calendar(2024, b"year = 2024\n")
    with pytest.raises(StayputError, match=r"2024\.toml: source is missing"):
        async with serving(config, clock):
            pass
