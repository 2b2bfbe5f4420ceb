"""Hearing the platform: which grants it has suspended or revoked, and which applications have arrived.

Until the platform has told everything once since the process began, no session is opened, because a grant
may have been revoked while the node was away. A connection lost later does not stop the node: for a grant
that was revoked meanwhile no ticket is issued, and those in the consumers' hands live 10 minutes at most. The
first act on each new connection is to catch up again, and what is heard is durable before it is acted on.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from provider_node.domain.desk import NodeDesk
from provider_node.domain.platform import Platform
from provider_node.store.grants import Grants
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Application, GrantStanding, WatchAccessResponse
from stayput.v1.errors_pb2 import ErrorReason

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: how long the platform may be silent, and the first and longest wait before calling again.

    The platform gives a sign of life every 10 seconds.
    """

    silent: float = 30.0
    first_wait: float = 0.2
    longest_wait: float = 10.0


class Watch:
    """The open line to the platform."""

    def __init__(
        self,
        grants: Grants,
        platform: Platform,
        desk: NodeDesk,
        consider: Callable[[Application], None],
        caught_up: Callable[[], None],
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        """`consider` is told of each application, `caught_up` each time that everything has been told."""
        self._grants = grants
        self._platform = platform
        self._desk = desk
        self._consider = consider
        self._tell_caught_up = caught_up
        self._rhythm = rhythm
        self.caught_up = False
        self.connected = False
        self.tried = asyncio.Event()
        """Set when the first connection has caught up or failed."""

    def check_caught_up(self) -> None:
        """Passes if the node knows what the platform says of its grants; else `CATCHING_UP`."""
        if not self.caught_up:
            raise StayputError(
                ErrorReason.ERROR_REASON_CATCHING_UP,
                "the node has not heard yet which grants the platform has suspended or revoked",
                remedy="try again in a few seconds; if that does not help, tell the provider",
            )

    async def run(self) -> None:
        """Listens until cancelled; calls again whenever the line breaks."""
        wait, complaint = self._rhythm.first_wait, ""
        while True:
            try:
                await self._listen()
            except StayputError as error:
                if self.connected or error.reason_name != complaint:
                    complaint = error.reason_name
                    _log.warning("platform not heard", reason=complaint)
            if self.connected:
                wait = self._rhythm.first_wait
            self.connected = False
            self.tried.set()
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._rhythm.longest_wait)

    async def _listen(self) -> None:
        """One connection: everything that is so, then what changes; returns when the platform hangs up."""
        words: list[GrantStanding] = []
        async with aclosing(self._platform.watch()) as events:
            while (event := await self._next(events)) is not None:
                match event.WhichOneof("event"):
                    case "standing" if self.connected:
                        await self._take([event.standing], all_of_them=False)
                    case "standing":
                        words.append(event.standing)
                    case "caught_up" if not self.connected:
                        await self._take(words, all_of_them=True)
                        self.connected = self.caught_up = True
                        self.tried.set()
                        self._tell_caught_up()
                        _log.info("caught up with the platform", withheld=len(words))
                    case "application":
                        self._consider(event.application)

    async def _next(self, events: AsyncGenerator[WatchAccessResponse, None]) -> WatchAccessResponse | None:
        try:
            async with asyncio.timeout(self._rhythm.silent):
                return await anext(events, None)
        except TimeoutError:
            raise StayputError(
                ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
                f"the platform gave no sign of life for {self._rhythm.silent:g} seconds",
                remedy="check the connection to the platform",
            ) from None

    async def _take(self, words: list[GrantStanding], *, all_of_them: bool) -> None:
        try:
            withdrawn = await self._grants.set_platform_words(words, all_of_them=all_of_them)
        except StayputError:
            # What could not be kept is not known any more after a restart, and not obeyed now.
            self.caught_up = False
            raise
        for grant_id in withdrawn:
            self._desk.end_withdrawn(grant_id)
            _log.warning("platform withdrew a grant", grant=grant_id)
