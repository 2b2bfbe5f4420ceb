"""Fetching fingerprints: they are those described, in blocks, and what is held is charged for once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.domain import fetch as fetching_module
from provider_node.store.state import State
from stayput import requests
from stayput.evidence import check_receipt, check_statement
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import SIGNING_KEY, refused
from tests.provider_node.serving.node import (
    GRANT_ID,
    Clock,
    LocalNode,
    Material,
)
from tests.provider_node.serving.oblivious.consumer import COUNT, RESOURCE, fetching, granted, opening
from tests.provider_node.serving.oblivious.rebuilding import charge, evaluate, rebuilding
from tests.provider_node.serving.oblivious.streams import Evaluated, fetch

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

TODAY = "2026-11-22"
OTHER = "G-00000000000000000000000002"
COMPLETE = SessionEnd.SESSION_END_COMPLETE


@pytest.mark.parametrize("checks", [(), register.CHECKS, ("plate",)])
async def test_the_fingerprints_are_those_described(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", checks: Sequence[str]
) -> None:
    asking = opening(node, checks)
    fetched = await fetch(node, consumer, asking)
    assert len(fetched.columns) == len(asking.sets)
    for content, described in zip(fetched.columns, asking.sets, strict=True):
        numbers = [int.from_bytes(content[at : at + 8], "big") for at in range(0, len(content), 8)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == described.fingerprints >= register.PEOPLE * 4 // 5
        assert hashlib.sha256(content).digest() == described.sha256
    assert fetched.opened.generation == node.describe().generation


async def test_the_receipt_states_what_was_sent(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = opening(node, granularity=COUNT)
    fetched = await fetch(node, consumer, asking)
    receipt = fetched.receipt
    assert receipt.fetch.fingerprints == sum(len(one) // 8 for one in fetched.columns) > 700
    assert (receipt.records, receipt.elements, receipt.end) == (0, 0, COMPLETE)
    assert (receipt.key_epoch, receipt.granularity) == (asking.open.key_epoch, COUNT)
    assert charge(receipt) == (0, 0)
    check_receipt(receipt)
    check_statement(receipt)
    assert node.receipts() == [receipt]
    assert node.state.used(GRANT_ID, TODAY) == 0


async def test_what_is_held_is_not_sent_again(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = opening(node)
    whole = (await fetch(node, consumer, asking)).columns
    counts = [len(one) // 8 for one in whole]
    held = [100, counts[1], 0]
    rest = await fetch(node, consumer, opening(node), held)
    for content, everything, have in zip(rest.columns, whole, held, strict=True):
        assert content == everything[have * 8 :]
    assert rest.receipt.fetch.fingerprints == sum(counts) - sum(held)
    nothing = await fetch(node, consumer, opening(node), counts)
    assert (nothing.columns, nothing.receipt.fetch.fingerprints) == ([b""] * 3, 0)
    assert [one.end for one in node.receipts()] == [COMPLETE] * 3


@pytest.mark.parametrize("held", [[1], [0, 0, 0, 0], [-1, 0, 0], [301, 0, 0]])
async def test_more_cannot_be_held_than_there_is(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", held: list[int]
) -> None:
    with refused("FIELD_INVALID", "held"):
        await fetch(node, consumer, opening(node), held)
    assert node.receipts() == []


async def test_another_generation_than_the_serving_one_is_not_sent(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    request = fetching(node, opening(node)).fetch()
    request.generation = "20261122T060000Z-ffff"
    with refused("GENERATION_CHANGED", "generation") as caught:
        await anext(aiter(consumer.FetchFingerprints(request)))
    assert caught.value.details["expected"] == node.describe().generation
    assert node.receipts() == []


@pytest.mark.parametrize("field", ["fetched_generation", "elements", "request_commitment", "request"])
async def test_the_statement_must_say_that_fingerprints_are_asked_for(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", field: str
) -> None:
    asking = fetching(node, opening(node))
    request = asking.fetch()
    if field == "request":
        request.ClearField("request")
    else:
        statement = asking.statement()
        changed = {"fetched_generation": "", "elements": 1, "request_commitment": bytes(32)}[field]
        setattr(statement, field, changed)
        request.request.CopyFrom(requests.sign(statement, SIGNING_KEY))
    with refused("REQUEST_STATEMENT_INVALID", field):
        await anext(aiter(consumer.FetchFingerprints(request)))
    assert node.receipts() == []


async def test_each_later_generation_is_charged_once_for_what_is_held(
    material: Material, tmp_path: Path, state: State, clock: Clock
) -> None:
    async with rebuilding(material, tmp_path, state, clock) as (made, consumer):
        node = made.node
        charges = [charge((await fetch(node, consumer, opening(node))).receipt)]
        await evaluate(node, consumer, 30)
        charges.append(charge((await fetch(node, consumer, opening(node))).receipt))
        first = node.describe()
        await made.build()
        second = node.describe()
        assert first.generation != second.generation
        assert first.oblivious.key_epoch == second.oblivious.key_epoch
        charges += [charge((await fetch(node, consumer, opening(node, ()))).receipt) for _ in range(2)]
        await evaluate(node, consumer, 5)
        charges.append(charge((await fetch(node, consumer, opening(node))).receipt))
        await made.build()
        charges.append(charge((await fetch(node, consumer, opening(node))).receipt))
        assert charges == [(0, 0), (30, 0), (30, 30), (30, 0), (35, 0), (35, 35)]
        assert state.used(GRANT_ID, TODAY) == 30 + 30 + 5 + 35


async def test_new_keys_for_each_generation_make_what_is_held_worthless_and_free(
    material: Material, tmp_path: Path, state: State, clock: Clock
) -> None:
    resource = RESOURCE + "[oblivious]\nnew_key_per_generation = true\n"
    async with rebuilding(material, tmp_path, state, clock, resource=resource) as (made, consumer):
        node = made.node
        await made.build()
        before = opening(node)
        charges = [charge((await fetch(node, consumer, before)).receipt)]
        await evaluate(node, consumer, 30)
        await made.build()
        stream = Evaluated(consumer, before)
        with refused("KEY_EPOCH_MISMATCH", "key_epoch"):
            await stream.open()
        charges.append(charge((await fetch(node, consumer, opening(node))).receipt))
        assert charges == [(0, 0), (0, 0)]


async def test_the_granularities_are_counted_apart(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await evaluate(node, consumer, 12)
    assert charge((await fetch(node, consumer, opening(node, granularity=COUNT))).receipt) == (0, 0)
    assert charge((await fetch(node, consumer, opening(node))).receipt) == (12, 12)


async def test_what_another_grant_of_the_consumer_paid_for_is_held_too(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await node.give(granted(OTHER))
    await evaluate(node, consumer, 12, OTHER)
    assert charge((await fetch(node, consumer, opening(node))).receipt) == (12, 12)
    assert charge((await fetch(node, consumer, opening(node, grant_id=OTHER))).receipt) == (12, 0)
    assert [node.state.used(one, TODAY) for one in (GRANT_ID, OTHER)] == [12, 12]


async def test_without_room_in_the_quota_nothing_is_sent_and_nothing_counts_as_fetched(
    material: Material, tmp_path: Path, state: State, clock: Clock
) -> None:
    async with rebuilding(material, tmp_path, state, clock, per_day=50) as (made, consumer):
        node = made.node
        await evaluate(node, consumer, 30)
        for _ in range(2):
            with refused("QUOTA_EXCEEDED", "records_per_day") as caught:
                await fetch(node, consumer, opening(node))
            assert caught.value.details == {"limit": "50", "remaining": "20"}
        clock.advance(hours=8)
        assert charge((await fetch(node, consumer, opening(node))).receipt) == (30, 30)
        _, *refusals, _ = node.receipts()
        assert [(one.end, charge(one), one.fetch.fingerprints) for one in refusals] == [
            (SessionEnd.SESSION_END_CUT_BY_NODE, (0, 0), 0)
        ] * 2
        for receipt in refusals:
            check_receipt(receipt)
            check_statement(receipt)


async def test_a_fetch_may_take_longer_than_its_statement_may_be_old(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching_module, "BLOCK_FINGERPRINTS", 100)
    request = fetching(node, opening(node)).fetch()
    async with node.sessions.open_fetch(request, node.caller) as session:
        async for _ in session.blocks():
            node.clock.advance(minutes=4)
    (receipt,) = node.receipts()
    assert receipt.end == COMPLETE
    assert receipt.finished_at.seconds - receipt.started_at.seconds > 20 * 60
    check_receipt(receipt)
    check_statement(receipt)
