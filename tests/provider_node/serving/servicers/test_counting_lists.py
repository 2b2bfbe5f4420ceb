"""Totals of one list after another: which lists are refused for those before them, and what noise costs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.grants import GivenGrants
from provider_node.domain.notices import Notices
from provider_node.domain.platform import Platform
from provider_node.store import counts as store
from provider_node.store.state import State
from stayput.outcomes import MATCH
from stayput.v1.access_pb2 import Limits
from stayput.v1.admin_pb2 import AmendGrantRequest
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.counting import (
    OTHER_GRANT,
    count,
    count_grant,
    count_in_chunks,
    counting,
    ended,
    told,
)
from tests.provider_node.serving.node import GRANT_ID, NOW, Clock, LocalNode, Material

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

DAY = "2026-11-22"
NOISE = Limits(noise_epsilon_milli=500, noise_budget_milli=1_200)


@pytest.fixture(scope="module")
def counting_material(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Material:
    return counting(material, tmp_path_factory.mktemp("counting"))


@pytest.fixture
def node(counting_material: Material, state: State, clock: Clock) -> LocalNode:
    return LocalNode(counting_material, state, clock)


@asynccontextmanager
async def serving(node: LocalNode, limits: Limits | None = None) -> AsyncIterator["Counted"]:
    """The node listens, under a grant of these limits, for the length of the block."""
    await node.give(count_grant(limits))
    async with node.listening(), node.called_by() as (consumer, _):
        yield Counted(node, consumer)


class Counted:
    """The consumer's lists, of numbers in the register."""

    def __init__(self, node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
        self._node = node
        self._consumer = consumer

    async def whole(self, numbers: Sequence[int], grant_id: str = GRANT_ID) -> Receipt:
        people = [register.person(number) for number in numbers]
        return await count(self._node, self._consumer, people, grant_id=grant_id)

    async def in_chunks(self, numbers: Sequence[int], size: int) -> Receipt:
        people = [register.person(number) for number in numbers]
        return await count_in_chunks(self._node, self._consumer, people, size)

    def spent(self) -> tuple[int, int]:
        """Lists kept and privacy lost."""
        with self._node.state.counts.reading() as txn:
            account = self._node.state.counts.account(txn, GRANT_ID)
        return account.lists, account.spent_milli


@pytest.mark.parametrize(
    "later",
    [range(100), range(99, -1, -1), [*range(99), 150], range(91), range(109)],
    ids=["the same", "sorted otherwise", "one replaced", "a subset", "a superset"],
)
async def test_a_list_that_nearly_repeats_one_is_refused(node: LocalNode, later: Sequence[int]) -> None:
    async with serving(node) as counted:
        await counted.whole(range(100))
        with refused("LIST_OVERLAPS", "records") as caught:
            await counted.whole(later)
        assert caught.value.details == {"limit": "10"}
        with refused("LIST_OVERLAPS"):
            await counted.in_chunks(later, 50)
    # The quota is charged by the chunk, but for the last, which was not answered.
    assert node.state.used(GRANT_ID, DAY) == 100 + (len(later) - 1) // 50 * 50
    assert ended(node) == ["COMPLETE", "CUT_BY_NODE", "CUT_BY_NODE"]
    assert [len(told(receipt)) for receipt in node.receipts()] == [3, 0, 0]


async def test_repetitions_make_no_other_list(node: LocalNode) -> None:
    async with serving(node) as counted:
        await counted.whole(range(100))
        with refused("LIST_OVERLAPS"):
            await counted.whole([*range(100), *range(50)])


async def test_a_list_that_differs_enough_is_answered(node: LocalNode) -> None:
    async with serving(node) as counted:
        await counted.whole(range(100))
        await counted.whole(range(90))
        await counted.whole(range(200, 300))


async def test_another_grant_is_free_to_ask_the_same(node: LocalNode) -> None:
    await node.give(count_grant(grant_id=OTHER_GRANT))
    async with serving(node) as counted:
        await counted.whole(range(100))
        await counted.whole(range(100), OTHER_GRANT)
        with refused("LIST_OVERLAPS"):
            await counted.whole(range(1, 100), OTHER_GRANT)


async def test_any_session_lets_lists_of_grants_long_ended_be_forgotten(node: LocalNode) -> None:
    lasting = count_grant(grant_id=OTHER_GRANT)
    lasting.valid_until.FromDatetime(NOW + timedelta(days=700))
    await node.give(lasting)
    async with serving(node, NOISE) as counted:
        await counted.whole(range(100))
        for days, lists in ((310, 1), (30, 0)):
            node.clock.advance(days=days)
            await counted.whole(range(days, days + 100), OTHER_GRANT)
            assert counted.spent() == (lists, 500)


async def test_a_restart_forgets_no_list(counting_material: Material, tmp_path: Path, clock: Clock) -> None:
    for expected in ("answered", "refused"):
        state = State(tmp_path / "kept")
        async with serving(LocalNode(counting_material, state, clock), NOISE) as counted:
            if expected == "answered":
                await counted.whole(range(100))
            else:
                with refused("LIST_OVERLAPS"):
                    await counted.whole(range(99))
                assert counted.spent() == (1, 500)
        state.close()


async def test_noise_makes_totals_vary(node: LocalNode) -> None:
    lists = [range(start, start + 100) for start in range(0, 200, 10)]
    async with serving(node, Limits(noise_epsilon_milli=200)) as counted:
        receipts = [await counted.whole(numbers) for numbers in lists]
    # All 100 are in the register each time; the scale of the noise is 30.
    matched = [told(receipt)[0][MATCH] for receipt in receipts if MATCH in told(receipt)[0]]
    assert len(matched) > 10
    assert len(set(matched)) > 5
    assert {receipt.noise_epsilon_milli for receipt in receipts} == {200}
    assert all(count >= 10 for receipt in receipts for column in told(receipt) for count in column.values())


async def test_the_budget_ends(node: LocalNode) -> None:
    async with serving(node, NOISE) as counted:
        await counted.whole(range(100))
        await counted.in_chunks(range(100, 200), 40)
        with refused("QUOTA_EXCEEDED", "noise_budget_milli") as caught:
            await counted.whole(range(200, 300))
        assert caught.value.details == {"limit": "1200", "remaining": "200"}
        assert counted.spent() == (2, 1_000)
        assert node.state.used(GRANT_ID, DAY) == 200


async def test_what_is_refused_costs_no_budget(node: LocalNode) -> None:
    async with serving(node, NOISE) as counted:
        await counted.whole(range(100))
        for numbers, reason in ((range(101), "LIST_OVERLAPS"), (range(9), "LIST_TOO_SHORT")):
            with refused(reason):
                await counted.whole(numbers)
        assert counted.spent() == (1, 500)
        await counted.whole(range(200, 300))


async def test_what_the_quota_of_records_refuses_leaves_nothing(node: LocalNode) -> None:
    async with serving(node, Limits(records_per_day=150, noise_epsilon_milli=500)) as counted:
        await counted.whole(range(100))
        with refused("QUOTA_EXCEEDED", "records_per_day"):
            await counted.whole(range(100, 200))
        assert counted.spent() == (1, 500)
        node.clock.advance(days=1)
        await counted.whole(range(100, 200))


async def test_renewing_a_grant_makes_room_for_lists_and_gives_no_budget(
    node: LocalNode, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_LISTS", 2)
    notices = Notices(node.state.grants, platform)
    given = GivenGrants(node.material.identity, node.state, node.desk, notices, node.clock)
    async with serving(node, Limits(noise_epsilon_milli=500, noise_budget_milli=1_500)) as counted:
        await node.state.grants.mark_recorded(GRANT_ID)
        await counted.whole(range(100))
        await counted.whole(range(100, 200))
        with refused("QUOTA_EXCEEDED", "count_lists"):
            await counted.whole(range(200, 300))
        await given.amend(AmendGrantRequest(grant_id=GRANT_ID, limits=Limits(count_minimum=11)))
        with refused("QUOTA_EXCEEDED", "count_lists"):
            await counted.whole(range(200, 300))
        await given.amend(AmendGrantRequest(grant_id=GRANT_ID, valid_days=600))
        await counted.whole(range(200, 300))
        assert counted.spent() == (2, 1_500)
        with refused("LIST_OVERLAPS"):
            await counted.whole(range(100, 201))
        await given.amend(AmendGrantRequest(grant_id=GRANT_ID, valid_days=700))
        with refused("QUOTA_EXCEEDED", "noise_budget_milli"):
            await counted.whole(range(100))
