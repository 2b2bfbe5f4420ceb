"""Streams a list through a session: preparing in a thread, asking, and handing over answers in order.

Memory holds the chunks under way. (One exception: lines that are all INVALID and follow the last chunk of
valid ones wait, already rendered, until that chunk is answered, because the output keeps the list's order.)
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from stayput.errors import StayputError
from stayput_client.exchange import SessionBroken
from stayput_client.question import Answered, Sifted
from stayput_client.results import Concluded

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R")
S = TypeVar("S", bound=Sifted)


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Some consecutive records: what the caller wants back with the answers, and raw values by field."""

    payload: T
    values: Mapping[str, list[str]]


class Sink(Protocol[T_contra, R]):
    """Where answers go. Both methods are called in threads, `take` once for each batch and in order."""

    def render(self, payload: T_contra, answered: Answered) -> R:
        """What is to be kept of a batch, without side effects."""

    def take(self, rendered: R) -> None:
        """Keeps it."""


class Asker(Protocol[S]):
    """What makes records into what is sent, and codes into what is said of them."""

    def prepare(self, values: Mapping[str, list[str]]) -> S:
        """What is sent of a batch; called in a thread, once for each batch and in order."""

    def answered(self, sifted: S, answer: bytes | None) -> Answered:
        """What is said of a batch, given the outcome bytes of the records sent (None: not answered)."""


class Answering(Protocol):
    """A session, or several in a row, that answer what is asked: `concluded` is there at the end."""

    concluded: Concluded | None

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def answers(self) -> AsyncGenerator[bytes]:
        """Outcome bytes of each batch in order, in columns; raises `SessionBroken`."""


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T, S]):
    """A batch that waits for its answer."""

    payload: T
    prepared: S


@dataclass(frozen=True, slots=True)
class _Settled(Generic[R]):
    """A batch without a record that could be asked about."""

    rendered: R


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: concluded, without a session because nothing could be asked, or cut short by `cut`."""

    concluded: Concluded | None
    cut: StayputError | None


class _Feed(Generic[T, R, S]):
    """Prepares batches in a thread, one ahead of what was taken, so that sending overlaps with preparing."""

    def __init__(self, question: Asker[S], batches: Iterator[Batch[T]], sink: Sink[T, R]) -> None:
        self._question = question
        self._batches = batches
        self._sink = sink
        self._ahead: asyncio.Future[_Asked[T, S] | _Settled[R] | None] | None = None

    def _draw(self) -> "asyncio.Future[_Asked[T, S] | _Settled[R] | None]":
        return asyncio.ensure_future(asyncio.to_thread(self._prepare_next))

    def _prepare_next(self) -> _Asked[T, S] | _Settled[R] | None:
        batch = next(self._batches, None)
        if batch is None:
            return None
        prepared = self._question.prepare(batch.values)
        if prepared.sent:
            return _Asked(batch.payload, prepared)
        return _Settled(self._sink.render(batch.payload, self._question.answered(prepared, None)))

    async def take(self) -> _Asked[T, S] | _Settled[R] | None:
        """The next batch, or None at the end. What was drawn survives a cancelled take."""
        if self._ahead is None:
            self._ahead = self._draw()
        ready = await asyncio.shield(self._ahead)
        if ready is not None:
            self._ahead = self._draw()
        return ready

    async def close(self) -> None:
        """Waits for the thread, so that the iterator can be closed."""
        if self._ahead is not None:
            await asyncio.gather(self._ahead, return_exceptions=True)


class Run(Generic[T, R, S]):
    """One list on its way through one session into a sink."""

    def __init__(self, question: Asker[S], batches: Iterator[Batch[T]], sink: Sink[T, R]) -> None:
        self._question = question
        self._feed = _Feed(question, batches, sink)
        self._sink = sink
        self._waiting: deque[_Asked[T, S] | _Settled[R]] = deque()
        self._any_answered = False

    async def through(self, begin: Callable[[S, AsyncIterator[S]], Awaitable[Answering]]) -> Ended:
        """Opens a session with `begin` if there is anything to ask, and sees the whole list through.

        Raises what refuses or spoils the session; a failure after the first answer ends it as cut short
        instead, with the rest of the list handed over unanswered.
        """
        try:
            ended = Ended(None, None)
            if (first := await self._first()) is not None:
                async with aclosing(self._following()) as following:
                    ended = await self._ask(await begin(first, following))
            await self._hand_over_rest()
        finally:
            await self._feed.close()
        return ended

    async def _first(self) -> S | None:
        while (ready := await self._feed.take()) is not None:
            if isinstance(ready, _Asked):
                self._waiting.append(ready)
                return ready.prepared
            await self._hand_over(ready, None)
        return None

    async def _following(self) -> AsyncGenerator[S]:
        # Runs beside the reading of answers, so it never hands over anything: that would break the order.
        while (ready := await self._feed.take()) is not None:
            self._waiting.append(ready)
            if isinstance(ready, _Asked):
                yield ready.prepared

    async def _ask(self, exchange: Answering) -> Ended:
        try:
            async with exchange, aclosing(exchange.answers()) as answers:
                async for answer in answers:
                    self._any_answered = True
                    await self._hand_over(self._waiting.popleft(), answer)
                    while self._waiting and isinstance(self._waiting[0], _Settled):
                        await self._hand_over(self._waiting.popleft(), None)
        except SessionBroken as broken:
            if not self._any_answered:
                raise broken.cause from None
            return Ended(None, broken.cause)
        return Ended(exchange.concluded, None)

    async def _hand_over_rest(self) -> None:
        while self._waiting:
            await self._hand_over(self._waiting.popleft(), None)
        while (ready := await self._feed.take()) is not None:
            await self._hand_over(ready, None)

    async def _hand_over(self, ready: _Asked[T, S] | _Settled[R], answer: bytes | None) -> None:
        await asyncio.to_thread(self._finish, ready, answer)

    def _finish(self, ready: _Asked[T, S] | _Settled[R], answer: bytes | None) -> None:
        if isinstance(ready, _Asked):
            answered = self._question.answered(ready.prepared, answer)
            self._sink.take(self._sink.render(ready.payload, answered))
        else:
            self._sink.take(ready.rendered)
