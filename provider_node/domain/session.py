"""What every session has: a journal entry from its beginning on, and one receipt whatever happens."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog

from provider_node.domain.accounts import Account, Clock
from provider_node.domain.signatory import Signatory
from stayput import sealing
from stayput.errors import StayputError
from stayput.receipts import Transcript
from stayput.v1.access_pb2 import Limits
from stayput.v1.comparison_pb2 import Allowance, SessionOpened
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd

_log = structlog.get_logger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session may do: what its grant's limits allow, before `until`, and stated by its consumer.

    The limits are complete. `chunk_records` is the most that the consumer may send at once.
    """

    limits: Limits
    until: datetime
    signatory: Signatory
    chunk_records: int


class Session:
    """The life of a session: `begin`, and in any case `cut` at the end; between them what its kind adds.

    `draft` is the receipt as far as it has got, and `keys` are the session's.
    """

    def __init__(
        self, account: Account, clock: Clock, draft: Receipt, terms: Terms, keys: sealing.Session
    ) -> None:
        self._account = account
        self._clock = clock
        self._draft = draft
        self._terms = terms
        self._transcript = Transcript(keys.commitment_key())
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
            chunk_records=self._terms.chunk_records,
        )

    @property
    def ended(self) -> bool:
        """Whether it has its receipt, or is about to get it."""
        return self._ended

    def allowance(self) -> Allowance:
        """What is left of its grant by now."""
        return self._account.allowance()

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

        Raises `GRANT_NOT_ACTIVE`, `GRANT_VERSION` if the grant has other terms by now, and `QUOTA_EXCEEDED`
        if it has no room for another session in this minute.
        """
        await self._uncancelled(self._begin())

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

    async def _uncancelled(self, work: Coroutine[Any, Any, _T]) -> _T:
        # A cancelled caller must not leave half of it done; `cut` waits for it.
        accounting = self._accounting = asyncio.create_task(work)
        accounting.add_done_callback(_taken)
        return await asyncio.shield(accounting)

    async def _begin(self) -> None:
        await self._account.begin(self._draft)
        self._journaled = True

    async def _cut(self, end: "SessionEnd.ValueType") -> None:
        receipt = self._receipt(self._draft, self._transcript, end)
        try:
            await self._account.cut(receipt)
        except StayputError as error:
            _log.warning("receipt left to be made at the next start", reason=error.reason_name)
            raise

    def _check_time(self) -> None:
        """Raises `TICKET_EXPIRED` when ticket and grant allow the session nothing more."""
        if self._clock() >= self._terms.until:
            raise StayputError(
                ErrorReason.ERROR_REASON_TICKET_EXPIRED,
                "the session has outlived what its ticket and grant allow",
                field="ticket",
                remedy="open a new session with a new ticket for the records not answered",
            )

    def _receipt(self, draft: Receipt, transcript: Transcript, end: "SessionEnd.ValueType") -> Receipt:
        receipt = Receipt()
        receipt.CopyFrom(draft)
        receipt.request_commitment, receipt.response_commitment = transcript.commitments()
        receipt.finished_at.FromDatetime(self._clock())
        receipt.end = end
        return receipt


def _taken(done: "asyncio.Task[Any]") -> None:
    # Nobody takes the exception if the caller was cancelled, and that is nothing to warn of.
    if not done.cancelled():
        done.exception()
