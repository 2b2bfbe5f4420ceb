"""Calls that wait share a transaction; what one is refused for does not touch the others."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import TypeAlias

import pytest
from sqlalchemy import Connection, event
from structlog.testing import capture_logs

from comparator.domain.calendar import Calendar
from comparator.domain.policy import Call
from comparator.servicers.desk import Desk
from comparator.servicers.together import Together
from comparator.store.database import Store
from comparator.store.events import About
from stayput.errors import StayputError, field_invalid
from stayput.identity import Caller
from stayput.v1.log_pb2 import EventType
from tests.comparator.platform import Member, Platform
from tests.comparator.tree import verified_tree

_METHOD = "/stayput.v1.LogService/AppendReceipts"
_WAITING = 7
_Work: TypeAlias = Callable[[Call], int | StayputError]
_Asked: TypeAlias = _Work | StayputError
_Together: TypeAlias = Together[_Asked, _Work, int]


@pytest.fixture
def desk(platform: Platform) -> Iterator[Desk]:
    with ThreadPoolExecutor(2) as threads:
        yield Desk(platform.database, platform.clock, threads, lambda: Calendar({}))


@pytest.fixture
def who(platform: Platform, node: Member) -> Caller:
    with platform.database.reading() as store:
        active = store.parties.active(node.party)
    assert active is not None
    return Caller(node.party, active.thumbprint)


@pytest.fixture
def commits(platform: Platform) -> list[Connection]:
    """Grows with each commit over the test's own connections."""
    seen: list[Connection] = []
    event.listen(platform.database.engine, "commit", seen.append)
    return seen


def _noting(number: int) -> Callable[[Call], int]:
    def work(call: Call) -> int:
        kind = EventType.EVENT_TYPE_RESOURCE_PUBLISHED
        call.store.events.add(kind, call.party.urn, call.now, About(resource=f"r-{number}"))
        return number

    return work


class _Calls:
    """Each call asks for a function to be run for it, or for a refusal before it comes to that."""

    def __init__(self, desk: Desk, heaviest: int = 100) -> None:
        self._prepared = asyncio.Semaphore(0)
        self._together: _Together = Together(desk, _METHOD, self._prepare, _run, heaviest)

    async def call(self, who: Caller, asked: _Asked) -> int:
        return await self._together.writing(who, asked, 1)

    async def prepared(self, many: int) -> None:
        """Waits until so many more calls have only their transaction before them."""
        for _ in range(many):
            await self._prepared.acquire()

    async def _prepare(self, asked: Sequence[tuple[Caller, _Asked]]) -> Sequence[_Asked]:
        for _ in asked:
            self._prepared.release()
        return [each for _, each in asked]


def _run(_store: Store, calls: Sequence[tuple[Call, _Work]], _now: datetime) -> list[int | StayputError]:
    return [work(call) for call, work in calls]


class _Busy:
    """A first call that keeps its transaction open until it is let go."""

    def __init__(self) -> None:
        self.began, self.ends = threading.Event(), threading.Event()

    def work(self, _call: Call) -> int:
        self.began.set()
        assert self.ends.wait(60)
        return -1


async def _all_at_once(calls: _Calls, who: Caller, asked: Sequence[_Asked]) -> list[int | BaseException]:
    """The outcomes of calls that all came, and were prepared, while a transaction was under way."""
    busy = _Busy()
    first = asyncio.create_task(calls.call(who, busy.work))
    await asyncio.to_thread(busy.began.wait, 60)
    others = [asyncio.create_task(calls.call(who, each)) for each in asked]
    await calls.prepared(1 + len(asked))
    busy.ends.set()
    assert await first == -1
    return await asyncio.gather(*others, return_exceptions=True)


async def test_calls_that_wait_share_a_transaction(
    platform: Platform, desk: Desk, who: Caller, commits: list[Connection]
) -> None:
    before = verified_tree(platform.database).size
    commits.clear()
    calls = _Calls(desk, heaviest=100)
    outcomes = await _all_at_once(calls, who, [_noting(number) for number in range(_WAITING)])
    assert outcomes == list(range(_WAITING))
    assert len(commits) == 2
    assert verified_tree(platform.database).size == before + _WAITING


async def test_a_transaction_is_no_heavier_than_it_may_be(
    platform: Platform, desk: Desk, who: Caller, commits: list[Connection]
) -> None:
    calls = _Calls(desk, heaviest=3)
    outcomes = await _all_at_once(calls, who, [_noting(number) for number in range(_WAITING)])
    assert outcomes == list(range(_WAITING))
    assert len(commits) == 1 + 3


async def test_a_refusal_is_one_callers_alone(platform: Platform, desk: Desk, who: Caller) -> None:
    def refusing_with_an_event(call: Call) -> StayputError:
        _noting(9)(call)
        return field_invalid("receipts", "refused and told")

    before = verified_tree(platform.database).size
    early = field_invalid("receipts", "refused")
    asked: list[_Asked] = [_noting(0), early, refusing_with_an_event, _noting(3)]
    first, second, third, last = await _all_at_once(_Calls(desk), who, asked)
    assert (first, last) == (0, 3)
    assert second is early
    assert str(third) == str(field_invalid("receipts", "refused and told"))
    assert verified_tree(platform.database).size == before + 3


async def test_calls_answered_together_share_a_line_in_the_process_log(desk: Desk, who: Caller) -> None:
    refused = field_invalid("receipts", "refused")
    with capture_logs() as lines:
        await _all_at_once(_Calls(desk), who, [_noting(0), refused, _noting(2), _noting(3)])
    assert [(line["event"], line["result"], line["calls"]) for line in lines] == [
        ("calls", "OK", 1),
        ("calls", "OK", 3),
    ]
    assert {line["parties"] for line in lines} == {who.party.urn}
    assert {line["method"] for line in lines} == {_METHOD}


async def test_who_may_not_is_refused_among_others(platform: Platform, desk: Desk, who: Caller) -> None:
    calls = _Calls(desk)
    stranger = Caller(who.party, "another certificate")
    good, *bad = await asyncio.gather(
        calls.call(who, _noting(1)),
        calls.call(stranger, _noting(2)),
        # What is wrong with its call is not for it to know.
        calls.call(stranger, field_invalid("receipts", "refused")),
        return_exceptions=True,
    )
    assert good == 1
    assert [each.reason_name for each in bad if isinstance(each, StayputError)] == ["CERTIFICATE_UNKNOWN"] * 2


async def test_a_fault_is_everyones_and_nothing_is_stored(
    platform: Platform, desk: Desk, who: Caller
) -> None:
    def failing(call: Call) -> int:
        raise ArithmeticError

    before = verified_tree(platform.database)
    calls = _Calls(desk)
    outcomes = await _all_at_once(calls, who, [_noting(0), failing, _noting(2)])
    assert [type(each) for each in outcomes] == [ArithmeticError] * 3
    assert verified_tree(platform.database) == before
    assert await calls.call(who, _noting(3)) == 3


async def test_a_fault_before_the_transaction_is_everyones_too(desk: Desk, who: Caller) -> None:
    async def failing(asked: Sequence[tuple[Caller, int]]) -> Sequence[int]:
        if any(each for _, each in asked):
            raise ArithmeticError
        return [0] * len(asked)

    def count(_store: Store, calls: Sequence[tuple[Call, int]], _now: datetime) -> list[int]:
        return [len(calls)] * len(calls)

    together: Together[int, int, int] = Together(desk, _METHOD, failing, count, 100)
    outcomes = await asyncio.gather(
        *(together.writing(who, asked, 1) for asked in (0, 1)), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [ArithmeticError] * 2
    assert await together.writing(who, 0, 1) == 1


async def test_who_leaves_does_not_take_the_others_along(platform: Platform, desk: Desk, who: Caller) -> None:
    calls = _Calls(desk)
    busy = _Busy()
    first = asyncio.create_task(calls.call(who, busy.work))
    await asyncio.to_thread(busy.began.wait, 60)
    leaving, staying = (asyncio.create_task(calls.call(who, _noting(n))) for n in range(2))
    await calls.prepared(3)
    for task in (first, leaving):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    busy.ends.set()
    assert await staying == 1
