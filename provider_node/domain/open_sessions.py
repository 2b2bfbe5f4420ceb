"""The sessions under way, by the grants that they use."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from stayput.errors import StayputError

Stop = Callable[[StayputError], None]
"""Ends a session: from now on every answer of it raises that error."""


class OpenSessions:
    """Counts them, and ends those of a grant."""

    def __init__(self) -> None:
        self._by_grant: defaultdict[str, set[Stop]] = defaultdict(set)
        self._none = asyncio.Event()
        self._none.set()
        self.count = 0

    def add(self, grant_id: str, stop: Stop) -> None:
        """A session of the grant has been opened."""
        self._by_grant[grant_id].add(stop)
        self.count += 1
        self._none.clear()

    def discard(self, grant_id: str, stop: Stop) -> None:
        """It has ended; its receipt is durable."""
        stops = self._by_grant[grant_id]
        stops.discard(stop)
        if not stops:
            del self._by_grant[grant_id]
        self.count -= 1
        if not self.count:
            self._none.set()

    def end_grant(self, grant_id: str, error: StayputError) -> None:
        """Ends the sessions of a grant, each with `error`."""
        for stop in tuple(self._by_grant.get(grant_id, ())):
            stop(error)

    async def all_closed(self) -> None:
        """Returns when none is under way."""
        await self._none.wait()
