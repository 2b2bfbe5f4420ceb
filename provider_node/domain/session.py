"""One comparison session: answered chunk by chunk, and accounted for whatever happens.

Before an answer leaves, the journal holds that it was given, the grant's quota and attempts are charged and
its guards have passed it; with the last answer the receipt is durable too. Digests live in memory for the
length of one chunk and are never stored.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import structlog

from provider_node.domain.accounting import add_counts, admission, session_admission
from provider_node.domain.guards import Observation, suspension
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.matching import Matched
from provider_node.domain.signatory import Signatory, check_not_early
from provider_node.store.attempts import Reservation
from provider_node.store.state import State
from provider_node.store.usage import Charge
from stayput import sealing
from stayput.china_time import china_date
from stayput.elements import DIGEST_BYTES
from stayput.errors import StayputError
from stayput.limits import DEFAULTS, complete
from stayput.outcomes import ATTEMPTS, NOT_ASKED, tally
from stayput.receipts import Transcript
from stayput.v1.access_pb2 import GrantChange, Limits
from stayput.v1.comparison_pb2 import SealedChunk, SealedOutcomes, SessionOpened
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope

CALL_RECORDS: Final = 1_000
_CHUNK_RECORDS: Final = 8_192
# Half of what a message may hold (stayput.rpc.tls).
_CHUNK_BYTES: Final = 4 * 1024 * 1024

_log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
_T = TypeVar("_T")


def chunk_records(checks: int) -> int:
    """Most records in one chunk of a session that asks so many checks."""
    return min(_CHUNK_RECORDS, _CHUNK_BYTES // (DIGEST_BYTES * (1 + checks)))


class Matcher(Protocol):
    """Matches columns of digests for one key and its checks."""

    def match(self, digests: bytes) -> Matched:
        """Outcomes of each digest, and what the guards have to know."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session may do: what its grant's limits allow, before `until`, and stated by its consumer."""

    limits: Limits
    until: datetime
    signatory: Signatory


@dataclass(frozen=True, slots=True)
class Books:
    """With what a session is accounted for."""

    state: State
    identity: NodeIdentity
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Answer:
    """A chunk's answer, to be accounted for before it is sent; draft and transcript include it.

    `request` is the consumer's statement, which comes with the final chunk.
    """

    draft: Receipt
    transcript: Transcript
    records: int
    observation: Observation
    sealed: SealedOutcomes
    request: Envelope | None


class Session:
    """One comparison: `begin`, then `answer` for each chunk in turn, and in any case `cut` at the end."""

    def __init__(
        self, books: Books, draft: Receipt, terms: Terms, keys: sealing.Session, matcher: Matcher
    ) -> None:
        self._books = books
        self._draft = draft
        self._terms = terms
        self._limits = complete(terms.limits, DEFAULTS)
        self._keys = keys
        self._matcher = matcher
        self._responses = keys.response(draft.session_id)
        self._transcript = Transcript(keys.commitment_key())
        self._chunk_records = chunk_records(len(draft.checks))
        self._sequence = 0
        self._journaled = False
        self._ended = False
        self._accounting: asyncio.Task[Any] | None = None
        self._stopped_by: StayputError | None = None
        self.stopped = asyncio.Event()

    @property
    def opened(self) -> SessionOpened:
        """What the consumer is told first."""
        return SessionOpened(
            session_id=self._draft.session_id,
            generation=self._draft.generation,
            as_of=self._draft.as_of,
            chunk_records=self._chunk_records,
        )

    @property
    def grant_id(self) -> str:
        """The grant that it uses."""
        return self._draft.grant_id

    def stop(self, error: StayputError) -> None:
        """From now on every answer raises `error`, and `stopped` is set; one under way may still come."""
        self._stopped_by = error
        self.stopped.set()

    def check_running(self) -> None:
        """Raises what the session was stopped with, if it was."""
        if self._stopped_by is not None:
            raise self._stopped_by

    async def begin(self) -> None:
        """Journals the session: from here on it will have a receipt.

        Raises `QUOTA_EXCEEDED` if the grant has no room for another session in this minute.
        """
        await self._uncancelled(self._begin())

    async def answer(
        self, chunk: SealedChunk, most: int = _CHUNK_RECORDS
    ) -> tuple[SealedOutcomes, Envelope | None]:
        """Sealed outcomes of a chunk and, for the final one, the receipt; accounted for before they return.

        Raises `PROTOCOL_VIOLATION`, `SEAL_INVALID`, `CHUNK_SIZE`, `REQUEST_STATEMENT_INVALID`,
        `QUOTA_EXCEEDED`, `TICKET_EXPIRED` or `GRANT_NOT_ACTIVE`; then nothing was charged.
        """
        return await self._uncancelled(self._answer(chunk, min(most, self._chunk_records)))

    async def _uncancelled(self, work: Coroutine[Any, Any, _T]) -> _T:
        # A cancelled caller must not leave half of it done; `cut` waits for it.
        accounting = self._accounting = asyncio.create_task(work)
        accounting.add_done_callback(_taken)
        return await asyncio.shield(accounting)

    async def cut(self, end: "SessionEnd.ValueType") -> None:
        """Leaves a receipt that states what was answered, unless the session has one or was never journaled.

        Returns when the receipt is durable, whoever asked for it. If it cannot be written, the journal keeps
        the session for the next start of the node.
        """
        while self._accounting is not None and not self._accounting.done():
            await asyncio.wait([self._accounting])
        if self._ended or not self._journaled:
            return
        self._ended = True
        await self._uncancelled(self._cut(end))

    async def _begin(self) -> None:
        await self._books.state.open_session(self._draft, session_admission(self._limits))
        self._journaled = True

    async def _cut(self, end: "SessionEnd.ValueType") -> None:
        receipt = self._receipt(self._draft, self._transcript, end)
        try:
            await self._books.state.cut(receipt, self._books.identity.sign_receipt)
        except StayputError as error:
            _log.warning("receipt left to be made at the next start", reason=error.reason_name)
            raise

    async def _answer(self, chunk: SealedChunk, most: int) -> tuple[SealedOutcomes, Envelope | None]:
        self.check_running()
        self._check_turn(chunk)
        now = self._books.clock()
        # The day on which an answer is begun is the day that it is charged to.
        with self._books.state.attempts.answering(self.grant_id, china_date(now).isoformat()) as attempts:
            answer = await asyncio.to_thread(self._answered, chunk, most, attempts, now)
            receipt = await self._account(answer, attempts, now)
        self._draft, self._transcript = answer.draft, answer.transcript
        self._sequence += 1
        return answer.sealed, receipt

    def _check_turn(self, chunk: SealedChunk) -> None:
        if self._ended or chunk.sequence != self._sequence:
            raise StayputError(
                ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
                "a chunk came out of order or after the final one",
                field="chunk.sequence",
                remedy="number the chunks of a session from 0 without gaps",
            )
        check_not_early(chunk)
        if self._books.clock() >= self._terms.until:
            raise StayputError(
                ErrorReason.ERROR_REASON_TICKET_EXPIRED,
                "the session has outlived what its ticket and grant allow",
                field="ticket",
                remedy="open a new session with a new ticket for the records not answered",
            )

    def _answered(self, chunk: SealedChunk, most: int, attempts: Reservation, now: datetime) -> _Answer:
        digests = self._keys.open_request(chunk.sequence, chunk.final, chunk.sealed)
        columns = len(self._draft.tallies)
        records, rest = divmod(len(digests), columns * DIGEST_BYTES)
        if rest or records > most or not (records or chunk.final):
            raise StayputError(
                ErrorReason.ERROR_REASON_CHUNK_SIZE,
                f"a chunk must hold 1 to {most} whole records",
                field="chunk.sealed",
                remedy="send whole records in smaller chunks; only the final one may be empty",
                details={"limit": str(most)},
            )
        transcript = self._transcript.copy()
        transcript.ask(digests)
        draft = Receipt()
        draft.CopyFrom(self._draft)
        draft.records += records
        if chunk.final:
            draft.request_commitment = transcript.request_commitment()
            self._terms.signatory.check(chunk, draft, now)
        matched = self._matcher.match(digests)
        self._refuse_attempts(matched, attempts)
        outcomes = matched.outcomes.tobytes()
        transcript.answer(outcomes)
        draft.outcome_bytes += len(outcomes)
        for column, counts in enumerate(draft.tallies):
            add_counts(counts, tally(outcomes[column * records : (column + 1) * records]))
        sealed = self._responses.seal(chunk.sequence, outcomes)
        return _Answer(
            draft,
            transcript,
            records,
            Observation.of(matched, self._limits),
            SealedOutcomes(sequence=chunk.sequence, sealed=sealed),
            chunk.request if chunk.final else None,
        )

    def _refuse_attempts(self, matched: Matched, attempts: Reservation) -> None:
        """Answers `ATTEMPTS` to all that is asked beyond the attempts at a subject's checks."""
        if not self._limits.attempts_per_subject or not len(matched.asking):
            return
        refused = attempts.reserve(matched.subjects, matched.questions, self._limits.attempts_per_subject)
        places = matched.asking[refused]
        checks = matched.outcomes[1:]
        checks[:, places] = np.where(checks[:, places] == NOT_ASKED, NOT_ASKED, ATTEMPTS)

    async def _account(self, answer: _Answer, attempts: Reservation, now: datetime) -> Envelope | None:
        identity = self._books.identity
        charge = Charge(
            records=answer.records,
            day=china_date(now).isoformat(),
            admit=admission(self._limits, answer.draft.records, answer.records),
            guard=partial(self._guarded, answer.observation, now),
            sign_change=identity.sign_change,
            attempts=attempts.logged(),
        )
        if answer.request is None:
            await self._books.state.answer(answer.draft, charge)
            return None
        receipt = self._receipt(answer.draft, answer.transcript, SessionEnd.SESSION_END_COMPLETE)
        receipt.request.CopyFrom(answer.request)
        envelope = await self._books.state.finish(receipt, identity.sign_receipt, charge)
        self._ended = True
        return envelope

    def _guarded(self, observation: Observation, now: datetime, stored: bytes) -> bytes | GrantChange:
        verdict = observation.verdict(stored)
        if isinstance(verdict, bytes):
            return verdict
        return suspension(self.grant_id, self._books.identity.node_id, verdict, self._limits, now)

    def _receipt(self, draft: Receipt, transcript: Transcript, end: "SessionEnd.ValueType") -> Receipt:
        receipt = Receipt()
        receipt.CopyFrom(draft)
        receipt.request_commitment, receipt.response_commitment = transcript.commitments()
        receipt.finished_at.FromDatetime(self._books.clock())
        receipt.end = end
        return receipt


def _taken(done: "asyncio.Task[Any]") -> None:
    # Nobody takes the exception if the caller was cancelled, and that is nothing to warn of.
    if not done.cancelled():
        done.exception()
