"""What the consumer signs of its request: without it, or with another, the final chunk is not answered."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import requests, signing
from stayput.v1.access_pb2 import Limits
from stayput.v1.comparison_pb2 import CompareRecordsRequest, RequestStatement, SealedChunk
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import SessionEnd
from stayput.v1.signing_pb2 import Envelope, Signature
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import SIGNING_KEY, Asking, Stream, call_request, refused
from tests.provider_node.serving.node import GRANT_ID, NOW, LocalNode, grant

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(20)]
Change = Callable[[RequestStatement], object]

CHANGES: dict[str, Change] = {
    "session_key_hash": lambda s: setattr(s, "session_key_hash", bytes(32)),
    "grant_id": lambda s: setattr(s, "grant_id", "G-2"),
    "consumer": lambda s: setattr(s, "consumer", "water-works"),
    "operator": lambda s: setattr(s, "operator", "clerk 8"),
    "purpose": lambda s: setattr(s, "purpose", ""),
    "case_number": lambda s: setattr(s, "case_number", "民救〔2026〕17号"),
    "resource": lambda s: setattr(s, "resource", "deaths"),
    "key": lambda s: setattr(s, "key", "name"),
    "checks": lambda s: s.checks.reverse(),
    "mode": lambda s: setattr(s, "mode", Mode.MODE_OBLIVIOUS),
    "granularity": lambda s: setattr(s, "granularity", Granularity.GRANULARITY_COUNT),
    "records": lambda s: setattr(s, "records", s.records - 1),
    "request_commitment": lambda s: setattr(s, "request_commitment", bytes(32)),
    "elements": lambda s: setattr(s, "elements", 1),
    "fetched_generation": lambda s: setattr(s, "fetched_generation", "20261122T060000Z-0000"),
    "signed_at": lambda s: s.ClearField("signed_at"),
}


def _restated(asking: Asking, chunk: SealedChunk, change: Change) -> SealedChunk:
    """The final chunk with a statement that was changed before it was signed."""
    statement = asking.statement()
    change(statement)
    chunk.request.CopyFrom(requests.sign(statement, SIGNING_KEY))
    return chunk


def _late(by: timedelta) -> Change:
    return lambda statement: statement.signed_at.FromDatetime(NOW + by)


def _envelope(change: Callable[[Envelope], Envelope | None]) -> Callable[[SealedChunk], None]:
    def changed(chunk: SealedChunk) -> None:
        other = Envelope()
        other.CopyFrom(chunk.request)
        chunk.request.CopyFrom(change(other) or other)

    return changed


def _resigned(key: Ed25519PrivateKey, kind: signing.PayloadType) -> Callable[[Envelope], Envelope]:
    return lambda envelope: signing.sign(kind, RequestStatement.FromString(envelope.payload), key)


def _bloat(envelope: Envelope) -> None:
    # A field that is not known: number 111, of so many bytes.
    envelope.MergeFromString(b"\xfa\x06\x80\x40" + bytes(requests.LARGEST_ENVELOPE))


def _sign_twice(envelope: Envelope) -> None:
    """Another verifier might look at the other signature: the log would refuse what the node accepted."""
    envelope.signatures.insert(0, Signature(key_id="an earlier key's", signature=bytes(64)))


ENVELOPES: dict[str, Callable[[SealedChunk], None]] = {
    "missing": lambda chunk: chunk.ClearField("request"),
    "empty": _envelope(lambda _: Envelope()),
    "unsigned": _envelope(lambda envelope: envelope.ClearField("signatures")),
    "another's": _envelope(_resigned(Ed25519PrivateKey.generate(), signing.PayloadType.REQUEST)),
    "another type": _envelope(_resigned(SIGNING_KEY, signing.PayloadType.RECEIPT)),
    "altered": _envelope(lambda envelope: setattr(envelope, "payload", envelope.payload + b"\x60\x14")),
    "no statement": _envelope(
        lambda envelope: Envelope(
            payload_type=envelope.payload_type,
            payload=b"\xff",
            signatures=[
                Signature(
                    key_id=envelope.signatures[0].key_id,
                    signature=signing.sign_bytes(signing.PayloadType.REQUEST, b"\xff", SIGNING_KEY),
                )
            ],
        )
    ),
    "signed twice": lambda chunk: _sign_twice(chunk.request),
    "bloated": lambda chunk: _bloat(chunk.request),
}


def test_every_field_is_tried() -> None:
    assert set(CHANGES) == set(RequestStatement.DESCRIPTOR.fields_by_name)


async def _cut(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    spoil: Callable[[Asking, SealedChunk], object],
    field: str,
) -> None:
    """A session whose final chunk is spoilt ends there: on the stream, and in one call."""
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.ask(0, PEOPLE[:12])
    final = stream.asking.chunk(1, PEOPLE[12:], final=True)
    spoil(stream.asking, final)
    with refused("REQUEST_STATEMENT_INVALID", field):
        await stream.send(final)
        await stream.read()
    asking = node.asking()
    request = call_request(asking, PEOPLE)
    spoil(asking, request.chunk)
    with refused("REQUEST_STATEMENT_INVALID", field):
        await consumer.CompareRecords(request)
    await node.sessions.all_closed()
    found = [(one.end, one.records, one.HasField("request")) for one in node.receipts()]
    cut = SessionEnd.SESSION_END_CUT_BY_NODE
    assert found == [(cut, 12, False), (cut, 0, False)]
    assert node.state.used(GRANT_ID, "2026-11-22") == 12


@pytest.mark.parametrize("field", CHANGES)
async def test_a_statement_of_something_else(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", field: str
) -> None:
    await _cut(node, consumer, lambda asking, chunk: _restated(asking, chunk, CHANGES[field]), field)


@pytest.mark.parametrize("spoilt", ENVELOPES)
async def test_what_is_no_statement_of_the_consumer(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", spoilt: str
) -> None:
    await _cut(node, consumer, lambda _, chunk: ENVELOPES[spoilt](chunk), "request")


@pytest.mark.parametrize("by", [timedelta(minutes=10, seconds=1), -timedelta(minutes=10, seconds=1)])
async def test_a_statement_signed_at_another_time(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", by: timedelta
) -> None:
    await _cut(node, consumer, lambda asking, chunk: _restated(asking, chunk, _late(by)), "signed_at")


async def test_a_time_that_no_calendar_has(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    def never(statement: RequestStatement) -> None:
        statement.signed_at.seconds = 2**62

    await _cut(node, consumer, lambda asking, chunk: _restated(asking, chunk, never), "signed_at")


@pytest.mark.parametrize("by", [timedelta(minutes=10), -timedelta(minutes=10)])
async def test_clocks_may_differ_by_ten_minutes(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", by: timedelta
) -> None:
    asking = node.asking()
    request = call_request(asking, PEOPLE)
    _restated(asking, request.chunk, _late(by))
    await consumer.CompareRecords(request)
    assert [one.end for one in node.receipts()] == [SessionEnd.SESSION_END_COMPLETE]


async def test_the_statement_of_another_session_about_the_same(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    earlier = call_request(node.asking(), PEOPLE)
    await consumer.CompareRecords(earlier)
    replayed = call_request(node.asking(), PEOPLE)
    replayed.chunk.request.CopyFrom(earlier.chunk.request)
    with refused("REQUEST_STATEMENT_INVALID", "session_key_hash"):
        await consumer.CompareRecords(replayed)
    assert node.state.used(GRANT_ID, "2026-11-22") == 20


async def test_a_statement_before_the_final_chunk(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    early = stream.asking.chunk(0, PEOPLE)
    early.request.CopyFrom(requests.sign(stream.asking.statement(), SIGNING_KEY))
    with refused("PROTOCOL_VIOLATION", "chunk.request"):
        await stream.send(early)
        await stream.read()
    (receipt,) = node.receipts()
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_CUT_BY_NODE, 0)
    assert node.state.used(GRANT_ID, "2026-11-22") == 0


async def test_a_refused_statement_costs_no_attempts(bare_node: LocalNode) -> None:
    await bare_node.give(grant(guards=Limits(attempts_per_subject=1, miss_permille=0, sequence_run=0)))
    async with bare_node.listening(), bare_node.called_by() as (consumer, _):
        guess = register.person(1)
        request = call_request(bare_node.asking(), [guess])
        request.chunk.ClearField("request")
        with refused("REQUEST_STATEMENT_INVALID", "request"):
            await consumer.CompareRecords(request)
        other = register.Person(guess.owner_id, "王二", guess.plate)
        asking = bare_node.asking()
        answer = await consumer.CompareRecords(call_request(asking, [other]))
    (outcomes,) = asking.outcomes(answer.opened, answer.outcomes)
    assert outcomes == (1, 2, 1)


async def test_the_receipt_holds_the_statement_as_it_was_signed(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    request = call_request(node.asking(), PEOPLE)
    # A field that the node does not know is kept with the rest.
    request.chunk.request.MergeFromString(b"\xfa\x06\x01x")
    await consumer.CompareRecords(request)
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.ask(0, PEOPLE)
    final = stream.asking.chunk(1, [], final=True)
    await stream.send(final)
    await stream.read()
    receipt = await stream.receipt(node.material.verification_key)
    first, second = node.receipts()
    assert receipt == second
    for kept, chunk in ((first, request.chunk), (second, final)):
        assert kept.request.SerializeToString() == chunk.request.SerializeToString()
        key = SIGNING_KEY.public_key().public_bytes_raw()
        requests.check_agrees(requests.verify(kept.request, key), kept)
    assert requests.verify(second.request, key).records == 20


async def test_another_final_chunk_than_the_one_stated(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    """Who signs for twenty records cannot have nineteen answered, nor the same number of others."""
    for people in (PEOPLE[:19], [*PEOPLE[:19], register.person(30)]):
        asking = node.asking()
        stated = asking.chunk(0, PEOPLE, final=True).request
        chunk = asking.chunk(0, people, final=True)
        chunk.request.CopyFrom(stated)
        with refused("REQUEST_STATEMENT_INVALID"):
            await consumer.CompareRecords(CompareRecordsRequest(open=asking.open, chunk=chunk))
    assert node.state.used(GRANT_ID, "2026-11-22") == 0
