"""Counts only in oblivious mode: totals of different elements, and a node that lies about them."""

import random
from collections.abc import Callable, Sequence

import pytest

from stayput.errors import StayputError
from stayput.oblivious import unpacked
from stayput.oprf import PrivateKey
from stayput.v1.log_pb2 import Receipt
from stayput_client import Client, Mode, Outcome, Totals
from tests.client.servicers.faults import Faults
from tests.client.servicers.oblivious import Columns, ObliviousFaults, ObliviousPeer
from tests.client.world import RESOURCE, World, resident_id

KEY, CHECKS = "resident_id", ["name", "plate"]
OTHER = PrivateKey.generate(random.Random(5).randbytes)
RECORDS = [
    *({KEY: resident_id(serial % 20), "name": "张三", "plate": "京B00001"} for serial in range(30)),
    *({KEY: resident_id(0), "name": name} for name in ("张四", "", "李\ue000四")),
    {KEY: resident_id(1), "name": "李四"},
    {KEY: "123"},
]


async def count(client: Client, records: Sequence[dict[str, str]] = RECORDS) -> Totals:
    return await client.count(records, resource=RESOURCE, key=KEY, checks=CHECKS, mode=Mode.OBLIVIOUS)


@pytest.mark.parametrize("chunk_records", [3, 8_192])
async def test_different_elements_are_counted_once(
    world: World, client: Client, node: ObliviousPeer, chunk_records: int
) -> None:
    node.chunk_records = chunk_records
    totals = await count(client)
    assert (totals.records, totals.invalid, totals.distinct_records) == (35, 1, 20)
    assert totals.key == {Outcome.MATCH: 2, Outcome.NOT_FOUND: 18}
    assert totals.checks["name"][Outcome.MATCH] == 2
    assert totals.checks["plate"][Outcome.MATCH] == 1
    assert totals.reasons == {f"{KEY}: FORMAT": 1, "name: ENCODING": 1}
    assert totals.receipt is not None
    receipt = totals.receipt.receipt
    assert (receipt.records, receipt.elements) == (20, 20 + 22 + 20)
    assert node.used_today["G-1"] == receipt.elements


async def test_one_blind_serves_a_column_and_no_other(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    await count(client)
    await count(client)
    first, second = (unpacked(one, 3, "asked") for one in node.asked)
    assert all(len(set(column)) == len(column) for column in first)
    everything = [element for column in (*first, *second) for element in column]
    assert len(set(everything)) == len(everything)


async def test_a_check_that_nobody_gives_has_no_elements(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    totals = await count(client, [{KEY: resident_id(serial)} for serial in range(20)])
    assert [column[Outcome.MATCH] for column in (totals.key, *totals.checks.values())] == [2, 0, 0]


async def test_with_nothing_to_ask_there_is_no_session(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    totals = await count(client, [{KEY: "123"}])
    assert (totals.receipt, totals.records, totals.invalid) == (None, 1, 1)
    assert node.fetches == node.asked == []


async def test_a_short_list_is_refused(world: World, client: Client) -> None:
    with pytest.raises(StayputError, match="LIST_TOO_SHORT"):
        await count(client, RECORDS[:9])


def one_wrong(columns: Columns) -> Columns:
    return [[*columns[0][:-1], columns[0][0]], *columns[1:]]


def encoded_again(columns: Columns) -> Columns:
    """The first element with its top bit set, by which a node could mark an answer."""
    first = columns[0][0]
    return [[first[:-1] + bytes([first[-1] | 0x80]), *columns[0][1:]], *columns[1:]]


@pytest.mark.parametrize(
    ("lies", "complaint"),
    [
        (ObliviousFaults(keys={0: OTHER}), "PROOF_INVALID: proof: "),
        (ObliviousFaults(keys={2: OTHER}), "PROOF_INVALID: proof: "),
        (ObliviousFaults(evaluated=one_wrong), "PROOF_INVALID: proof: "),
        (ObliviousFaults(proofs=lambda proofs: proofs[:1]), "PROOF_INVALID: proof: there must be one"),
        (ObliviousFaults(proof_sequence=1), "PROOF_INVALID: proof: there must be one"),
        (ObliviousFaults(proof=lambda proof: b""), "PROOF_INVALID: proof: "),
        (ObliviousFaults(evaluated=lambda c: [c[0][:-1], *c[1:]]), "PROTOCOL_VIOLATION: evaluated"),
        (ObliviousFaults(evaluated=encoded_again), "PROTOCOL_VIOLATION: evaluated_element: number "),
        (ObliviousFaults(early=True), "PROTOCOL_VIOLATION: evaluated"),
    ],
)
async def test_answers_that_cannot_be_right(
    world: World, client: Client, node: ObliviousPeer, lies: ObliviousFaults, complaint: str
) -> None:
    node.lies = lies
    with pytest.raises(StayputError, match=complaint):
        await count(client)


async def test_a_column_without_elements_has_no_proof(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    node.lies = ObliviousFaults(proof=lambda proof: proof or bytes(64))
    with pytest.raises(StayputError, match="PROOF_INVALID: proof: a column without elements has none"):
        await count(client, [{KEY: resident_id(serial)} for serial in range(20)])


@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("distinct_records", lambda r: setattr(r, "distinct_records", 20)),
        ("count_minimum", lambda r: setattr(r, "count_minimum", 10)),
        ("tallies", lambda r: r.tallies.add()),
        ("elements", lambda r: setattr(r, "elements", 1)),
        ("repeated_elements", lambda r: setattr(r, "repeated_elements", 1)),
    ],
)
async def test_a_receipt_that_says_something_else(
    world: World, client: Client, node: ObliviousPeer, field: str, lie: Callable[[Receipt], None]
) -> None:
    await count(client)
    node.faults = Faults(receipt=lie)
    with pytest.raises(StayputError, match=f"RECEIPT_INVALID: receipt: {field} is not"):
        await count(client)
