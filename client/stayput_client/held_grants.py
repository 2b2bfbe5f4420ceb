"""The grants that a department holds: opened and verified, and the one that a comparison may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from google.protobuf.message import DecodeError

from stayput import grants
from stayput.errors import Reason, StayputError
from stayput.v1 import access_pb2
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault
from stayput_client.models.grants import Grant, grant, grant_stops
from stayput_client.models.vocabulary import GrantState, Granularity, Mode, malformed
from stayput_client.refusals import explained


@dataclass(frozen=True, slots=True)
class Use:
    """What a grant is wanted for: the question, who asks for which case, and when (aware)."""

    resource: str
    key: str
    checks: tuple[str, ...]
    mode: Mode
    granularity: Granularity
    operator: str
    case_number: str
    at: datetime

    @property
    def application(self) -> str:
        """What `stayput apply` is given to get a grant for it, apart from the reasons for it."""
        words = [
            f"--resource {self.resource} --key {self.key}",
            *(f"--check {check}" for check in self.checks),
        ]
        if self.mode is not Mode.KEYED:
            words.append(f"--mode {self.mode.name.lower()}")
        if self.granularity is not Granularity.RECORD:
            words.append(f"--granularity {self.granularity.name.lower()}")
        return " ".join(words)


def opened_grant(
    recorded: access_pb2.RecordedGrant, signing_keys: Mapping[str, bytes], now: datetime
) -> Grant:
    """A grant that the platform gives; UNVERIFIED unless the key of the node that it names signed it.

    `signing_keys` are raw Ed25519 keys by node id. Raises `GRANT_SIGNATURE_INVALID` for what is no grant, and
    `PROTOCOL_VIOLATION` or `UNSUPPORTED` if the platform does not say, of this very grant, whether it may be
    used.
    """
    try:
        claimed = access_pb2.Grant.FromString(recorded.grant.payload)
    except DecodeError:
        raise ClientFault(
            ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID, "grant_unverified", field="grant"
        ) from None
    stops = grant_stops(_standing(recorded, claimed.id))
    signing_key = signing_keys.get(claimed.node_id)
    if signing_key is None:
        return grant(claimed, GrantState.UNVERIFIED, stops)
    try:
        verified = grant(grants.verify(recorded.grant, signing_key), GrantState.ACTIVE, stops)
    except StayputError as error:
        if error.reason != ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID:
            raise
        return grant(claimed, GrantState.UNVERIFIED, stops)
    return replace(verified, state=_state(verified, now))


def _standing(recorded: access_pb2.RecordedGrant, grant_id: str) -> access_pb2.GrantStanding:
    if not recorded.HasField("standing"):
        raise malformed("standing")
    if recorded.standing.grant_id != grant_id:
        raise ClientFault(
            ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION, "standing_of_another", field="standing"
        )
    return recorded.standing


def _state(held: Grant, now: datetime) -> GrantState:
    said = {one.state for one in held.stops}
    if GrantState.REVOKED in said:
        return GrantState.REVOKED
    try:
        grants.check_active(held.signed, now)
    except StayputError as error:
        validity = GrantState[error.details["state"]]
    else:
        validity = GrantState.ACTIVE
    # Nobody can lift what has expired; what is suspended does not become usable by its beginning.
    if validity is not GrantState.EXPIRED and GrantState.SUSPENDED in said:
        return GrantState.SUSPENDED
    return validity


def chosen_grant(held: Sequence[Grant], use: Use, grant_id: str | None) -> Grant:
    """The grant to use: the one named, or the only active one that covers the question and permits the use.

    Raises `GRANT_UNKNOWN` or `FIELD_INVALID` with what to give; for a grant named, or the only one there is,
    `GRANT_NOT_ACTIVE`, `GRANT_SCOPE`, `GRANT_SIGNATURE_INVALID`, `OPERATOR_NOT_ALLOWED`, `OUTSIDE_HOURS` or
    `CASE_NUMBER_REQUIRED`.
    """
    chosen = _only(held, use) if grant_id is None else _named(held, use, grant_id)
    refusal = _refusal(chosen, use)
    if refusal is not None:
        raise explained(refusal) or refusal
    return chosen


def _only(held: Sequence[Grant], use: Use) -> Grant:
    covering = [one for one in held if _covers(one, use)]
    active = [one for one in covering if one.state is GrantState.ACTIVE]
    usable = [one for one in active if _refusal(one, use) is None] or active
    if len(usable) > 1:
        ids = ", ".join(one.id for one in usable)
        raise ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, "several_grants", field="grant", ids=ids)
    if usable:
        return usable[0]
    # The newest one tells best why there is none: held are newest first.
    stopped = next((one for one in covering if one.state is not GrantState.UNVERIFIED), None)
    if stopped is not None:
        raise _not_active(stopped)
    raise _uncovered(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "no_grant", use)


def _named(held: Sequence[Grant], use: Use, grant_id: str) -> Grant:
    named = next((one for one in held if one.id == grant_id), None)
    if named is None:
        raise ClientFault(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "grant_not_held", field="grant")
    if named.state is GrantState.UNVERIFIED:
        raise ClientFault(ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID, "grant_unverified", field="grant")
    if named.state is not GrantState.ACTIVE:
        raise _not_active(named)
    if not _covers(named, use):
        raise _uncovered(ErrorReason.ERROR_REASON_GRANT_SCOPE, "grant_scope", use)
    return named


def _uncovered(reason: Reason, name: str, use: Use) -> ClientFault:
    mode, granularity = use.mode.name.lower(), use.granularity.name.lower()
    return ClientFault(
        reason, name, field="grant", mode=mode, granularity=granularity, wanted=use.application
    )


def _covers(held: Grant, use: Use) -> bool:
    return (
        (held.resource, held.key) == (use.resource, use.key)
        and set(use.checks) <= set(held.checks)
        and use.mode in held.modes
        and use.granularity in held.granularities
    )


def _refusal(active: Grant, use: Use) -> StayputError | None:
    try:
        grants.check_use(active.signed, use.operator, use.case_number, use.at)
    except StayputError as error:
        return error
    return None


def _not_active(held: Grant) -> StayputError:
    details = {"state": held.state.value}
    if held.stop is not None:
        details["by"] = held.stop.by.value
        if held.stop.cause is not None:
            details["cause"] = held.stop.cause.name
    error = StayputError(
        ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE,
        "the grant cannot be used now",
        field="grant",
        details=details,
    )
    return explained(error, held.state_reason) or error
