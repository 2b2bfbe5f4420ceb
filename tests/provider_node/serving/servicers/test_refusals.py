"""What a session is refused or cut for once its ticket is good: seal, chunks, order, quota."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from stayput.receipts import Transcript
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import CompareRecordsRequest, CompareRequest, DescribeRequest, SealedChunk
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Asking, Stream, call_request, digests, refused, resealed
from tests.provider_node.serving.node import GRANT_ID, LocalNode, grant

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(20)]


async def test_a_session_key_for_another_sealing_key_is_named_as_that(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    request = call_request(node.asking(), PEOPLE)
    request.open.sealing_key_id = bytes(8)
    with refused("SEALING_KEY_UNKNOWN", "sealing_key_id"):
        await consumer.CompareRecords(request)


@pytest.mark.parametrize("change", ["checks", "damaged", "short"])
async def test_a_session_key_sealed_for_other_parameters_does_not_open(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", change: str
) -> None:
    request = call_request(node.asking(), PEOPLE)
    sealed = request.open.sealed_session_key
    if change == "checks":
        request.open.checks.reverse()
    else:
        request.open.sealed_session_key = (
            sealed[:-1] + bytes([sealed[-1] ^ 1]) if change == "damaged" else b"x"
        )
    with refused("SEAL_INVALID", "sealed_session_key"):
        await consumer.CompareRecords(request)
    assert node.receipts() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("mode", 0), ("mode", 2), ("mode", 99), ("granularity", 0), ("granularity", 99)],
)
async def test_modes_and_granularities_not_served_are_refused_cleanly(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", field: str, value: int
) -> None:
    asking = node.asking()
    setattr(asking.open, field, value)
    with refused("FIELD_INVALID", field):
        await consumer.CompareRecords(call_request(resealed(asking.open, node.describe()), PEOPLE))


async def test_a_check_named_twice_is_refused(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    with refused("FIELD_INVALID", "checks"):
        await consumer.CompareRecords(call_request(node.asking(checks=("name", "name")), PEOPLE))


async def test_an_unknown_resource_has_no_description(consumer: "ComparisonServiceAsyncStub") -> None:
    with refused("RESOURCE_UNKNOWN", "resource"):
        await consumer.Describe(DescribeRequest(resource="marriages"))
    with refused("RESOURCE_UNKNOWN", "resource"):
        await consumer.Describe(DescribeRequest(resource="../keys"))


def _other_sequence(asking: Asking) -> SealedChunk:
    return asking.chunk(1, PEOPLE, final=True)


def _other_seal(asking: Asking) -> SealedChunk:
    chunk = asking.chunk(0, PEOPLE, final=True)
    chunk.sealed = chunk.sealed[:-1] + bytes([chunk.sealed[-1] ^ 1])
    return chunk


def _final_flag_changed(asking: Asking) -> SealedChunk:
    chunk = asking.chunk(0, PEOPLE, final=False)
    chunk.final = True
    return chunk


def _half_a_record(asking: Asking) -> SealedChunk:
    return asking.sealed(0, bytes(16 * 3 * 2 + 16), final=True)


def _half_a_digest(asking: Asking) -> SealedChunk:
    return asking.sealed(0, bytes(16 * 3 + 8), final=True)


def _too_many(asking: Asking) -> SealedChunk:
    return asking.sealed(0, bytes(16 * 3 * 1_001), final=True)


@pytest.mark.parametrize(
    ("make", "reason", "field"),
    [
        (_other_sequence, "PROTOCOL_VIOLATION", "chunk.sequence"),
        (_other_seal, "SEAL_INVALID", "chunk.sealed"),
        (_final_flag_changed, "SEAL_INVALID", "chunk.sealed"),
        (_half_a_record, "CHUNK_SIZE", "chunk.sealed"),
        (_half_a_digest, "CHUNK_SIZE", "chunk.sealed"),
        (_too_many, "CHUNK_SIZE", "chunk.sealed"),
    ],
)
async def test_a_bad_chunk_in_one_call_leaves_a_receipt_of_nothing(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    make: Callable[[Asking], SealedChunk],
    reason: str,
    field: str,
) -> None:
    asking = node.asking()
    with refused(reason, field):
        await consumer.CompareRecords(CompareRecordsRequest(open=asking.open, chunk=make(asking)))
    (receipt,) = node.receipts()
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_CUT_BY_NODE, 0)
    assert (node.sessions.open_count, node.state.open_sessions()) == (0, [])
    assert node.state.used(GRANT_ID, "2026-11-22") == 0


async def test_one_call_takes_a_thousand_records(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = node.asking()
    chunk = asking.sealed(0, bytes(16 * 3 * 1_000), final=True)
    await consumer.CompareRecords(CompareRecordsRequest(open=asking.open, chunk=chunk))
    assert node.receipts()[0].records == 1_000


async def test_one_call_needs_a_final_chunk(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    asking = node.asking()
    with refused("FIELD_INVALID", "chunk.final"):
        await consumer.CompareRecords(CompareRecordsRequest(open=asking.open, chunk=asking.chunk(0, PEOPLE)))
    assert node.receipts() == []


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda asking: asking.chunk(0, PEOPLE), "PROTOCOL_VIOLATION"),
        (lambda asking: asking.chunk(2, PEOPLE), "PROTOCOL_VIOLATION"),
        (lambda asking: asking.sealed(1, b""), "CHUNK_SIZE"),
        (lambda asking: asking.sealed(1, bytes(16 * 3 * 8_193)), "CHUNK_SIZE"),
        (lambda asking: SealedChunk(sequence=1, sealed=b"short"), "SEAL_INVALID"),
    ],
)
async def test_a_bad_chunk_cuts_the_stream_and_the_receipt_has_what_was_answered(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    make: Callable[[Asking], SealedChunk],
    reason: str,
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.ask(0, PEOPLE)
    with refused(reason):
        await stream.send(make(stream.asking))
        await stream.read()
    (receipt,) = node.receipts()
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_CUT_BY_NODE, 20)


async def test_a_stream_begins_with_open(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = Stream(consumer, node.asking())
    with refused("PROTOCOL_VIOLATION"):
        await stream.send(stream.asking.chunk(0, PEOPLE))
        await stream.read()
    empty = Stream(consumer, node.asking())
    await empty.call.done_writing()
    with refused("PROTOCOL_VIOLATION"):
        await empty.read()
    assert node.receipts() == []


async def test_a_second_open_cuts_the_session(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    with refused("PROTOCOL_VIOLATION"):
        await stream.write(CompareRequest(open=stream.asking.open))
        await stream.read()
    assert [receipt.end for receipt in node.receipts()] == [SessionEnd.SESSION_END_CUT_BY_NODE]


@pytest.mark.parametrize(
    ("limit", "given"),
    [
        ("records_per_session", grant(per_session=25)),
        ("records_per_day", grant(per_day=25)),
    ],
)
async def test_a_quota_that_ends_in_the_middle_ends_the_session_there(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", limit: str, given: Grant
) -> None:
    await node.give(given)
    stream = Stream(consumer, node.asking())
    await stream.open()
    answered = await stream.ask(0, PEOPLE)
    with refused("QUOTA_EXCEEDED", limit) as caught:
        await stream.send(stream.asking.chunk(1, PEOPLE))
        await stream.read()
    assert caught.value.details == {"limit": "25", "remaining": "5"}
    (receipt,) = node.receipts()
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_CUT_BY_NODE, 20)
    assert receipt.outcome_bytes == 60
    transcript = Transcript(stream.asking.keys.commitment_key())
    transcript.ask(digests(stream.asking.open.contract, PEOPLE, register.CHECKS))
    transcript.answer(b"".join(bytes(column) for column in zip(*answered, strict=True)))
    assert (receipt.request_commitment, receipt.response_commitment) == transcript.commitments()
    assert node.state.used(GRANT_ID, "2026-11-22") == 20


async def test_a_quota_may_be_used_to_the_last_record(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await node.give(grant(per_session=20, per_day=25))
    await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    with refused("QUOTA_EXCEEDED", "records_per_day"):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE[:6]))
    await consumer.CompareRecords(call_request(node.asking(), PEOPLE[:5]))
    assert node.state.used(GRANT_ID, "2026-11-22") == 25


async def test_a_grant_counts_by_the_nodes_day(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await node.give(grant(per_day=20))
    await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    with refused("QUOTA_EXCEEDED", "records_per_day"):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE[:1]))
    node.clock.advance(days=1)
    await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    assert node.state.used(GRANT_ID, "2026-11-23") == 20
