"""Whole sessions over mutual TLS: what is answered, and what the receipt says about it."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from stayput.normalise import PROFILE
from stayput.outcomes import MATCH, MISMATCH, NO_VALUE, NOT_ASKED, NOT_FOUND
from stayput.receipts import verify
from stayput.signing import PayloadType
from stayput.signing import verify as verify_signature
from stayput.v1.comparison_pb2 import DescribeRequest, Description
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Asking, Stream, call_request, chunks_of, digests
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NODE, NOW, PROVIDER, LocalNode
from tests.provider_node.serving.register import Person

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

LIST = [*(register.asked(number) for number in range(250)), register.without_plate_here()]
PEOPLE = [person for person, _ in LIST]
EXPECTED = [outcomes for _, outcomes in LIST]


def tallies(receipt: Receipt) -> list[dict[int, int]]:
    return [{count.outcome: count.count for count in tally.counts} for tally in receipt.tallies]


def commitments(asking: Asking, chunks: Sequence[Sequence[Person]], outcomes: bytes) -> tuple[bytes, bytes]:
    """By the .proto: HMAC of the SHA-256 over the digests, and over the outcome bytes, of all chunks."""
    asked = b"".join(digests(asking.open.contract, chunk, asking.open.checks) for chunk in chunks)
    key = asking.keys.commitment_key()
    asked_hash, answered_hash = hashlib.sha256(asked).digest(), hashlib.sha256(outcomes).digest()
    return hmac.digest(key, asked_hash, "sha256"), hmac.digest(key, answered_hash, "sha256")


async def test_outcomes_come_chunk_by_chunk_and_then_the_receipt(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    answered, plain, chunks = [], b"", chunks_of(PEOPLE, 100)
    for sequence, chunk in enumerate(chunks):
        outcomes = await stream.ask(sequence, chunk, final=sequence == len(chunks) - 1)
        answered += outcomes
        plain += b"".join(bytes(column) for column in zip(*outcomes, strict=True))
    receipt = await stream.receipt(node.material.verification_key)

    assert answered == EXPECTED
    assert receipt.end == SessionEnd.SESSION_END_COMPLETE
    assert (receipt.records, receipt.outcome_bytes) == (251, 251 * 3)
    assert tallies(receipt) == [Counter(column) for column in zip(*EXPECTED, strict=True)]
    asked, answer = commitments(stream.asking, chunks, plain)
    assert (receipt.request_commitment, receipt.response_commitment) == (asked, answer)
    assert node.receipts() == [receipt]
    assert node.state.used(GRANT_ID, "2026-11-22") == 251
    assert (node.sessions.open_count, node.state.open_sessions()) == (0, [])


async def test_the_list_shows_every_outcome() -> None:
    assert {code for outcomes in EXPECTED for code in outcomes} == {
        MATCH,
        MISMATCH,
        NOT_FOUND,
        NO_VALUE,
        NOT_ASKED,
    }


async def test_the_receipt_names_session_grant_ticket_and_generation(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    response = await consumer.CompareRecords(call_request(node.asking(), PEOPLE[:3]))
    receipt = verify(response.receipt, node.material.verification_key)
    manifest = node.resources.serving(register.CODE)
    assert receipt.session_id == response.opened.session_id
    assert len(receipt.session_id) == 16
    assert (receipt.grant_id, receipt.ticket_id) == (GRANT_ID, "T-1")
    assert (receipt.consumer, receipt.operator) == (CONSUMER.id, "clerk 7")
    assert (receipt.purpose, receipt.case_number) == ("低收入家庭经济状况核对", "")
    assert (receipt.provider, receipt.node_id) == (PROVIDER, NODE.id)
    assert (receipt.resource, receipt.key, list(receipt.checks)) == (
        register.CODE,
        register.KEY,
        list(register.CHECKS),
    )
    assert (receipt.mode, receipt.granularity) == (Mode.MODE_KEYED, Granularity.GRANULARITY_RECORD)
    assert receipt.generation == response.opened.generation == manifest.generation
    assert receipt.as_of.ToDatetime(UTC) == response.opened.as_of.ToDatetime(UTC) == manifest.as_of
    assert receipt.started_at.ToDatetime(UTC) == receipt.finished_at.ToDatetime(UTC) == NOW
    assert (receipt.profile, receipt.suite) == (PROFILE, "keyed/1")
    assert receipt.software_version == "0.0-test"


async def test_existence_only_asks_no_checks(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    asking = node.asking(checks=())
    response = await consumer.CompareRecords(call_request(asking, PEOPLE[:8]))
    assert asking.outcomes(response.opened, response.outcomes) == [(key,) for key, *_ in EXPECTED[:8]]
    assert len(node.receipts()[0].tallies) == 1


async def test_checks_are_answered_in_the_order_they_are_asked_in(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = node.asking(checks=("plate", "name"))
    response = await consumer.CompareRecords(call_request(asking, PEOPLE))
    swapped = [(key, plate, name) for key, name, plate in EXPECTED]
    assert asking.outcomes(response.opened, response.outcomes) == swapped


async def test_an_empty_list_is_one_empty_final_chunk(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    assert await stream.ask(0, [], final=True) == []
    receipt = await stream.receipt(node.material.verification_key)
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_COMPLETE, 0)
    assert tallies(receipt) == [{}, {}, {}]
    assert (receipt.request_commitment, receipt.response_commitment) == commitments(stream.asking, [], b"")


async def test_a_final_chunk_may_be_empty_after_full_ones(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    assert await stream.ask(0, PEOPLE[:2]) == EXPECTED[:2]
    assert await stream.ask(1, [], final=True) == []
    assert (await stream.receipt(node.material.verification_key)).records == 2


async def test_chunks_may_be_sent_before_the_first_is_answered(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Stream(consumer, node.asking())
    await stream.open()
    chunks = chunks_of(PEOPLE, 50)
    for sequence, chunk in enumerate(chunks):
        await stream.send(stream.asking.chunk(sequence, chunk, final=sequence == len(chunks) - 1))
    answered = []
    for sequence in range(len(chunks)):
        outcomes = (await stream.read()).outcomes
        assert outcomes.sequence == sequence
        answered += stream.asking.outcomes(stream.opened, outcomes)
    assert answered == EXPECTED


async def test_receipts_of_sessions_form_a_chain(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    for number in range(3):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE[:number]))
    assert [receipt.records for receipt in node.receipts()] == [0, 1, 2]
    assert len({receipt.session_id for receipt in node.receipts()}) == 3


async def test_a_description_is_signed_and_has_what_a_consumer_needs(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    response = await consumer.Describe(DescribeRequest(resource=register.CODE))
    payload = verify_signature(response.description, PayloadType.DESCRIPTION, node.material.verification_key)
    description = Description.FromString(payload)
    serving = node.resources.serving(register.CODE)
    assert (description.node_id, description.provider) == (NODE.id, PROVIDER)
    assert description.contract == serving.contract
    assert description.sealing_key == node.material.sealing_key.public_bytes()
    assert description.sealing_key_id == hashlib.sha256(description.sealing_key).digest()[:8]
    assert (description.generation, description.chunk_records) == (serving.generation, 8_192)
    assert list(description.modes) == [Mode.MODE_KEYED]
    assert description.issued_at.ToDatetime(UTC) == NOW
