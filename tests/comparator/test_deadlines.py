"""The decision's clock on applications, over mutual TLS."""

from datetime import datetime, timedelta

import pytest

from comparator.config import Config
from comparator.data import DataDirectory
from comparator.domain.calendar import SHANGHAI
from comparator.server import serving
from stayput.errors import StayputError
from stayput.v1.access_pb2 import (
    Application,
    DecisionClock,
    GetApplicationRequest,
    ListApplicationsRequest,
)
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, refused

# Years that have gone by, so that the parties enrolled today are known then.
_2023 = b'year = 2023\nsource = "notice"\nholidays = [2023-10-02, 2023-10-03, 2023-10-04]\nworkdays = []\n'


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


def _turn(clock: Clock, *day: int, hour: int = 12) -> None:
    clock.advance(datetime(day[0], day[1], day[2], hour, tzinfo=SHANGHAI) - clock())


async def _get(by: Member, application_id: str) -> Application:
    return (await by.access.GetApplication(GetApplicationRequest(id=application_id))).application


async def _list(by: Member) -> list[Application]:
    return list((await by.access.ListApplications(ListApplicationsRequest())).applications)


async def test_the_clock_runs_while_the_decision_is_awaited(
    clock: Clock, node: Member, consumer: Member
) -> None:
    _turn(clock, 2024, 9, 30)
    asked = await documents.apply(consumer)
    assert asked.decision_clock == DecisionClock(due_date="2024-10-12", working_days_left=5)
    for day, left in (((2024, 10, 7), 5), ((2024, 10, 8), 4), ((2024, 10, 12), 0), ((2024, 10, 13), -1)):
        _turn(clock, *day)
        expected = DecisionClock(due_date="2024-10-12", working_days_left=left, overdue=left < 0)
        for party in (consumer, node):
            assert (await _get(party, asked.id)).decision_clock == expected
            assert [each.decision_clock for each in await _list(party)] == [expected]


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
    granted, turned_down = await documents.apply(consumer), await documents.apply(consumer)
    answers = [
        await documents.decide(node, documents.grant(granted, node, clock())),
        await documents.refuse(node, turned_down.id, "理由"),
    ]
    for application in (*answers, await _get(consumer, granted.id), *await _list(node)):
        assert not application.HasField("decision_clock")
        assert application.HasField("decided_at")


async def test_a_calendar_loaded_while_the_service_runs_counts_at_once(
    platform: Platform, clock: Clock, node: Member, consumer: Member
) -> None:
    _turn(clock, 2023, 9, 28)
    asked = await documents.apply(consumer)
    assert asked.decision_clock == DecisionClock(due_date="2023-10-05", working_days_left=5, provisional=True)
    clock.advance(timedelta(days=8))
    late = (await _get(node, asked.id)).decision_clock
    assert (late.overdue, late.provisional) == (True, True)
    DataDirectory(platform.config.data).put_calendar(2023, _2023)
    assert (await _get(node, asked.id)).decision_clock == DecisionClock(
        due_date="2023-10-10", working_days_left=2
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
