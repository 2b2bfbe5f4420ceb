"""Proofs: of each chunk once, while it is kept, against the published keys; and what is no proof."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.evaluating import Evaluator
from provider_node.domain.serving import Serving
from stayput.oblivious import UNPROVED_CHUNKS
from stayput.oprf import chosen
from stayput.v1.comparison_pb2 import ElementIndices, EvaluateRequest, ProofRequest
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, LocalNode
from tests.provider_node.serving.oblivious.consumer import (
    COUNT,
    Columns,
    opening,
    proof_request,
    random_elements,
    verify,
)
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

TODAY = "2026-11-22"


async def begun(consumer: "ComparisonServiceAsyncStub", node: LocalNode) -> Evaluated:
    stream = Evaluated(consumer, opening(node, ("name",)))
    await stream.open()
    return stream


def some(*indices: list[int], sequence: int = 0) -> ProofRequest:
    return ProofRequest(sequence=sequence, columns=[ElementIndices(indices=one) for one in indices])


async def test_chunks_are_proved_in_any_order_also_after_the_receipt_and_cost_nothing(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await begun(consumer, node)
    asked = [random_elements(9, 2) for _ in range(UNPROVED_CHUNKS)]
    answers = [
        await stream.ask(number, columns, final=number == UNPROVED_CHUNKS - 1)
        for number, columns in enumerate(asked)
    ]
    await stream.receipt(node.material.verification_key)
    for number in (2, 0, 3, 1):
        request = proof_request(number, asked[number])
        verify(stream.asking, request, await stream.prove(request), asked[number], answers[number])
    await stream.close()
    assert node.state.used(GRANT_ID, TODAY) == UNPROVED_CHUNKS * 18
    assert len(node.receipts()) == 1


async def test_a_few_of_the_elements_can_be_proved(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await begun(consumer, node)
    columns = random_elements(9, 2)
    evaluated = await stream.ask(0, columns)
    request = some([7, 0, 3], [])
    proof = await stream.prove(request)
    assert [len(one) for one in proof.proofs] == [64, 0]
    verify(stream.asking, request, proof, columns, evaluated)
    stream.call.cancel()


@pytest.mark.parametrize(
    "request_",
    [
        some([0]),
        some([0], [0], [0]),
        some([0, 0], []),
        some([], [9]),
        some([2**32 - 1], []),
        some(list(range(1_001)), []),
    ],
    ids=["too few columns", "too many", "twice the same", "beyond the end", "far beyond", "too long"],
)
async def test_elements_that_cannot_be_proved_end_the_session(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", request_: ProofRequest
) -> None:
    stream = await begun(consumer, node)
    await stream.ask(0, random_elements(9, 2))
    with refused("FIELD_INVALID"):
        await stream.prove(request_)
    await node.sessions.all_closed()
    assert [receipt.elements for receipt in node.receipts()] == [18]
    assert node.state.used(GRANT_ID, TODAY) == 18


@pytest.mark.parametrize("sequence", [1, 2**64 - 1], ids=["not answered yet", "far off"])
async def test_what_was_not_answered_is_not_proved(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", sequence: int
) -> None:
    stream = await begun(consumer, node)
    await stream.ask(0, random_elements(2, 2))
    with refused("PROTOCOL_VIOLATION", "prove.sequence"):
        await stream.prove(some([0], [0], sequence=sequence))


async def test_a_chunk_is_proved_once(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = await begun(consumer, node)
    await stream.ask(0, random_elements(2, 2))
    await stream.prove(some([0], [0]))
    with refused("PROTOCOL_VIOLATION", "prove.sequence"):
        await stream.prove(some([1], [1]))


async def test_an_answer_is_kept_until_so_many_others_came(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await begun(consumer, node)
    for sequence in range(UNPROVED_CHUNKS + 1):
        await stream.ask(sequence, random_elements(2, 2))
    await stream.prove(some([0], [0], sequence=1))
    with refused("PROTOCOL_VIOLATION", "prove.sequence"):
        await stream.prove(some([0], [0], sequence=0))


async def test_nothing_but_chunks_and_proofs_follows_the_opening(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    for request in (EvaluateRequest(), EvaluateRequest(open=opening(node).open)):
        stream = await begun(consumer, node)
        await stream.write(request)
        with refused("PROTOCOL_VIOLATION"):
            await stream.read()
    stream = Evaluated(consumer, opening(node))
    with refused("PROTOCOL_VIOLATION"):
        await stream.prove(some([0]))


def other_keys(serving: Serving) -> Serving:
    """A node that evaluates records with the keys for counts."""

    def evaluator(key: str, checks: object, granularity: object) -> Evaluator:
        return serving.evaluator(key, ("name",), COUNT)

    return replace(serving, evaluator=evaluator)


async def test_a_node_that_uses_another_key_than_the_published_one_is_detected(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    honest = node.resources.serving
    node.sessions._serving = lambda code: other_keys(honest(code))
    stream = await begun(consumer, node)
    columns = random_elements(3, 2)
    evaluated = await stream.ask(0, columns)
    request = proof_request(0, columns)
    proof = await stream.prove(request)
    with refused("PROOF_INVALID", "proof"):
        verify(stream.asking, request, proof, columns, evaluated)


async def test_one_wrong_answer_is_detected(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = await begun(consumer, node)
    columns = random_elements(30, 2)
    evaluated: Columns = await stream.ask(0, columns)
    request = proof_request(0, columns)
    proof = await stream.prove(request)
    swapped = [chosen(one, [1, 0, *range(2, 30)]) for one in evaluated]
    with refused("PROOF_INVALID", "proof"):
        verify(stream.asking, request, proof, columns, swapped)
