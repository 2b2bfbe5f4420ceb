"""One session at a replica, as the node keeps it.

What a replica says of a session is the provider's own word, and yet it is looked at: the session stays the
one that was admitted, its receipt says what was charged, times are the node's, and the consumer's statement
is verified before the receipt is signed. A session whose replica said anything else gets the receipt of what
was journaled last.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final

import structlog

from provider_node.domain.accounting import charged, quota_exceeded
from provider_node.domain.accounts import Attempts, Clock
from provider_node.domain.admitted_draft import admitted_draft
from provider_node.domain.answering import CHUNK_RECORDS
from provider_node.domain.costs import Entry, EvaluatedChunk, FetchedFingerprints, Records
from provider_node.domain.desk import Admitted
from provider_node.domain.identity import NodeNames
from provider_node.domain.interrupted import interrupted
from provider_node.domain.opening import LONGEST_SESSION
from provider_node.domain.receipt_log import is_time
from provider_node.domain.replicas import drafts, messages
from provider_node.domain.replicas.clocks import check_between, check_day, check_in_time
from provider_node.domain.replicas.observations import check_observed
from provider_node.domain.replicas.violations import violation
from provider_node.domain.signatory import Signatory
from stayput import requests
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.limits import DEFAULTS, complete
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.replica_pb2 import (
    AttemptsReserved,
    ChargeAnswer,
    ReserveAttempts,
    SessionAccounted,
    SessionFinished,
)
from stayput.v1.signing_pb2 import Envelope

LONGEST_ANSWER: Final = timedelta(hours=1)
"""After the session's time, for the answer that was begun in it; then its replica is as good as gone."""
_NAME_BYTES: Final = 8

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """Attempts of so many subjects that are held for an answer on a day (ISO date)."""

    attempts: AbstractContextManager[Attempts]
    day: str
    subjects: int


class KeptSession:
    """A session that was admitted. What raises has changed nothing."""

    def __init__(
        self,
        asked: SessionOpen,
        admitted: Admitted,
        names: NodeNames,
        clock: Clock,
        may_serve: Callable[[Receipt], None],
        session_ids: set[bytes],
    ) -> None:
        """`may_serve` is as `Keeper` has it; `session_ids` are those of all sessions at replicas."""
        admission = admitted.admission
        self._account = admitted.account
        self._limits = complete(admission.grant.limits, DEFAULTS)
        self._signatory = Signatory(
            admission.ticket.signing_key, requests.session_key_hash(asked.sealed_session_key)
        )
        self._expected = admitted_draft(asked, admission, names)
        self._clock = clock
        self._since = self._begun_at = clock()
        self._until = min(self._since + LONGEST_SESSION, admission.until)
        self._may_serve = may_serve
        self._session_ids = session_ids
        self._draft: Receipt | None = None
        self._fetched = False
        self._finished = False
        self._names = bytearray()
        self._too_many_names = False
        self._held: _Held | None = None

    def seconds_left(self) -> float:
        """For how long its replica could go on with it when it was admitted, begun or answered last."""
        return (self._until + LONGEST_ANSWER - self._since).total_seconds()

    def add_names(self, names: bytes) -> None:
        """Names of records that the final charge will be about: those charged before, and a chunk's."""
        known = self._draft.distinct_records if self._draft is not None else 0
        if len(self._names) + len(names) > _NAME_BYTES * (known + CHUNK_RECORDS):
            self._too_many_names = True
        else:
            self._names += names

    async def begin(self, said: Receipt) -> SessionAccounted:
        """Journals it. Raises also `RESOURCE_NOT_READY` if its generation may not serve (any more)."""
        if self._draft is not None:
            raise violation("begin", "comes once")
        now = self._clock()
        if not is_time(said.started_at):
            raise violation("draft.started_at", "is no time")
        draft, begun_at = drafts.begun(said, self._expected, now), said.started_at.ToDatetime(UTC)
        check_between(begun_at, self._since, now, "draft.started_at")
        with self._named(draft.session_id):
            await asyncio.to_thread(self._may_serve, draft)
            await self._account.begin(draft)
        self._begun_at = begun_at
        return self._kept(draft)

    async def reserve(self, reserve: ReserveAttempts) -> AttemptsReserved:
        """Holds attempts until the charge that follows. Raises `QUOTA_EXCEEDED` as that would."""
        draft = self._check_begun()
        self.let_go(violation("reserve", "comes once for an answer"))
        subjects = messages.names_received(reserve.subjects, "reserve.subjects")
        questions = messages.names_received(reserve.questions, "reserve.questions")
        if len(subjects) != len(questions):
            raise violation("reserve.questions", "are not as many as subjects")
        self._check_room(charged(draft), len(subjects))
        check_day(reserve.day, self._since, self._clock(), "reserve.day")
        answering = self._account.answering(reserve.day)
        attempts, allowed = answering.__enter__(), self._limits.attempts_per_subject
        self._held = _Held(answering, reserve.day, len(subjects))
        refused = await asyncio.to_thread(attempts.reserve, subjects, questions, allowed)
        return AttemptsReserved(refused=refused.tobytes())

    async def charge(self, charge: ChargeAnswer) -> SessionAccounted:
        """Accounts for an answer."""
        before = self._check_begun()
        entry = await self._entry(before, charge)
        draft = drafts.answered(before, charge.draft, entry.cost)
        fetches = isinstance(entry.cost, FetchedFingerprints)
        if fetches and self._fetched:
            raise violation("charge.fetched", "comes once")
        await self._account.charge(draft, entry)
        self._fetched = fetches
        self._settled()
        return self._kept(draft)

    async def finish(self, charge: ChargeAnswer) -> SessionFinished:
        """Accounts for the final answer; the receipt."""
        before = self._check_begun()
        entry = await self._entry(before, charge)
        receipt = drafts.finished(before, charge.draft, entry.cost, self._clock())
        # However long the answer took to be made: as its replica has checked it.
        self._signatory.check(receipt, receipt, entry.begun_at)
        drafts.check_receipt(receipt)
        envelope = await self._account.finish(receipt, entry)
        self._settled()
        return self._ended(envelope)

    async def cut(self, said: Receipt) -> SessionFinished:
        """Ends it without an answer; the receipt."""
        receipt = drafts.cut(self._check_begun(), said, self._clock(), fetched=self._fetched)
        if receipt.end == SessionEnd.SESSION_END_COMPLETE:
            # A fetch is asked for, and stated, at its beginning, however long it takes.
            self._signatory.check(receipt, receipt, self._begun_at)
        drafts.check_receipt(receipt)
        self.let_go(violation("cut", "comes in the place of an answer"))
        return self._ended(await self._account.cut(receipt))

    def let_go(self, error: StayputError) -> None:
        """The answer that attempts were reserved for will not be given."""
        self._names.clear()
        held, self._held = self._held, None
        if held is not None:
            held.attempts.__exit__(type(error), error, None)

    async def close(self) -> None:
        """Ends the account. A session that was begun and has no receipt gets one: its replica is gone."""
        self.let_go(violation("call", "has ended"))
        try:
            if self._draft is not None and not self._finished:
                receipt = interrupted(self._draft, self._limits)
                receipt.finished_at.FromDatetime(self._clock())
                await self._account.cut(receipt)
                _log.warning("receipt made for a session that its replica left")
        finally:
            if self._draft is not None:
                self._session_ids.discard(self._draft.session_id)
            await self._account.close()

    async def _entry(self, before: Receipt, charge: ChargeAnswer) -> Entry:
        if self._too_many_names:
            raise violation("parcel.names", "are more than the session may have records")
        entry = await asyncio.to_thread(messages.entry_received, charge, bytes(self._names))
        now, day = self._clock(), china_date(entry.begun_at).isoformat()
        check_between(entry.begun_at, self._since, now, "charge.begun_at")
        check_in_time(entry.begun_at, self._until)
        check_observed(entry, self._limits)
        if isinstance(entry.cost, EvaluatedChunk):
            # Those that cost nothing are limited too, as at the replica.
            self._check_room(before.elements, entry.cost.elements)
        if self._held is not None:
            if self._held.day != day:
                raise violation("charge.begun_at", "is on another day than attempts were reserved for")
            if not isinstance(entry.cost, Records) or entry.cost.records < self._held.subjects:
                raise violation("charge.cost", "is less than attempts were reserved for")
        return entry

    @contextmanager
    def _named(self, session_id: bytes) -> Iterator[None]:
        """The journal knows sessions by their ids: at no time two have the same."""
        if session_id in self._session_ids:
            raise violation("draft.session_id", "is that of another session")
        self._session_ids.add(session_id)
        try:
            yield
        except BaseException:
            self._session_ids.discard(session_id)
            raise

    def _check_room(self, used: int, records: int) -> None:
        allowed = self._limits.records_per_session
        if used + records > allowed:
            raise quota_exceeded(
                "records_per_session",
                "the grant has no room for this chunk",
                "compare fewer records, wait for the next day, or apply for more",
                allowed,
                used,
            )

    def _kept(self, draft: Receipt) -> SessionAccounted:
        self._draft, self._since = draft, self._clock()
        return SessionAccounted(draft=draft)

    def _ended(self, receipt: Envelope) -> SessionFinished:
        self._finished = True
        return SessionFinished(receipt=receipt, allowance=self._account.allowance())

    def _settled(self) -> None:
        """The answer is durable, and with it what was reserved for it."""
        self._names.clear()
        held, self._held = self._held, None
        if held is not None:
            held.attempts.__exit__(None, None, None)

    def _check_begun(self) -> Receipt:
        if self._draft is None or self._finished:
            raise violation("message", "is not what can follow")
        return self._draft
