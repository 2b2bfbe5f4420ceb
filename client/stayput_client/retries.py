"""When a session that broke is followed by another."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from stayput.errors import Reason, StayputError
from stayput.v1.errors_pb2 import ErrorReason

RETRY_SECONDS: Final = (0.2, 1.0, 2.0, 4.0, 8.0)
_BREAKS: Final[frozenset[Reason]] = frozenset(
    {
        ErrorReason.ERROR_REASON_CONNECTION_FAILED,
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
        ErrorReason.ERROR_REASON_SESSION_CUT,
        ErrorReason.ERROR_REASON_TICKET_EXPIRED,
        # What a node says that has just come back.
        ErrorReason.ERROR_REASON_CATCHING_UP,
    }
)


class Retries:
    """Bounds the attempts of one comparison.

    `waits` are the seconds before each further one while they get nowhere; `renew` is called before each.
    """

    def __init__(self, waits: Sequence[float], renew: Callable[[], None]) -> None:
        self._waits = waits
        self._renew = renew
        self._failed = 0
        self._begun = False

    def begun(self) -> None:
        """A session was opened: what fails before that is refused and not broken."""
        self._begun = True

    def got_on(self) -> None:
        """An attempt got further than those before."""
        self._failed = 0

    async def wait(self, cause: StayputError) -> None:
        """Returns when it is time for another attempt; raises `cause` if there is to be none."""
        if not self._begun or cause.reason not in _BREAKS or self._failed == len(self._waits):
            raise cause
        self._failed += 1
        await asyncio.sleep(self._waits[self._failed - 1])
        self._renew()
