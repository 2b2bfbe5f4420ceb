"""What leaves the node: as many bytes as the protocol says, of the kinds it says, and nothing else."""

import grpc.aio
import pytest

from stayput.outcomes import CHECK_CODES, KEY_CODES
from stayput.v1.comparison_pb2 import (
    CompareRecordsRequest,
    CompareRecordsResponse,
    CompareRequest,
    CompareResponse,
)
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import call_request
from tests.provider_node.serving.node import LocalNode

SERVICE = "/stayput.v1.ComparisonService/"
PEOPLE = [register.asked(number)[0] for number in range(40)]


def nothing_unknown(message: CompareResponse | CompareRecordsResponse, raw: bytes) -> None:
    """Written anew without what the .proto does not name, the message is as long as it was."""
    message.DiscardUnknownFields()
    assert message.SerializeToString(deterministic=True) == raw


def nothing_but_counts(envelope: Envelope, records: int, checks: int) -> None:
    receipt = Receipt.FromString(envelope.payload)
    length = len(envelope.payload)
    receipt.DiscardUnknownFields()
    assert len(receipt.SerializeToString()) == length
    assert receipt.outcome_bytes == records * (1 + checks)
    assert [sum(count.count for count in tally.counts) for tally in receipt.tallies] == [records] * (
        1 + checks
    )


@pytest.mark.parametrize("checks", [(), ("name",), ("name", "plate")])
@pytest.mark.parametrize("records", [0, 1, 2, 39])
async def test_one_call_sends_back_one_byte_for_each_key_and_check(
    node: LocalNode, records: int, checks: tuple[str, ...]
) -> None:
    asking = node.asking(checks)
    request = call_request(asking, PEOPLE[:records])
    async with node.called_by() as (_, channel):
        compare: grpc.aio.UnaryUnaryMultiCallable[CompareRecordsRequest, bytes] = channel.unary_unary(
            SERVICE + "CompareRecords", request_serializer=CompareRecordsRequest.SerializeToString
        )
        raw = await compare(request)
    response = CompareRecordsResponse.FromString(raw)
    nothing_unknown(response, raw)
    assert len(response.outcomes.sealed) == records * (1 + len(checks)) + 16
    nothing_but_counts(response.receipt, records, len(checks))
    serving = node.resources.serving(register.CODE)
    assert (len(response.opened.session_id), response.opened.generation) == (16, serving.generation)
    for key, *found in asking.outcomes(response.opened, response.outcomes):
        assert key in KEY_CODES
        assert CHECK_CODES.issuperset(found)


async def test_a_stream_sends_back_opened_outcomes_and_receipt(node: LocalNode) -> None:
    asking = node.asking()
    sizes = [3, 1, 7, 0]
    chunks = [
        asking.chunk(sequence, PEOPLE[:size], final=sequence == len(sizes) - 1)
        for sequence, size in enumerate(sizes)
    ]
    sent = [CompareRequest(open=asking.open), *(CompareRequest(chunk=chunk) for chunk in chunks)]
    async with node.called_by() as (_, channel):
        compare: grpc.aio.StreamStreamMultiCallable[CompareRequest, bytes] = channel.stream_stream(
            SERVICE + "Compare", request_serializer=CompareRequest.SerializeToString
        )
        raw = [message async for message in compare(iter(sent)) if isinstance(message, bytes)]
    messages = [CompareResponse.FromString(message) for message in raw]
    for message, as_sent in zip(messages, raw, strict=True):
        nothing_unknown(message, as_sent)
    kinds = [message.WhichOneof("message") for message in messages]
    assert kinds == ["opened", *(["outcomes"] * len(sizes)), "receipt"]
    assert [len(message.outcomes.sealed) for message in messages[1:-1]] == [3 * size + 16 for size in sizes]
    nothing_but_counts(messages[-1].receipt, sum(sizes), 2)


async def test_a_refusal_carries_no_value_of_the_request(node: LocalNode) -> None:
    asking = node.asking()
    chunk = asking.chunk(0, PEOPLE[:3], final=True)
    chunk.sealed = chunk.sealed[:-1] + bytes([chunk.sealed[-1] ^ 1])
    request = CompareRecordsRequest(open=asking.open, chunk=chunk)
    async with node.called_by() as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CompareRecords(request)
    sent = repr((caught.value.details(), caught.value.trailing_metadata(), caught.value.initial_metadata()))
    for hidden in (asking.open.ticket, chunk.sealed.hex(), PEOPLE[0].owner_id, PEOPLE[0].name):
        assert hidden not in sent
