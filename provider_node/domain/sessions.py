"""The sessions of a node, or of a replica of it: opened as consumers ask, and closed however they end."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from provider_node.domain.accounts import Account, Clock
from provider_node.domain.comparison import Comparison
from provider_node.domain.desk import Admitted, Desk
from provider_node.domain.evaluation import Evaluation
from provider_node.domain.fetch import Fetch
from provider_node.domain.identity import NodeNames
from provider_node.domain.opening import Opening
from provider_node.domain.serving import Serving
from provider_node.domain.session import Session
from stayput.errors import field_invalid
from stayput.identity import Caller
from stayput.v1.comparison_pb2 import FetchFingerprintsRequest, SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import SessionEnd

_GRANULARITIES: Final = (Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT)
_Kind = TypeVar("_Kind", bound=Session)


class Sessions:
    """Opens sessions."""

    def __init__(
        self,
        desk: Desk,
        names: NodeNames,
        clock: Clock,
        serving: Callable[[str], Serving],
        opened: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`serving` gives what answers a session on a resource; it runs in a thread.

        If that may take long, `opened` is what to wait for before, which takes no thread.
        """
        self._desk = desk
        self._names = names
        self._clock = clock
        self._serving = serving
        self._opened = opened
        self._closing: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(os.cpu_count() or 1)
        self.stopping = asyncio.Event()

    @property
    def open_count(self) -> int:
        """Sessions under way."""
        return self._desk.under_way.count

    def stop(self) -> None:
        """Sessions that are cancelled from now on were cut by the node."""
        self.stopping.set()

    async def all_closed(self) -> None:
        """Returns when every session has ended and its receipt is durable."""
        await self._desk.under_way.all_closed()

    def open(self, asked: SessionOpen, caller: Caller) -> AbstractAsyncContextManager[Comparison]:
        """A session in keyed mode for the length of the block; however that ends, there is one receipt.

        Raises what is wrong with request, ticket, grant, contract or seal; then nothing is kept.
        """
        return self._open(asked, caller, Mode.MODE_KEYED, Opening.comparison)

    def open_evaluation(self, asked: SessionOpen, caller: Caller) -> AbstractAsyncContextManager[Evaluation]:
        """As `open`, in oblivious mode."""
        return self._open(asked, caller, Mode.MODE_OBLIVIOUS, lambda opening: opening.evaluation(self._turns))

    def open_fetch(
        self, request: FetchFingerprintsRequest, caller: Caller
    ) -> AbstractAsyncContextManager[Fetch]:
        """As `open`, for fingerprints; they are charged for before the block."""
        return self._open(request.open, caller, Mode.MODE_OBLIVIOUS, lambda opening: opening.fetch(request))

    @asynccontextmanager
    async def _open(
        self, asked: SessionOpen, caller: Caller, mode: "Mode.ValueType", made: Callable[[Opening], _Kind]
    ) -> AsyncIterator[_Kind]:
        now = self._clock()
        _check_request(asked, mode)
        admitted = await self._desk.admit(asked, caller, now)
        try:
            if self._opened is not None:
                # A generation that has just been switched to is verified as a whole when it is first opened.
                await self._opened(asked.contract.resource)
            session = await asyncio.to_thread(self._made, asked, admitted, now, made)
            admitted.account.open(session.stop)
        except BaseException:
            await self._uncancelled(admitted.account.close())
            raise
        end = SessionEnd.SESSION_END_CUT_BY_NODE
        try:
            await session.begin()
            yield session
        except (asyncio.CancelledError, GeneratorExit):
            if not self.stopping.is_set():
                end = SessionEnd.SESSION_END_CUT_BY_CONSUMER
            raise
        finally:
            await self._uncancelled(_closed(session, admitted.account, end))

    async def _uncancelled(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits for it; it comes to its end even if the caller is cancelled."""
        closing = asyncio.create_task(work)
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        await asyncio.shield(closing)

    def _made(
        self, asked: SessionOpen, admitted: Admitted, now: datetime, made: Callable[[Opening], _Kind]
    ) -> _Kind:
        serving = self._serving(asked.contract.resource)
        return made(Opening(self._names, asked, admitted, serving, now, self._clock))


async def _closed(session: Session, account: Account, end: "SessionEnd.ValueType") -> None:
    try:
        await session.cut(end)
    finally:
        await account.close()


def _check_request(asked: SessionOpen, mode: "Mode.ValueType") -> None:
    if asked.mode != mode:
        name = Mode.Name(mode)
        raise field_invalid("mode", f"this call serves {name}", f"ask for {name}, or use the other call")
    if asked.granularity not in _GRANULARITIES:
        raise field_invalid("granularity", "must be known", "ask for GRANULARITY_RECORD or GRANULARITY_COUNT")
    if len(set(asked.checks)) != len(asked.checks):
        raise field_invalid("checks", "each check may be named once", "leave out the repetitions")
    if mode == Mode.MODE_KEYED and (asked.oblivious_suite or asked.key_epoch):
        raise field_invalid(
            "oblivious_suite", "has no meaning in keyed mode", "leave it and `key_epoch` empty"
        )
