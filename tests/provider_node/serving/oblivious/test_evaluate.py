"""Oblivious mode over gRPC: the same outcomes as in keyed mode, proved, charged and stated."""

from typing import TYPE_CHECKING

import pytest

from stayput.evidence import check_receipt, check_statement
from stayput.leakage import IDS
from stayput.oprf import VerifiableClient
from stayput.receipts import Transcript
from stayput.v1.contract_pb2 import Mode
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, chunks_of
from tests.provider_node.serving.node import GRANT_ID, LocalNode
from tests.provider_node.serving.oblivious.consumer import (
    RECORD,
    blinded,
    elements,
    opening,
    outcomes,
    proof_request,
    random_elements,
    verify,
)
from tests.provider_node.serving.oblivious.streams import Evaluated, fetch
from tests.provider_node.serving.register import Person

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

TODAY = "2026-11-22"
PEOPLE = [*(register.asked(number)[0] for number in range(60)), register.without_plate_here()[0]]


async def keyed(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", people: list[Person], checks: tuple[str, ...]
) -> list[tuple[int, ...]]:
    stream = Stream(consumer, node.asking(checks))
    await stream.open()
    return await stream.ask(0, people, final=True)


@pytest.mark.parametrize("checks", [(), ("plate",), ("plate", "name")])
async def test_both_modes_agree_on_every_record(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", checks: tuple[str, ...]
) -> None:
    asking = opening(node, checks)
    fetched = await fetch(node, consumer, asking)
    stream = Evaluated(consumer, opening(node, checks))
    await stream.open()
    outputs: list[list[bytes]] = [[] for _ in range(1 + len(checks))]
    parts = chunks_of(PEOPLE, 25)
    for number, part in enumerate(parts):
        final = number == len(parts) - 1
        blindings = blinded(asking, part)
        evaluated = await stream.proved(number, elements(blindings), final=final)
        for place, (blinding, column) in enumerate(zip(blindings, evaluated, strict=True)):
            outputs[place] += VerifiableClient(asking.sets[place].public_key).finalize(blinding, column)
    expected = await keyed(node, consumer, PEOPLE, checks)
    assert outcomes(asking, PEOPLE, outputs, fetched.columns) == expected
    assert len(set(expected)) >= 2 + len(checks)


async def test_the_receipt_states_elements_and_tells_no_outcome(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = opening(node)
    stream = Evaluated(consumer, asking)
    opened = await stream.open()
    sent = [elements(blinded(asking, part)) for part in chunks_of(PEOPLE, 40)]
    for number, columns in enumerate(sent):
        await stream.ask(number, columns, final=number == len(sent) - 1)
    message = await stream.read()
    await stream.close()
    (receipt,) = node.receipts()
    assert message.receipt.payload == receipt.SerializeToString(deterministic=True)
    counts = [sum(len(columns[place]) for columns in sent) for place in range(3)]
    assert counts[0] == len(PEOPLE) > counts[2] > 0
    assert (receipt.records, receipt.elements, receipt.repeated_elements) == (counts[0], sum(counts), 0)
    assert (receipt.mode, receipt.granularity) == (Mode.MODE_OBLIVIOUS, RECORD)
    assert (receipt.oblivious_suite, receipt.key_epoch) == ("oblivious/1", asking.open.key_epoch)
    assert receipt.leakage == IDS[Mode.MODE_OBLIVIOUS, RECORD]
    assert (list(receipt.tallies), receipt.outcome_bytes, receipt.HasField("fetch")) == ([], 0, False)
    assert (receipt.session_id, receipt.end) == (opened.session_id, SessionEnd.SESSION_END_COMPLETE)
    check_receipt(receipt)
    check_statement(receipt)
    assert node.state.used(GRANT_ID, TODAY) == sum(counts)
    assert message.allowance.records_used_today == sum(counts)


async def test_both_commitments_are_over_elements(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = opening(node)
    stream = Evaluated(consumer, asking)
    await stream.open()
    answers = []
    for number, part in enumerate(chunks_of(PEOPLE[:20], 10)):
        await stream.send(asking.elements(number, elements(blinded(asking, part)), final=number == 1))
        answers.append(stream.content(number, (await stream.read()).evaluated))
    receipt = await stream.receipt(node.material.verification_key)
    transcript = Transcript(asking.keys.commitment_key())
    for content in asking.asked.values():
        transcript.ask(content)
    for content in answers:
        transcript.answer(content)
    assert (receipt.request_commitment, receipt.response_commitment) == transcript.commitments()


async def test_an_empty_list_is_answered_with_nothing(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    assert await stream.ask(0, [[], [], []], final=True) == [[], [], []]
    assert (await stream.receipt(node.material.verification_key)).elements == 0
    request = proof_request(0, [[], [], []])
    assert list((await stream.prove(request)).proofs) == [b"", b"", b""]
    await stream.close()
    assert node.state.used(GRANT_ID, TODAY) == 0


async def test_a_chunk_may_be_as_large_as_the_session_says(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node, ()))
    opened = await stream.open()
    columns = random_elements(opened.chunk_records, 1)
    evaluated = await stream.ask(0, columns)
    request = proof_request(0, columns)
    assert len(request.columns[0].indices) == 1_000
    verify(stream.asking, request, await stream.prove(request), columns, evaluated)
    stream.call.cancel()
