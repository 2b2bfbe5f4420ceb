"""`applications` and `overdue`: who asked for access, and where the decision's clock stands."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.opening import opened
from comparator.cli.tables import dump, filled, minute, plain, show
from comparator.config import load
from comparator.data import DataDirectory
from comparator.domain import deadlines
from comparator.domain.calendar import Calendar
from comparator.store.catalogue import Search
from stayput.language import Text
from stayput.v1.access_pb2 import Application, ApplicationState, DecisionClock, DecisionUrgency

_STATES: Mapping[int, Text] = {
    ApplicationState.APPLICATION_STATE_SUBMITTED: texts.STATE_SUBMITTED,
    ApplicationState.APPLICATION_STATE_ACCEPTED: texts.STATE_ACCEPTED,
    ApplicationState.APPLICATION_STATE_GRANTED: texts.STATE_GRANTED,
    ApplicationState.APPLICATION_STATE_REFUSED: texts.STATE_REFUSED,
    ApplicationState.APPLICATION_STATE_WITHDRAWN: texts.STATE_WITHDRAWN,
    ApplicationState.APPLICATION_STATE_EXPIRED: texts.STATE_EXPIRED,
}
_URGENCY: Mapping[int, str | Text] = {
    DecisionUrgency.DECISION_URGENCY_NONE: "",
    DecisionUrgency.DECISION_URGENCY_REMINDER: texts.URGENCY_REMINDER,
    DecisionUrgency.DECISION_URGENCY_ESCALATED: texts.URGENCY_ESCALATED,
}


@told()
def applications(path: Path, json: bool) -> None:
    """All of them, newest first."""
    listed = [application for application, _ in _applications(path)]
    if json:
        dump([plain(application) for application in listed])
        return
    show(
        texts.APPLICATIONS,
        (
            texts.COL_ID,
            texts.COL_CONSUMER,
            texts.COL_RESOURCE,
            texts.COL_MATTER,
            texts.COL_STATE,
            texts.COL_SUBMITTED,
            texts.COL_DUE,
            texts.COL_DAYS_LEFT,
            texts.COL_OVERDUE,
            texts.COL_URGENCY,
            texts.COL_EXPIRES,
        ),
        (
            (
                application.id,
                application.consumer,
                application.resource,
                application.matter,
                _STATES[application.state],
                minute(application.submitted_at),
                *_clock(application),
            )
            for application in listed
        ),
    )


def _applications(path: Path) -> list[tuple[Application, str]]:
    """Applications with their clocks, newest first, each with the department that provides the resource."""
    config = load(path)
    calendar = Calendar.load(DataDirectory(config.data).calendar_directories)
    now = datetime.now(UTC)
    with opened(config) as database, database.reading() as store:
        stored = store.applications.page(seen_by=None, before=None, limit=None)
        providers = {
            resource.code: resource.provider for resource in store.catalogue.page(Search(), "", None)
        }
    # The catalogue loses no entry, so every application's resource has its provider.
    return [(deadlines.with_clock(each, calendar, now), providers[each.resource]) for each in stored]


def _clock(application: Application) -> tuple[str | Text, ...]:
    """Due date, days left, overdue, who was told of it, and when it expires; empty once it is decided."""
    if not application.HasField("decision_clock"):
        return "", "", "", "", ""
    clock = application.decision_clock
    return (
        _day(clock.due_date, clock.provisional),
        str(clock.working_days_left),
        _overdue(clock),
        _URGENCY[clock.urgency],
        _day(clock.expiry_date, clock.expiry_provisional),
    )


def _day(day: str, provisional: bool) -> str | Text:
    return filled(texts.DAY_PROVISIONAL, day=day) if provisional else day


def _overdue(clock: DecisionClock) -> Text:
    if not clock.overdue:
        return texts.NO
    return texts.OVERDUE_PROVISIONAL if clock.provisional else texts.YES


@told()
def overdue(path: Path, json: bool) -> None:
    """Applications past their date, oldest first; what rests on a provisional calendar has no consequence."""
    late = [each for each in reversed(_applications(path)) if each[0].decision_clock.overdue]
    if json:
        dump(
            [
                plain(application)
                | {"provider": provider, "of_no_consequence": application.decision_clock.provisional}
                for application, provider in late
            ]
        )
        return
    show(
        texts.OVERDUE,
        (
            texts.COL_ID,
            texts.COL_PROVIDER,
            texts.COL_CONSUMER,
            texts.COL_RESOURCE,
            texts.COL_MATTER,
            texts.COL_STATE,
            texts.COL_SUBMITTED,
            texts.COL_DUE,
            texts.COL_DAYS_OVER,
            texts.COL_CONSEQUENCE,
            texts.COL_URGENCY,
            texts.COL_EXPIRES,
        ),
        (_late(application, provider) for application, provider in late),
    )


def _late(application: Application, provider: str) -> tuple[str | Text, ...]:
    clock = application.decision_clock
    return (
        application.id,
        provider,
        application.consumer,
        application.resource,
        application.matter,
        _STATES[application.state],
        minute(application.submitted_at),
        _day(clock.due_date, clock.provisional),
        str(-clock.working_days_left),
        texts.NO_CONSEQUENCE if clock.provisional else texts.COUNTS,
        _URGENCY[clock.urgency],
        _day(clock.expiry_date, clock.expiry_provisional),
    )
