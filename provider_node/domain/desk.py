"""Who may open a session, and the account it gets."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from provider_node.domain.access import Access, Admission
from provider_node.domain.accounts import Account, Books, NodeAccount
from provider_node.domain.allowance import allowance
from provider_node.domain.open_sessions import OpenSessions
from stayput.errors import StayputError
from stayput.grants import check_standing
from stayput.identity import Caller, Kind, Party
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import Allowance, SessionOpen
from stayput.v1.log_pb2 import SessionEnd


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
        return Admitted(admission, NodeAccount(self._books, admission.grant.id, limits))

    async def recover(self) -> int:
        """Makes the receipts of sessions that a crash cut; returns how many. Call once, before serving."""
        state, sign = self._books.state, self._books.identity.sign_receipt
        drafts = state.open_sessions()
        for draft in drafts:
            draft.end = SessionEnd.SESSION_END_NODE_CRASHED
            draft.finished_at.FromDatetime(self._books.clock())
        await asyncio.gather(*(state.cut(draft, sign) for draft in drafts))
        return len(drafts)

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
