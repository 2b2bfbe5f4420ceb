"""Where every call is received: who calls, whether it may, and a transaction in a thread of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, TypeVar

import structlog

from comparator.domain.calendar import Calendar
from comparator.domain.policy import Call, admit
from comparator.store.database import Database, Store
from stayput.errors import StayputError
from stayput.identity import Caller
from stayput.rpc.server import Context, caller

Clock: TypeAlias = Callable[[], datetime]
_T = TypeVar("_T")
_Further: TypeAlias = Callable[[Call], None] | None
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """Store, clock and calendar, and the threads for transactions, which must not block the event loop.

    `written` is set after each call that may have written something.
    """

    database: Database
    clock: Clock
    threads: Executor
    calendar: Callable[[], Calendar]
    written: asyncio.Event = field(default_factory=asyncio.Event)

    async def reading(self, context: Context, method: str, work: Callable[[Call], _T]) -> _T:
        """What `work` returns for an admitted call; nothing is written."""
        who = caller(context)
        return await self._run(method, who.party.urn, lambda: self._read(who, method, work))

    async def writing(self, context: Context, method: str, work: Callable[[Call], _T]) -> _T:
        """The same in a writing transaction: when it returns, what was written is durable."""
        who = caller(context)
        try:
            return await self._run(method, who.party.urn, lambda: self._write(who, method, work))
        finally:
            self.written.set()

    async def reading_first(
        self, context: Context, method: str, work: Callable[[Call], tuple[_T, _Further]]
    ) -> _T:
        """What `work` returns first, for an admitted call, when what it wants written besides is durable.

        Nobody else's writing waits for `work`. What it wants written, if anything, has a transaction of its
        own, for which the call is admitted again.
        """
        who = caller(context)
        return await self.logged(method, who.party.urn, self._read_first(who, method, work))

    async def unidentified(self, method: str, work: Callable[[Store, datetime], _T]) -> _T:
        """The same for a call that comes without a certificate."""
        try:
            return await self._run(method, "", lambda: self._write_for_anyone(work))
        finally:
            self.written.set()

    async def looking(self, who: Caller, method: str, work: Callable[[Call], _T]) -> _T:
        """As `reading`, for one of many looks within one call: it is admitted each time, and not logged."""
        return await self.in_thread(lambda: self._read(who, method, work))

    async def in_thread(self, transaction: Callable[[], _T]) -> _T:
        """What `transaction` returns, run in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, transaction)

    async def logged(self, method: str, party: str, answer: Awaitable[_T]) -> _T:
        """What is awaited, with a line in the log about how it went."""
        began = time.perf_counter()
        answered = await self.logged_if_refused(method, party, answer)
        _log.info("call", method=method, party=party, result="OK", ms=_milliseconds_since(began))
        return answered

    async def logged_if_refused(self, method: str, party: str, answer: Awaitable[_T]) -> _T:
        """What is awaited, with a line in the log only if it is refused or fails."""
        began = time.perf_counter()
        result = "INTERNAL"
        try:
            answered = await answer
        except StayputError as error:
            result = error.reason_name
            raise
        else:
            result = ""
            return answered
        finally:
            if result:
                _log.info("call", method=method, party=party, result=result, ms=_milliseconds_since(began))

    def log_calls(self, method: str, parties: Sequence[str], began: float) -> None:
        """One line in the log for calls that went well together, the first of them since `began`.

        A line for each takes a tenth of the processor time that a receipt takes. `began` is a reading of
        `time.perf_counter`.
        """
        _log.info(
            "calls",
            method=method,
            parties=" ".join(dict.fromkeys(parties)),
            calls=len(parties),
            result="OK",
            ms=_milliseconds_since(began),
        )

    async def _run(self, method: str, party: str, transaction: Callable[[], _T]) -> _T:
        return await self.logged(method, party, self.in_thread(transaction))

    async def _read_first(self, who: Caller, method: str, work: Callable[[Call], tuple[_T, _Further]]) -> _T:
        found, further = await self.looking(who, method, work)
        if further is not None:
            write = further
            try:
                await self.in_thread(lambda: self._write(who, method, write))
            finally:
                self.written.set()
        return found

    def _read(self, who: Caller, method: str, work: Callable[[Call], _T]) -> _T:
        with self.database.reading() as store:
            return work(admit(store, who, method, self.clock(), self.calendar))

    def _write(self, who: Caller, method: str, work: Callable[[Call], _T]) -> _T:
        with self.database.writing() as store:
            return work(admit(store, who, method, self.clock(), self.calendar))

    def _write_for_anyone(self, work: Callable[[Store, datetime], _T]) -> _T:
        with self.database.writing() as store:
            return work(store, self.clock())


def _milliseconds_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
