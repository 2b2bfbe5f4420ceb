"""Sessions that do not reach their end: each leaves one receipt, with what was answered and who cut it."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.outbox import Outbox
from provider_node.domain.platform import Platform
from provider_node.servicers.comparison import Patience
from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import CompareRecordsRequest, DescribeRequest
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, call_request, refused
from tests.provider_node.serving.node import LocalNode, grant
from tests.provider_node.serving.peer import Peer

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

PEOPLE = [register.person(number) for number in range(20)]
CUT_BY_CONSUMER = SessionEnd.SESSION_END_CUT_BY_CONSUMER
CUT_BY_NODE = SessionEnd.SESSION_END_CUT_BY_NODE


async def ends(node: LocalNode) -> list[tuple[int, int]]:
    """How sessions ended and with how many records, once all have."""
    await node.sessions.all_closed()
    assert (node.sessions.open_count, node.state.open_sessions()) == (0, [])
    return [(receipt.end, receipt.records) for receipt in node.receipts()]


async def test_a_consumer_that_closes_early_is_told_so(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.ask(0, PEOPLE)
    await stream.call.done_writing()
    with refused("SESSION_CUT"):
        await stream.read()
    assert await ends(node) == [(CUT_BY_CONSUMER, 20)]


async def test_a_consumer_that_disappears_leaves_a_receipt(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.ask(0, PEOPLE)
    stream.call.cancel()
    assert await ends(node) == [(CUT_BY_CONSUMER, 20)]


async def test_so_does_one_whose_connection_breaks(node: LocalNode) -> None:
    async with node.called_by() as (stub, channel):
        stream = Stream(stub, node.asking())
        await stream.open()
        await stream.ask(0, PEOPLE)
        await channel.close()
    assert await ends(node) == [(CUT_BY_CONSUMER, 20)]


async def test_so_does_one_that_does_not_take_its_answers(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    third = node.clock.reached(node.clock.calls + 5)
    # More answers than HTTP/2's window holds, so that the node waits in the middle of sending one.
    plain = bytes(16 * 3 * 8_192)
    for sequence in range(8):
        await stream.send(stream.asking.sealed(sequence, plain))
    await third
    stream.call.cancel()
    ((end, records),) = await ends(node)
    assert end == CUT_BY_CONSUMER
    assert records in range(2 * 8_192, 8 * 8_192 + 1, 8_192)


async def test_a_consumer_that_keeps_silent_is_cut(bare_node: LocalNode) -> None:
    bare_node.patience = Patience(usual=0.05)
    await bare_node.give(grant())
    async with bare_node.listening(), bare_node.called_by() as (stub, _):
        stream = Stream(stub, bare_node.asking())
        await stream.open()
        with refused("SESSION_CUT"):
            await stream.read()
        silent = stub.Compare()
        with refused("SESSION_CUT"):
            await silent.read()
    assert await ends(bare_node) == [(CUT_BY_NODE, 0)]


async def test_a_stopping_node_cuts_a_session_that_waits_for_its_consumer(bare_node: LocalNode) -> None:
    bare_node.patience = Patience(stopping=0.05)
    await bare_node.give(grant())
    async with bare_node.listening(), bare_node.called_by() as (stub, _):
        stream = Stream(stub, bare_node.asking())
        await stream.open()
        await stream.ask(0, PEOPLE)
        bare_node.sessions.stop()
        with refused("SHUTTING_DOWN"):
            await stream.read()
    assert await ends(bare_node) == [(CUT_BY_NODE, 20)]


async def test_a_stopping_node_finishes_a_session_that_goes_on(bare_node: LocalNode) -> None:
    bare_node.patience = Patience(stopping=30)
    await bare_node.give(grant())
    async with bare_node.listening(), bare_node.called_by() as (stub, _):
        stream = Stream(stub, bare_node.asking())
        await stream.open()
        bare_node.sessions.stop()
        await stream.ask(0, PEOPLE)
        await stream.ask(1, PEOPLE, final=True)
        await stream.receipt(bare_node.material.verification_key)
    assert await ends(bare_node) == [(SessionEnd.SESSION_END_COMPLETE, 40)]


async def test_a_call_cancelled_by_the_server_while_stopping_was_cut_by_the_node(
    bare_node: LocalNode,
) -> None:
    await bare_node.give(grant())
    server = await bare_node.start()
    async with bare_node.called_by() as (stub, _):
        stream = Stream(stub, bare_node.asking())
        await stream.open()
        await stream.ask(0, PEOPLE)
        bare_node.sessions.stop()
        await server.stop(None)
    assert await ends(bare_node) == [(CUT_BY_NODE, 20)]


async def test_a_session_does_not_outlive_an_hour_or_its_grant(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    node.clock.advance(minutes=59, seconds=59)
    await stream.ask(0, PEOPLE)
    node.clock.advance(seconds=1)
    with refused("TICKET_EXPIRED"):
        await stream.send(stream.asking.chunk(1, PEOPLE))
        await stream.read()
    assert await ends(node) == [(CUT_BY_NODE, 20)]


async def test_nor_its_grant(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    given = grant()
    given.valid_until.FromDatetime(node.clock.now.replace(minute=20))
    await node.give(given)
    stream = Stream(consumer, node.asking())
    await stream.open()
    node.clock.advance(minutes=5)
    with refused("TICKET_EXPIRED"):
        await stream.send(stream.asking.chunk(0, PEOPLE))
        await stream.read()
    assert await ends(node) == [(CUT_BY_NODE, 0)]


async def test_no_session_begins_while_receipts_pile_up(
    bare_node: LocalNode, platform: Platform, peer: Peer
) -> None:
    outbox = Outbox(bare_node.state, platform, timedelta(hours=4), bare_node.clock)
    bare_node.check_ready = outbox.check_grace
    peer.faults.errors["append"] = StayputError(
        ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="make room"
    )
    await bare_node.give(grant())
    async with bare_node.listening(), bare_node.called_by() as (stub, _):
        under_way = Stream(stub, bare_node.asking())
        await under_way.open()
        await stub.CompareRecords(call_request(bare_node.asking(), PEOPLE))
        bare_node.clock.advance(hours=4, seconds=1)
        with refused("LOG_BACKLOG"):
            await stub.CompareRecords(call_request(bare_node.asking(), PEOPLE))
        with refused("LOG_BACKLOG"):
            await Stream(stub, bare_node.asking()).open()
        # What can be described still is.
        await stub.Describe(DescribeRequest(resource=register.CODE))
        peer.faults.errors.clear()
        await outbox.deliver()
        await stub.CompareRecords(call_request(bare_node.asking(), PEOPLE))
        under_way.call.cancel()
    assert sorted(await ends(bare_node)) == [(SessionEnd.SESSION_END_COMPLETE, 20)] * 2 + [
        (CUT_BY_CONSUMER, 0)
    ]


async def test_the_outbox_is_told_of_every_end(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    asking = node.asking()
    with refused("CHUNK_SIZE"):
        chunk = asking.sealed(0, bytes(7), final=True)
        await consumer.CompareRecords(CompareRecordsRequest(open=asking.open, chunk=chunk))
    await ends(node)
    assert node.receipts_made == 2


@pytest.mark.parametrize("calls", [8])
async def test_sessions_side_by_side_each_have_their_receipt(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", calls: int
) -> None:
    async def one(number: int) -> None:
        stream = Stream(consumer, node.asking())
        await stream.open()
        await stream.ask(0, PEOPLE)
        if number % 2:
            stream.call.cancel()
            return
        await stream.ask(1, [], final=True)
        await stream.receipt(node.material.verification_key)

    await asyncio.gather(*(one(number) for number in range(calls)))
    found = await ends(node)
    complete = (SessionEnd.SESSION_END_COMPLETE, 20)
    assert sorted(found) == [complete] * (calls // 2) + [(CUT_BY_CONSUMER, 20)] * (calls // 2)
