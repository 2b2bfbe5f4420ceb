"""Group commit: calls that come while a transaction is under way share the next one and its flush to disk."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from comparator.domain.policy import Call, admit
from comparator.servicers.desk import Desk
from stayput.errors import StayputError
from stayput.identity import Caller
from stayput.rpc.server import Context, caller

_T = TypeVar("_T")
_Work: TypeAlias = Callable[[Call], _T | StayputError]


@dataclass(slots=True)
class _Group(Generic[_T]):
    """Calls that share a transaction, how much they bring, and their outcomes once it is durable."""

    asked: list[tuple[Caller, _Work[_T]]] = field(default_factory=list)
    weight: int = 0
    stored: asyncio.Task[list[_T | StayputError]] | None = None


class Together(Generic[_T]):
    """Runs calls of one method in as few writing transactions as possible, each alone among writers."""

    def __init__(self, desk: Desk, method: str, heaviest: int) -> None:
        self._desk = desk
        self._method = method
        self._heaviest = heaviest
        self._turn = asyncio.Lock()
        self._open: _Group[_T] = _Group()

    async def writing(self, context: Context, work: _Work[_T], weight: int) -> _T:
        """What `work` returns for an admitted call, when what it has written is durable.

        A refusal that it raises must come before it writes anything, for the transaction goes on with the
        others; one that it returns is raised when all is durable. Weights of one transaction's calls come to
        at most `heaviest`, unless a single call has more.
        """
        who = caller(context)
        return await self._desk.logged(self._method, who.party.urn, self._outcome(who, work, weight))

    async def _outcome(self, who: Caller, work: _Work[_T], weight: int) -> _T:
        if self._open.asked and self._open.weight + weight > self._heaviest:
            self._open = _Group()
        group, number = self._open, len(self._open.asked)
        group.asked.append((who, work))
        group.weight += weight
        if group.stored is None:
            group.stored = asyncio.create_task(self._store(group))
        try:
            # A caller that leaves does not take the others' transaction with it.
            outcome = (await asyncio.shield(group.stored))[number]
        finally:
            self._desk.written.set()
        if isinstance(outcome, StayputError):
            raise outcome
        return outcome

    async def _store(self, group: _Group[_T]) -> list[_T | StayputError]:
        async with self._turn:
            if self._open is group:
                self._open = _Group()
            return await self._desk.in_thread(lambda: self._transaction(group))

    def _transaction(self, group: _Group[_T]) -> list[_T | StayputError]:
        outcomes: list[_T | StayputError] = []
        desk = self._desk
        with desk.database.writing() as store:
            for who, work in group.asked:
                try:
                    outcomes.append(work(admit(store, who, self._method, desk.clock(), desk.calendar)))
                except StayputError as error:
                    outcomes.append(error)
        return outcomes
