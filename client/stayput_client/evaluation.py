"""One session in oblivious mode with an outcome for each record: nothing is told that is not proved.

A chunk is unblinded while the node makes its proof, and both sides work on the next ones meanwhile.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from stayput.oblivious import unpacked
from stayput.oprf import draw_indices
from stayput.v1.comparison_pb2 import ElementIndices, EvaluateResponse, Proof, ProofRequest
from stayput_client.accounts import violation
from stayput_client.blinded_question import Blinded, Matching
from stayput_client.evaluate_stream import EvaluateStream
from stayput_client.exchange import SessionBroken
from stayput_client.results import Concluded

_RANDOM: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that is being proved and unblinded: the outcome bytes are in `codes` when both are done."""

    sequence: int
    proofs: asyncio.Future[Sequence[bytes]]
    codes: asyncio.Task[bytes]


class Evaluation:
    """A session on the stream. `async with` it, iterate `answers()` to the end; then `concluded` is there."""

    def __init__(self, stream: EvaluateStream, matching: Matching) -> None:
        self._stream = stream
        self._matching = matching
        self._answers: deque[_Answer] = deque()
        self._answered = 0

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        for answer in self._answers:
            answer.codes.cancel()
        await asyncio.gather(*(answer.codes for answer in self._answers), return_exceptions=True)
        await self._stream.__aexit__(*error)

    @property
    def opened(self) -> bool:
        """The node has opened the session."""
        return self._stream.opened

    @property
    def concluded(self) -> Concluded | None:
        """How it ended, once the receipt has come; the last answers may still lack their proofs."""
        return self._stream.concluded

    async def answers(self) -> AsyncGenerator[bytes]:
        """Outcome bytes of each chunk, in order, in columns.

        Raises `SessionBroken` when the call fails, after what was proved; `PROOF_INVALID` for what is not.
        """
        broken: SessionBroken | None = None
        reading = self._read()
        try:
            while self._answers or self._stream.concluded is None:
                first = self._answers[0] if self._answers else None
                if broken is not None and (first is None or not first.proofs.done()):
                    raise broken
                under_way: list[asyncio.Task[bytes] | asyncio.Task[EvaluateResponse]] = []
                under_way += [first.codes] if first else []
                under_way += [reading] if broken is None and self._more_to_come else []
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if first is not None and first.codes.done():
                    self._answers.popleft()
                    yield first.codes.result()
                    self._stream.done_with_one()
                    continue
                try:
                    self._take(reading.result())
                    reading = self._read()
                except SessionBroken as error:
                    broken = error
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    @property
    def _more_to_come(self) -> bool:
        return self._stream.concluded is None or not all(one.proofs.done() for one in self._answers)

    def _read(self) -> "asyncio.Task[EvaluateResponse]":
        return asyncio.create_task(self._stream.read())

    def _take(self, response: EvaluateResponse) -> None:
        match response.WhichOneof("message"):
            case "evaluated":
                self._evaluated(self._stream.unseal(response))
            case "proof":
                self._proved(response.proof)
            case None:
                raise violation("message")

    def _evaluated(self, content: bytes) -> None:
        chunk = self._stream.asked.popleft()
        evaluated = unpacked(content, len(chunk.columns), "evaluated")
        # Drawn only now: until it has answered, the node must not know what it will have to prove.
        indices = [draw_indices(len(column), _RANDOM) for column in evaluated]
        proofs: asyncio.Future[Sequence[bytes]] = asyncio.get_running_loop().create_future()
        codes = asyncio.create_task(self._codes(chunk, evaluated, indices, proofs))
        self._answers.append(_Answer(self._answered, proofs, codes))
        columns = [ElementIndices(indices=column) for column in indices]
        self._stream.prove(ProofRequest(sequence=self._answered, columns=columns))
        self._answered += 1
        if self._stream.final and not self._stream.asked:
            self._stream.end()

    def _proved(self, proof: Proof) -> None:
        waiting = next((one for one in self._answers if not one.proofs.done()), None)
        if waiting is None or waiting.sequence != proof.sequence:
            raise violation("proof")
        waiting.proofs.set_result(proof.proofs)

    async def _codes(
        self,
        chunk: Blinded,
        evaluated: Sequence[Sequence[bytes]],
        indices: Sequence[Sequence[int]],
        proofs: "asyncio.Future[Sequence[bytes]]",
    ) -> bytes:
        unblinding = asyncio.to_thread(self._matching.codes, chunk, evaluated)
        codes, _ = await asyncio.gather(unblinding, self._verified(chunk, evaluated, indices, proofs))
        return codes

    async def _verified(
        self,
        chunk: Blinded,
        evaluated: Sequence[Sequence[bytes]],
        indices: Sequence[Sequence[int]],
        proofs: "asyncio.Future[Sequence[bytes]]",
    ) -> None:
        await asyncio.to_thread(self._matching.verify, chunk, evaluated, indices, await proofs)
