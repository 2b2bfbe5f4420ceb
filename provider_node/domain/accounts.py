"""The account of a session: whatever of it has to be remembered, and decided from what is remembered."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from provider_node.domain.accounting import admission, charged, session_admission
from provider_node.domain.allowance import allowance
from provider_node.domain.complete_list import CompleteList
from provider_node.domain.costs import CountedList, Entry
from provider_node.domain.guards import suspension
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.open_sessions import OpenSessions, Stop
from provider_node.domain.settling import settle_of
from provider_node.domain.versions import check_same_terms
from provider_node.store.attempts import Flags, Reservation
from provider_node.store.sorted_runs import Numbers
from provider_node.store.state import State
from provider_node.store.usage import Charge
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.grants import check_standing
from stayput.v1.access_pb2 import Grant, GrantChange, Limits
from stayput.v1.comparison_pb2 import Allowance
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

Clock = Callable[[], datetime]


class Attempts(Protocol):
    """Questions about the checks of subjects, held for one answer until it is durable."""

    def reserve(self, subjects: Numbers, questions: Numbers, allowed: int) -> Flags:
        """As `store.attempts.Reservation.reserve`."""


class Account(Protocol):
    """Where one session is accounted for. Its verbs are called one after the other.

    What raises has changed nothing.
    """

    def open(self, stop: Stop) -> None:
        """From now on `stop` is called if provider or platform withdraw the grant."""

    async def begin(self, draft: Receipt) -> None:
        """Journals the session: from here on it will have a receipt.

        Raises `GRANT_NOT_ACTIVE`, `GRANT_VERSION` if the grant has other terms by now, and `QUOTA_EXCEEDED`
        if it has no room for another session in this minute.
        """

    def answering(self, day: str) -> AbstractContextManager[Attempts]:
        """For the making of one answer on a day (ISO date), until it is charged."""

    async def charge(self, draft: Receipt, entry: Entry) -> None:
        """Makes durable that an answer is given, and completes the draft; before it is sent.

        Raises `QUOTA_EXCEEDED`, `LIST_TOO_SHORT`, `LIST_OVERLAPS`, and `GRANT_NOT_ACTIVE` if the grant is
        suspended or revoked, or its guards suspend it now.
        """

    async def finish(self, draft: Receipt, entry: Entry) -> Envelope:
        """As `charge`, for the last answer; the receipt, durable too."""

    async def cut(self, draft: Receipt) -> Envelope:
        """Ends the session without an answer; the receipt as the draft states it."""

    def allowance(self) -> Allowance:
        """What is left of the grant by now."""

    async def close(self) -> None:
        """Nothing more will be asked of it."""


@dataclass(frozen=True, slots=True)
class Books:
    """With what the node accounts for sessions, and those under way.

    `receipt_made` is told of each session's end. `withdrawn` is told when a session ended because its grant
    may not be used any more: the guards may have suspended it.
    """

    state: State
    identity: NodeIdentity
    clock: Clock
    under_way: OpenSessions
    receipt_made: Callable[[], None]
    withdrawn: Callable[[], None]


class NodeAccount:
    """An account in the node's own state, under a version of a grant. `limits` are its own, complete."""

    def __init__(self, books: Books, admitted: Grant, limits: Limits) -> None:
        self._books = books
        self._admitted = admitted
        self._grant_id = admitted.id
        self._limits = limits
        self._stop: Stop | None = None
        self._reserved: Reservation | None = None
        self._charged = 0

    def open(self, stop: Stop) -> None:
        """See `Account`."""
        self._stop = stop
        self._books.under_way.add(self._grant_id, stop)

    async def begin(self, draft: Receipt) -> None:
        """See `Account`."""
        await self._books.state.grants.forget_ended(self._books.clock())
        with self._noticed():
            # What became of the grant since it was looked at may have come before this session was known.
            stored = self._books.state.grants.get(self._grant_id)
            if stored is not None:
                check_standing(stored.standing)
                check_same_terms(self._admitted, stored.grant)
            await self._books.state.open_session(draft, session_admission(self._limits))

    @contextmanager
    def answering(self, day: str) -> Iterator[Reservation]:
        """See `Account`."""
        try:
            with self._books.state.attempts.answering(self._grant_id, day) as self._reserved:
                yield self._reserved
        finally:
            self._reserved = None

    async def charge(self, draft: Receipt, entry: Entry) -> None:
        """See `Account`."""
        with self._noticed():
            await self._books.state.answer(draft, await self._charge(entry))
        self._charged = charged(draft)

    async def finish(self, draft: Receipt, entry: Entry) -> Envelope:
        """See `Account`."""
        with self._noticed():
            charge, sign = await self._charge(entry), self._books.identity.sign_receipt
            return await self._books.state.finish(draft, sign, charge)

    async def cut(self, draft: Receipt) -> Envelope:
        """See `Account`."""
        return await self._books.state.cut(draft, self._books.identity.sign_receipt)

    def allowance(self) -> Allowance:
        """See `Account`."""
        stored = self._books.state.grants.get(self._grant_id)
        if stored is None:
            return Allowance(grant_id=self._grant_id)
        return allowance(self._books.state, stored, self._books.clock())

    async def close(self) -> None:
        """See `Account`."""
        if self._stop is not None:
            self._books.under_way.discard(self._grant_id, self._stop)
        self._books.receipt_made()

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        """A grant that may not be used any more ends with all its sessions."""
        try:
            yield
        except StayputError as error:
            if error.reason == ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE:
                self._books.under_way.end_grant(self._grant_id, error)
                self._books.withdrawn()
            raise

    async def _charge(self, entry: Entry) -> Charge:
        state, limits, listed = self._books.state, self._limits, None
        if isinstance(entry.cost, CountedList):
            # Outside of the transaction, since it may take long.
            listed = CompleteList(state.counts, self._grant_id, limits, entry.cost.names)
            await asyncio.to_thread(listed.compare)
        day = china_date(entry.begun_at).isoformat()
        return Charge(
            settle=settle_of(entry.cost, state.evaluations, listed, day),
            day=day,
            admit=admission(limits, self._charged),
            guard=partial(self._guarded, entry),
            sign_change=self._books.identity.sign_change,
            attempts=self._reserved.logged() if self._reserved else b"",
        )

    def _guarded(self, entry: Entry, stored: bytes) -> bytes | GrantChange:
        if entry.observed is None:
            return stored
        verdict = entry.observed.verdict(self._limits, stored)
        if isinstance(verdict, bytes):
            return verdict
        node_id = self._books.identity.node_id
        return suspension(self._grant_id, node_id, verdict, self._limits, entry.begun_at)
