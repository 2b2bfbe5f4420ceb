"""Refusals told by what their details say: the same words whether this side found it or another party did."""

from collections.abc import Mapping
from typing import Final

from stayput.errors import Reason, StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault
from stayput_client.texts.evidence import EVIDENCE

_NOT_ACTIVE: Final[Mapping[tuple[str, str], str]] = {
    ("PENDING", ""): "grant_pending",
    ("EXPIRED", ""): "grant_expired",
    ("SUSPENDED", "PROVIDER"): "grant_suspended_provider",
    ("SUSPENDED", "PLATFORM"): "grant_suspended_platform",
    ("REVOKED", "PROVIDER"): "grant_revoked_provider",
    ("REVOKED", "PLATFORM"): "grant_revoked_platform",
}
_GUARDS: Final[Mapping[str, str]] = {"MISS_RATIO": "grant_miss_ratio", "SEQUENCE": "grant_sequence"}
_QUOTAS: Final[Mapping[str, str]] = {
    "records_per_session": "quota_session",
    "records_per_day": "quota_day",
    "sessions_per_minute": "quota_minute",
    "noise_budget_milli": "quota_noise",
    "count_lists": "quota_lists",
}
_DECIDED: Final[Mapping[str, str]] = {
    "GRANTED": "application_granted",
    "REFUSED": "application_refused",
    "WITHDRAWN": "application_withdrawn",
    "EXPIRED": "application_expired",
}
_WHATEVER_DETAILS: Final[Mapping[Reason, str]] = {
    ErrorReason.ERROR_REASON_OUTSIDE_HOURS: "outside_hours",
    ErrorReason.ERROR_REASON_OPERATOR_NOT_ALLOWED: "operator_not_allowed",
    ErrorReason.ERROR_REASON_CASE_NUMBER_REQUIRED: "case_number_missing",
    ErrorReason.ERROR_REASON_LIST_TOO_SHORT: "list_too_short",
    ErrorReason.ERROR_REASON_LIST_OVERLAPS: "list_overlaps",
    ErrorReason.ERROR_REASON_KEY_EPOCH_MISMATCH: "keys_changed",
    ErrorReason.ERROR_REASON_GENERATION_CHANGED: "generation_changed",
    ErrorReason.ERROR_REASON_PROOF_INVALID: "proof_invalid",
}
_PLACES: Final = ("hours", "limit", "remaining")


def explained(error: StayputError, why: str = "") -> ClientFault | None:
    """The failure in both languages with what its details say; None if its reason alone says it all.

    `why` is the reason that was given for a suspension or revocation, where this side knows it.
    """
    name = _name(error)
    if name is None:
        return None
    # What a peer leaves out is not made up: the places are then shown as unknown.
    places = {place: error.details.get(place, "?") for place in _PLACES}
    fault = ClientFault(error.reason, name, field=error.field, why=f" [{why}]" if why else "", **places)
    fault.details = error.details
    return fault


def _name(error: StayputError) -> str | None:
    details = error.details
    match error.reason:
        case ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE:
            state = details.get("state", "")
            guard = _GUARDS.get(details.get("cause", "")) if state == "SUSPENDED" else None
            return guard or _NOT_ACTIVE.get((state, details.get("by", "")))
        case ErrorReason.ERROR_REASON_QUOTA_EXCEEDED:
            return _QUOTAS.get(error.field.rpartition(".")[2])
        case ErrorReason.ERROR_REASON_APPLICATION_DECIDED:
            return _DECIDED.get(details.get("state", ""))
        case ErrorReason.ERROR_REASON_EVIDENCE_INVALID:
            return f"evidence_{error.field}" if f"fault.evidence_{error.field}" in EVIDENCE else None
        case reason:
            return _WHATEVER_DETAILS.get(reason)
