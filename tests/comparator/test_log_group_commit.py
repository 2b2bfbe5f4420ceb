"""Calls that wait share a transaction; what one is refused for does not touch the others."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeAlias

import pytest
from sqlalchemy import Connection, event

from comparator.domain.calendar import Calendar
from comparator.domain.policy import Call
from comparator.servicers.desk import Desk
from comparator.servicers.together import Together
from comparator.store.events import About
from stayput.errors import StayputError, field_invalid
from stayput.identity import Caller
from stayput.v1.log_pb2 import EventType
from tests.comparator.platform import Member, Platform
from tests.comparator.tree import verified_tree

_METHOD = "/stayput.v1.LogService/AppendReceipts"
_WAITING = 7
_Work: TypeAlias = Callable[[Call], int | StayputError]


@pytest.fixture
def desk(platform: Platform) -> Iterator[Desk]:
    with ThreadPoolExecutor(2) as threads:
        yield Desk(platform.database, platform.clock, threads, lambda: Calendar({}))


@pytest.fixture
def who(platform: Platform, node: Member) -> Caller:
    with platform.database.reading() as store:
        active = store.parties.active(node.party)
    assert active is not None
    return Caller(node.party, active[1].thumbprint)


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


class _Busy:
    """A first call that keeps its transaction open until it is let go."""

    def __init__(self) -> None:
        self.began, self.ends = threading.Event(), threading.Event()

    def work(self, _call: Call) -> int:
        self.began.set()
        assert self.ends.wait(60)
        return -1


async def _all_at_once(
    together: Together[int], who: Caller, works: Sequence[_Work]
) -> list[int | BaseException]:
    """The outcomes of calls that all came while a transaction was under way."""
    busy = _Busy()
    first = asyncio.create_task(together._outcome(who, busy.work, 1))
    await asyncio.to_thread(busy.began.wait, 60)
    others = [asyncio.create_task(together._outcome(who, work, 1)) for work in works]
    # One turn of the loop: each has begun, and waits.
    await asyncio.sleep(0)
    busy.ends.set()
    assert await first == -1
    return await asyncio.gather(*others, return_exceptions=True)


async def test_calls_that_wait_share_a_transaction(
    platform: Platform, desk: Desk, who: Caller, commits: list[Connection]
) -> None:
    before = verified_tree(platform.database).size
    commits.clear()
    together: Together[int] = Together(desk, _METHOD, heaviest=100)
    outcomes = await _all_at_once(together, who, [_noting(number) for number in range(_WAITING)])
    assert outcomes == list(range(_WAITING))
    assert len(commits) == 2
    assert verified_tree(platform.database).size == before + _WAITING


async def test_a_transaction_is_no_heavier_than_it_may_be(
    platform: Platform, desk: Desk, who: Caller, commits: list[Connection]
) -> None:
    together: Together[int] = Together(desk, _METHOD, heaviest=3)
    outcomes = await _all_at_once(together, who, [_noting(number) for number in range(_WAITING)])
    assert outcomes == list(range(_WAITING))
    assert len(commits) == 1 + 3


async def test_a_refusal_is_one_callers_alone(platform: Platform, desk: Desk, who: Caller) -> None:
    def refusing(call: Call) -> int:
        raise field_invalid("receipts", "refused")

    def refusing_with_an_event(call: Call) -> StayputError:
        _noting(9)(call)
        return field_invalid("receipts", "refused and told")

    before = verified_tree(platform.database).size
    together: Together[int] = Together(desk, _METHOD, heaviest=100)
    works: list[_Work] = [_noting(0), refusing, refusing_with_an_event, _noting(3)]
    first, second, third, last = await _all_at_once(together, who, works)
    assert (first, last) == (0, 3)
    assert [str(each) for each in (second, third) if isinstance(each, StayputError)] == [
        str(field_invalid("receipts", "refused")),
        str(field_invalid("receipts", "refused and told")),
    ]
    assert verified_tree(platform.database).size == before + 3


async def test_who_may_not_is_refused_among_others(platform: Platform, desk: Desk, who: Caller) -> None:
    together: Together[int] = Together(desk, _METHOD, heaviest=100)
    stranger = Caller(who.party, "another certificate")
    good, bad = await asyncio.gather(
        together._outcome(who, _noting(1), 1),
        together._outcome(stranger, _noting(2), 1),
        return_exceptions=True,
    )
    assert good == 1
    assert isinstance(bad, StayputError)
    assert bad.reason_name == "CERTIFICATE_UNKNOWN"


async def test_a_fault_is_everyones_and_nothing_is_stored(
    platform: Platform, desk: Desk, who: Caller
) -> None:
    def failing(call: Call) -> int:
        raise ArithmeticError

    before = verified_tree(platform.database)
    together: Together[int] = Together(desk, _METHOD, heaviest=100)
    outcomes = await _all_at_once(together, who, [_noting(0), failing, _noting(2)])
    assert [type(each) for each in outcomes] == [ArithmeticError] * 3
    assert verified_tree(platform.database) == before
    assert await together._outcome(who, _noting(3), 1) == 3


async def test_who_leaves_does_not_take_the_others_along(platform: Platform, desk: Desk, who: Caller) -> None:
    together: Together[int] = Together(desk, _METHOD, heaviest=100)
    busy = _Busy()
    first = asyncio.create_task(together._outcome(who, busy.work, 1))
    await asyncio.to_thread(busy.began.wait, 60)
    leaving, staying = (asyncio.create_task(together._outcome(who, _noting(n), 1)) for n in range(2))
    await asyncio.sleep(0)
    for task in (first, leaving):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    busy.ends.set()
    assert await staying == 1
