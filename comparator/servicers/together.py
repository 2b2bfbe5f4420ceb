"""Group commit: calls that come while a transaction is under way share the next one and its flush to disk."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

from comparator.domain.policy import Call, admit
from comparator.servicers.desk import Desk
from comparator.store.database import Store
from stayput.errors import StayputError
from stayput.identity import Caller

_A = TypeVar("_A")
_P = TypeVar("_P")
_T = TypeVar("_T")
# What comes before the transaction: for what each caller asks, what is needed of it, in their order.
_Prepare: TypeAlias = Callable[[Sequence[tuple[Caller, _A]]], Awaitable[Sequence[_P | StayputError]]]
# What is done in it for calls, with what is needed of each, at one time: for each its outcome.
_Work: TypeAlias = Callable[[Store, Sequence[tuple[Call, _P]], datetime], Sequence[_T | StayputError]]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_A, _T]):
    """A call that waits since `came`, with what it asks at this stage and how much it brings."""

    who: Caller
    came: float
    asked: _A
    weight: int
    outcome: "asyncio.Future[_T | StayputError]"


class _Stage(Generic[_A, _T]):
    """Deals with what waits, one group after the other; each is what came while the one before was.

    Weights of a group come to at most `heaviest`, unless a single call has more.
    """

    def __init__(self, deal: Callable[[list[_Waiting[_A, _T]]], Awaitable[None]], heaviest: int) -> None:
        self._deal = deal
        self._heaviest = heaviest
        self._waiting: list[_Waiting[_A, _T]] = []
        self._dealing: asyncio.Task[None] | None = None

    def put(self, calls: Sequence[_Waiting[_A, _T]]) -> None:
        """Has them wait here."""
        self._waiting += calls
        if self._dealing is None:
            self._dealing = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            group = self._next_group()
            dealt = asyncio.ensure_future(self._deal(group))
            await asyncio.wait([dealt])
            fault = dealt.exception()
            for one in group:
                # Who has left is not told, and does not take the others along.
                if fault is not None and not one.outcome.done():
                    one.outcome.set_exception(fault)
        self._dealing = None

    def _next_group(self) -> list[_Waiting[_A, _T]]:
        many, weight = 1, self._waiting[0].weight
        for one in self._waiting[1:]:
            weight += one.weight
            if weight > self._heaviest:
                break
            many += 1
        group, self._waiting = self._waiting[:many], self._waiting[many:]
        return group


class Together(Generic[_A, _P, _T]):
    """Runs calls of one method in as few writing transactions as possible, each alone among writers.

    While some calls are stored the next ones are prepared.
    """

    def __init__(
        self, desk: Desk, method: str, prepare: _Prepare[_A, _P], work: _Work[_P, _T], heaviest: int
    ) -> None:
        """`work` changes no party, and of a call that it refuses it writes only what outlives the refusal.

        A refusal, also by `prepare`, is one call's alone, and raised when all else is durable; whoever may
        not call is told that first. A fault is that of all calls of a group.
        """
        self._desk = desk
        self._method = method
        self._prepare = prepare
        self._work = work
        self._preparing: _Stage[_A, _T] = _Stage(self._prepare_group, heaviest)
        self._storing: _Stage[_P | StayputError, _T] = _Stage(self._store_group, heaviest)

    async def writing(self, who: Caller, asked: _A, weight: int) -> _T:
        """What `work` returns for an admitted call that asks this, when what it has written is durable.

        The log has one line for all calls that are answered together; whoever awaits this logs refusals.
        """
        future: asyncio.Future[_T | StayputError] = asyncio.get_running_loop().create_future()
        self._preparing.put([_Waiting(who, time.perf_counter(), asked, weight, future)])
        outcome = await future
        if isinstance(outcome, StayputError):
            raise outcome
        return outcome

    async def _prepare_group(self, group: list[_Waiting[_A, _T]]) -> None:
        prepared = await self._prepare([(one.who, one.asked) for one in group])
        self._storing.put(
            [
                _Waiting(one.who, one.came, asked, one.weight, one.outcome)
                for one, asked in zip(group, prepared, strict=True)
            ]
        )

    async def _store_group(self, group: list[_Waiting[_P | StayputError, _T]]) -> None:
        try:
            outcomes = await self._desk.in_thread(lambda: self._transaction(group))
        finally:
            self._desk.written.set()
        answered = []
        for one, outcome in zip(group, outcomes, strict=True):
            if not one.outcome.done():
                one.outcome.set_result(outcome)
                if not isinstance(outcome, StayputError):
                    answered.append(one)
        if answered:
            parties = [one.who.party.urn for one in answered]
            self._desk.log_calls(self._method, parties, min(one.came for one in answered))

    def _transaction(self, group: Sequence[_Waiting[_P | StayputError, _T]]) -> Sequence[_T | StayputError]:
        outcomes: dict[int, _T | StayputError] = {}
        admitted: dict[int, tuple[Call, _P]] = {}
        with self._desk.database.writing_for({one.who.party for one in group}) as store:
            now = self._desk.clock()
            for number, one in enumerate(group):
                try:
                    call = admit(store, one.who, self._method, now, self._desk.calendar)
                except StayputError as refusal:
                    outcomes[number] = refusal
                    continue
                if isinstance(one.asked, StayputError):
                    outcomes[number] = one.asked
                else:
                    admitted[number] = call, one.asked
            done = self._work(store, list(admitted.values()), now)
        outcomes.update(zip(admitted, done, strict=True))
        return [outcomes[number] for number in range(len(group))]
