"""Grants at the platform: recorded as the node signed them, and the platform's own word on them."""

from datetime import datetime
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from comparator.domain import fields, terms
from comparator.domain.policy import Call
from comparator.domain.signers import SigningKeys
from comparator.store.applications import number_of
from comparator.store.database import Store
from comparator.store.events import About
from comparator.store.models import Role
from stayput import grants
from stayput.errors import StayputError, field_invalid
from stayput.grants import GRANT_ID
from stayput.identity import Party, department
from stayput.v1.access_pb2 import (
    Application,
    ChangeCause,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
    RecordedGrant,
)
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType
from stayput.v1.signing_pb2 import Envelope

LONGEST_REASON: Final = 1_000
LONGEST_ADMINISTRATOR: Final = 100
_Signed = TypeVar("_Signed", Grant, GrantChange)
_OVERSEERS: Final = frozenset({Role.AUDITOR, Role.OPERATOR})
_EVENTS: Final = {
    GrantState.GRANT_STATE_ACTIVE: EventType.EVENT_TYPE_GRANT_RESUMED,
    GrantState.GRANT_STATE_SUSPENDED: EventType.EVENT_TYPE_GRANT_SUSPENDED,
    GrantState.GRANT_STATE_REVOKED: EventType.EVENT_TYPE_GRANT_REVOKED,
}


def seen_by(call: Call) -> Party | None:
    """Whose applications and grants the caller sees: its own, or (None) everybody's."""
    return None if call.roles & _OVERSEERS else call.party


def page(call: Call, size: int, token: str) -> tuple[list[RecordedGrant], str]:
    """A page of grants that the caller holds, gave or oversees, newest first, and the next page's token."""
    wanted = fields.page_size(size)
    found = call.store.grants.page(seen_by(call), fields.page_number(token), wanted + 1)
    shown = found[:wanted]
    return [recorded for _, recorded in shown], str(shown[-1][0]) if len(found) > wanted else ""


def give(call: Call, application: Application, envelope: Envelope, *, require_agreement: bool) -> Grant:
    """Keeps the first version of a grant that the calling node signed.

    Raises `GRANT_SIGNATURE_INVALID`, `GRANT_MISMATCH` or `AGREEMENT_REQUIRED`.
    """
    # Only the present key: consumers verify grants with it.
    grant = grants.verify(envelope, call.signing_key)
    terms.check(call, grant, application, require_agreement=require_agreement)
    if GRANT_ID.fullmatch(grant.id) is None:
        raise terms.mismatch("id", "must be G- and 26 letters and digits")
    if call.store.grants.get(grant.id, None) is not None:
        raise terms.mismatch("id", "is that of another grant", "sign a new grant under an id of its own")
    if grant.version != 1:
        raise terms.mismatch("version", "must be 1 in a new grant")
    call.store.grants.add(number_of(application), grant, envelope, call.now)
    return grant


def record_version(call: Call, envelope: Envelope, *, require_agreement: bool) -> RecordedGrant:
    """Records the next version of a grant that the calling node gave. Idempotent.

    Raises `GRANT_UNKNOWN`, `GRANT_SIGNATURE_INVALID`, `GRANT_NOT_ACTIVE` (revoked), `GRANT_VERSION`,
    `GRANT_MISMATCH` or `AGREEMENT_REQUIRED`.
    """
    draft = _parsed(Grant(), envelope)
    recorded = _own(call, draft.id)
    known = call.store.grants.version(draft.id, draft.version)
    if known is not None and known.payload == envelope.payload:
        return recorded
    grant = grants.verify(envelope, SigningKeys(call).named_by(envelope))
    _refuse_revoked(recorded.standing)
    before = Grant.FromString(recorded.grant.payload)
    expected = call.store.grants.latest(grant.id) + 1
    if grant.version != expected:
        raise _out_of_order("version", expected)
    application = call.store.applications.of_grant(grant.id)
    terms.check_follows(grant, before)
    terms.check(call, grant, application, require_agreement=require_agreement)
    call.store.grants.amend(grant, envelope, call.now)
    detail = ", ".join(terms.changed(before, grant))
    amended = EventType.EVENT_TYPE_GRANT_AMENDED
    call.store.events.add(amended, call.party.urn, call.now, _about(call.store, grant.id), detail)
    return _own(call, grant.id)


def record_change(call: Call, envelope: Envelope) -> GrantStanding:
    """Records the calling node's next change of one of its grants. Idempotent.

    Raises `GRANT_UNKNOWN`, `GRANT_SIGNATURE_INVALID`, `GRANT_VERSION` or `FIELD_INVALID`.
    """
    draft = _parsed(GrantChange(), envelope)
    recorded = _own(call, draft.grant_id)
    known = call.store.grants.change(draft.grant_id, draft.number)
    if known is not None and known.payload == envelope.payload:
        return recorded.standing
    change = grants.verify_change(envelope, SigningKeys(call).named_by(envelope))
    expected = call.store.grants.changes(change.grant_id) + 1
    if change.number != expected:
        raise _out_of_order("number", expected)
    _check_change(call, change, recorded.standing.provider_state)
    standing = call.store.grants.record_change(change, envelope, call.now)
    if change.cause == ChangeCause.CHANGE_CAUSE_ADMINISTRATOR:
        kind, by = _EVENTS[change.state], change.administrator
    else:
        kind = EventType.EVENT_TYPE_GRANT_LIMIT_TRIPPED
        by = ChangeCause.Name(change.cause).removeprefix("CHANGE_CAUSE_")
    about = _about(call.store, change.grant_id)
    call.store.events.add(kind, call.party.urn, call.now, about, f"{by}: {change.reason}")
    return standing


def _check_change(call: Call, change: GrantChange, before: "GrantState.ValueType") -> None:
    if change.node_id != call.party.id:
        raise field_invalid("node_id", "must be the calling node's", "record it by the node that signed it")
    fields.choice("state", change.state, GrantState)
    fields.choice("cause", change.cause, ChangeCause)
    fields.text("reason", change.reason, most=LONGEST_REASON)
    if before == GrantState.GRANT_STATE_REVOKED:
        raise field_invalid("state", "nothing follows REVOKED", "let the department apply anew")
    if change.state == before:
        raise field_invalid("state", "is that of the grant already", "send changes only")
    if change.cause == ChangeCause.CHANGE_CAUSE_ADMINISTRATOR:
        fields.text("administrator", change.administrator, most=LONGEST_ADMINISTRATOR)
    elif change.administrator:
        raise field_invalid("administrator", "must be empty if the node did it by itself")
    elif change.state != GrantState.GRANT_STATE_SUSPENDED:
        raise field_invalid("cause", "must be ADMINISTRATOR unless the grant is suspended")
    terms.time(change, "changed_at")


def set_standing(
    store: Store, grant_id: str, state: "GrantState.ValueType", reason: str, actor_urn: str, now: datetime
) -> GrantStanding:
    """Sets the platform's word on a grant, whatever the provider says. Idempotent: the first reason stays.

    Raises `FIELD_INVALID`, `GRANT_UNKNOWN`, or `GRANT_NOT_ACTIVE` if the platform has revoked it.
    """
    fields.choice("state", state, GrantState)
    fields.text("reason", reason, most=LONGEST_REASON)
    recorded = store.grants.get(grant_id, None) if GRANT_ID.fullmatch(grant_id) else None
    if recorded is None:
        raise unknown()
    standing = recorded.standing
    if standing.platform_state == state:
        return standing
    standing.provider_state = GrantState.GRANT_STATE_ACTIVE  # its word is another matter
    _refuse_revoked(standing)
    store.events.add(_EVENTS[state], actor_urn, now, _about(store, grant_id), reason)
    return store.grants.set_platform_word(grant_id, state, reason, now)


def unknown() -> StayputError:
    """The error for a grant that the caller may not know of."""
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_UNKNOWN,
        "no grant of this id that the caller may see",
        field="grant_id",
        remedy="list the grants for their ids",
    )


def _own(call: Call, grant_id: str) -> RecordedGrant:
    recorded = call.store.grants.get(grant_id, call.party) if GRANT_ID.fullmatch(grant_id) else None
    if recorded is None:
        raise unknown()
    return recorded


def _refuse_revoked(standing: GrantStanding) -> None:
    """Raises `GRANT_NOT_ACTIVE` if provider or platform has revoked; being suspended is no obstacle."""
    final = grants.active_standing(standing.grant_id)
    if standing.provider_state == GrantState.GRANT_STATE_REVOKED:
        final.provider_state, final.provider_cause = standing.provider_state, standing.provider_cause
    if standing.platform_state == GrantState.GRANT_STATE_REVOKED:
        final.platform_state = standing.platform_state
    grants.check_standing(final)


def _parsed(into: _Signed, envelope: Envelope) -> _Signed:
    """What an envelope says it holds, not verified: to find what it would change."""
    try:
        into.ParseFromString(envelope.payload)
    except DecodeError:
        raise StayputError(
            ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
            "the envelope holds no such message",
            field="grant" if isinstance(into, Grant) else "change",
        ) from None
    return into


def _about(store: Store, grant_id: str) -> About:
    application = store.applications.of_grant(grant_id)
    return About(
        party=department(application.consumer).urn,
        resource=application.resource,
        application=number_of(application),
        grant_id=grant_id,
    )


def _out_of_order(field: str, expected: int) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_VERSION,
        f"{field}: does not follow the one recorded",
        field=field,
        remedy="record in order, from the expected number on",
        details={"expected": str(expected)},
    )
