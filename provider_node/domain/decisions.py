"""Deciding applications: a grant is signed here, stored here first, then recorded by the platform."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

from provider_node.domain import fields
from provider_node.domain.accounts import Clock
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.notices import Notices
from provider_node.domain.platform import Platform
from provider_node.domain.policy import GrantPolicy
from provider_node.store.grants import Grants, PendingGrant
from stayput import hours, limits
from stayput.errors import StayputError, field_invalid
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import Application, ApplicationState, Grant
from stayput.v1.admin_pb2 import ApproveRequest, ResourceLimits
from stayput.v1.errors_pb2 import ErrorReason

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DEFAULT_DAYS: Final = 365
UNDECIDED: Final = frozenset(
    {ApplicationState.APPLICATION_STATE_SUBMITTED, ApplicationState.APPLICATION_STATE_ACCEPTED}
)


class Decisions:
    """The provider's decisions on applications for this node's resources.

    Each names the administrator who takes it. Of two on one application at once the second is told of the
    first: `APPLICATION_DECIDED` with who decided.
    """

    def __init__(
        self,
        *,
        identity: NodeIdentity,
        grants: Grants,
        platform: Platform,
        notices: Notices,
        policies: Mapping[str, GrantPolicy],
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._grants = grants
        self._platform = platform
        self._notices = notices
        self._policies = policies
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def accept(self, application_id: str, administrator: str) -> Application:
        """Takes an application in. Raises `FIELD_INVALID`, or what the platform says."""
        fields.text("administrator", administrator, most=fields.LONGEST_NAME)
        async with self._turn(application_id):
            return await self._platform.accept(application_id, administrator)

    async def approve(self, terms: ApproveRequest) -> Grant:
        """Signs, stores and records a grant for what the application asks, or for less.

        A grant whose recording was interrupted is recorded as it was signed. Raises `FIELD_INVALID`, also if
        the resource does not offer the mode or granularity, `AGREEMENT_REQUIRED`, `APPLICATION_UNKNOWN` or
        `APPLICATION_DECIDED`; if the platform cannot be reached, its error, and the grant is recorded as soon
        as it can.
        """
        _check(terms)
        async with self._turn(terms.application_id):
            pending = self._pending(terms.application_id)
            if pending is None:
                pending = await self._signed(await self._undecided(terms.application_id), terms)
            try:
                await self._notices.record(pending)
            except StayputError:
                self._notices.wake()
                raise
        if pending.administrator != terms.administrator:
            raise _decided({"state": "GRANTED", "decided_by": pending.administrator})
        return pending.grant

    async def refuse(self, application_id: str, reason: str, administrator: str) -> Application:
        """Refuses an application, with the reason that the department will read."""
        fields.text("reason", reason, most=fields.LONGEST_REASON)
        fields.text("administrator", administrator, most=fields.LONGEST_NAME)
        async with self._turn(application_id):
            application = await self._platform.record_refusal(application_id, reason, administrator)
            pending = self._pending(application_id)
            if pending is not None:
                await self._grants.drop(pending.grant.id)
            return application

    def limits(self) -> list[ResourceLimits]:
        """What a new grant on each resource gets where its approver sets nothing else, by code."""
        return [
            ResourceLimits(resource=code, limits=self._policies[code].limits)
            for code in sorted(self._policies)
        ]

    def _turn(self, application_id: str) -> asyncio.Lock:
        return self._turns.setdefault(application_id, asyncio.Lock())

    def _pending(self, application_id: str) -> PendingGrant | None:
        pending = self._grants.pending()
        return next((one for one in pending if one.grant.application_id == application_id), None)

    async def _undecided(self, application_id: str) -> Application:
        application = await self._platform.application(application_id)
        if application.id != application_id:
            raise StayputError(
                ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
                "the platform answered with another application",
                field="application_id",
                remedy="tell the platform's operator",
            )
        if application.state not in UNDECIDED:
            raise _decided(_decision(application))
        return application

    async def _signed(self, application: Application, terms: ApproveRequest) -> PendingGrant:
        grant = self._grant(application, terms)
        envelope = sign(PayloadType.GRANT, grant, self._identity.signing_key)
        await self._grants.put(grant.id, envelope, terms.administrator)
        return PendingGrant(envelope, terms.administrator)

    def _grant(self, application: Application, terms: ApproveRequest) -> Grant:
        policy = self._policy(application.resource)
        _check_offered(application, policy)
        clock = self._clock()
        now = clock.replace(microsecond=0)
        grant = Grant(
            id=grant_id(clock),
            application_id=application.id,
            version=1,
            provider=self._identity.department,
            node_id=self._identity.node_id,
            consumer=application.consumer,
            resource=application.resource,
            key=application.key,
            checks=fields.checks_without("without_checks", application.checks, terms.without_checks),
            modes=[application.mode],
            granularities=[application.granularity],
            purpose=application.purpose,
            matter=application.matter,
            security_agreement=_agreement(application, terms, policy),
            case_number_required=terms.case_number_required,
            limits=limits.complete(terms.limits, policy.limits),
            operators=terms.operators,
            hours=terms.hours if terms.HasField("hours") else None,
        )
        grant.valid_from.FromDatetime(now)
        grant.valid_until.FromDatetime(now + timedelta(days=terms.valid_days or _DEFAULT_DAYS))
        grant.issued_at.FromDatetime(now)
        return grant

    def _policy(self, resource: str) -> GrantPolicy:
        if resource not in self._policies:
            raise StayputError(
                ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN,
                "this node has no resource of that code any more",
                field="resource",
                remedy="refuse the application, or configure the resource again",
            )
        return self._policies[resource]


def _check(terms: ApproveRequest) -> None:
    fields.days("valid_days", terms.valid_days)
    fields.text("administrator", terms.administrator, most=fields.LONGEST_NAME)
    fields.text("security_agreement", terms.security_agreement, most=fields.LONGEST_REFERENCE, least=0)
    fields.operators("operators", terms.operators)
    limits.checked(terms.limits)
    if terms.HasField("hours"):
        hours.checked(terms.hours)


def _check_offered(application: Application, policy: GrantPolicy) -> None:
    for field, offered, key in (
        ("mode", application.mode in policy.modes, "modes"),
        ("granularity", application.granularity in policy.granularities, "granularities"),
    ):
        if not offered:
            raise field_invalid(
                field,
                "the resource does not offer what the application asks for",
                f"refuse it and name what is offered, or add it to `{key}` in the resource's file, build and "
                "publish",
            )


def _agreement(application: Application, terms: ApproveRequest, policy: GrantPolicy) -> str:
    agreement = terms.security_agreement.strip() or application.security_agreement.strip()
    if not agreement and (policy.agreement_required or not terms.without_agreement):
        raise StayputError(
            ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED,
            "security_agreement: neither the application nor the decision names one",
            field="security_agreement",
            remedy="conclude one with the department and give its reference"
            if policy.agreement_required
            else "give its reference, or say that the grant shall do without",
        )
    return agreement


def _decision(application: Application) -> dict[str, str]:
    """Who decided, how and when, as errors.proto names it."""
    details = {"state": _state_name(application.state)}
    if application.HasField("decided_at"):
        details["decided_at"] = application.decided_at.ToDatetime(UTC).isoformat()
    if application.decided_by:
        details["decided_by"] = application.decided_by
    return details


def _decided(details: Mapping[str, str]) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
        "the application has been decided",
        field="application_id",
        remedy="see `provider-node applications`",
        details=details,
    )


def _state_name(state: "ApplicationState.ValueType") -> str:
    if state not in ApplicationState.values():
        return "UNKNOWN"
    return ApplicationState.Name(state).removeprefix("APPLICATION_STATE_")


def grant_id(now: datetime) -> str:
    """`G-` and 26 characters of Crockford base 32: 48 bits of milliseconds, then 80 random bits."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "G-" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
