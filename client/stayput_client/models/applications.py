"""An application for access, where it stands, and how much time is left for its decision."""

from dataclasses import dataclass
from datetime import date, datetime

from stayput.v1 import access_pb2
from stayput_client.models.vocabulary import (
    ApplicationState,
    DecisionUrgency,
    Granularity,
    Mode,
    day,
    known,
    moment,
)


@dataclass(frozen=True, slots=True)
class DecisionClock:
    """Where the provider's deadline stands, in days of China.

    `working_days_left` counts those after today up to `due_date`; below 0, if `overdue`, those since. What is
    `provisional` counts days of a year whose holidays are not announced yet: the date may move, and being
    past it is of no consequence. After `expiry_date` the application expires, unless that is provisional.
    """

    due_date: date
    working_days_left: int
    overdue: bool
    provisional: bool
    urgency: DecisionUrgency
    expiry_date: date
    expiry_provisional: bool


@dataclass(frozen=True, slots=True)
class Application:
    """An application for access and where it stands.

    `clock` is there while it awaits its decision. `decided_at` is when it was granted, refused, withdrawn or
    expired.
    """

    id: str
    resource: str
    key: str
    checks: tuple[str, ...]
    mode: Mode
    granularity: Granularity
    purpose: str
    legal_basis: str
    matter: str
    security_agreement: str
    expected_records_per_day: int
    state: ApplicationState
    refusal_reason: str
    withdrawal_reason: str
    grant_id: str
    submitted_at: datetime
    accepted_at: datetime | None
    decided_at: datetime | None
    clock: DecisionClock | None


def application(message: access_pb2.Application) -> Application:
    """An application as the comparator gives it."""
    return Application(
        id=message.id,
        resource=message.resource,
        key=message.key,
        checks=tuple(message.checks),
        mode=known(Mode, message.mode, "mode"),
        granularity=known(Granularity, message.granularity, "granularity"),
        purpose=message.purpose,
        legal_basis=message.legal_basis,
        matter=message.matter,
        security_agreement=message.security_agreement,
        expected_records_per_day=message.expected_records_per_day,
        state=known(ApplicationState, message.state, "state"),
        refusal_reason=message.refusal_reason,
        withdrawal_reason=message.withdrawal_reason,
        grant_id=message.grant_id,
        submitted_at=moment(message.submitted_at),
        accepted_at=moment(message.accepted_at) if message.HasField("accepted_at") else None,
        decided_at=moment(message.decided_at) if message.HasField("decided_at") else None,
        clock=_clock(message.decision_clock) if message.HasField("decision_clock") else None,
    )


def _clock(message: access_pb2.DecisionClock) -> DecisionClock:
    return DecisionClock(
        due_date=day(message.due_date, "decision_clock.due_date"),
        working_days_left=message.working_days_left,
        overdue=message.overdue,
        provisional=message.provisional,
        urgency=known(DecisionUrgency, message.urgency, "decision_clock.urgency"),
        expiry_date=day(message.expiry_date, "decision_clock.expiry_date"),
        expiry_provisional=message.expiry_provisional,
    )
