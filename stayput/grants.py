"""Grants: signed by the provider's node, recorded by the platform, enforced by the node."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from google.protobuf.message import DecodeError

from stayput import hours, signing
from stayput.errors import Reason, StayputError
from stayput.v1.access_pb2 import (
    Application,
    ChangeCause,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
)
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope

GRANT_ID: Final = re.compile(r"G-[0-9A-Za-z]{26}")
"""Ids of grants."""


def verify(envelope: Envelope, signing_key: bytes) -> Grant:
    """The grant, if the node's raw Ed25519 key signed it; else `GRANT_SIGNATURE_INVALID`."""
    try:
        return Grant.FromString(signing.verify(envelope, signing.PayloadType.GRANT, signing_key))
    except (signing.SignatureInvalid, DecodeError):
        raise StayputError(
            ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
            "the grant is not signed by the provider's node",
            field="grant",
        ) from None


def verify_change(envelope: Envelope, signing_key: bytes) -> GrantChange:
    """The change of a grant's state, if the node's key signed it; else `GRANT_SIGNATURE_INVALID`."""
    try:
        payload = signing.verify(envelope, signing.PayloadType.GRANT_CHANGE, signing_key)
        return GrantChange.FromString(payload)
    except (signing.SignatureInvalid, DecodeError):
        raise StayputError(
            ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
            "the change is not signed by the provider's node",
            field="change",
        ) from None


def check_within(grant: Grant, application: Application) -> None:
    """Passes if the grant gives no more than its application asked; else `GRANT_MISMATCH` with the field."""
    for field, given, asked in (
        ("application_id", grant.application_id, application.id),
        ("consumer", grant.consumer, application.consumer),
        ("resource", grant.resource, application.resource),
        ("key", grant.key, application.key),
    ):
        if given != asked:
            raise _mismatch(field)
    for field, many, allowed in (
        ("checks", set(grant.checks), set(application.checks)),
        ("modes", set(grant.modes), {application.mode}),
        ("granularities", set(grant.granularities), {application.granularity}),
    ):
        if not many <= allowed:
            raise _mismatch(field)


def _mismatch(field: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_MISMATCH,
        f"{field}: the grant gives something else than the application asked for",
        field=field,
        remedy="let the department apply again for what it needs",
    )


def check_active(grant: Grant, now: datetime) -> None:
    """Passes if `now` (aware) lies in the grant's validity; else `GRANT_NOT_ACTIVE`."""
    if now < grant.valid_from.ToDatetime(UTC):
        raise _not_active("PENDING", "is not valid yet")
    if now >= grant.valid_until.ToDatetime(UTC):
        raise _not_active("EXPIRED", "has expired")


def _not_active(state: str, problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE,
        f"the grant {problem}",
        field="grant",
        remedy="apply again" if state == "EXPIRED" else "wait until it begins",
        details={"state": state},
    )


def check_standing(standing: GrantStanding) -> None:
    """Passes if neither provider nor platform has suspended or revoked the grant; else `GRANT_NOT_ACTIVE`."""
    for by, state, cause in (
        ("PROVIDER", standing.provider_state, standing.provider_cause),
        ("PLATFORM", standing.platform_state, ChangeCause.CHANGE_CAUSE_UNSPECIFIED),
    ):
        if state != GrantState.GRANT_STATE_ACTIVE:
            raise _withdrawn(by, state, cause)


def _withdrawn(by: str, state: "GrantState.ValueType", cause: "ChangeCause.ValueType") -> StayputError:
    revoked = state == GrantState.GRANT_STATE_REVOKED
    details = {"state": "REVOKED" if revoked else "SUSPENDED", "by": by}
    if cause != ChangeCause.CHANGE_CAUSE_UNSPECIFIED:
        details["cause"] = ChangeCause.Name(cause).removeprefix("CHANGE_CAUSE_")
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE,
        f"the grant was {'revoked' if revoked else 'suspended'} by the {by.lower()}",
        field="grant",
        remedy="apply again" if revoked else f"ask the {by.lower()}; `stayput grants` tells the reason",
        details=details,
    )


def effective_state(standing: GrantStanding) -> "GrantState.ValueType":
    """The stricter of the provider's and the platform's word."""
    return max(standing.provider_state, standing.platform_state)


def active_standing(grant_id: str) -> GrantStanding:
    """The standing of a grant of which nobody has said anything."""
    return GrantStanding(
        grant_id=grant_id,
        provider_state=GrantState.GRANT_STATE_ACTIVE,
        platform_state=GrantState.GRANT_STATE_ACTIVE,
    )


def check_use(grant: Grant, operator: str, case_number: str, now: datetime) -> datetime:
    """Until when (in UTC) the grant may be used by that operator for that case, if it may be used now.

    Raises `GRANT_NOT_ACTIVE`, `OPERATOR_NOT_ALLOWED`, `OUTSIDE_HOURS` or `CASE_NUMBER_REQUIRED`.
    """
    check_active(grant, now)
    if grant.operators and operator not in grant.operators:
        raise StayputError(
            ErrorReason.ERROR_REASON_OPERATOR_NOT_ALLOWED,
            "operator: the grant names who may use it, and this operator is none of them",
            field="operator",
            remedy="let one of the operators named do it, or ask the provider to add this one",
        )
    if grant.case_number_required and not case_number.strip():
        raise StayputError(
            ErrorReason.ERROR_REASON_CASE_NUMBER_REQUIRED,
            "case_number: the grant demands one",
            field="case_number",
            remedy="name the case that the comparison is for",
        )
    until = grant.valid_until.ToDatetime(UTC)
    return min(until, hours.closes_at(grant.hours, now)) if grant.HasField("hours") else until


def check_scope(
    grant: Grant,
    resource: str,
    key: str,
    checks: Sequence[str],
    mode: "Mode.ValueType",
    granularity: "Granularity.ValueType",
) -> None:
    """Passes if the grant covers all that is asked; else `GRANT_SCOPE` naming the field."""
    reason = ErrorReason.ERROR_REASON_GRANT_SCOPE
    covered(reason, "grant", "resource", [resource], [grant.resource])
    covered(reason, "grant", "key", [key], [grant.key])
    covered(reason, "grant", "checks", checks, grant.checks)
    covered(reason, "grant", "mode", [mode], grant.modes)
    covered(reason, "grant", "granularity", [granularity], grant.granularities)


def covered(
    reason: Reason, what: str, field: str, asked: Iterable[object], allowed: Iterable[object]
) -> None:
    """Passes if all asked is allowed; else an error of that reason naming `what` and the field."""
    if not set(asked) <= set(allowed):
        raise StayputError(
            reason,
            f"{field}: not covered by the {what}",
            field=field,
            remedy="ask for what was granted, or apply for more",
        )
