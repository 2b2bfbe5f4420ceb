"""A node's open line to the platform of the tests, and what came by it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from provider_node.domain.platform import Platform
from provider_node.domain.watch import Rhythm, Watch
from stayput.v1.access_pb2 import Application
from tests.provider_node.serving.node import LocalNode, application_of
from tests.provider_node.serving.peer import Peer

SECONDS = 30.0
QUICK = Rhythm(silent=30.0, first_wait=0.01, longest_wait=0.1)


class Line:
    """The watch, and waiting for what it has taken in."""

    def __init__(self, node: LocalNode, peer: Peer, platform: Platform, rhythm: Rhythm = QUICK) -> None:
        self.peer = peer
        self.considered: list[Application] = []
        self.times_caught_up = 0
        self._more = asyncio.Event()
        self.watch = Watch(node.state.grants, platform, node.desk, self._consider, self._caught_up, rhythm)

    def _consider(self, application: Application) -> None:
        self.considered.append(application)
        self._more.set()

    def _caught_up(self) -> None:
        self.times_caught_up += 1
        self._more.set()

    async def _until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not reached():
                self._more.clear()
                await self._more.wait()

    async def caught_up(self, times: int = 1) -> None:
        """Returns when the node has caught up so often."""
        await self._until(lambda: self.times_caught_up >= times)

    async def taken(self) -> None:
        """Returns when the node has taken in all that the platform has said so far."""
        last = self.peer.add(application_of(f"A-{1_000 + len(self.considered)}"))
        await self._until(lambda: last.id in {one.id for one in self.considered})


@asynccontextmanager
async def listening(
    node: LocalNode, peer: Peer, platform: Platform, rhythm: Rhythm = QUICK
) -> AsyncIterator[Line]:
    """The node listens for the length of the block."""
    line = Line(node, peer, platform, rhythm)
    running = asyncio.create_task(line.watch.run())
    try:
        yield line
    finally:
        running.cancel()
        await asyncio.wait([running])
