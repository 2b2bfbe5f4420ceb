"""One fetch of fingerprints: charged at its beginning, and accounted for whatever happens."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Final

from provider_node.domain.accounts import Account, Clock
from provider_node.domain.costs import Entry, FetchedFingerprints
from provider_node.domain.session import Session, Terms
from provider_node.store.fingerprints import FingerprintSet
from stayput import sealing
from stayput.errors import field_invalid
from stayput.oblivious import FINGERPRINT_BYTES
from stayput.v1.comparison_pb2 import FetchFingerprintsRequest, FingerprintBlock
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope

BLOCK_FINGERPRINTS: Final = 1024 * 1024 // FINGERPRINT_BYTES
"""Most in one block: 1 MiB."""


class Fetch(Session):
    """A session that sends fingerprints: all of `blocks`, then `receipt`.

    Whoever fetches a generation for the first time is charged for all elements that it holds evaluated under
    the same key epoch, in this granularity: it can test each of them against these fingerprints.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        draft: Receipt,
        terms: Terms,
        keys: sealing.Session,
        sets: Sequence[FingerprintSet],
        request: FetchFingerprintsRequest,
    ) -> None:
        """Raises `FIELD_INVALID` naming `held`, and `REQUEST_STATEMENT_INVALID`."""
        super().__init__(account, clock, draft, terms, keys)
        self._sets = sets
        self._held = _checked(request.held, sets)
        self._left = sum(one.count for one in sets) - sum(self._held)
        self._request = request.request
        draft.fetch.SetInParent()
        whole = Receipt(request_commitment=self._transcript.request_commitment())
        whole.MergeFrom(draft)
        terms.signatory.check(request, whole, draft.started_at.ToDatetime(UTC))
        self.receipt = Envelope()

    async def _begin(self) -> None:
        await super()._begin()
        await self._charge(self._clock())

    async def _charge(self, now: datetime) -> None:
        draft = Receipt()
        draft.CopyFrom(self._draft)
        # After a crash nobody knows how many were sent: the receipt will state all of them.
        draft.fetch.fingerprints = self._left
        await self._account.charge(draft, Entry(FetchedFingerprints(), now))
        draft.fetch.fingerprints = 0
        self._draft = draft

    async def blocks(self) -> AsyncGenerator[FingerprintBlock, None]:
        """The fingerprints that the consumer does not hold; the receipt is durable before the last block.

        Raises what the session is stopped with, and `TICKET_EXPIRED`.
        """
        for column, (fingerprints, held) in enumerate(zip(self._sets, self._held, strict=True)):
            for first in range(held, fingerprints.count, BLOCK_FINGERPRINTS):
                self.check_running()
                self._check_time()
                content = await asyncio.to_thread(fingerprints.read, first, BLOCK_FINGERPRINTS)
                self._draft.fetch.fingerprints += len(content) // FINGERPRINT_BYTES
                if self._draft.fetch.fingerprints == self._left:
                    await self._uncancelled(self._finish())
                yield FingerprintBlock(column=column, first=first, fingerprints=content)
        if not self._left:
            await self._uncancelled(self._finish())

    async def _finish(self) -> None:
        receipt = self._receipt(self._draft, self._transcript, SessionEnd.SESSION_END_COMPLETE)
        receipt.request.CopyFrom(self._request)
        self.receipt = await self._account.cut(receipt)
        self._ended = True


def _checked(held: Sequence[int], sets: Sequence[FingerprintSet]) -> Sequence[int]:
    if not held:
        return [0] * len(sets)
    if len(held) != len(sets):
        raise field_invalid("held", f"must be empty or {len(sets)}", "give one for the key and each check")
    if any(not 0 <= have <= one.count for have, one in zip(held, sets, strict=True)):
        raise field_invalid(
            "held", "no more can be held than there are", "fetch all fingerprints of this generation again"
        )
    return held
