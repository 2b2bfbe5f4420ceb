"""What follows when a decision's time runs out: reminder, escalation, expiry; each once, none on a guess."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta

import pytest

from comparator.calendars import PACKAGED
from comparator.data import DataDirectory
from comparator.domain.calendar import Calendar
from comparator.domain.deadlines import clock_of, sweep, with_clock
from comparator.store.database import Database
from comparator.store.events import PLATFORM, About
from stayput.china_time import CHINA
from stayput.v1.access_pb2 import Application, ApplicationState, DecisionUrgency
from stayput.v1.log_pb2 import EventType
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_SUBMITTED = ApplicationState.APPLICATION_STATE_SUBMITTED
_EXPIRED = ApplicationState.APPLICATION_STATE_EXPIRED
_REMINDED = EventType.EVENT_TYPE_DECISION_REMINDER
_ESCALATED = EventType.EVENT_TYPE_DECISION_ESCALATED
_ENDED = EventType.EVENT_TYPE_APPLICATION_EXPIRED
# Due on the 11th (the 10th is a holiday), expires after the 2nd of July.
_RECEIVED = datetime(2024, 6, 3, 12, tzinfo=CHINA)
_IN_2023 = datetime(2023, 9, 28, 12, tzinfo=CHINA)
_2023 = b'year = 2023\nsource = "notice"\nholidays = [2023-10-02, 2023-10-03, 2023-10-04]\nworkdays = []\n'
Submit = Callable[[datetime], Application]


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


@pytest.fixture
def submit(platform: Platform, node: Member, consumer: Member) -> Submit:
    """Receives an application at a time gone by."""

    def submit_then(received: datetime) -> Application:
        with platform.database.writing() as store:
            return store.applications.submit(documents.application(), consumer.party, received)

    return submit_then


def _calendar(platform: Platform) -> Calendar:
    return Calendar.load(DataDirectory(platform.config.data).calendar_directories)


def _sweep(platform: Platform, *day: int) -> int:
    with platform.database.writing() as store:
        now = datetime(day[0], day[1], day[2], 9, tzinfo=CHINA)
        return sweep(store, _calendar(platform), now)


def _told(platform: Platform, number: int) -> list[tuple[int, str]]:
    """Events of the platform itself about an application, oldest first, with their details."""
    with platform.database.reading() as store:
        events = store.events.page(None, None, About(application=number))
    assert {event.actor for event in events} <= {PLATFORM}
    assert {event.resource for event in events} <= {documents.VEHICLES}
    return [(event.type, event.detail) for event in events[::-1]]


def _stored(platform: Platform, number: int) -> Application:
    with platform.database.reading() as store:
        found = store.applications.get(number, None)
    assert found is not None
    return found


async def test_each_step_is_taken_once_in_its_time(platform: Platform, submit: Submit) -> None:
    submit(_RECEIVED)
    steps = [
        (_REMINDED, "due 2024-06-11"),
        (_ESCALATED, "due 2024-06-11"),
        (_ENDED, "undecided through 2024-07-02"),
    ]
    for day, taken in (
        ((2024, 6, 6), 0),
        ((2024, 6, 7), 1),
        ((2024, 6, 11), 1),
        ((2024, 6, 12), 2),
        ((2024, 7, 2), 2),
    ):
        for _ in range(2):
            _sweep(platform, *day)
            assert _told(platform, 1) == steps[:taken]
            assert _stored(platform, 1).state == _SUBMITTED
    assert _sweep(platform, 2024, 7, 3) == 1
    assert _sweep(platform, 2024, 7, 3) == _sweep(platform, 2026, 1, 1) == 0
    assert _told(platform, 1) == steps
    expired = _stored(platform, 1)
    assert (expired.state, expired.decided_by, expired.HasField("decided_at")) == (_EXPIRED, "", True)


async def test_what_was_missed_is_made_up_for(platform: Platform, submit: Submit) -> None:
    submit(_RECEIVED)
    assert _sweep(platform, 2024, 12, 1) == 3
    assert [kind for kind, _ in _told(platform, 1)] == [_REMINDED, _ESCALATED, _ENDED]


async def test_an_accepted_application_expires_too(platform: Platform, node: Member, submit: Submit) -> None:
    await documents.accept(node, submit(_RECEIVED).id)
    assert _sweep(platform, 2024, 7, 3) == 3
    assert _stored(platform, 1).state == _EXPIRED


async def test_a_decided_application_is_left_alone(
    platform: Platform, node: Member, consumer: Member, submit: Submit
) -> None:
    await documents.refuse(node, submit(_RECEIVED).id, "理由")
    await documents.withdraw(consumer, submit(_RECEIVED).id)
    grant = documents.grant(submit(_RECEIVED), node, platform.clock())
    await documents.decide(node, grant)
    assert _sweep(platform, 2024, 12, 1) == 0


async def test_nothing_but_a_reminder_rests_on_a_guess(platform: Platform, submit: Submit) -> None:
    submit(_IN_2023)
    assert _sweep(platform, 2023, 10, 5) == 1
    assert _sweep(platform, 2025, 1, 1) == 0
    assert _told(platform, 1) == [(_REMINDED, "due 2023-10-05, provisional")]
    assert _stored(platform, 1).state == _SUBMITTED
    # The year is announced: the dates are certain now, and were other ones.
    DataDirectory(platform.config.data).put_calendar(2023, _2023)
    assert _sweep(platform, 2023, 10, 10) == 0
    assert _sweep(platform, 2023, 11, 1) == 2
    assert _told(platform, 1)[1:] == [
        (_ESCALATED, "due 2023-10-10"),
        (_ENDED, "undecided through 2023-10-31"),
    ]


def test_an_expiry_can_be_a_guess_where_the_due_date_is_none() -> None:
    calendar = Calendar.load([PACKAGED])
    year = max(number for number in range(2024, 2100) if not calendar.due(_noon(number, 1, 1), 1).provisional)
    application = Application(submitted_at=documents.stamp(_noon(year, 12, 10)))
    clock = clock_of(application, calendar, _noon(year + 2, 1, 1))
    assert date.fromisoformat(clock.due_date).year == year
    assert (clock.overdue, clock.provisional, clock.expiry_provisional) == (True, False, True)
    assert clock.urgency == DecisionUrgency.DECISION_URGENCY_ESCALATED


def _noon(*day: int) -> datetime:
    return datetime(day[0], day[1], day[2], 12, tzinfo=CHINA)


@pytest.mark.parametrize("state", ApplicationState.values())
def test_only_an_open_application_has_a_clock(state: "ApplicationState.ValueType") -> None:
    application = Application(submitted_at=documents.stamp(_RECEIVED), state=state)
    shown = with_clock(application, Calendar.load([PACKAGED]), _RECEIVED)
    open_states = {_SUBMITTED, ApplicationState.APPLICATION_STATE_ACCEPTED}
    assert shown.HasField("decision_clock") == (state in open_states)


async def test_many_comparators_on_one_store(platform: Platform, submit: Submit) -> None:
    for _ in range(20):
        submit(_RECEIVED)

    def sweep_alone() -> int:
        with closing(Database(platform.config.database_url)) as database, database.writing() as store:
            return sweep(store, _calendar(platform), datetime(2024, 7, 3, tzinfo=CHINA))

    written = await asyncio.gather(*(asyncio.to_thread(sweep_alone) for _ in range(8)))
    assert sorted(written) == [0] * 7 + [60]
    for number in range(1, 21):
        assert [kind for kind, _ in _told(platform, number)] == [_REMINDED, _ESCALATED, _ENDED]


async def test_what_has_expired_can_be_applied_for_again(
    platform: Platform, node: Member, consumer: Member, submit: Submit
) -> None:
    expired = submit(_RECEIVED)
    _sweep(platform, 2024, 7, 3)
    with refused("APPLICATION_DECIDED") as caught:
        await documents.decide(node, documents.grant(expired, node, platform.clock()))
    assert caught.value.details["state"] == "EXPIRED"
    when = datetime.fromisoformat(caught.value.details["decided_at"])
    assert when - datetime(2024, 7, 3, 9, tzinfo=CHINA) == timedelta()
    again = await documents.apply(consumer)
    assert again.state == _SUBMITTED
