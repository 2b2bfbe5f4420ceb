"""A list through oblivious mode, record by record: fingerprints first, then the sessions that it takes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import TypeVar

from stayput_client.blinded_question import Blinded, BlindedQuestion, Matching
from stayput_client.comparing import Batch, Ended, Run, Sink
from stayput_client.evaluation import Evaluation
from stayput_client.fingerprint_set import FingerprintSet
from stayput_client.oblivious import ObliviousAgreed
from stayput_client.oblivious_accounts import Evaluated
from stayput_client.oblivious_session import ObliviousSession
from stayput_client.replayed import Replayed
from stayput_client.results import SignedReceipt
from stayput_client.resuming import Resumed

T = TypeVar("T")
R = TypeVar("R")


async def run(agreed: ObliviousAgreed, batches: Iterator[Batch[T]], sink: Sink[T, R]) -> Ended:
    """As `Agreed.run`. Fingerprints are fetched, if need be, as soon as there is anything to ask."""
    comparison = _Comparison(agreed)
    ended = await Run(comparison.question, batches, sink).through(comparison.begin)
    if ended.concluded is None:
        return ended
    return replace(ended, concluded=replace(ended.concluded, fetch=comparison.fetch))


class _Comparison:
    """One comparison; `fetch` is the receipt of fetching for it, if that was needed."""

    def __init__(self, agreed: ObliviousAgreed) -> None:
        self._session = ObliviousSession(agreed)
        self.question = BlindedQuestion(agreed.question, self._session.contract, self._session.blinds)
        self.fetch: SignedReceipt | None = None

    async def begin(self, first: Blinded, following: AsyncIterator[Blinded]) -> Resumed:
        """What answers `first` and what follows it."""
        fetched = await self._session.fetched()
        self.fetch = fetched.receipt
        sets = [FingerprintSet(path) for path in fetched.paths]
        matching = Matching(self.question.contexts, self._session.sets, sets)

        async def opening(replayed: Replayed) -> Evaluation:
            stream = await self._session.stream(replayed, Evaluated(replayed.elements))
            return Evaluation(stream, matching)

        replayed = Replayed(first, following, self.question.nothing())
        return Resumed(opening, replayed, self._session.retries())
