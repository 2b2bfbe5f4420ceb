"""Totals over mutual TLS: what is told, of whom, and what is not."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.replicas import account
from provider_node.store.state import State
from stayput.outcomes import MATCH, MISMATCH, NOT_FOUND
from stayput.v1.access_pb2 import Limits
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, refused
from tests.provider_node.serving.counting import (
    asking,
    count,
    count_grant,
    count_in_chunks,
    counting,
    ended,
    outcomes_of,
    told,
    verified,
)
from tests.provider_node.serving.node import GRANT_ID, Clock, LocalNode, Material, grant
from tests.provider_node.serving.register import Person
from tests.provider_node.serving.replicated import ReplicatedNode

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

DAY = "2026-11-22"
MIXED = range(250)


@pytest.fixture(scope="module")
def counting_material(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Material:
    return counting(material, tmp_path_factory.mktemp("counting"))


@pytest.fixture(params=[LocalNode, ReplicatedNode], ids=["node", "replica"])
async def node(
    counting_material: Material, state: State, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[LocalNode]:
    """A node, or one that is asked at a replica of it."""
    made: LocalNode = request.param(counting_material, state, clock)
    await made.give(count_grant())
    async with made.listening():
        yield made


@pytest.fixture(autouse=True)
def few_names_in_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica names the records of a whole list to its node: in many messages."""
    monkeypatch.setattr(account, "PARCEL_NAMES", 7)


def people(numbers: Sequence[int]) -> list[Person]:
    """Records of each kind, as the register knows them, not quite, and not at all."""
    return [register.asked(number)[0] for number in numbers]


async def test_totals_are_told_at_the_end_and_no_outcomes(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    receipt = await count_in_chunks(node, consumer, people(MIXED), 60)
    key, name, plate = outcomes_of(MIXED)
    # Of those found too few have neither that name nor another for both to be told.
    assert told(receipt) == [
        {MATCH: key[MATCH], NOT_FOUND: key[NOT_FOUND]},
        {MATCH: name[MATCH]},
        {MATCH: plate[MATCH]},
    ]
    assert name[MISMATCH] >= 10 > key[MATCH] - name[MATCH] - name[MISMATCH]
    assert (receipt.records, receipt.distinct_records, receipt.outcome_bytes) == (250, 250, 0)
    assert (receipt.granularity, receipt.leakage) == (count_grant().granularities[0], "keyed-count/1")
    assert (receipt.count_minimum, receipt.noise_epsilon_milli) == (10, 0)
    assert node.receipts() == [receipt]
    assert node.state.used(GRANT_ID, DAY) == 250


async def test_the_final_chunk_may_be_empty(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = Stream(consumer, asking(node))
    await stream.open()
    await stream.ask(0, people(MIXED))
    await stream.ask(1, [], final=True)
    receipt = verified(await stream.receipt(node.material.verification_key))
    assert told(receipt)[0] == {MATCH: 188, NOT_FOUND: 62}


async def test_one_call_tells_the_same(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    receipt = await count(node, consumer, people(MIXED))
    assert told(receipt)[0] == {MATCH: 188, NOT_FOUND: 62}
    assert verified(node.receipts()[0]) == receipt


async def test_without_checks_only_the_key_is_counted(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    assert told(await count(node, consumer, people(MIXED), checks=())) == [{MATCH: 188, NOT_FOUND: 62}]


async def test_values_that_differ_are_told_if_enough_others_do_neither(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    # Every fifth person has no plate in the register; all others have another one, or that one.
    wrong = [Person(one.owner_id, one.name, "京B12345") for one in map(register.person, range(100))]
    right = [register.person(number) for number in range(100, 200) if number % 5]
    receipt = await count(node, consumer, wrong + right, checks=("plate",))
    assert told(receipt) == [{}, {MATCH: 80, MISMATCH: 80}]


async def test_a_record_counts_once_where_it_comes_first(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    once = [register.person(number) for number in range(1, 300, 3)]
    other_names = [Person(one.owner_id, "李四", one.plate) for one in once]
    strangers = [register.person(number) for number in range(300, 320)]
    listed = [*once, *strangers, *other_names, *once[:7], *strangers]
    receipt = await count_in_chunks(node, consumer, listed, 64)
    assert told(receipt)[:2] == [{MATCH: 100, NOT_FOUND: 20}, {}]
    assert (receipt.records, receipt.distinct_records) == (len(listed), 120)
    # Every repetition is charged.
    assert node.state.used(GRANT_ID, DAY) == len(listed)


async def test_small_totals_are_not_told(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    found = [register.person(number) for number in range(100)]
    nine = [register.person(number) for number in range(300, 309)]
    # Nor what would tell them: how many were found, and the 80 plates that agree of the 87 asked about.
    assert told(await count(node, consumer, found + nine)) == [{}, {}, {}]
    ten = [register.person(number) for number in range(400, 410)]
    assert told(await count(node, consumer, found + ten))[0] == {MATCH: 100, NOT_FOUND: 10}
    assert told(await count(node, consumer, found[:9] + nine + ten))[0] == {}


async def test_a_short_list_is_refused_at_its_end(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    nine = [register.person(number) for number in range(9)]
    with refused("LIST_TOO_SHORT", "records") as caught:
        await count(node, consumer, nine * 2)
    assert caught.value.details == {"limit": "10"}
    assert node.state.used(GRANT_ID, DAY) == 0
    with refused("LIST_TOO_SHORT"):
        await count_in_chunks(node, consumer, nine * 2, 9)
    # What was answered before the end is charged, and no total is told.
    assert node.state.used(GRANT_ID, DAY) == 9
    await node.sessions.all_closed()
    assert ended(node) == ["CUT_BY_NODE", "CUT_BY_NODE"]
    assert [told(receipt) for receipt in node.receipts()] == [[], []]


async def test_an_empty_list_is_too_short(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    with refused("LIST_TOO_SHORT"):
        await count(node, consumer, [])


async def test_a_grant_for_records_does_not_cover_totals_nor_the_other_way(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    with refused("GRANT_SCOPE", "granularity"):
        await Stream(consumer, node.asking()).open()
    given = count_grant()
    given.granularities[:] = grant().granularities
    await node.give(given)
    with refused("GRANT_SCOPE", "granularity"):
        await count(node, consumer, people(MIXED))


async def test_nothing_of_the_totals_is_kept_before_the_end(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, asking(node))
    await stream.open()
    await stream.ask(0, people(MIXED))
    (draft,) = node.state.open_sessions()
    assert (draft.records, draft.distinct_records, list(draft.tallies)) == (250, 250, [])
    assert (draft.count_minimum, draft.noise_epsilon_milli) == (10, 0)
    stream.call.cancel()
    await node.sessions.all_closed()
    assert ended(node) == ["CUT_BY_CONSUMER"]
    # A session that was cut leaves no list that the next one could be compared with.
    assert told(await count(node, consumer, people(MIXED)))[0]


async def test_a_crash_leaves_a_receipt_without_totals(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, asking(node))
    await stream.open()
    await stream.ask(0, people(MIXED))
    await node.desk.recover()
    receipt = verified(node.receipts()[0])
    assert (receipt.records, receipt.count_minimum, list(receipt.tallies)) == (250, 10, [])
    stream.call.cancel()


async def test_the_guards_see_every_record(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    await node.give(count_grant(Limits(miss_permille=500, miss_sample=20, noise_epsilon_milli=100)))
    found = [register.person(number) for number in range(50)]
    strangers = [register.person(number) for number in range(300, 321)]
    with refused("GRANT_NOT_ACTIVE") as caught:
        await count(node, consumer, found + strangers)
    assert caught.value.details["cause"] == "MISS_RATIO"
    with node.state.counts.reading() as txn:
        account = node.state.counts.account(txn, GRANT_ID)
    # Nothing was told, so there is nothing to compare with, and no privacy was lost.
    assert (account.lists, account.spent_milli) == (0, 0)
