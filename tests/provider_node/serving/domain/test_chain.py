"""Whatever is done to the chain of receipts is found, and named by its place."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.domain.chain import Chain, Fault, FaultKind, keys_of
from provider_node.store.receipt_log import KeptReceipt
from stayput import requests, signing
from stayput.v1.access_pb2 import Grant
from stayput.v1.contract_pb2 import OutcomeCode
from stayput.v1.log_pb2 import OutcomeCount, Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.kept import ASKS, chained, receipt_of, signed, statement
from tests.provider_node.serving.node import GRANT_ID, NODE, PROVIDER, grant

KEY, EARLIER, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
OWN = KEY.public_key().public_bytes_raw()


def by(key: Ed25519PrivateKey) -> Callable[[Receipt], Envelope]:
    return lambda receipt: signing.sign(signing.PayloadType.RECEIPT, receipt, key)


WHOLE = chained(5, by(KEY))


def grants(given: Grant, key: Ed25519PrivateKey = KEY) -> Callable[[str], Envelope | None]:
    envelope = signing.sign(signing.PayloadType.GRANT, given, key)
    return lambda grant_id: envelope if grant_id == given.id else None


def faults(
    receipts: Sequence[KeptReceipt],
    keys: Sequence[bytes] = (OWN,),
    find_grant: Callable[[str], Envelope | None] = grants(grant()),  # noqa: B008 (never changed)
    delivered: int = 0,
) -> list[Fault]:
    chain = Chain(NODE.id, PROVIDER, keys, find_grant)
    return [*(fault for kept in receipts for fault in chain.check(kept)), *chain.end(delivered)]


def one(kind: FaultKind, number: int, field: str = "") -> Fault:
    return Fault(kind, number, number, field)


def test_a_chain_as_the_node_makes_it_is_whole() -> None:
    assert faults(WHOLE, delivered=5) == []
    assert faults([]) == []


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found_at_its_receipt(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, 4))
    held = bytearray(WHOLE[place].held)
    held[data.draw(st.integers(0, len(held) - 1))] ^= data.draw(st.integers(1, 255))
    changed = [*WHOLE]
    changed[place] = KeptReceipt(place + 1, bytes(held))
    found = faults(changed)
    assert found[0].first == place + 1
    assert {fault.first for fault in found} <= {place + 1, place + 2}


def test_a_changed_payload_breaks_its_signature_and_the_link_to_it() -> None:
    envelope = Envelope.FromString(WHOLE[1].held)
    receipt = receipt_of(WHOLE[1].held)
    receipt.records += 1
    envelope.payload = receipt.SerializeToString(deterministic=True)
    changed = [WHOLE[0], KeptReceipt(2, envelope.SerializeToString()), *WHOLE[2:]]
    assert faults(changed) == [one(FaultKind.SIGNATURE, 2), one(FaultKind.PREVIOUS_HASH, 3)]


def test_a_changed_signature_is_all_that_is_wrong() -> None:
    envelope = Envelope.FromString(WHOLE[1].held)
    envelope.signatures[0].signature = bytes(64)
    changed = [WHOLE[0], KeptReceipt(2, envelope.SerializeToString()), *WHOLE[2:]]
    assert faults(changed) == [one(FaultKind.SIGNATURE, 2)]


def test_what_cannot_be_read_is_named() -> None:
    envelope = Envelope.FromString(WHOLE[1].held)
    envelope.payload = b"\xff"
    changed = [WHOLE[0], KeptReceipt(2, envelope.SerializeToString()), *WHOLE[2:]]
    assert faults(changed) == [one(FaultKind.DAMAGED, 2), one(FaultKind.PREVIOUS_HASH, 3)]
    changed[1] = KeptReceipt(2, b"\xff")
    assert faults(changed) == [one(FaultKind.DAMAGED, 2)]


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 2), (2, 4)])
def test_removed_receipts_are_named(first: int, last: int) -> None:
    left = [kept for kept in WHOLE if not first <= kept.number <= last]
    assert faults(left) == [Fault(FaultKind.MISSING, first, last)]


def test_an_end_that_is_cut_off_is_found_by_what_the_platform_has_confirmed() -> None:
    assert faults(WHOLE[:3], delivered=5) == [Fault(FaultKind.CONFIRMED_MISSING, 4, 5)]
    assert faults(WHOLE[:3], delivered=3) == []


def test_removing_one_and_numbering_the_rest_anew_is_found() -> None:
    moved = [*WHOLE[:2], *(KeptReceipt(kept.number - 1, kept.held) for kept in WHOLE[3:])]
    assert faults(moved) == [
        one(FaultKind.NUMBER, 3), one(FaultKind.PREVIOUS_HASH, 3), one(FaultKind.NUMBER, 4)
    ]  # fmt: skip


def test_swapped_receipts_are_found() -> None:
    swapped = [WHOLE[0], KeptReceipt(2, WHOLE[2].held), KeptReceipt(3, WHOLE[1].held), *WHOLE[3:]]
    assert [(fault.kind, fault.first) for fault in faults(swapped)] == [
        (FaultKind.NUMBER, 2),
        (FaultKind.PREVIOUS_HASH, 2),
        (FaultKind.NUMBER, 3),
        (FaultKind.PREVIOUS_HASH, 3),
        (FaultKind.PREVIOUS_HASH, 4),
    ]


def test_what_another_key_signed_is_no_receipt_of_this_node() -> None:
    forged = [*WHOLE[:2], *chained(3, by(STRANGER), WHOLE[1])]
    assert faults(forged) == [one(FaultKind.SIGNATURE, number) for number in (3, 4, 5)]


def test_a_statement_of_another_type_is_no_receipt() -> None:
    other = signing.sign(signing.PayloadType.GRANT, receipt_of(WHOLE[0].held), KEY)
    assert faults([KeptReceipt(1, other.SerializeToString())]) == [one(FaultKind.SIGNATURE, 1)]


def test_whoever_has_the_key_cannot_change_what_others_follow() -> None:
    receipt = receipt_of(WHOLE[1].held)
    receipt.operator = "zhao.liu"
    receipt.request.CopyFrom(requests.sign(statement(receipt), ASKS))
    changed = [WHOLE[0], KeptReceipt(2, signed(receipt, KEY)), *WHOLE[2:]]
    assert faults(changed) == [one(FaultKind.PREVIOUS_HASH, 3)]


def test_an_earlier_key_counts_until_the_later_one_has_signed() -> None:
    keys = [EARLIER.public_key().public_bytes_raw(), OWN]
    begun = chained(2, by(EARLIER))
    renewed = [*begun, *chained(2, by(KEY), begun[-1])]
    assert faults(renewed, keys) == []
    assert faults(renewed) == [one(FaultKind.SIGNATURE, 1), one(FaultKind.SIGNATURE, 2)]
    again = [*renewed, *chained(1, by(EARLIER), renewed[-1])]
    assert faults(again, keys) == [one(FaultKind.OLD_KEY, 5)]


def changed(**fields: object) -> Callable[[Receipt], None]:
    def change(receipt: Receipt) -> None:
        for name, value in fields.items():
            setattr(receipt, name, value)

    return change


def restated(change: Callable[[Any], None]) -> Callable[[Receipt], None]:
    def restate(receipt: Receipt) -> None:
        said = statement(receipt)
        change(said)
        receipt.request.CopyFrom(requests.sign(said, ASKS))

    return restate


def miscount(receipt: Receipt) -> None:
    receipt.tallies[1].counts[0].count += 1


def count_nothing(receipt: Receipt) -> None:
    receipt.tallies[1].counts.append(OutcomeCount(outcome=OutcomeCode.OUTCOME_CODE_MISMATCH, count=0))


def count_twice(receipt: Receipt) -> None:
    receipt.tallies[1].counts[1].outcome = receipt.tallies[1].counts[0].outcome


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (changed(session_id=bytes(15)), ["session_id"]),
        (changed(node_id="vehicles-2"), ["node_id"]),
        (changed(provider="civil-affairs"), ["provider"]),
        (changed(outcome_bytes=1), ["outcome_bytes"]),
        (changed(request_commitment=b""), ["commitments", "request"]),
        (changed(response_commitment=bytes(31)), ["commitments"]),
        (changed(end=9), ["end", "request"]),
        (changed(end=SessionEnd.SESSION_END_CUT_BY_NODE), ["request"]),
        (lambda receipt: receipt.finished_at.FromNanoseconds(0), []),
        (lambda receipt: setattr(receipt.finished_at, "seconds", 2**60), ["finished_at"]),
        (changed(leakage="keyed-count/1"), ["leakage"]),
        (changed(elements=2), ["elements", "request"]),
        (lambda receipt: receipt.tallies.pop(), ["tallies"]),
        (miscount, ["tallies"]),
        (count_nothing, ["tallies"]),
        (count_twice, ["tallies"]),
        (lambda receipt: receipt.ClearField("request"), ["request"]),
        (restated(lambda said: setattr(said, "records", 7)), ["request"]),
        (restated(lambda said: setattr(said, "operator", "zhao.liu")), ["request"]),
        (lambda receipt: setattr(receipt.request, "payload", b"\xff"), ["request"]),
        (lambda receipt: setattr(receipt.request, "payload_type", "text/plain"), ["request"]),
    ],
)
def test_a_receipt_that_contradicts_itself_is_named_with_the_field(
    change: Callable[[Receipt], None], fields: list[str]
) -> None:
    receipt = receipt_of(WHOLE[0].held)
    change(receipt)
    found = faults([KeptReceipt(1, signed(receipt, KEY))])
    assert found == [one(FaultKind.INCONSISTENT, 1, field) for field in fields]


def test_a_session_that_a_crash_cut_has_no_commitments() -> None:
    receipt = receipt_of(WHOLE[0].held)
    receipt.end = SessionEnd.SESSION_END_NODE_CRASHED
    receipt.ClearField("request")
    held = signed(receipt, KEY)
    assert [fault.field for fault in faults([KeptReceipt(1, held)])] == ["commitments"]
    receipt.request_commitment = receipt.response_commitment = b""
    assert faults([KeptReceipt(1, signed(receipt, KEY))]) == []


def test_a_grant_that_the_node_does_not_have_or_did_not_sign_is_named() -> None:
    unknown = [one(FaultKind.GRANT_UNKNOWN, 1)]
    assert faults(WHOLE[:1], find_grant=lambda grant_id: None) == unknown
    assert faults(WHOLE[:1], find_grant=grants(grant(), STRANGER)) == unknown

    def damaged(grant_id: str) -> Envelope:
        assert grant_id == GRANT_ID
        return Envelope.FromString(b"\xff")

    assert faults(WHOLE[:1], find_grant=damaged) == unknown


@pytest.mark.parametrize("field", ["consumer", "resource", "key"])
def test_a_receipt_that_its_grant_is_not_about_is_named(field: str) -> None:
    other = grant()
    setattr(other, field, "another")
    found = faults(WHOLE[:1], find_grant=grants(other))
    assert found == [one(FaultKind.GRANT_DIFFERS, 1, field)]


def test_keys_are_read_from_a_file() -> None:
    line = "A" * 43 + "="
    assert keys_of(f"# until 2025\n{line}\n\n  {line}\n") == [bytes(32), bytes(32)]
    assert keys_of("") == []


@pytest.mark.parametrize("text", ["A" * 42 + "==", "not a key", "公钥", "A" * 44 + "\n" + "A" * 43 + "="])
def test_what_is_no_key_is_refused(text: str) -> None:
    with refused("FIELD_INVALID", "key"):
        keys_of(text)
