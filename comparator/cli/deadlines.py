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
from comparator.domain.access import with_decision_clock
from comparator.domain.calendar import Calendar
from stayput.language import Text
from stayput.v1.access_pb2 import Application, ApplicationState, DecisionClock

_STATES: Mapping[int, Text] = {
    ApplicationState.APPLICATION_STATE_SUBMITTED: texts.STATE_SUBMITTED,
    ApplicationState.APPLICATION_STATE_GRANTED: texts.STATE_GRANTED,
    ApplicationState.APPLICATION_STATE_REFUSED: texts.STATE_REFUSED,
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
            texts.COL_KEY,
            texts.COL_CHECKS,
            texts.COL_STATE,
            texts.COL_SUBMITTED,
            texts.COL_DUE,
            texts.COL_DAYS_LEFT,
            texts.COL_OVERDUE,
        ),
        (
            (
                application.id,
                application.consumer,
                application.resource,
                application.key,
                ", ".join(application.checks),
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
        stored = store.access.applications(seen_by=None, before=None, limit=None)
        providers = {resource.code: resource.provider for resource in store.catalogue.page("", None)}
    # The catalogue loses no entry, so every application's resource has its provider.
    return [(with_decision_clock(each, calendar, now), providers[each.resource]) for each in stored]


def _clock(application: Application) -> tuple[str | Text, str, str | Text]:
    """Due date, working days left, and whether it is overdue; empty once it is decided."""
    if not application.HasField("decision_clock"):
        return "", "", ""
    clock = application.decision_clock
    return _due(clock), str(clock.working_days_left), _overdue(clock)


def _due(clock: DecisionClock) -> str | Text:
    return filled(texts.DUE_PROVISIONAL, due=clock.due_date) if clock.provisional else clock.due_date


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
            texts.COL_SUBMITTED,
            texts.COL_DUE,
            texts.COL_DAYS_OVER,
            texts.COL_CONSEQUENCE,
        ),
        (
            (
                application.id,
                provider,
                application.consumer,
                application.resource,
                minute(application.submitted_at),
                _due(application.decision_clock),
                str(-application.decision_clock.working_days_left),
                texts.NO_CONSEQUENCE if application.decision_clock.provisional else texts.COUNTS,
            )
            for application, provider in late
        ),
    )
