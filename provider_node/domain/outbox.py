"""Delivery of receipts to the platform: at least once, in order, for as long as it takes."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from provider_node.domain.accounts import Clock
from provider_node.domain.platform import Platform
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.receipts import receipt_invalid
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

_BATCH: Final = 500
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 60.0

_log = structlog.get_logger(__name__)


class Outbox:
    """Delivers what the state holds beyond the last confirmed receipt, and knows how long that has waited."""

    def __init__(self, state: State, platform: Platform, grace: timedelta, clock: Clock) -> None:
        self._state = state
        self._platform = platform
        self._grace = grace
        self._clock = clock
        self._more = asyncio.Event()

    def wake(self) -> None:
        """There may be a new receipt."""
        self._more.set()

    def check_grace(self) -> None:
        """Passes unless receipts have waited longer than the grace period; then `LOG_BACKLOG`."""
        since = self._state.undelivered_since()
        if since is not None and self._clock() - since > self._grace:
            raise StayputError(
                ErrorReason.ERROR_REASON_LOG_BACKLOG,
                "receipts could not be delivered to the platform for longer than the grace period",
                remedy="try again when the node's connection to the platform is back",
            )

    async def run(self) -> None:
        """Delivers until cancelled."""
        wait = _FIRST_WAIT
        while True:
            self._more.clear()
            try:
                while await self.deliver():
                    wait = _FIRST_WAIT
            except StayputError as error:
                _log.warning("receipts not delivered", reason=error.reason_name, retry_seconds=wait)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
                continue
            await self._more.wait()

    async def deliver(self) -> bool:
        """Delivers one batch; False if there was nothing to deliver."""
        through = self._state.delivered_through()
        batch = self._state.receipts_after(through, _BATCH)
        if not batch:
            return False
        try:
            stored = await self._platform.append(batch)
        except StayputError as error:
            if error.reason != ErrorReason.ERROR_REASON_LOG_SEQUENCE:
                raise
            through = _restart(error, through)
        else:
            through = self._confirmed(stored, batch)
        await self._state.set_delivered_through(through)
        return True

    def _confirmed(self, stored: int, batch: Sequence[Envelope]) -> int:
        last = Receipt.FromString(batch[-1].payload).sequence
        if stored < last:
            raise receipt_invalid("the platform took a batch without storing all of it")
        return min(stored, self._state.last_sequence())


def _restart(error: StayputError, through: int) -> int:
    """The platform wants an earlier receipt (it was restored from a backup): begin again after this one."""
    expected = error.details.get("expected", "")
    if not (expected.isascii() and expected.isdigit() and 0 < int(expected) <= through):
        raise error
    _log.warning("platform lost receipts; delivering again", expected=int(expected))
    return int(expected) - 1
