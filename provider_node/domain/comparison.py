"""One comparison session: answered chunk by chunk, and accounted for whatever happens.

Before an answer leaves, the journal holds that it was given, the grant's quota and attempts are charged and
its guards have passed it; with the last answer the receipt is durable too. What is asked lives in memory for
the length of one chunk, unless it has to be proved later, and is never stored.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from provider_node.domain.accounts import Account, Attempts, Clock
from provider_node.domain.answering import Answered, Answering, Chunk
from provider_node.domain.costs import Entry
from provider_node.domain.session import Session, Terms
from provider_node.domain.signatory import check_not_early
from stayput import sealing
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.receipts import Transcript
from stayput.v1.comparison_pb2 import SealedChunk, SealedOutcomes
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope

CALL_RECORDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Answer:
    """A chunk's answer, to be accounted for before it is sent; draft and transcript include it.

    `request` is the consumer's statement, which comes with the final chunk.
    """

    draft: Receipt
    transcript: Transcript
    answered: Answered
    sealed: SealedOutcomes
    request: Envelope | None


class Comparison(Session):
    """A session that is asked in chunks: `answer` for each in turn."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        draft: Receipt,
        terms: Terms,
        keys: sealing.Session,
        answering: Answering,
    ) -> None:
        super().__init__(account, clock, draft, terms, keys)
        self._keys = keys
        self._answering = answering
        self._responses = keys.response(draft.session_id)
        self._sequence = 0
        self._more: Iterator[bytes] = iter(())

    async def answer(
        self, chunk: SealedChunk, most: int | None = None
    ) -> tuple[SealedOutcomes, Envelope | None]:
        """The sealed answer to a chunk and, for the final one, the receipt; accounted for before they return.

        `most` records may be in the chunk, or fewer if the session permits fewer.

        Raises `PROTOCOL_VIOLATION`, `SEAL_INVALID`, `CHUNK_SIZE`, `REQUEST_STATEMENT_INVALID`,
        `QUOTA_EXCEEDED`, `TICKET_EXPIRED` or `GRANT_NOT_ACTIVE`, and what the mode and granularity raise;
        then nothing was charged.
        """
        most = self._terms.chunk_records if most is None else min(most, self._terms.chunk_records)
        return await self._uncancelled(self._answer(chunk, most))

    async def more(self) -> AsyncIterator[SealedOutcomes]:
        """What follows the answer to the final chunk, before its receipt; it is accounted for already."""
        while (sealed := await asyncio.to_thread(self._next_sealed)) is not None:
            yield sealed

    async def _answer(self, chunk: SealedChunk, most: int) -> tuple[SealedOutcomes, Envelope | None]:
        self.check_running()
        self._check_turn(chunk)
        now = self._clock()
        # The day on which an answer is begun is the day that it is charged to.
        with self._account.answering(china_date(now).isoformat()) as attempts:
            answer = await asyncio.to_thread(self._answered, chunk, most, attempts, now)
            receipt = await self._accounted(answer, now)
        self._draft, self._transcript = answer.draft, answer.transcript
        answer.answered.keep()
        self._more = iter(answer.answered.more)
        self._sequence += 1
        return answer.sealed, receipt

    def _next_sealed(self) -> SealedOutcomes | None:
        response = next(self._more, None)
        if response is None:
            return None
        sealed = self._sealed(self._sequence, response)
        self._sequence += 1
        return sealed

    def _sealed(self, sequence: int, response: bytes) -> SealedOutcomes:
        return SealedOutcomes(sequence=sequence, sealed=self._responses.seal(sequence, response))

    def _check_turn(self, chunk: SealedChunk) -> None:
        if self._ended or chunk.sequence != self._sequence:
            raise StayputError(
                ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
                "a chunk came out of order or after the final one",
                field="chunk.sequence",
                remedy="number the chunks of a session from 0 without gaps",
            )
        check_not_early(chunk)
        self._check_time()

    def _answered(self, chunk: SealedChunk, most: int, attempts: Attempts, now: datetime) -> _Answer:
        content = self._keys.open_request(chunk.sequence, chunk.final, chunk.sealed)
        transcript = self._transcript.copy()
        transcript.ask(content)
        draft = Receipt()
        draft.CopyFrom(self._draft)
        opened = Chunk(content, most, chunk.final)
        self._answering.asked(opened, draft)
        if chunk.final:
            draft.request_commitment = transcript.request_commitment()
            self._terms.signatory.check(chunk, draft, now)
        answered = self._answering.answered(opened, draft, attempts)
        for response in chain((answered.response,), answered.more):
            transcript.answer(response)
        sealed = self._sealed(chunk.sequence, answered.response)
        return _Answer(draft, transcript, answered, sealed, chunk.request if chunk.final else None)

    async def _accounted(self, answer: _Answer, now: datetime) -> Envelope | None:
        entry = Entry(answer.answered.cost, now, answer.answered.observed)
        if answer.request is None:
            await self._account.charge(answer.draft, entry)
            return None
        receipt = self._receipt(answer.draft, answer.transcript, SessionEnd.SESSION_END_COMPLETE)
        receipt.request.CopyFrom(answer.request)
        envelope = await self._account.finish(receipt, entry)
        self._ended = True
        return envelope
