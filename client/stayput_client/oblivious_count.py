"""Counts only, in oblivious mode: all elements of a list, answered at the end in an order that nobody knows.

A session that breaks has told nothing, so the next one asks all of it again, byte for byte.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import chain
from typing import Generic, TypeVar

from stayput import oblivious
from stayput.oprf import VerifiableClient
from stayput.v1.comparison_pb2 import EvaluateResponse, ProofRequest
from stayput_client.accounts import violation
from stayput_client.blinded_question import Blinded, proof_invalid
from stayput_client.comparing import Batch
from stayput_client.distinct_question import DistinctQuestion
from stayput_client.evaluate_stream import EvaluateStream
from stayput_client.exchange import SessionBroken
from stayput_client.fingerprint_set import FingerprintSet
from stayput_client.oblivious import Counted, ObliviousAgreed
from stayput_client.oblivious_accounts import Shuffled
from stayput_client.oblivious_session import ObliviousSession
from stayput_client.replayed import Replayed
from stayput_client.results import Concluded
from stayput_client.slices import in_slices

T = TypeVar("T")
_Columns = Sequence[Sequence[bytes]]


async def count(agreed: ObliviousAgreed, batches: Iterator[Batch[T]], heard: Callable[[T], None]) -> Counted:
    """See `stayput_client.oblivious.count`."""
    session = ObliviousSession(agreed)
    question = DistinctQuestion(agreed.question, session.contract, session.blinds)
    reading = _Reading(question, batches, heard)
    async with aclosing(reading.chunks()) as chunks:
        first = await anext(chunks, None)
        if first is None:
            nothing = (0,) * len(session.sets)
            return Counted(reading.records, reading.invalid, reading.reasons, nothing, nothing, None)
        replayed = Replayed(first, chunks, question.nothing())
        try:
            asked, matched, concluded = await _Count(session, question, replayed).told()
        finally:
            await replayed.close()
    return Counted(reading.records, reading.invalid, reading.reasons, asked, matched, concluded)


class _Reading(Generic[T]):
    """Reads batches into chunks, each in a thread, and keeps account of what is INVALID in them."""

    def __init__(
        self, question: DistinctQuestion, batches: Iterator[Batch[T]], heard: Callable[[T], None]
    ) -> None:
        self._question = question
        self._batches = batches
        self._heard = heard
        self.records = self.invalid = 0
        self.reasons: Counter[str] = Counter()

    async def chunks(self) -> AsyncGenerator[Blinded]:
        """Those in which there is anything new to ask."""
        while (chunk := await asyncio.to_thread(self._next)) is not None:
            if chunk.elements:
                yield chunk

    def _next(self) -> Blinded | None:
        batch = next(self._batches, None)
        if batch is None:
            return None
        chunk = self._question.prepare(batch.values)
        self.records += chunk.records
        self.invalid += len(chunk.rejected)
        for rejects in (chunk.rejected, *chunk.rejected_checks):
            self.reasons.update(f"{subject}: {word}" for subject, word in rejects.values())
        self._heard(batch.payload)
        return chunk


class _Count:
    """Asks all that `replayed` gives, in as many sessions as it takes until one is not broken."""

    def __init__(self, session: ObliviousSession, question: DistinctQuestion, replayed: Replayed) -> None:
        self._session = session
        self._question = question
        self._clients = [VerifiableClient(one.public_key) for one in session.sets]
        self._replayed = replayed
        self._retries = session.retries()

    async def told(self) -> tuple[tuple[int, ...], tuple[int, ...], Concluded]:
        """How many elements were asked in each column, how many match, and how it ended."""
        fetched = await self._session.fetched()
        sets = [FingerprintSet(path) for path in fetched.paths]
        evaluated, concluded = await self._evaluated()
        asked = tuple(map(len, evaluated))
        matched = await asyncio.to_thread(self._matched, evaluated, sets)
        return asked, matched, replace(concluded, fetch=fetched.receipt)

    async def _evaluated(self) -> tuple[_Columns, Concluded]:
        while True:
            try:
                account = Shuffled(self._replayed.elements)
                async with await self._session.stream(self._replayed, account) as stream:
                    try:
                        return await self._answered(stream)
                    finally:
                        if stream.opened:
                            self._retries.begun()
            except SessionBroken as broken:
                await self._retries.wait(broken.cause)

    async def _answered(self, stream: EvaluateStream) -> tuple[_Columns, Concluded]:
        columns: list[list[bytes]] = [[] for _ in self._clients]
        chunks = 0
        while stream.concluded is None:
            response = await stream.read()
            match response.WhichOneof("message"):
                case "evaluated":
                    content = stream.unseal(response)
                    if stream.asked:
                        stream.asked.popleft()
                        stream.done_with_one()
                        chunks += 1
                    elif stream.final:
                        _extend(columns, content)
                    else:
                        raise violation("evaluated")
                case "proof" | None:
                    raise violation("message")
        stream.prove(ProofRequest(sequence=chunks - 1))
        stream.end()
        await asyncio.to_thread(self._verify, columns, await stream.read(), chunks - 1)
        return columns, stream.concluded

    def _verify(self, evaluated: _Columns, response: EvaluateResponse, sequence: int) -> None:
        proofs = response.proof.proofs
        if response.proof.sequence != sequence or len(proofs) != len(evaluated):
            raise proof_invalid("there must be one for each column")
        for column, (answers, proof) in enumerate(zip(evaluated, proofs, strict=True)):
            asked = list(
                chain.from_iterable(one.columns[column].elements for one in self._replayed.unanswered)
            )
            if asked:
                self._clients[column].verify_total(asked, answers, proof)
            elif proof:
                raise proof_invalid("a column without elements has none")

    def _matched(self, evaluated: _Columns, sets: Sequence[FingerprintSet]) -> tuple[int, ...]:
        return tuple(self._matches(column, answers, sets[column]) for column, answers in enumerate(evaluated))

    def _matches(self, column: int, evaluated: Sequence[bytes], among: FingerprintSet) -> int:
        client, blind = self._clients[column], self._question.blind(column)
        context = self._question.contexts[column]

        def work(part: slice) -> int:
            answers = evaluated[part]
            points = client.unblind([blind] * len(answers), answers)
            return int(among.has(oblivious.count_fingerprints(context, points)).sum())

        return sum(in_slices(work, len(evaluated)))


def _extend(columns: Sequence[list[bytes]], content: bytes) -> None:
    for column, more in zip(columns, oblivious.unpacked(content, len(columns), "evaluated"), strict=True):
        column.extend(more)
