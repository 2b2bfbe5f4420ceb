"""Opening sessions: who may, against which generation, under which keys."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from provider_node.domain.access import Access, Admission
from provider_node.domain.allowance import allowance
from provider_node.domain.session import Books, Matcher, Session, Terms
from provider_node.domain.signatory import Signatory
from stayput import requests, sealing
from stayput.contract import require_same
from stayput.errors import StayputError, field_invalid
from stayput.grants import check_standing
from stayput.identity import Caller, Kind, Party
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import Allowance, SessionOpen
from stayput.v1.contract_pb2 import Contract, Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd, Tally

SESSION_ID_BYTES: Final = 16
LONGEST_SESSION: Final = timedelta(hours=1)
"""A ticket is asked for at the beginning only: a session must not keep a revoked grant alive for long."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The generation that answers a session."""

    generation: str
    as_of: datetime
    contract: Contract
    matcher: Callable[[str, Sequence[str]], Matcher]


class Sessions:
    """Opens sessions and keeps account of those under way."""

    def __init__(
        self,
        books: Books,
        access: Access,
        serving: Callable[[str], Serving],
        receipt_made: Callable[[], None],
        withdrawn: Callable[[], None],
    ) -> None:
        """`serving` may take long and is called in a thread; `receipt_made` is told of each session's end.

        `withdrawn` is told when a session ended because its grant may not be used any more: the guards may
        have suspended it.
        """
        self._books = books
        self._access = access
        self._serving = serving
        self._receipt_made = receipt_made
        self._withdrawn = withdrawn
        self._by_grant: defaultdict[str, set[Session]] = defaultdict(set)
        self._closing: set[asyncio.Task[None]] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self.open_count = 0
        self.stopping = asyncio.Event()

    async def recover(self) -> int:
        """Makes the receipts of sessions that a crash cut; returns how many. Call once, before serving."""
        state, sign = self._books.state, self._books.identity.sign_receipt
        drafts = state.open_sessions()
        for draft in drafts:
            draft.end = SessionEnd.SESSION_END_NODE_CRASHED
            draft.finished_at.FromDatetime(self._books.clock())
        await asyncio.gather(*(state.cut(draft, sign) for draft in drafts))
        return len(drafts)

    def stop(self) -> None:
        """Sessions that are cancelled from now on were cut by the node."""
        self.stopping.set()

    async def all_closed(self) -> None:
        """Returns when every session has ended and its receipt is durable."""
        await self._none_open.wait()

    def end_grant(self, grant_id: str, error: StayputError) -> None:
        """Ends the open sessions of a grant, each with `error`."""
        for session in self._by_grant.get(grant_id, ()):
            session.stop(error)

    def end_withdrawn(self, grant_id: str) -> None:
        """Ends the open sessions of a grant that provider or platform have suspended or revoked."""
        try:
            self._check_standing(grant_id)
        except StayputError as error:
            self.end_grant(grant_id, error)

    def allowance(self, session: Session) -> Allowance:
        """What is left of a session's grant by now."""
        stored = self._books.state.grants.get(session.grant_id)
        if stored is None:
            return Allowance(grant_id=session.grant_id)
        return allowance(self._books.state, stored, self._books.clock())

    def allowances(self, party: Party, resource: str) -> list[Allowance]:
        """What is left to a department on a resource: for each grant begun and not expired, by id."""
        state, now = self._books.state, self._books.clock()
        return [
            allowance(state, stored, now)
            for stored in state.grants.all()
            if _is_for(stored.grant, party, resource, now)
        ]

    def _check_standing(self, grant_id: str) -> None:
        stored = self._books.state.grants.get(grant_id)
        if stored is not None:
            check_standing(stored.standing)

    @asynccontextmanager
    async def open(self, opening: SessionOpen, caller: Caller) -> AsyncIterator[Session]:
        """A session for the length of the block; however that ends, there is one receipt.

        Raises what is wrong with request, ticket, grant, contract or seal; then nothing is kept.
        """
        session = await self._prepared(opening, caller)
        self._begun(session)
        end = SessionEnd.SESSION_END_CUT_BY_NODE
        try:
            # What was said of the grant since it was looked at may have come before this session was known.
            self._check_standing(session.grant_id)
            await session.begin()
            yield session
        except StayputError as error:
            if error.reason == ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE:
                self.end_grant(session.grant_id, error)
                self._withdrawn()
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if not self.stopping.is_set():
                end = SessionEnd.SESSION_END_CUT_BY_CONSUMER
            raise
        finally:
            closing = asyncio.create_task(self._close(session, end))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    def _begun(self, session: Session) -> None:
        self._by_grant[session.grant_id].add(session)
        self.open_count += 1
        self._none_open.clear()

    def _ended(self, session: Session) -> None:
        sessions = self._by_grant[session.grant_id]
        sessions.discard(session)
        if not sessions:
            del self._by_grant[session.grant_id]
        self.open_count -= 1
        if not self.open_count:
            self._none_open.set()

    async def _close(self, session: Session, end: "SessionEnd.ValueType") -> None:
        try:
            await session.cut(end)
        finally:
            self._ended(session)
            self._receipt_made()

    async def _prepared(self, opening: SessionOpen, caller: Caller) -> Session:
        now = self._books.clock()
        _check_request(opening)
        admission = self._access.admit(opening, caller, now)
        # A generation that has just been switched to is verified as a whole when it is first opened.
        return await asyncio.to_thread(self._session, opening, admission, now)

    def _session(self, opening: SessionOpen, admission: Admission, now: datetime) -> Session:
        serving = self._serving(opening.contract.resource)
        require_same(serving.contract, opening.contract)
        matcher = serving.matcher(opening.key, opening.checks)
        terms = Terms(
            limits=admission.grant.limits,
            until=min(now + LONGEST_SESSION, admission.until),
            signatory=Signatory(
                admission.ticket.signing_key, requests.session_key_hash(opening.sealed_session_key)
            ),
        )
        draft = self._draft(opening, admission, serving, now)
        return Session(self._books, draft, terms, self._session_keys(opening), matcher)

    def _session_keys(self, opening: SessionOpen) -> sealing.Session:
        key = self._books.identity.sealing_key
        if opening.sealing_key_id != key.id:
            raise StayputError(
                ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN,
                "the session key was sealed to a key that this node does not hold",
                field="sealing_key_id",
                remedy="call Describe again",
            )
        info = sealing.session_info(opening)
        return sealing.Session(key.open_session_key(opening.sealed_session_key, info))

    def _draft(self, opening: SessionOpen, admission: Admission, serving: Serving, now: datetime) -> Receipt:
        ticket, grant, identity = admission.ticket, admission.grant, self._books.identity
        draft = Receipt(
            session_id=secrets.token_bytes(SESSION_ID_BYTES),
            grant_id=grant.id,
            ticket_id=ticket.id,
            consumer=grant.consumer,
            operator=ticket.operator,
            purpose=ticket.purpose,
            case_number=ticket.case_number,
            provider=identity.department,
            node_id=identity.node_id,
            resource=opening.contract.resource,
            generation=serving.generation,
            mode=opening.mode,
            granularity=opening.granularity,
            key=opening.key,
            checks=opening.checks,
            tallies=[Tally() for _ in range(1 + len(opening.checks))],
            profile=serving.contract.profile,
            suite=serving.contract.suite,
            software_version=identity.software_version,
        )
        draft.as_of.FromDatetime(serving.as_of)
        draft.started_at.FromDatetime(now)
        return draft


def _check_request(opening: SessionOpen) -> None:
    if opening.mode != Mode.MODE_KEYED:
        raise field_invalid("mode", "this call serves the keyed mode", "ask for MODE_KEYED")
    if opening.granularity != Granularity.GRANULARITY_RECORD:
        raise field_invalid(
            "granularity", "this release answers record by record", "ask for GRANULARITY_RECORD"
        )
    if len(set(opening.checks)) != len(opening.checks):
        raise field_invalid("checks", "each check may be named once", "leave out the repetitions")


def _is_for(grant: Grant, party: Party, resource: str, now: datetime) -> bool:
    return (
        party == Party(Kind.DEPARTMENT, grant.consumer)
        and grant.resource == resource
        and grant.valid_from.ToDatetime(UTC) <= now < grant.valid_until.ToDatetime(UTC)
    )
