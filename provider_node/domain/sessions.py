"""The sessions of a node: who may open one, and which are under way."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

from provider_node.domain.access import Access, Admission
from provider_node.domain.allowance import allowance
from provider_node.domain.comparison import Comparison
from provider_node.domain.evaluation import Evaluation
from provider_node.domain.fetch import Fetch
from provider_node.domain.opening import Opening
from provider_node.domain.serving import Serving
from provider_node.domain.session import Books, Session
from stayput.errors import StayputError, field_invalid
from stayput.grants import check_standing
from stayput.identity import Caller, Kind, Party
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import Allowance, FetchFingerprintsRequest, SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SessionEnd

_GRANULARITIES: Final = (Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT)
_Kind = TypeVar("_Kind", bound=Session)


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
        self._turns = asyncio.Semaphore(os.cpu_count() or 1)
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

    def open(self, asked: SessionOpen, caller: Caller) -> AbstractAsyncContextManager[Comparison]:
        """A session in keyed mode for the length of the block; however that ends, there is one receipt.

        Raises what is wrong with request, ticket, grant, contract or seal; then nothing is kept.
        """
        return self._open(asked, caller, Mode.MODE_KEYED, Opening.comparison)

    def open_evaluation(self, asked: SessionOpen, caller: Caller) -> AbstractAsyncContextManager[Evaluation]:
        """As `open`, in oblivious mode."""
        return self._open(asked, caller, Mode.MODE_OBLIVIOUS, lambda opening: opening.evaluation(self._turns))

    def open_fetch(
        self, request: FetchFingerprintsRequest, caller: Caller
    ) -> AbstractAsyncContextManager[Fetch]:
        """As `open`, for fingerprints; they are charged for before the block."""
        return self._open(request.open, caller, Mode.MODE_OBLIVIOUS, lambda opening: opening.fetch(request))

    @asynccontextmanager
    async def _open(
        self, asked: SessionOpen, caller: Caller, mode: "Mode.ValueType", made: Callable[[Opening], _Kind]
    ) -> AsyncIterator[_Kind]:
        now = self._books.clock()
        _check_request(asked, mode)
        admission = self._access.admit(asked, caller, now)
        # A generation that has just been switched to is verified as a whole when it is first opened.
        session = await asyncio.to_thread(self._made, asked, admission, now, made)
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

    def _made(
        self, asked: SessionOpen, admission: Admission, now: datetime, made: Callable[[Opening], _Kind]
    ) -> _Kind:
        serving = self._serving(asked.contract.resource)
        return made(Opening(self._books, asked, admission, serving, now))


def _check_request(asked: SessionOpen, mode: "Mode.ValueType") -> None:
    if asked.mode != mode:
        name = Mode.Name(mode)
        raise field_invalid("mode", f"this call serves {name}", f"ask for {name}, or use the other call")
    if asked.granularity not in _GRANULARITIES:
        raise field_invalid("granularity", "must be known", "ask for GRANULARITY_RECORD or GRANULARITY_COUNT")
    if len(set(asked.checks)) != len(asked.checks):
        raise field_invalid("checks", "each check may be named once", "leave out the repetitions")
    if mode == Mode.MODE_KEYED and (asked.oblivious_suite or asked.key_epoch):
        raise field_invalid(
            "oblivious_suite", "has no meaning in keyed mode", "leave it and `key_epoch` empty"
        )


def _is_for(grant: Grant, party: Party, resource: str, now: datetime) -> bool:
    return (
        party == Party(Kind.DEPARTMENT, grant.consumer)
        and grant.resource == resource
        and grant.valid_from.ToDatetime(UTC) <= now < grant.valid_until.ToDatetime(UTC)
    )
