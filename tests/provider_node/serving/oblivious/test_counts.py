"""Counts only in oblivious mode: what the consumer gets tells how many are there, and not which."""

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from stayput.evidence import check_receipt, check_statement
from stayput.leakage import IDS
from stayput.oblivious import count_fingerprints, input_context, unpacked
from stayput.oprf import Blinding, VerifiableClient
from stayput.oprf.group import multiply_generator
from stayput.outcomes import MATCH
from stayput.receipts import Transcript
from stayput.v1.comparison_pb2 import ElementIndices, ProofRequest
from stayput.v1.contract_pb2 import Mode
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, LocalNode
from tests.provider_node.serving.oblivious.consumer import (
    COUNT,
    RECORD,
    Columns,
    ObliviousAsking,
    blinded,
    elements,
    granted,
    opening,
    random_elements,
)
from tests.provider_node.serving.oblivious.streams import Evaluated, fetch

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

TODAY = "2026-11-22"
# Of the group of ristretto255 (RFC 9496, 4).
ORDER = 2**252 + 27742317777372353535851937790883648493
PEOPLE = [register.asked(number)[0] for number in range(60)]


def split(columns: Columns, size: int) -> list[Columns]:
    """Columns cut into chunks, each of so many elements until there are no more."""
    longest = max(map(len, columns))
    return [[column[at : at + size] for column in columns] for at in range(0, longest, size)]


class Counted:
    """A whole session: what was sent, what came, and the receipt."""

    def __init__(self, stream: Evaluated, chunks: list[Columns]) -> None:
        self.stream = stream
        self.chunks = chunks
        self.contents: list[bytes] = []
        self.receipt = Receipt()

    async def run(self, node: LocalNode) -> "Counted":
        await self.stream.open()
        for number, columns in enumerate(self.chunks):
            final = number == len(self.chunks) - 1
            await self.stream.send(self.stream.asking.elements(number, columns, final=final))
            self.contents.append(self.stream.content(number, (await self.stream.read()).evaluated))
        for number in range(len(self.chunks), 2 * len(self.chunks)):
            self.contents.append(self.stream.content(number, (await self.stream.read()).evaluated))
        self.receipt = await self.stream.receipt(node.material.verification_key)
        return self

    @property
    def answers(self) -> list[Columns]:
        columns = len(self.stream.asking.sets)
        return [unpacked(one, columns, "answer") for one in self.contents[len(self.chunks) :]]

    @property
    def answered(self) -> Columns:
        return joined(self.answers)


def joined(chunks: list[Columns]) -> Columns:
    return [[one for column in columns for one in column] for columns in zip(*chunks, strict=True)]


async def counted(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", columns: Columns, size: int = 25
) -> Counted:
    stream = Evaluated(consumer, opening(node, granularity=COUNT))
    return await Counted(stream, split(columns, size)).run(node)


def list_of(node: LocalNode) -> tuple[ObliviousAsking, list[Blinding]]:
    asking = opening(node, granularity=COUNT)
    return asking, blinded(asking, PEOPLE)


def matches(
    asking: ObliviousAsking, blindings: list[Blinding], answered: Columns, sets: list[bytes]
) -> list[int]:
    """How many of each column the register has."""
    found = []
    contract = asking.open.contract
    for check, one, blinding, column, content in zip(
        (None, *register.CHECKS), asking.sets, blindings, answered, sets, strict=True
    ):
        known = {content[at : at + 8] for at in range(0, len(content), 8)}
        points = VerifiableClient(one.public_key).unblind(blinding.blinds, column)
        prints = count_fingerprints(input_context(contract, register.KEY, check), points)
        found.append(sum(print_ in known for print_ in prints))
    return found


async def test_totals_are_those_of_keyed_mode(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking, blindings = list_of(node)
    session = await counted(node, consumer, elements(blindings))
    sets = list((await fetch(node, consumer, asking)).columns)
    expected = [sum(register.asked(number)[1][place] == MATCH for number in range(60)) for place in range(3)]
    assert matches(asking, blindings, session.answered, sets) == expected
    assert min(expected) > 0


async def test_nothing_is_told_before_the_end_and_then_as_much_as_was_asked(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    _, blindings = list_of(node)
    session = await counted(node, consumer, elements(blindings))
    assert session.contents[: len(session.chunks)] == [b""] * 3
    shape = [[len(column) for column in columns] for columns in session.chunks]
    assert [[len(column) for column in columns] for columns in session.answers] == shape
    await session.stream.close()


async def test_the_receipt_states_elements_and_no_total(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    _, blindings = list_of(node)
    session = await counted(node, consumer, elements(blindings))
    receipt, count = session.receipt, sum(map(len, elements(blindings)))
    assert (receipt.records, receipt.elements) == (60, count)
    assert (receipt.leakage, receipt.count_minimum) == (IDS[Mode.MODE_OBLIVIOUS, COUNT], 0)
    assert (list(receipt.tallies), receipt.outcome_bytes) == ([], 0)
    check_receipt(receipt)
    check_statement(receipt)
    transcript = Transcript(session.stream.asking.keys.commitment_key())
    for content in session.stream.asking.asked.values():
        transcript.ask(content)
    for content in session.contents:
        transcript.answer(content)
    assert (receipt.request_commitment, receipt.response_commitment) == transcript.commitments()
    assert node.state.used(GRANT_ID, TODAY) == count


async def test_the_order_is_drawn_anew_over_the_whole_session_and_for_each_column(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    sent = [random_elements(80, 1)[0]] * 2 + [random_elements(80, 1)[0]]
    sessions = [await counted(node, consumer, sent, 20) for _ in range(2)]
    evaluator = node.resources.serving(register.CODE).evaluator(register.KEY, register.CHECKS, COUNT)
    in_order = evaluator.evaluate(sent)
    orders = []
    for session in sessions:
        for column, answered in zip(in_order, session.answered, strict=True):
            assert Counter(answered) == Counter(column)
            orders.append([column.index(one) for one in answered])
    # By chance two of them are the same, or one is as it was, once in 80! times.
    assert len({tuple(order) for order in orders}) == len(orders) == 6
    assert list(range(80)) not in orders
    # What was asked in one chunk is answered in others: by chance no column keeps a chunk together.
    for order in orders:
        assert any({place // 20 for place in order[at : at + 20]} != {at // 20} for at in range(0, 80, 20))
    await sessions[0].stream.close()


async def test_the_whole_session_is_proved_at_once(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    _, blindings = list_of(node)
    session = await counted(node, consumer, elements(blindings))
    proof = await session.stream.prove(ProofRequest(sequence=2))
    for one, sent, answered, made in zip(
        session.stream.asking.sets, elements(blindings), session.answered, proof.proofs, strict=True
    ):
        client = VerifiableClient(one.public_key)
        assert client.verify_total(sent, answered, made) == answered
        with refused("PROOF_INVALID", "proof"):
            client.verify_total(sent, [*answered[1:], sent[0]], made)
    await session.stream.close()


async def test_another_key_than_the_published_one_is_detected(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    columns = random_elements(12)
    session = await counted(node, consumer, columns)
    proof = await session.stream.prove(ProofRequest(sequence=0))
    other = opening(node, granularity=RECORD).sets[0]
    with refused("PROOF_INVALID", "proof"):
        VerifiableClient(other.public_key).verify_total(columns[0], session.answered[0], proof.proofs[0])


async def test_a_column_without_elements_needs_no_proof(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    columns: Columns = [random_elements(12, 1)[0], [], []]
    session = await counted(node, consumer, columns, 5)
    proof = await session.stream.prove(ProofRequest(sequence=2))
    assert [len(one) for one in proof.proofs] == [64, 0, 0]
    VerifiableClient(session.stream.asking.sets[0].public_key).verify_total(
        columns[0], session.answered[0], proof.proofs[0]
    )


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (ProofRequest(sequence=1), "PROTOCOL_VIOLATION", "prove.sequence"),
        (ProofRequest(sequence=3), "PROTOCOL_VIOLATION", "prove.sequence"),
        (ProofRequest(sequence=2, columns=[ElementIndices(indices=[0])]), "FIELD_INVALID", "prove.columns"),
    ],
    ids=["of one chunk", "of an answer", "of some elements"],
)
async def test_nothing_less_is_proved(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    request_: ProofRequest,
    reason: str,
    field: str,
) -> None:
    session = await counted(node, consumer, random_elements(30), 10)
    with refused(reason, field):
        await session.stream.prove(request_)


async def test_nor_before_the_end_nor_twice(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = Evaluated(consumer, opening(node, granularity=COUNT))
    await stream.open()
    await stream.send(stream.asking.elements(0, random_elements(12)))
    await stream.read()
    with refused("PROTOCOL_VIOLATION", "prove.sequence"):
        await stream.prove(ProofRequest(sequence=0))
    session = await counted(node, consumer, random_elements(12))
    await session.stream.prove(ProofRequest(sequence=0))
    with refused("PROTOCOL_VIOLATION", "prove.sequence"):
        await session.stream.prove(ProofRequest(sequence=0))


async def test_elements_that_cancel_out_cannot_be_proved(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    pairs = [(multiple, ORDER - multiple) for multiple in range(1, 7)]
    column = [multiply_generator(one.to_bytes(32, "little")) for pair in pairs for one in pair]
    session = await counted(node, consumer, [column, [], []])
    assert sorted(map(len, session.answered)) == [0, 0, 12]
    with refused("FIELD_INVALID", "columns[0]"):
        await session.stream.prove(ProofRequest(sequence=0))
    await node.sessions.all_closed()
    assert [one.end for one in node.receipts()] == [SessionEnd.SESSION_END_COMPLETE]


@pytest.mark.parametrize("chunks", [1, 2])
async def test_a_list_shorter_than_the_minimum_is_told_nothing(bare_node: LocalNode, chunks: int) -> None:
    node = bare_node
    await node.give(granted(minimum=20))
    async with node.listening(), node.called_by() as (consumer, _):
        columns: Columns = [random_elements(19, 1)[0], random_elements(30, 1)[0], []]
        stream = Evaluated(consumer, opening(node, granularity=COUNT))
        await stream.open()
        parts = split(columns, 30 // chunks)
        for number, part in enumerate(parts[:-1]):
            await stream.send(stream.asking.elements(number, part))
            assert stream.content(number, (await stream.read()).evaluated) == b""
        await stream.send(stream.asking.elements(len(parts) - 1, parts[-1], final=True))
        with refused("LIST_TOO_SHORT", "records") as caught:
            await stream.read()
        assert caught.value.details["limit"] == "20"
        await node.sessions.all_closed()
        asked = sum(len(column) for part in parts[:-1] for column in part)
        assert [(one.end, one.elements) for one in node.receipts()] == [
            (SessionEnd.SESSION_END_CUT_BY_NODE, asked)
        ]
        assert node.state.used(GRANT_ID, TODAY) == asked
        assert (await counted(node, consumer, random_elements(20))).receipt.records == 20


def short(column: int) -> Columns:
    """30 elements in each column, but one less than the minimum of 10 in one."""
    columns = random_elements(30)
    del columns[column][9:]
    return columns


def repeated(column: int) -> Columns:
    """As `short`, and as long as the others by repeating what there is."""
    columns = short(column)
    columns[column] = (columns[column] * 4)[:30]
    return columns


@pytest.mark.parametrize("size", [30, 7])
@pytest.mark.parametrize(
    ("columns", "field"),
    [
        (short(0), "records"),
        (short(1), "columns[1]"),
        (short(2), "columns[2]"),
        (repeated(0), "records"),
        (repeated(2), "columns[2]"),
        ([[], *random_elements(30, 2)], "records"),
    ],
    ids=["keys", "a check", "the last check", "one key again", "one value again", "no key"],
)
async def test_no_total_is_told_of_a_column_of_fewer_different_elements(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", columns: Columns, field: str, size: int
) -> None:
    with refused("LIST_TOO_SHORT", field) as caught:
        await counted(node, consumer, columns, size)
    assert caught.value.details == {"limit": "10"}
    await node.sessions.all_closed()
    assert [one.end for one in node.receipts()] == [SessionEnd.SESSION_END_CUT_BY_NODE]


async def test_repetitions_beyond_the_minimum_are_evaluated(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    [column] = random_elements(10, 1)
    session = await counted(node, consumer, [column * 3, [], []])
    assert set(Counter(session.answered[0]).values()) == {3}


async def test_a_session_that_is_sent_again_after_a_cut_costs_nothing(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    columns = random_elements(30)
    stream = Evaluated(consumer, opening(node, granularity=COUNT))
    await stream.open()
    for number, part in enumerate(split(columns, 10)[:2]):
        await stream.send(stream.asking.elements(number, part))
        await stream.read()
    stream.call.cancel()
    await node.sessions.all_closed()
    session = await counted(node, consumer, columns, 10)
    assert (session.receipt.elements, session.receipt.repeated_elements) == (90, 60)
    assert node.state.used(GRANT_ID, TODAY) == 90


async def test_sets_of_one_granularity_are_of_no_use_in_the_other(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    record = (await fetch(node, consumer, opening(node))).columns
    count = (await fetch(node, consumer, opening(node, granularity=COUNT))).columns
    for left, right in zip(record, count, strict=True):
        both = [{one[at : at + 8] for at in range(0, len(one), 8)} for one in (left, right)]
        assert both[0] & both[1] == set()
