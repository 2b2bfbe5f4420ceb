"""Grants after they were given: new versions of them, and whether they may be used.

Whatever changes is signed and in force here first; the platform is told of it by notices.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from provider_node.domain import fields
from provider_node.domain.accounts import Clock
from provider_node.domain.allowance import allowance
from provider_node.domain.desk import NodeDesk
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.notices import Notices
from provider_node.domain.versions import changed, only_renewed
from provider_node.store.grants import StoredGrant
from provider_node.store.state import State
from stayput import hours, limits
from stayput.errors import StayputError, field_invalid
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import ChangeCause, Grant, GrantChange, GrantState, Hours
from stayput.v1.admin_pb2 import AmendGrantRequest, ChangeGrantRequest, NodeGrant
from stayput.v1.errors_pb2 import ErrorReason

_STATES: Final = frozenset(
    {
        GrantState.GRANT_STATE_ACTIVE,
        GrantState.GRANT_STATE_SUSPENDED,
        GrantState.GRANT_STATE_REVOKED,
    }
)


class GivenGrants:
    """The provider's acts on grants that this node signed."""

    def __init__(
        self, identity: NodeIdentity, state: State, desk: NodeDesk, notices: Notices, clock: Clock
    ) -> None:
        self._identity = identity
        self._state = state
        self._desk = desk
        self._notices = notices
        self._clock = clock
        # Two amendments at once follow one another.
        self._turn = asyncio.Lock()

    def all(self) -> list[NodeGrant]:
        """All grants, newest first."""
        untold, now = self._state.grants.untold(), self._clock()
        return [self._told(stored, untold, now) for stored in reversed(self._state.grants.all())]

    def _told(self, stored: StoredGrant, untold: set[str], now: datetime) -> NodeGrant:
        grant = stored.grant
        return NodeGrant(
            grant=grant,
            standing=stored.standing,
            allowance=allowance(self._state, stored, now),
            recorded=grant.id not in untold,
        )

    def _one(self, grant_id: str) -> NodeGrant:
        return self._told(self._known(grant_id), self._state.grants.untold(), self._clock())

    def _known(self, grant_id: str) -> StoredGrant:
        stored = self._state.grants.get(grant_id)
        if stored is None:
            raise StayputError(
                ErrorReason.ERROR_REASON_GRANT_UNKNOWN,
                "this node has signed no such grant",
                field="grant_id",
                remedy="see `provider-node grants`",
            )
        return stored

    async def amend(self, terms: AmendGrantRequest) -> NodeGrant:
        """Signs a new version, which is in force at once.

        Sessions under way have begun by the version before: they end, unless all that changes is a later end.
        Raises `GRANT_UNKNOWN`, `GRANT_NOT_ACTIVE` if the grant is revoked, or `FIELD_INVALID`, also if
        nothing would change or the platform has not recorded the first version yet.
        """
        _check(terms)
        async with self._turn:
            stored = self._known(terms.grant_id)
            if not stored.recorded:
                raise field_invalid(
                    "grant_id",
                    "the platform has not recorded the grant yet",
                    "try again when the node has reached the platform",
                )
            grant = _amended(stored.grant, terms, self._clock())
            await self._state.grants.amend(sign(PayloadType.GRANT, grant, self._identity.signing_key))
        self._notices.wake()
        if not only_renewed(stored.grant, grant):
            self._desk.end_grant(grant.id, changed())
        return self._one(terms.grant_id)

    async def change(self, asked: ChangeGrantRequest) -> NodeGrant:
        """Suspends, resumes or revokes a grant, here at once; idempotent.

        Raises `GRANT_UNKNOWN`, `GRANT_NOT_ACTIVE` if the grant is revoked, or `FIELD_INVALID`.
        """
        if asked.state not in _STATES:
            raise field_invalid("state", "must be ACTIVE, SUSPENDED or REVOKED", "name one of them")
        fields.text("reason", asked.reason, most=fields.LONGEST_REASON)
        fields.text("administrator", asked.administrator, most=fields.LONGEST_NAME)
        self._known(asked.grant_id)
        draft = GrantChange(
            grant_id=asked.grant_id,
            node_id=self._identity.node_id,
            state=asked.state,
            cause=ChangeCause.CHANGE_CAUSE_ADMINISTRATOR,
            reason=asked.reason,
            administrator=asked.administrator,
        )
        draft.changed_at.FromDatetime(self._clock())
        await self._state.grants.change(draft, self._identity.sign_change)
        self._notices.wake()
        self._desk.end_withdrawn(asked.grant_id)
        return self._one(asked.grant_id)


def _check(terms: AmendGrantRequest) -> None:
    fields.days("valid_days", terms.valid_days)
    fields.text("security_agreement", terms.security_agreement, most=fields.LONGEST_REFERENCE, least=0)
    fields.operators("operators", terms.operators.names)
    limits.checked(terms.limits)
    if terms.hours != Hours():
        hours.checked(terms.hours)


def _amended(before: Grant, terms: AmendGrantRequest, now: datetime) -> Grant:
    grant = Grant()
    grant.CopyFrom(before)
    if terms.valid_days:
        until = now.replace(microsecond=0) + timedelta(days=terms.valid_days)
        grant.valid_until.FromDatetime(until)
    grant.limits.CopyFrom(limits.complete(terms.limits, before.limits))
    grant.checks[:] = fields.checks_without("without_checks", before.checks, terms.without_checks)
    if terms.HasField("operators"):
        grant.operators[:] = terms.operators.names
    if terms.HasField("hours"):
        grant.ClearField("hours")
        if terms.hours != Hours():
            grant.hours.CopyFrom(terms.hours)
    if terms.HasField("case_number_required"):
        grant.case_number_required = terms.case_number_required
    if terms.security_agreement.strip():
        grant.security_agreement = terms.security_agreement.strip()
    if grant == before:
        raise field_invalid("grant_id", "nothing of the grant would change", "say what shall be different")
    grant.version = before.version + 1
    grant.issued_at.FromDatetime(now.replace(microsecond=0))
    return grant
