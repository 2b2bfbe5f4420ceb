"""WatchAccess: nodes are told what they have to know, whichever process of the platform changed it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import structlog
from sqlalchemy.exc import DBAPIError

from comparator.domain.watching import NOTHING, Told, news
from comparator.servicers.desk import Desk
from stayput.errors import StayputError
from stayput.identity import Caller
from stayput.rpc.server import Context, caller
from stayput.v1.access_pb2 import CaughtUp, Heartbeat, WatchAccessResponse
from stayput.v1.errors_pb2 import ErrorReason

_METHOD = "/stayput.v1.AccessService/WatchAccess"
# While this process writes without a pause, it looks no more often than that.
_GAP_SECONDS = 0.05
_News: TypeAlias = tuple[Told, list[WatchAccessResponse]]
_log = structlog.get_logger(__name__)


class Watch:
    """The nodes that watch, and the one task that looks for changes on behalf of them all.

    `poll` and `heartbeat` are seconds: between two looks for what other processes changed, and the longest
    silence on a stream, after which its caller is admitted anew.
    """

    def __init__(self, desk: Desk, poll: float, heartbeat: float) -> None:
        self._desk = desk
        self._poll = poll
        self._heartbeat = heartbeat
        self._watchers: set[asyncio.Event] = set()
        self._last_number = -1
        self._stopped = False

    async def events(self, context: Context) -> AsyncGenerator[WatchAccessResponse, None]:
        """What the calling node is told, until it hangs up or `SHUTTING_DOWN`.

        Raises what `admit` raises as soon as its certificate or its role is not good any more.
        """
        who = caller(context)
        changed = asyncio.Event()
        # From here on it hears of each change, so that none is lost between one look and the next.
        self._watchers.add(changed)
        try:
            told, responses = await self._news(who, NOTHING)
            responses.append(WatchAccessResponse(caught_up=CaughtUp()))
            _log.info("watch began", party=who.party.urn)
            while True:
                for response in responses:
                    yield response
                told, responses = await self._next(who, told, changed)
        finally:
            self._watchers.discard(changed)
            _log.info("watch ended", party=who.party.urn)

    async def _next(self, who: Caller, told: Told, changed: asyncio.Event) -> _News:
        """Waits until there is something to send: news, or a sign of life."""
        silent_until = asyncio.get_running_loop().time() + self._heartbeat
        while True:
            silent = False
            try:
                async with asyncio.timeout_at(silent_until):
                    await changed.wait()
            except TimeoutError:
                silent = True
            changed.clear()
            told, responses = await self._news(who, told)
            if silent and not responses:
                responses = [WatchAccessResponse(heartbeat=Heartbeat())]
            if responses:
                return told, responses

    async def _news(self, who: Caller, told: Told) -> _News:
        if self._stopped:
            raise StayputError(
                ErrorReason.ERROR_REASON_SHUTTING_DOWN,
                "the comparator is stopping",
                remedy="call again, at another replica or later",
            )
        return await self._desk.looking(who, _METHOD, partial(news, told=told))

    def wake(self) -> None:
        """Has `run` look for changes now."""
        self._desk.written.set()

    async def run(self) -> None:
        """Looks for changes until it is cancelled, which ends every stream."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await self._desk.written.wait()
                self._desk.written.clear()
                if self._watchers:
                    await self._look()
                    await asyncio.sleep(_GAP_SECONDS)
        finally:
            self._stopped = True
            self._tell()

    async def _look(self) -> None:
        try:
            number = await self._desk.in_thread(self._number)
        except (StayputError, DBAPIError) as error:
            # Each stream looks by itself at its next heartbeat, and ends if the store still fails.
            _log.warning("look for changes failed", type=type(error).__name__)
            return
        if number != self._last_number:
            self._last_number = number
            self._tell()

    def _number(self) -> int:
        with self._desk.database.reading() as store:
            return store.events.last_number()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed.set()
