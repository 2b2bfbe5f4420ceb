"""The way of an application: received, taken in, decided, or taken back."""

import re
from datetime import UTC
from typing import Final

from comparator.domain import catalogue, deadlines, fields, grants
from comparator.domain.grants import LONGEST_ADMINISTRATOR, LONGEST_REASON
from comparator.domain.policy import Call
from comparator.domain.terms import LONGEST_AGREEMENT, LONGEST_MATTER, LONGEST_PURPOSE
from comparator.store.applications import OPEN, number_of
from comparator.store.events import About
from comparator.store.models import Role
from stayput.errors import StayputError, field_invalid
from stayput.identity import department
from stayput.v1.access_pb2 import Application, ApplicationState
from stayput.v1.catalogue_pb2 import Sharing
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType
from stayput.v1.signing_pb2 import Envelope

_MOST_EXPECTED: Final = 100_000_000
_APPLICATION_ID: Final = re.compile(r"A-([1-9][0-9]{0,17})")
_TOLD_WHO: Final = frozenset({Role.PROVIDER, Role.AUDITOR, Role.OPERATOR})


def apply(call: Call, asked: Application) -> Application:
    """Receives a consumer's application; `RESOURCE_UNKNOWN`, `RESOURCE_NOT_SHARED` or `FIELD_INVALID`."""
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
    if asked.granularity not in (resource.granularities or [Granularity.GRANULARITY_RECORD]):
        raise field_invalid(
            "granularity", "the resource does not offer this granularity", "see the catalogue for them"
        )
    fields.text("purpose", asked.purpose, most=LONGEST_PURPOSE)
    fields.text("legal_basis", asked.legal_basis, most=LONGEST_PURPOSE)
    fields.text("matter", asked.matter, most=LONGEST_MATTER)
    fields.text("security_agreement", asked.security_agreement, least=0, most=LONGEST_AGREEMENT)
    fields.number("expected_records_per_day", asked.expected_records_per_day, 0, _MOST_EXPECTED)
    received = call.store.applications.submit(asked, call.party, call.now)
    _note(call, EventType.EVENT_TYPE_APPLICATION_SUBMITTED, received, received.matter)
    return _shown(call, received)


def get(call: Call, application_id: str) -> Application:
    """One application that the caller may see; `APPLICATION_UNKNOWN`."""
    found = call.store.applications.get(application_number(application_id), grants.seen_by(call))
    if found is None:
        raise _unknown()
    return _shown(call, found)


def page(call: Call, size: int, token: str) -> tuple[list[Application], str]:
    """A page of what the caller may see, newest first, and the token of the next page (or none)."""
    wanted = fields.page_size(size)
    found = call.store.applications.page(grants.seen_by(call), fields.page_number(token), wanted + 1)
    shown = [_shown(call, application) for application in found[:wanted]]
    return shown, str(number_of(shown[-1])) if len(found) > wanted else ""


def withdraw(call: Call, application_id: str, reason: str) -> Application:
    """Takes the caller's application back. Idempotent.

    Raises `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED` or `FIELD_INVALID`.
    """
    application = _own(call, application_id)
    fields.text("reason", reason, least=0, most=LONGEST_REASON)
    if application.state == ApplicationState.APPLICATION_STATE_WITHDRAWN:
        return _shown(call, application)
    _require_open(call, application)
    call.store.applications.withdraw(number_of(application), reason, call.now)
    _note(call, EventType.EVENT_TYPE_APPLICATION_WITHDRAWN, application, reason)
    return get(call, application_id)


def accept(call: Call, application_id: str, administrator: str) -> Application:
    """Notes that the provider has taken the application in. Idempotent; the first one to do it is kept.

    Raises `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED` or `FIELD_INVALID`.
    """
    application = _own(call, application_id)
    fields.text("administrator", administrator, most=LONGEST_ADMINISTRATOR)
    _require_open(call, application)
    if application.state != ApplicationState.APPLICATION_STATE_ACCEPTED:
        call.store.applications.accept(number_of(application), administrator, call.now)
        _note(call, EventType.EVENT_TYPE_APPLICATION_ACCEPTED, application, administrator)
    return get(call, application_id)


def record_grant(
    call: Call, application_id: str, envelope: Envelope, administrator: str, *, require_agreement: bool
) -> Application:
    """Records a grant that the calling node signed. Idempotent: the same grant is the same decision.

    Raises `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED`, `GRANT_SIGNATURE_INVALID`, `GRANT_MISMATCH`,
    `AGREEMENT_REQUIRED` or `FIELD_INVALID`.
    """
    application = _own(call, application_id)
    fields.text("administrator", administrator, most=LONGEST_ADMINISTRATOR)
    if application.state not in OPEN:
        first = call.store.grants.version(application.grant_id, 1)
        if first is None or first.payload != envelope.payload:
            raise _decided(call, application)
        return _shown(call, application)
    grant = grants.give(call, application, envelope, require_agreement=require_agreement)
    call.store.applications.grant(number_of(application), administrator, call.now)
    application.grant_id = grant.id
    _note(call, EventType.EVENT_TYPE_APPLICATION_GRANTED, application, administrator)
    return get(call, application_id)


def record_refusal(call: Call, application_id: str, reason: str, administrator: str) -> Application:
    """Records a refusal. Idempotent for the same administrator and reason.

    Raises `APPLICATION_UNKNOWN`, `APPLICATION_DECIDED` or `FIELD_INVALID`.
    """
    application = _own(call, application_id)
    fields.text("administrator", administrator, most=LONGEST_ADMINISTRATOR)
    fields.text("refusal_reason", reason, most=LONGEST_REASON)
    if application.state not in OPEN:
        refused = application.state == ApplicationState.APPLICATION_STATE_REFUSED
        same = (application.refusal_reason, application.decided_by) == (reason, administrator)
        if not (refused and same):
            raise _decided(call, application)
        return _shown(call, application)
    call.store.applications.refuse(number_of(application), administrator, reason, call.now)
    _note(call, EventType.EVENT_TYPE_APPLICATION_REFUSED, application, f"{administrator}: {reason}")
    return get(call, application_id)


def application_number(application_id: str) -> int:
    """The number that an application's id spells; `APPLICATION_UNKNOWN`."""
    match = _APPLICATION_ID.fullmatch(application_id)
    if match is None:
        raise _unknown()
    return int(match[1])


def _own(call: Call, application_id: str) -> Application:
    """One that the calling consumer made, or that the calling node has to decide or decided."""
    found = call.store.applications.get(application_number(application_id), call.party)
    if found is None:
        raise _unknown()
    return found


def _shown(call: Call, application: Application) -> Application:
    """As the caller may see it: who at the provider decided is not the consumer's business."""
    if not call.roles & _TOLD_WHO:
        application.ClearField("accepted_by")
        application.ClearField("decided_by")
    if application.state in OPEN:
        deadlines.with_clock(application, call.calendar(), call.now)
    return application


def _note(call: Call, kind: "EventType.ValueType", application: Application, detail: str) -> None:
    about = About(
        party=department(application.consumer).urn,
        resource=application.resource,
        application=number_of(application),
        grant_id=application.grant_id or None,
    )
    call.store.events.add(kind, call.party.urn, call.now, about, detail)


def _require_open(call: Call, application: Application) -> None:
    if application.state not in OPEN:
        raise _decided(call, application)


def _unknown() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
        "no application of this id that the caller may see",
        field="application_id",
        remedy="list the applications for their ids",
    )


def _decided(call: Call, application: Application) -> StayputError:
    details = {
        "state": ApplicationState.Name(application.state).removeprefix("APPLICATION_STATE_"),
        "decided_at": application.decided_at.ToDatetime(UTC).isoformat(),
    }
    if application.decided_by and Role.PROVIDER in call.roles:
        details["decided_by"] = application.decided_by
    return StayputError(
        ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
        "the application was decided, withdrawn or expired before",
        field="application_id",
        remedy="let the department apply again if another decision is wanted",
        details=details,
    )
