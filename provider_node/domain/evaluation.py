"""One session in oblivious mode: a comparison whose answers can be proved."""

import asyncio

from provider_node.domain.accounts import Account, Clock
from provider_node.domain.comparison import Comparison
from provider_node.domain.oblivious import Evaluating
from provider_node.domain.session import Terms
from stayput import sealing
from stayput.v1.comparison_pb2 import Proof, ProofRequest, SealedChunk, SealedOutcomes
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope


class Evaluation(Comparison):
    """`answer` for each chunk in turn, and `prove` for what was answered, also after the receipt.

    `turns` are shared by all sessions of the kind. Evaluating takes a hundred times as long as looking up:
    while one waits here for its turn, it keeps no thread from sessions in keyed mode.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        draft: Receipt,
        terms: Terms,
        keys: sealing.Session,
        evaluating: Evaluating,
        turns: asyncio.Semaphore,
    ) -> None:
        super().__init__(account, clock, draft, terms, keys, evaluating)
        self._evaluating = evaluating
        self._turns = turns

    async def _answer(self, chunk: SealedChunk, most: int) -> tuple[SealedOutcomes, Envelope | None]:
        async with self._turns:
            return await super()._answer(chunk, most)

    async def prove(self, request: ProofRequest) -> Proof:
        """The proofs asked for, one request after the other.

        Raises `PROTOCOL_VIOLATION` for a chunk that cannot be proved (any more), `FIELD_INVALID` for elements
        that were not answered, and `GRANT_NOT_ACTIVE`.
        """
        async with self._turns:
            self.check_running()
            return await asyncio.to_thread(self._evaluating.prove, request)
