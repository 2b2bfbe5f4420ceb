"""What was agreed of late, so that asking about one record after another costs one call each and not five."""

import time
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

AGREEMENT_SECONDS: Final = 60.0
TICKET_MARGIN: Final = timedelta(seconds=60)
"""A ticket is used again while it has longer than this to live."""
_MOST_KEPT: Final = 256


class Recent(Generic[_K, _V]):
    """Keeps what was made for a key until its time is up, or until it is forgotten as it did not work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[_K, tuple[_V, float]] = {}

    async def get(self, key: _K, make: Callable[[], Awaitable[tuple[_V, float]]]) -> _V:
        """What is kept for the key, else what `make` gives with the seconds for which it may be kept."""
        found = self._kept.get(key)
        if found is not None and self._clock() < found[1]:
            return found[0]
        value, seconds = await make()
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = value, self._clock() + seconds
        return value

    def forget(self) -> None:
        """Forgets everything."""
        self._kept.clear()


def seconds_of_use(expires_at: datetime) -> float:
    """For how long from now a ticket may be used again."""
    return (expires_at - TICKET_MARGIN - datetime.now(UTC)).total_seconds()
