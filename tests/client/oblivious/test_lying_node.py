"""A node that departs from the protocol in oblivious mode is found out, and nothing of it is used."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput.errors import StayputError
from stayput.oprf import PrivateKey
from stayput.v1.contract_pb2 import GRANULARITY_COUNT, MODE_KEYED, OUTCOME_CODE_MATCH
from stayput.v1.log_pb2 import SESSION_END_CUT_BY_NODE, FingerprintFetch, OutcomeCount, Receipt, Tally
from stayput_client import Client, CutShort, Mode
from tests.client.servicers.faults import Faults
from tests.client.servicers.oblivious import Columns, ObliviousFaults, ObliviousPeer
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"
RECORDS = [{KEY: resident_id(serial), "name": "张三"} for serial in range(12)]
OTHER = PrivateKey.generate(random.Random(5).randbytes)


async def compare(client: Client, records: Sequence[dict[str, str]] = RECORDS) -> None:
    await client.compare(records, resource=RESOURCE, key=KEY, checks=["name"], mode=Mode.OBLIVIOUS)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def swapped(columns: Columns) -> Columns:
    return [[column[1], column[0], *column[2:]] for column in columns]


def encoded_again(columns: Columns) -> Columns:
    """The last element of the last column with its top bit set, which a canonical encoding never has."""
    last = columns[1][-1]
    return [columns[0], [*columns[1][:-1], last[:-1] + bytes([last[-1] | 0x80])]]


def one_wrong(columns: Columns) -> Columns:
    return [columns[0], [*columns[1][:-1], columns[1][0]]]


@pytest.mark.parametrize(
    ("lies", "complaint"),
    [
        (ObliviousFaults(keys={0: OTHER}), "PROOF_INVALID: proof: .* another key"),
        (ObliviousFaults(keys={1: OTHER}), "PROOF_INVALID: proof: .* another key"),
        (ObliviousFaults(evaluated=swapped), "PROOF_INVALID: proof: "),
        (ObliviousFaults(evaluated=one_wrong), "PROOF_INVALID: proof: "),
        (ObliviousFaults(chosen=lambda indices: indices[::-1]), "PROOF_INVALID: proof: "),
        (ObliviousFaults(chosen=lambda indices: indices[1:]), "PROOF_INVALID: proof: "),
        (ObliviousFaults(proof=lambda proof: proof[:-1]), "PROOF_INVALID: proof: a proof has 64 bytes"),
        (ObliviousFaults(proof=lambda proof: b""), "PROOF_INVALID: proof: a proof has 64 bytes"),
        (ObliviousFaults(proof=lambda proof: proof[32:] + proof[:32]), "PROOF_INVALID: proof: "),
        (ObliviousFaults(proofs=lambda proofs: proofs[:1]), "PROOF_INVALID: proof: there must be one for"),
        (ObliviousFaults(proofs=lambda proofs: proofs[::-1]), "PROOF_INVALID: proof: "),
        (ObliviousFaults(proof_sequence=1), "PROTOCOL_VIOLATION: proof"),
        (ObliviousFaults(evaluated=lambda c: [c[0][:-1], c[1]]), "PROTOCOL_VIOLATION: evaluated"),
        (ObliviousFaults(evaluated=lambda c: [c[0], [*c[1], c[1][0]]]), "PROTOCOL_VIOLATION: evaluated"),
        (
            ObliviousFaults(evaluated=lambda c: [c[0], [*c[1][:-1], bytes(32)]]),
            "PROTOCOL_VIOLATION: evaluated_element: number 11 ",
        ),
        (ObliviousFaults(evaluated=encoded_again), "PROTOCOL_VIOLATION: evaluated_element: number "),
    ],
)
async def test_answers_that_are_not_those_of_the_published_keys(
    world: World, client: Client, node: ObliviousPeer, lies: ObliviousFaults, complaint: str
) -> None:
    node.lies = lies
    with pytest.raises(StayputError, match=complaint):
        await compare(client)


async def test_one_wrong_answer_of_a_thousand_is_found(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    node.lies = ObliviousFaults(evaluated=lambda columns: [[*columns[0][:-1], columns[0][0]]])
    records = [{KEY: resident_id(serial)} for serial in range(1_000)]
    with pytest.raises(StayputError, match="PROOF_INVALID: proof: "):
        await client.compare(records, resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS)


async def test_a_column_without_elements_has_no_proof(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    records = [{KEY: resident_id(0)}]
    await compare(client, records)
    node.lies = ObliviousFaults(proof=lambda proof: proof or bytes(64))
    with pytest.raises(StayputError, match="PROOF_INVALID: proof: a column without elements has none"):
        await compare(client, records)


async def test_nothing_is_written_of_a_list_if_one_chunk_is_not_proved(
    world: World, client: Client, node: ObliviousPeer, tmp_path: Path
) -> None:
    node.chunk_records = 3

    def last_is_wrong(columns: Columns) -> Columns:
        return swapped(columns) if len(node.asked) == 4 else columns

    node.lies = ObliviousFaults(evaluated=last_is_wrong)
    (tmp_path / "list.csv").write_text("\n".join([KEY, *(one[KEY] for one in RECORDS)]), "utf-8")
    with pytest.raises(StayputError, match="PROOF_INVALID") as caught:
        await client.compare_csv(
            tmp_path / "list.csv", tmp_path / "out.csv", resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS
        )
    assert not isinstance(caught.value, CutShort)
    assert names(tmp_path) == {"home", "list.csv"}


async def test_keys_that_the_catalogue_does_not_show_are_not_asked(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    entry = world.catalogue.resources[RESOURCE]
    entry.oblivious.sets[0].public_key = OTHER.public_bytes()
    with pytest.raises(StayputError, match=r"PROOF_INVALID: oblivious\.sets\.public_key: "):
        await compare(client)
    assert node.asked == node.fetches == []


@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("mode", lambda r: setattr(r, "mode", MODE_KEYED)),
        ("granularity", lambda r: setattr(r, "granularity", GRANULARITY_COUNT)),
        ("leakage", lambda r: setattr(r, "leakage", "keyed-record/1")),
        ("records", lambda r: setattr(r, "records", r.records - 1)),
        ("elements", lambda r: setattr(r, "elements", r.elements - 1)),
        ("oblivious_suite", lambda r: setattr(r, "oblivious_suite", "oblivious/2")),
        ("key_epoch", lambda r: setattr(r, "key_epoch", "0" * 16)),
        ("fetch", lambda r: r.fetch.CopyFrom(FingerprintFetch())),
        ("repeated_elements", lambda r: setattr(r, "repeated_elements", 1)),
        ("repeated_elements", lambda r: setattr(r, "repeated_elements", -1)),
        (
            "tallies",
            lambda r: r.tallies.append(Tally(counts=[OutcomeCount(outcome=OUTCOME_CODE_MATCH, count=1)])),
        ),
        ("outcome_bytes", lambda r: setattr(r, "outcome_bytes", 24)),
        ("distinct_records", lambda r: setattr(r, "distinct_records", 12)),
        ("count_minimum", lambda r: setattr(r, "count_minimum", 10)),
        ("noise_epsilon_milli", lambda r: setattr(r, "noise_epsilon_milli", 10)),
        ("end", lambda r: setattr(r, "end", SESSION_END_CUT_BY_NODE)),
        ("request_commitment", lambda r: setattr(r, "request_commitment", bytes(32))),
        ("response_commitment", lambda r: setattr(r, "response_commitment", bytes(32))),
    ],
)
async def test_a_receipt_that_says_something_else_than_happened(
    world: World, client: Client, node: ObliviousPeer, field: str, lie: Callable[[Receipt], None]
) -> None:
    await compare(client)  # fetches
    node.faults = Faults(receipt=lie)
    with pytest.raises(StayputError, match=f"RECEIPT_INVALID: receipt: {field} is not"):
        await compare(client)


@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("fetch", lambda r: r.ClearField("fetch")),
        ("fetch.fingerprints", lambda r: setattr(r.fetch, "fingerprints", 1)),
        ("fetch.charged_elements", lambda r: setattr(r.fetch, "charged_elements", 1)),
        ("fetch.charged_elements", lambda r: r.fetch.MergeFrom(FingerprintFetch(held_elements=-1))),
        ("records", lambda r: setattr(r, "records", 1)),
        ("elements", lambda r: setattr(r, "elements", 1)),
        ("generation", lambda r: setattr(r, "generation", "generation-8")),
        ("response_commitment", lambda r: setattr(r, "response_commitment", bytes(32))),
    ],
)
async def test_a_receipt_of_fetching_that_says_something_else(
    world: World, client: Client, node: ObliviousPeer, field: str, lie: Callable[[Receipt], None]
) -> None:
    node.faults = Faults(receipt=lie)
    with pytest.raises(StayputError, match=f"RECEIPT_INVALID: receipt: {field} is not"):
        await compare(client)
    assert node.asked == []


async def test_a_receipt_signed_with_another_key(world: World, client: Client, node: ObliviousPeer) -> None:
    await compare(client)
    node.faults = Faults(receipt_key=Ed25519PrivateKey.generate())
    with pytest.raises(StayputError, match="RECEIPT_INVALID"):
        await compare(client)


def of_another_column(block: object) -> object:
    block.column = 7  # type: ignore[attr-defined]
    return block


@pytest.mark.parametrize(
    ("lies", "complaint"),
    [
        (ObliviousFaults(set=lambda one: one[:-1] + bytes([one[-1] ^ 1])), "PROOF_INVALID: fingerprints: "),
        (ObliviousFaults(set=lambda one: one[8:] + one[:8]), "PROOF_INVALID: fingerprints: "),
        (ObliviousFaults(set=lambda one: one[:-8]), "PROTOCOL_VIOLATION: block"),
        (ObliviousFaults(set=lambda one: one + one), "PROTOCOL_VIOLATION: block"),
        (ObliviousFaults(set=lambda one: one + b"x"), "PROTOCOL_VIOLATION: block"),
        (ObliviousFaults(block=of_another_column), "PROTOCOL_VIOLATION: block"),  # type: ignore[arg-type]
    ],
)
async def test_fingerprints_that_are_not_the_described_ones(
    world: World, client: Client, node: ObliviousPeer, lies: ObliviousFaults, complaint: str
) -> None:
    node.lies = lies
    with pytest.raises(StayputError, match=complaint):
        await compare(client)
    assert node.asked == []
    node.lies = ObliviousFaults()
    await compare(client)
