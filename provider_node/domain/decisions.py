"""Deciding applications: a grant is signed here, stored here first, then recorded by the platform."""

import secrets
from datetime import datetime, timedelta
from typing import Final

import structlog

from provider_node.domain.identity import NodeIdentity
from provider_node.domain.platform import Platform
from provider_node.domain.session import Clock
from provider_node.store.state import State, StoredGrant
from stayput.errors import StayputError, field_invalid
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import Application, ApplicationState, Grant, Limits
from stayput.v1.admin_pb2 import ApproveRequest
from stayput.v1.errors_pb2 import ErrorReason

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MOST_DAYS: Final = 1_096
_DEFAULT_DAYS: Final = 365
_MOST_PER_SESSION: Final = 100_000_000
_MOST_PER_DAY: Final = 1_000_000_000
_LONGEST_REASON: Final = 1_000
# The platform's word that this grant will never be recorded; anything else may be a lost answer.
_FINAL: Final = {
    ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
    ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
    ErrorReason.ERROR_REASON_GRANT_MISMATCH,
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
    ErrorReason.ERROR_REASON_NOT_PERMITTED,
}

_log = structlog.get_logger(__name__)


class Decisions:
    """The provider's decisions on applications for this node's resources."""

    def __init__(
        self, identity: NodeIdentity, state: State, platform: Platform, defaults: Limits, clock: Clock
    ) -> None:
        self._identity = identity
        self._state = state
        self._platform = platform
        self._defaults = defaults
        self._clock = clock

    async def approve(self, terms: ApproveRequest) -> Grant:
        """Signs, stores and records a grant for exactly what the application asks.

        A grant whose recording was interrupted is recorded as it was signed. Raises `FIELD_INVALID`,
        `APPLICATION_UNKNOWN` or `APPLICATION_DECIDED`; if the platform cannot be reached, its error, and the
        grant is recorded at the node's next start.
        """
        days = _days(terms.valid_days)
        limits = self._limits(terms.limits)
        stored = self._pending(terms.application_id)
        if stored is None:
            application = await self._undecided(terms.application_id)
            grant = self._grant(application, days, limits, terms.case_number_required)
            stored = StoredGrant(sign(PayloadType.GRANT, grant, self._identity.signing_key), recorded=False)
            await self._state.put_grant(grant.id, stored.envelope)
        await self._record(stored)
        return stored.grant

    def _pending(self, application_id: str) -> StoredGrant | None:
        pending = self._state.pending_grants()
        return next((one for one in pending if one.grant.application_id == application_id), None)

    async def refuse(self, application_id: str, reason: str) -> Application:
        """Refuses an application, with the reason that the department will read."""
        if not reason.strip() or len(reason) > _LONGEST_REASON:
            raise field_invalid(
                "reason", f"must have 1 to {_LONGEST_REASON} characters", "say why in a sentence or two"
            )
        application = await self._platform.record_refusal(application_id, reason)
        pending = self._pending(application_id)
        if pending is not None:
            await self._state.drop_grant(pending.grant.id)
        return application

    async def record_pending(self) -> None:
        """Records grants whose recording a crash or a lost connection interrupted.

        What cannot be recorded is logged, and tried again at the next start unless the platform refused it.
        """
        for stored in self._state.pending_grants():
            try:
                await self._record(stored)
            except StayputError as error:
                _log.warning("grant not recorded", grant=stored.grant.id, reason=error.reason_name)

    async def _record(self, stored: StoredGrant) -> None:
        grant = stored.grant
        try:
            await self._platform.record_grant(grant.application_id, stored.envelope)
        except StayputError as error:
            if error.reason in _FINAL:
                await self._state.drop_grant(grant.id)
            raise
        await self._state.mark_recorded(grant.id)

    async def _undecided(self, application_id: str) -> Application:
        application = await self._platform.application(application_id)
        if application.id != application_id:
            raise StayputError(
                ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
                "the platform answered with another application",
                field="application_id",
                remedy="tell the platform's operator",
            )
        if application.state != ApplicationState.APPLICATION_STATE_SUBMITTED:
            raise StayputError(
                ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
                "the application has been decided",
                field="application_id",
                remedy="see `provider-node applications`",
                details={"state": _state_name(application.state)},
            )
        return application

    def _grant(
        self,
        application: Application,
        days: int,
        limits: Limits,
        case_number_required: bool,  # noqa: FBT001 (as in Grant)
    ) -> Grant:
        clock = self._clock()
        now = clock.replace(microsecond=0)
        grant = Grant(
            id=grant_id(clock),
            application_id=application.id,
            provider=self._identity.department,
            node_id=self._identity.node_id,
            consumer=application.consumer,
            resource=application.resource,
            key=application.key,
            checks=application.checks,
            modes=[application.mode],
            granularities=[application.granularity],
            purpose=application.purpose,
            case_number_required=case_number_required,
            limits=limits,
        )
        grant.valid_from.FromDatetime(now)
        grant.valid_until.FromDatetime(now + timedelta(days=days))
        grant.issued_at.FromDatetime(now)
        return grant

    def _limits(self, asked: Limits) -> Limits:
        session = asked.records_per_session or self._defaults.records_per_session
        day = asked.records_per_day or self._defaults.records_per_day
        if not 1 <= session <= _MOST_PER_SESSION:
            raise _out_of_range("limits.records_per_session", _MOST_PER_SESSION)
        if not 1 <= day <= _MOST_PER_DAY:
            raise _out_of_range("limits.records_per_day", _MOST_PER_DAY)
        return Limits(records_per_session=session, records_per_day=day)


def _days(asked: int) -> int:
    days = asked or _DEFAULT_DAYS
    if not 1 <= days <= _MOST_DAYS:
        raise _out_of_range("valid_days", _MOST_DAYS)
    return days


def _out_of_range(field: str, most: int) -> StayputError:
    return field_invalid(field, f"must be 1 to {most}", "give a number in that range, or 0 for the default")


def _state_name(state: "ApplicationState.ValueType") -> str:
    if state not in ApplicationState.values():
        return "UNKNOWN"
    return ApplicationState.Name(state).removeprefix("APPLICATION_STATE_")


def grant_id(now: datetime) -> str:
    """`G-` and 26 characters of Crockford base 32: 48 bits of milliseconds, then 80 random bits."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "G-" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
