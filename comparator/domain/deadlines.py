"""The decision's deadline: where an application's clock stands, and what follows when time runs out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

from comparator.domain.calendar import Calendar, ClockState
from comparator.store.applications import OPEN, number_of
from comparator.store.database import Store
from comparator.store.events import PLATFORM, About
from stayput.china_time import china_date
from stayput.identity import department
from stayput.v1.access_pb2 import Application, DecisionClock, DecisionUrgency
from stayput.v1.log_pb2 import EventType

# How long a provider may take to decide, not counting the day of receipt.
_DECISION_WORKING_DAYS: Final = 5
# With so many working days left, the provider is reminded.
_REMINDER_DAYS: Final = 1
# After so many working days, an application expires undecided.
_EXPIRY_WORKING_DAYS: Final = 20
_REMINDED: Final = EventType.EVENT_TYPE_DECISION_REMINDER
_ESCALATED: Final = EventType.EVENT_TYPE_DECISION_ESCALATED
_EXPIRED: Final = EventType.EVENT_TYPE_APPLICATION_EXPIRED


def with_clock(application: Application, calendar: Calendar, now: datetime) -> Application:
    """The application, with its clock at `now` if it awaits its decision."""
    if application.state in OPEN:
        application.decision_clock.CopyFrom(clock_of(application, calendar, now))
    return application


def clock_of(application: Application, calendar: Calendar, now: datetime) -> DecisionClock:
    """Where the deadline of an open application stands at `now`."""
    received = application.submitted_at.ToDatetime(UTC)
    clock = calendar.clock(received, None, now, _DECISION_WORKING_DAYS)
    expiry = calendar.due(received, _EXPIRY_WORKING_DAYS)
    return DecisionClock(
        due_date=clock.due_date.isoformat(),
        working_days_left=clock.days_left,
        overdue=clock.overdue,
        provisional=clock.provisional,
        urgency=_urgency(clock),
        expiry_date=expiry.date.isoformat(),
        expiry_provisional=expiry.provisional,
    )


def _urgency(clock: ClockState) -> "DecisionUrgency.ValueType":
    if clock.overdue and not clock.provisional:
        return DecisionUrgency.DECISION_URGENCY_ESCALATED
    if clock.days_left <= _REMINDER_DAYS:
        return DecisionUrgency.DECISION_URGENCY_REMINDER
    return DecisionUrgency.DECISION_URGENCY_NONE


def sweep(store: Store, calendar: Calendar, now: datetime) -> int:
    """Reminds, escalates and lets expire what `now` is the time for; the number of events written.

    Each step happens once for an application, however often and by however many processes this is called:
    writing transactions take turns, and each sees what those before have written.
    """
    told = {kind: store.events.told_of_open(kind) for kind in (_REMINDED, _ESCALATED)}
    written = 0
    for application in store.applications.open():
        number = number_of(application)
        about = About(
            party=department(application.consumer).urn, resource=application.resource, application=number
        )
        clock = clock_of(application, calendar, now)
        for kind, detail in _steps(clock, china_date(now)):
            if number in told.get(kind, ()):
                continue
            if kind == _EXPIRED:
                store.applications.expire(number, now)
            store.events.add(kind, PLATFORM, now, about, detail)
            written += 1
    return written


def _steps(clock: DecisionClock, today: date) -> Iterator[tuple["EventType.ValueType", str]]:
    """What an open application is due for, with the day that it rests on."""
    if clock.urgency >= DecisionUrgency.DECISION_URGENCY_REMINDER:
        provisional = ", provisional" if clock.provisional else ""
        yield _REMINDED, f"due {clock.due_date}{provisional}"
    if clock.urgency == DecisionUrgency.DECISION_URGENCY_ESCALATED:
        yield _ESCALATED, f"due {clock.due_date}"
    if today > date.fromisoformat(clock.expiry_date) and not clock.expiry_provisional:
        yield _EXPIRED, f"undecided through {clock.expiry_date}"
