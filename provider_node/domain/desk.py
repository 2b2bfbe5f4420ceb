"""Who may open a session, and the account it gets."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from provider_node.domain.access import Access, Admission
from provider_node.domain.accounts import Account, Books, NodeAccount
from provider_node.domain.allowance import allowance
from provider_node.domain.interrupted import interrupted, malformed
from provider_node.domain.open_sessions import OpenSessions
from stayput.errors import StayputError
from stayput.grants import check_standing
from stayput.identity import Caller, Kind, Party
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Grant, Limits
from stayput.v1.comparison_pb2 import Allowance, SessionOpen
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A session that may be opened, and its account, which has to be closed."""

    admission: Admission
    account: Account


class Desk(Protocol):
    """Admits sessions."""

    under_way: OpenSessions

    async def admit(self, asked: SessionOpen, caller: Caller, now: datetime) -> Admitted:
        """Raises what is wrong with ticket or grant, as `Access.admit`; then nothing is kept."""


class NodeDesk:
    """The node's own."""

    def __init__(self, books: Books, access: Access) -> None:
        self._books = books
        self._access = access
        self.under_way = books.under_way

    async def admit(self, asked: SessionOpen, caller: Caller, now: datetime) -> Admitted:
        """See `Desk`."""
        return self.admitted(asked, caller, now)

    def admitted(self, asked: SessionOpen, caller: Caller, now: datetime) -> Admitted:
        """As `admit`; it waits for nothing."""
        admission = self._access.admit(asked, caller, now)
        limits = complete(admission.grant.limits, DEFAULTS)
        return Admitted(admission, NodeAccount(self._books, admission.grant, limits))

    async def recover(self) -> int:
        """Makes the receipts of sessions that a crash cut; returns how many. Call once, before serving.

        A draft that can be made no receipt stays in the journal: signed, it would keep all later receipts
        from the platform.
        """
        state, made = self._books.state, []
        for draft in state.open_sessions():
            receipt = interrupted(draft, self._limits_of(draft.grant_id))
            receipt.finished_at.FromDatetime(self._books.clock())
            if wrong := malformed(receipt):
                _log.error("no receipt can be made of a journaled draft", fields=wrong)
            else:
                # The journal knows the session by its draft, also if that was malformed.
                made.append(state.cut(draft, partial(self._signed_in_its_place, receipt)))
        await asyncio.gather(*made)
        return len(made)

    def _limits_of(self, grant_id: str) -> Limits:
        stored = self._books.state.grants.get(grant_id)
        return complete(stored.grant.limits, DEFAULTS) if stored is not None else DEFAULTS

    def _signed_in_its_place(self, receipt: Receipt, chained: Receipt) -> Envelope:
        receipt.sequence, receipt.previous_hash = chained.sequence, chained.previous_hash
        return self._books.identity.sign_receipt(receipt)

    def end_grant(self, grant_id: str, error: StayputError) -> None:
        """Ends the open sessions of a grant, each with `error`."""
        self.under_way.end_grant(grant_id, error)

    def end_withdrawn(self, grant_id: str) -> None:
        """Ends the open sessions of a grant that provider or platform have suspended or revoked."""
        stored = self._books.state.grants.get(grant_id)
        try:
            if stored is not None:
                check_standing(stored.standing)
        except StayputError as error:
            self.end_grant(grant_id, error)

    def allowances(self, party: Party, resource: str) -> list[Allowance]:
        """What is left to a department on a resource: for each grant begun and not expired, by id."""
        state, now = self._books.state, self._books.clock()
        return [
            allowance(state, stored, now)
            for stored in state.grants.all()
            if _is_for(stored.grant, party, resource, now)
        ]


def _is_for(grant: Grant, party: Party, resource: str, now: datetime) -> bool:
    return (
        party == Party(Kind.DEPARTMENT, grant.consumer)
        and grant.resource == resource
        and grant.valid_from.ToDatetime(UTC) <= now < grant.valid_until.ToDatetime(UTC)
    )
