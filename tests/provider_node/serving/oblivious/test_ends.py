"""How oblivious sessions end otherwise than by their receipt: closed, gone, stalled, stopped, crashed."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.session import Session
from provider_node.servicers.comparison import Patience
from provider_node.store.state import State
from stayput.evidence import check_receipt, check_statement
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, Clock, LocalNode, Material
from tests.provider_node.serving.oblivious.consumer import (
    COUNT,
    RECORD,
    ObliviousAsking,
    fetching,
    granted,
    opening,
    proof_request,
    random_elements,
)
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub
    from stayput.v1.contract_pb2 import Granularity

TODAY = "2026-11-22"
CUT_BY_CONSUMER = SessionEnd.SESSION_END_CUT_BY_CONSUMER
CUT_BY_NODE = SessionEnd.SESSION_END_CUT_BY_NODE
COMPLETE = SessionEnd.SESSION_END_COMPLETE


async def ends(node: LocalNode) -> list[tuple[int, int]]:
    """How sessions ended and with how many elements, once all have; every receipt agrees with itself."""
    await node.sessions.all_closed()
    assert (node.sessions.open_count, node.state.open_sessions()) == (0, [])
    for receipt in node.receipts():
        check_receipt(receipt)
        check_statement(receipt)
    return [(receipt.end, receipt.elements) for receipt in node.receipts()]


@pytest.fixture(params=[RECORD, COUNT], ids=["record", "count"])
def granularity(request: pytest.FixtureRequest) -> "Granularity.ValueType":
    found: Granularity.ValueType = request.param
    return found


async def begun(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", granularity: "Granularity.ValueType"
) -> Evaluated:
    """A session with one chunk answered."""
    stream = Evaluated(consumer, opening(node, granularity=granularity))
    await stream.open()
    await stream.send(stream.asking.elements(0, random_elements(4)))
    await stream.read()
    return stream


async def test_a_consumer_that_closes_early_is_told_so(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", granularity: "Granularity.ValueType"
) -> None:
    stream = await begun(node, consumer, granularity)
    await stream.call.done_writing()
    with refused("SESSION_CUT"):
        await stream.read()
    assert await ends(node) == [(CUT_BY_CONSUMER, 12)]


async def test_a_consumer_that_disappears_leaves_a_receipt(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", granularity: "Granularity.ValueType"
) -> None:
    stream = await begun(node, consumer, granularity)
    stream.call.cancel()
    assert await ends(node) == [(CUT_BY_CONSUMER, 12)]


async def test_one_that_disappears_after_the_receipt_leaves_no_second_one(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    await stream.ask(0, random_elements(4), final=True)
    stream.call.cancel()
    assert await ends(node) == [(COMPLETE, 12)]


async def test_one_that_does_not_take_what_a_whole_session_brings_leaves_its_receipt_all_the_same(
    bare_node: LocalNode,
) -> None:
    node = bare_node
    await node.give(granted())
    async with node.listening(), node.called_by() as (consumer, _):
        stream = Evaluated(consumer, opening(node, (), COUNT))
        await stream.open()
        # More than HTTP/2's window holds: the node waits in the middle of sending it.
        column = random_elements(4_096, 1)[0]
        for sequence in range(3):
            chunk = stream.asking.elements(sequence, [column[sequence:]], final=sequence == 2)
            await stream.send(chunk)
            await stream.read()
        stream.call.cancel()
        assert [end for end, _ in await ends(node)] == [COMPLETE]


async def test_silence_ends_a_session(bare_node: LocalNode) -> None:
    node = bare_node
    node.patience = Patience(usual=0.05)
    await node.give(granted())
    async with node.listening(), node.called_by() as (consumer, _):
        stream = Evaluated(consumer, opening(node))
        await stream.open()
        with refused("SESSION_CUT"):
            await stream.read()
        assert await ends(node) == [(CUT_BY_NODE, 0)]


async def test_silence_after_the_receipt_ends_the_stream_and_changes_nothing(bare_node: LocalNode) -> None:
    node = bare_node
    node.patience = Patience(usual=0.5)
    await node.give(granted())
    async with node.listening(), node.called_by() as (consumer, _):
        stream = Evaluated(consumer, opening(node))
        await stream.open()
        await stream.ask(0, random_elements(4), final=True)
        await stream.receipt(node.material.verification_key)
        with refused("SESSION_CUT"):
            await stream.read()
        assert await ends(node) == [(COMPLETE, 12)]


async def test_a_node_that_stops_waits_for_no_session(bare_node: LocalNode) -> None:
    node = bare_node
    node.patience = Patience(stopping=0.05)
    await node.give(granted())
    async with node.listening(), node.called_by() as (consumer, _):
        streams = [await begun(node, consumer, RECORD), Evaluated(consumer, opening(node))]
        await streams[1].open()
        await streams[1].ask(0, random_elements(4), final=True)
        await streams[1].receipt(node.material.verification_key)
        node.sessions.stop()
        for stream in streams:
            with refused("SHUTTING_DOWN"):
                await stream.read()
        assert sorted(await ends(node)) == sorted([(COMPLETE, 12), (CUT_BY_NODE, 12)])


async def test_time_ends_a_session_but_not_its_proofs(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    columns = random_elements(4)
    await stream.ask(0, columns)
    node.clock.advance(hours=1)
    await stream.prove(proof_request(0, columns))
    await stream.send(stream.asking.elements(1, random_elements(1)))
    with refused("TICKET_EXPIRED"):
        await stream.read()
    assert await ends(node) == [(CUT_BY_NODE, 12)]


# The process ends.


async def crashed(node: LocalNode, asking: ObliviousAsking) -> Session:
    """A session that the end of the process interrupts."""
    admitted = await node.desk.admit(asking.open, node.caller, node.clock.now)
    if not asking.fetched:
        turns = asyncio.Semaphore()
        session = node.sessions._made(
            asking.open, admitted, node.clock.now, lambda made: made.evaluation(turns)
        )
        await session.begin()
        await session.answer(asking.elements(0, random_elements(4)))
        return session
    request = asking.fetch()
    fetch = node.sessions._made(asking.open, admitted, node.clock.now, lambda made: made.fetch(request))
    await fetch.begin()
    await anext(fetch.blocks())
    return fetch


async def recovered(material: Material, directory: Path, clock: Clock) -> list[Receipt]:
    """The receipts that the next start makes."""
    state = State(directory)
    again = LocalNode(material, state, clock)
    assert await again.desk.recover() == 1
    receipts = again.receipts()
    assert await again.desk.recover() == 0
    state.close()
    for receipt in receipts:
        check_receipt(receipt)
        check_statement(receipt)
    return receipts


async def test_what_the_journal_says_becomes_the_receipt_of_a_crash(
    material: Material, clock: Clock, tmp_path: Path, granularity: "Granularity.ValueType"
) -> None:
    state = State(tmp_path / "state")
    node = LocalNode(material, state, clock)
    await node.give(granted())
    session = await crashed(node, opening(node, granularity=granularity))
    used = state.used(GRANT_ID, TODAY)
    state.close()
    (receipt,) = await recovered(material, tmp_path / "state", clock)
    assert (receipt.end, receipt.elements) == (SessionEnd.SESSION_END_NODE_CRASHED, 12)
    assert (receipt.session_id, used) == (session.opened.session_id, 12)


async def test_after_a_crash_the_receipt_of_a_fetch_states_all_that_may_have_been_sent(
    material: Material, clock: Clock, tmp_path: Path
) -> None:
    state = State(tmp_path / "state")
    node = LocalNode(material, state, clock)
    await node.give(granted())
    asking = opening(node)
    await crashed(node, fetching(node, asking))
    state.close()
    (receipt,) = await recovered(material, tmp_path / "state", clock)
    assert receipt.end == SessionEnd.SESSION_END_NODE_CRASHED
    assert receipt.fetch.fingerprints == sum(one.fingerprints for one in asking.sets)
