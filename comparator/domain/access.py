"""Applications and the provider's decisions on them."""

import re
from datetime import UTC, datetime

from comparator.domain import catalogue, fields
from comparator.domain.calendar import Calendar
from comparator.domain.policy import Call
from stayput import grants
from stayput.errors import StayputError, field_invalid
from stayput.v1.access_pb2 import Application, ApplicationState, DecisionClock, Grant
from stayput.v1.catalogue_pb2 import Sharing
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope

_LONGEST_PURPOSE = 500
_LONGEST_REASON = 1_000
_MOST_EXPECTED = 100_000_000
_MOST_PER_SESSION = 100_000_000
_MOST_PER_DAY = 1_000_000_000
# How long a provider may take to decide, not counting the day of receipt.
_DECISION_WORKING_DAYS = 5
_APPLICATION_ID = re.compile(r"A-([1-9][0-9]{0,17})")
GRANT_ID = re.compile(r"G-[0-9A-Za-z]{26}")


def apply(call: Call, asked: Application) -> Application:
    """Receives a department's application; `RESOURCE_UNKNOWN`, `RESOURCE_NOT_SHARED` or `FIELD_INVALID`."""
    resource = catalogue.get(call, asked.resource)
    if resource.sharing == Sharing.SHARING_NOT_SHARED:
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_NOT_SHARED,
            "the resource is listed as not shared and takes no application",
            field="resource",
            remedy="ask the providing department outside the platform",
        )
    if asked.key not in {key.name for key in resource.keys}:
        raise field_invalid("key", "the resource offers no such key", "see the catalogue for its keys")
    if not set(asked.checks) <= {check.name for check in resource.checks}:
        raise field_invalid("checks", "the resource offers no such check", "see the catalogue for its checks")
    fields.distinct("checks", asked.checks)
    fields.choice("mode", asked.mode, Mode)
    if asked.mode not in resource.modes:
        raise field_invalid(
            "mode", "the resource does not offer this mode", "see the catalogue for its modes"
        )
    fields.choice("granularity", asked.granularity, Granularity)
    fields.text("purpose", asked.purpose, most=_LONGEST_PURPOSE)
    fields.text("legal_basis", asked.legal_basis, most=_LONGEST_PURPOSE)
    fields.number("expected_records_per_day", asked.expected_records_per_day, 0, _MOST_EXPECTED)
    return with_decision_clock(
        call.store.access.apply(asked, call.party, call.now), call.calendar(), call.now
    )


def get(call: Call, application_id: str) -> Application:
    """One application that the caller made or may decide; `APPLICATION_UNKNOWN`."""
    return with_decision_clock(_find(call, _number(application_id)), call.calendar(), call.now)


def page(call: Call, size: int, token: str) -> tuple[list[Application], str]:
    """A page of the caller's applications, newest first, and the token of the next page (or none)."""
    wanted = fields.page_size(size)
    found = call.store.access.applications(call.party, fields.page_number(token), wanted + 1)
    calendar = call.calendar()
    shown = [with_decision_clock(application, calendar, call.now) for application in found[:wanted]]
    return shown, shown[-1].id.removeprefix("A-") if len(found) > wanted else ""


def with_decision_clock(application: Application, calendar: Calendar, now: datetime) -> Application:
    """The application, with its clock at `now` if it awaits its decision."""
    if application.state == ApplicationState.APPLICATION_STATE_SUBMITTED:
        received = application.submitted_at.ToDatetime(UTC)
        clock = calendar.clock(received, None, now, _DECISION_WORKING_DAYS)
        application.decision_clock.CopyFrom(
            DecisionClock(
                due_date=clock.due_date.isoformat(),
                working_days_left=clock.days_left,
                overdue=clock.overdue,
                provisional=clock.provisional,
            )
        )
    return application


def grant_page(call: Call, size: int, token: str) -> tuple[list[Envelope], str]:
    """A page of grants that the caller holds or gave, newest first, and the token of the next page."""
    wanted = fields.page_size(size)
    found = call.store.access.grants(call.party, fields.page_number(token), wanted + 1)
    shown = found[:wanted]
    return [envelope for _, envelope in shown], str(shown[-1][0]) if len(found) > wanted else ""


def record_grant(call: Call, application_id: str, envelope: Envelope) -> Application:
    """Records a grant that the calling node signed. Idempotent.

    Raises `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED`, `GRANT_SIGNATURE_INVALID` or `GRANT_MISMATCH`.
    """
    application = _find(call, _number(application_id))
    if application.state != ApplicationState.APPLICATION_STATE_SUBMITTED:
        recorded = call.store.access.find_grant(application.grant_id)
        if recorded is None or recorded.payload != envelope.payload:
            raise _decided(application)
        return application
    grant = grants.verify(envelope, call.signing_key)
    grants.check_within(grant, application)
    _check_terms(call, grant)
    number = _number(application_id)
    call.store.access.grant(number, grant, envelope, call.now)
    return _find(call, number)


def record_refusal(call: Call, application_id: str, reason: str) -> Application:
    """Records a refusal. Idempotent. `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED` or `FIELD_INVALID`."""
    application = _find(call, _number(application_id))
    fields.text("refusal_reason", reason, most=_LONGEST_REASON)
    if application.state != ApplicationState.APPLICATION_STATE_SUBMITTED:
        refused = application.state == ApplicationState.APPLICATION_STATE_REFUSED
        if not refused or application.refusal_reason != reason:
            raise _decided(application)
        return application
    number = _number(application_id)
    call.store.access.refuse(number, reason, call.now)
    return _find(call, number)


def _find(call: Call, number: int) -> Application:
    application = call.store.access.application(number, call.party)
    if application is None:
        raise _unknown()
    return application


def _check_terms(call: Call, grant: Grant) -> None:
    """What `check_within` leaves open: who grants, for how long, how much, and that the id is new."""
    terms = {
        "id": GRANT_ID.fullmatch(grant.id) is not None and call.store.access.find_grant(grant.id) is None,
        "provider": grant.provider == call.department.id,
        "node_id": grant.node_id == call.party.id,
        "modes": bool(grant.modes),
        "granularities": bool(grant.granularities),
        "valid_until": _period_valid(grant),
        "limits.records_per_session": 1 <= grant.limits.records_per_session <= _MOST_PER_SESSION,
        "limits.records_per_day": 1 <= grant.limits.records_per_day <= _MOST_PER_DAY,
    }
    for field, good in terms.items():
        if not good:
            raise StayputError(
                ErrorReason.ERROR_REASON_GRANT_MISMATCH,
                f"{field}: not what a grant of this node for this application can say",
                field=field,
                remedy="sign a new grant",
            )


def _period_valid(grant: Grant) -> bool:
    try:
        return grant.valid_from.ToDatetime(UTC) < grant.valid_until.ToDatetime(UTC)
    except (ValueError, OverflowError):
        return False


def _number(application_id: str) -> int:
    match = _APPLICATION_ID.fullmatch(application_id)
    if match is None:
        raise _unknown()
    return int(match[1])


def _unknown() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
        "no application of this id that the caller may see",
        field="application_id",
        remedy="list the applications for their ids",
    )


def _decided(application: Application) -> StayputError:
    state = ApplicationState.Name(application.state).removeprefix("APPLICATION_STATE_")
    return StayputError(
        ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
        "the application has been decided",
        field="application_id",
        remedy="let the department apply again if another decision is wanted",
        details={"state": state},
    )
