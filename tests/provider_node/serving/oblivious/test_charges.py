"""Quotas in oblivious mode: each element counts, and a chunk that is sent again costs nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from provider_node.store.evaluations import Holding
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, LocalNode
from tests.provider_node.serving.oblivious.consumer import COUNT, Columns, granted, opening, random_elements
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

TODAY = "2026-11-22"
OTHER = "G-00000000000000000000000002"
CHECKS = ("name",)


async def asked(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    chunks: Sequence[Columns],
    checks: Sequence[str] = CHECKS,
    grant_id: str = GRANT_ID,
) -> Receipt:
    """A session that breaks off after these chunks; its receipt."""
    stream = Evaluated(consumer, opening(node, checks, grant_id=grant_id))
    await stream.open()
    for number, columns in enumerate(chunks):
        await stream.ask(number, columns)
    stream.call.cancel()
    await node.sessions.all_closed()
    return node.receipts()[-1]


async def test_the_limits_of_session_and_day_are_exact_to_the_element(
    bare_node: LocalNode,
) -> None:
    node = bare_node
    await node.give(granted(per_session=20, per_day=30))
    async with node.listening(), node.called_by() as (consumer, _):
        stream = Evaluated(consumer, opening(node, CHECKS))
        await stream.open()
        await stream.ask(0, random_elements(10, 2))
        with refused("QUOTA_EXCEEDED", "records_per_session") as caught:
            await stream.ask(1, [random_elements(1, 1)[0], []])
        assert caught.value.details == {"limit": "20", "remaining": "0"}
        assert node.state.used(GRANT_ID, TODAY) == 20
        assert (await asked(node, consumer, [random_elements(5, 2)])).elements == 10
        with refused("QUOTA_EXCEEDED", "records_per_day") as caught:
            await asked(node, consumer, [[random_elements(1, 1)[0], []]])
        assert caught.value.details == {"limit": "30", "remaining": "0"}
    assert node.state.used(GRANT_ID, TODAY) == 30
    assert [(one.records, one.elements) for one in node.receipts()] == [(10, 20), (5, 10), (0, 0)]


async def test_chunks_that_are_sent_again_cost_nothing_and_are_stated(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    chunks = [random_elements(4, 2) for _ in range(3)]
    first = await asked(node, consumer, chunks[:2])
    assert (first.end, first.elements, first.repeated_elements) == (
        SessionEnd.SESSION_END_CUT_BY_CONSUMER,
        16,
        0,
    )
    stream = Evaluated(consumer, opening(node, CHECKS))
    await stream.open()
    await stream.ask(0, chunks[1])
    await stream.ask(1, chunks[0])
    await stream.ask(2, chunks[2], final=True)
    receipt = await stream.receipt(node.material.verification_key)
    await stream.close()
    assert (receipt.records, receipt.elements, receipt.repeated_elements) == (12, 24, 16)
    assert node.state.used(GRANT_ID, TODAY) == 24


async def test_the_final_chunk_can_be_a_repeated_one(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    columns = random_elements(4, 2)
    for repeated in (0, 8):
        stream = Evaluated(consumer, opening(node, CHECKS))
        await stream.open()
        await stream.ask(0, columns, final=True)
        assert (await stream.receipt(node.material.verification_key)).repeated_elements == repeated
    assert node.state.used(GRANT_ID, TODAY) == 8


async def test_another_grant_pays_for_the_same_chunk(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await node.give(granted(OTHER))
    columns = random_elements(4, 2)
    await asked(node, consumer, [columns])
    assert (await asked(node, consumer, [columns], grant_id=OTHER)).repeated_elements == 0
    assert [node.state.used(one, TODAY) for one in (GRANT_ID, OTHER)] == [8, 8]


async def test_so_does_another_day(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    columns = random_elements(4, 2)
    await asked(node, consumer, [columns])
    node.clock.advance(hours=8)
    assert (await asked(node, consumer, [columns])).repeated_elements == 0
    assert [node.state.used(GRANT_ID, day) for day in (TODAY, "2026-11-23")] == [8, 8]


async def test_so_do_other_checks_a_changed_element_and_another_granularity(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    columns = random_elements(4, 2)
    changed = [columns[0], columns[1][::-1]]
    await asked(node, consumer, [columns])
    assert (await asked(node, consumer, [columns], ("plate",))).repeated_elements == 0
    assert (await asked(node, consumer, [changed])).repeated_elements == 0
    stream = Evaluated(consumer, opening(node, CHECKS, COUNT))
    await stream.open()
    await stream.send(stream.asking.elements(0, columns))
    await stream.read()
    stream.call.cancel()
    await node.sessions.all_closed()
    assert node.receipts()[-1].repeated_elements == 0
    assert node.state.used(GRANT_ID, TODAY) == 32


async def test_what_costs_nothing_is_bounded_too(bare_node: LocalNode) -> None:
    node = bare_node
    await node.give(granted(per_session=20))
    columns = random_elements(5, 2)
    async with node.listening(), node.called_by() as (consumer, _):
        with refused("QUOTA_EXCEEDED", "records_per_session"):
            await asked(node, consumer, [columns] * 3)
    assert [(one.elements, one.repeated_elements) for one in node.receipts()] == [(20, 10)]
    assert node.state.used(GRANT_ID, TODAY) == 10


async def test_repeated_chunks_need_no_room_in_the_quota(bare_node: LocalNode) -> None:
    node = bare_node
    await node.give(granted(per_day=10))
    columns = random_elements(5, 2)
    async with node.listening(), node.called_by() as (consumer, _):
        for repeated in (0, 10):
            assert (await asked(node, consumer, [columns])).repeated_elements == repeated


async def test_elements_are_held_once_however_often_they_are_sent(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    columns = random_elements(4, 2)
    for _ in range(3):
        await asked(node, consumer, [columns])
    epoch = node.describe().oblivious.key_epoch
    with node.state._env.begin() as txn:
        held = [
            node.state.evaluations.held(txn, Holding(CONSUMER.id, register.CODE, epoch, granularity))
            for granularity in (1, 2)
        ]
    assert held == [8, 0]


@pytest.mark.parametrize("final", [False, True], ids=["answer", "finish"])
async def test_two_sessions_at_once_pay_once_for_the_same_chunk(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", *, final: bool
) -> None:
    columns = random_elements(4, 2)
    streams = [Evaluated(consumer, opening(node, CHECKS)) for _ in range(2)]
    for stream in streams:
        await stream.open()
    for stream in streams:
        await stream.send(stream.asking.elements(0, columns, final=final))
    for stream in streams:
        await stream.read()
        stream.call.cancel()
    await node.sessions.all_closed()
    assert sorted(one.repeated_elements for one in node.receipts()) == [0, 8]
    assert node.state.used(GRANT_ID, TODAY) == 8
