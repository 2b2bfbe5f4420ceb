"""A bundle proves its entry, or names what is wrong with it."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from stayput.errors import StayputError
from stayput.evidence import (
    MAX_BUNDLE_SIZE,
    Part,
    Signed,
    Trust,
    bundle_from_file,
    bundle_to_file,
    verify_bundle,
)
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import (
    ENTRY_KIND_EVENT,
    EVENT_TYPE_GRANT_AMENDED,
    EVENT_TYPE_GRANT_REVOKED,
    SESSION_END_CUT_BY_CONSUMER,
    SESSION_END_NODE_CRASHED,
    LogBundle,
    LogEntry,
    LogLeaf,
    Receipt,
)
from tests.stayput.evidence.made import COSIGNED, NODE, WITNESSES, MadeLog, filled, raw

LOG = filled()
BUNDLES = [LOG.bundle(place) for place in range(len(LOG.entries))]
Change = Callable[[LogBundle], None]


def failed(bundle: LogBundle | bytes, trust: Trust) -> Part:
    """What did not verify; both the message and the file with it have to fail alike."""
    with pytest.raises(StayputError) as caught:
        verify_bundle(bundle, trust)
    assert caught.value.reason == ErrorReason.ERROR_REASON_EVIDENCE_INVALID
    assert caught.value.message.startswith(f"{caught.value.field}: ")
    if isinstance(bundle, LogBundle):
        assert failed(bundle_to_file(bundle).encode(), trust) is Part(caught.value.field)
    return Part(caught.value.field)


def changed(bundle: LogBundle, change: Change) -> LogBundle:
    other = LogBundle()
    other.CopyFrom(bundle)
    change(other)
    return other


def test_a_receipt_is_proven_with_all_who_signed() -> None:
    verified = verify_bundle(bundle_to_file(BUNDLES[2]).encode(), LOG.trust)
    assert verified.entry.receipt is not None
    assert (verified.entry.receipt.sequence, verified.entry.leaf.index) == (2, 2)
    assert (verified.entry.by_node, verified.entry.by_consumer) == (Signed.VERIFIED, Signed.VERIFIED)
    assert verified.checkpoint.checkpoint.head == LOG.head(7)
    assert [(one.witness.name, one.time) for one in verified.checkpoint.cosignatures] == [
        (name, COSIGNED) for name in WITNESSES
    ]


def test_an_event_is_proven_by_the_platform_alone() -> None:
    verified = verify_bundle(BUNDLES[3], LOG.trust)
    assert verified.entry.event is not None
    assert (verified.entry.event.detail, verified.entry.receipt) == ("no longer needed", None)
    assert (verified.entry.by_node, verified.entry.by_consumer) == (Signed.ABSENT, Signed.ABSENT)


def test_of_a_removed_payload_only_the_leaf_is_proven() -> None:
    removed = changed(BUNDLES[2], lambda bundle: bundle.entry.ClearField("payload"))
    assert failed(removed, LOG.trust) is Part.COMMITMENT
    removed.entry.ClearField("salt")
    verified = verify_bundle(removed, LOG.trust)
    assert (verified.entry.receipt, verified.entry.event, verified.entry.leaf.records) == (None, None, 2)
    assert (verified.entry.by_node, verified.entry.by_consumer) == (Signed.ABSENT, Signed.ABSENT)


@given(st.data())
def test_one_changed_bit_anywhere_in_a_bundle_is_found(data: st.DataObject) -> None:
    bundle = changed(data.draw(st.sampled_from(BUNDLES)), lambda _: None)
    holder, name, at = data.draw(st.sampled_from(list(_texts(bundle))))
    value = getattr(holder, name) if at is None else getattr(holder, name)[at]
    byte, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
    spoilt = value[:byte] + bytes([value[byte] ^ (1 << bit)]) + value[byte + 1 :]
    if at is None:
        setattr(holder, name, spoilt)
    else:
        getattr(holder, name)[at] = spoilt
    expected = {
        # Whatever is wrong inside an entry is told before it is looked for in the tree.
        "leaf": {Part.LEAF, Part.PLACE, Part.COMMITMENT, Part.INCLUSION_PROOF, Part.RECEIPT_SIGNATURE},
        "salt": {Part.COMMITMENT},
        "payload": {Part.COMMITMENT},
        "inclusion_proof": {Part.INCLUSION_PROOF},
        # A signature whose key is spoilt is nobody's: then the witness is missing.
        "checkpoint": {Part.CHECKPOINT, Part.WITNESSES},
    }
    assert failed(bundle, LOG.trust) in expected[name]


def _texts(message: Message) -> "list[tuple[Message, str, int | None]]":
    """Every field of bytes: its message, its name, and its place in a list."""
    found: list[tuple[Message, str, int | None]] = []
    for descriptor, value in message.ListFields():
        if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
            found += _texts(value)
        elif isinstance(value, bytes):
            found.append((message, descriptor.name, None))
        else:
            found += [(message, descriptor.name, at) for at in range(len(value))]
    return found


@given(st.data())
def test_one_changed_byte_of_the_file_is_found_or_says_the_same(data: st.DataObject) -> None:
    text = bundle_to_file(BUNDLES[2]).encode()
    at, byte = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 255))
    spoilt = text[:at] + bytes([byte]) + text[at + 1 :]
    if _means(spoilt) == json.loads(text):
        # White space between two words of JSON says nothing.
        assert verify_bundle(spoilt, LOG.trust).entry.leaf.index == 2
    else:
        failed(spoilt, LOG.trust)


def _means(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    assert failed(data, LOG.trust) in (Part.FILE, Part.CHECKPOINT)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-3],
        lambda text: text + b"{}",
        lambda text: text.replace(b'"checkpoint"', b'"Checkpoint"'),
        lambda text: text.replace(b'"checkpoint"', b'"extra": 1, "checkpoint"'),
        lambda text: text.replace(b'"checkpoint"', b'"checkpoint": "", "checkpoint"'),
        lambda text: text.replace(b'="', b'"', 1),
        lambda text: b"\xff" + text,
        lambda text: b"[" * 100_000,
        lambda text: text + b" " * MAX_BUNDLE_SIZE,
    ],
)
def test_a_file_has_one_form(spoil: Callable[[bytes], bytes]) -> None:
    text = bundle_to_file(BUNDLES[0]).encode()
    assert bundle_from_file(text) == BUNDLES[0]
    assert spoil(text) != text
    assert failed(spoil(text), LOG.trust) is Part.FILE


def test_the_proof_of_another_entry_or_tree_proves_nothing() -> None:
    moved = changed(BUNDLES[2], lambda bundle: bundle.entry.CopyFrom(LOG.entries[4]))
    assert failed(moved, LOG.trust) is Part.INCLUSION_PROOF
    cut = changed(BUNDLES[2], lambda bundle: bundle.inclusion_proof.__delitem__(-1))
    assert failed(cut, LOG.trust) is Part.INCLUSION_PROOF
    longer = changed(BUNDLES[2], lambda bundle: bundle.inclusion_proof.append(bytes(32)))
    assert failed(longer, LOG.trust) is Part.INCLUSION_PROOF
    earlier = changed(BUNDLES[2], lambda bundle: setattr(bundle, "checkpoint", LOG.checkpoint(5)))
    assert failed(earlier, LOG.trust) is Part.INCLUSION_PROOF


def test_a_checkpoint_from_before_the_entry_does_not_prove_it() -> None:
    older = changed(BUNDLES[6], lambda bundle: setattr(bundle, "checkpoint", LOG.checkpoint(6)))
    assert failed(older, LOG.trust) is Part.PLACE
    assert verify_bundle(LOG.bundle(5, size=6), LOG.trust).checkpoint.checkpoint.head.size == 6


def test_another_log_is_not_believed() -> None:
    other = MadeLog(origin="another.example/log")
    other.event()
    assert failed(other.bundle(0), LOG.trust) is Part.CHECKPOINT
    pretender = MadeLog()
    pretender.event()
    assert failed(pretender.bundle(0), LOG.trust) is Part.CHECKPOINT


def test_too_few_witnesses_are_told() -> None:
    first, second = LOG.witnesses
    for by in ([], [first], [first, first]):
        assert failed(LOG.bundle(0, LOG.checkpoint(by=by)), LOG.trust) is Part.WITNESSES
    one_is_enough = replace(LOG.trust, least_witnesses=1)
    verified = verify_bundle(LOG.bundle(0, LOG.checkpoint(by=[second])), one_is_enough)
    assert [one.witness.name for one in verified.checkpoint.cosignatures] == [WITNESSES[1]]


def test_a_witness_whose_key_was_renewed_counts_once() -> None:
    renewed = replace(LOG.witnesses[0], private_key=Ed25519PrivateKey.generate())
    trust = replace(LOG.trust, witnesses=(*LOG.trust.witnesses, renewed.verifier))
    checkpoint = LOG.checkpoint(by=[LOG.witnesses[0], renewed])
    assert failed(LOG.bundle(0, checkpoint), trust) is Part.WITNESSES
    checkpoint = LOG.checkpoint(by=[LOG.witnesses[1], renewed])
    assert len(verify_bundle(LOG.bundle(0, checkpoint), trust).checkpoint.cosignatures) == 2


def test_a_receipt_needs_a_known_key_of_its_node_and_a_statement_does_not() -> None:
    nobody = replace(LOG.trust, nodes={"deaths-1": (raw(LOG.node_key),)})
    assert failed(BUNDLES[2], nobody) is Part.RECEIPT_SIGNATURE
    another = replace(LOG.trust, nodes={NODE: (raw(LOG.consumer_key),)})
    assert failed(BUNDLES[2], another) is Part.RECEIPT_SIGNATURE
    before_and_after = (raw(LOG.consumer_key), raw(LOG.node_key))
    verify_bundle(BUNDLES[2], replace(LOG.trust, nodes={NODE: before_and_after}))
    no_consumer = verify_bundle(BUNDLES[2], replace(LOG.trust, consumers={}))
    assert no_consumer.entry.by_consumer is Signed.KEY_UNKNOWN
    wrong_consumer = replace(LOG.trust, consumers={"civil-affairs": (raw(LOG.node_key),)})
    assert failed(BUNDLES[2], wrong_consumer) is Part.STATEMENT_SIGNATURE


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": b"short"},
        {"sequence": 0},
        {"previous_hash": b""},
        {"end": 0, "request": None},
        {"end": 9, "request": None},
        {"mode": 0},
        {"granularity": 9},
        {"outcome_bytes": 5},
        {"tallies": []},
        {"leakage": ""},
        {"elements": 1},
        {"count_minimum": 10},
        {"records": 3, "outcome_bytes": 6},
        {"response_commitment": b""},
        {"request_commitment": b"", "response_commitment": b""},
    ],
)
def test_a_receipt_that_contradicts_itself_is_found_although_it_is_signed(changes: dict[str, object]) -> None:
    log = MadeLog()
    log.signed_receipt(log.draft(**changes))
    if changes.get("sequence") == 0:
        assert failed(log.bundle(0), log.trust) is Part.LEAF
    else:
        assert failed(log.bundle(0), log.trust) is Part.RECEIPT


@pytest.mark.parametrize("field", ["operator", "purpose", "records", "checks", "request_commitment", "mode"])
def test_a_statement_that_says_something_else_is_found(field: str) -> None:
    log = MadeLog()
    receipt = log.draft()
    other = {"records": 9, "checks": ["plate"], "mode": 2, "request_commitment": bytes(32)}
    receipt.request.CopyFrom(log.statement(receipt, **{field: other.get(field, "another")}))
    log.signed_receipt(receipt)
    assert failed(log.bundle(0), log.trust) is Part.STATEMENT
    assert failed(log.bundle(0), replace(log.trust, consumers={})) is Part.STATEMENT


def test_a_complete_session_has_a_statement_and_no_other_has() -> None:
    log = MadeLog()
    without = log.draft()
    without.ClearField("request")
    log.signed_receipt(without)
    cut = log.draft()
    cut.end = SESSION_END_CUT_BY_CONSUMER
    log.signed_receipt(cut)
    of_another_type = log.draft()
    of_another_type.request.payload_type = "application/vnd.stayput.grant.v1+protobuf"
    log.signed_receipt(of_another_type)
    of_no_session = log.draft()
    of_no_session.request.CopyFrom(log.statement(of_no_session, session_key_hash=b""))
    log.signed_receipt(of_no_session)
    undecodable = log.draft()
    undecodable.request.payload = b"\xff"
    log.signed_receipt(undecodable)
    for place in range(5):
        assert failed(log.bundle(place), log.trust) is Part.STATEMENT
    cut.ClearField("request")
    log.signed_receipt(cut)
    assert verify_bundle(log.bundle(5), log.trust).entry.by_consumer is Signed.ABSENT


def test_a_crashed_node_s_receipt_may_lack_what_the_node_lost() -> None:
    log = MadeLog()
    log.receipt(
        end=SESSION_END_NODE_CRASHED,
        tallies=[],
        request_commitment=b"",
        response_commitment=b"",
        request=None,
    )
    assert verify_bundle(log.bundle(0), log.trust).entry.by_node is Signed.VERIFIED


@pytest.mark.parametrize(
    ("leaf", "part"),
    [
        (LogLeaf(kind=ENTRY_KIND_EVENT, event_type=EVENT_TYPE_GRANT_AMENDED), Part.LEAF),
        (LogLeaf(kind=ENTRY_KIND_EVENT), Part.LEAF),
        (LogLeaf(kind=ENTRY_KIND_EVENT, event_type=EVENT_TYPE_GRANT_REVOKED, node_id=NODE), Part.LEAF),
        (LogLeaf(), Part.LEAF),
        (LogLeaf(kind=9), Part.LEAF),  # type: ignore[arg-type]  # a kind of a later release
    ],
)
def test_a_leaf_that_does_not_fit_its_event_is_found(leaf: LogLeaf, part: Part) -> None:
    log = MadeLog()
    payload = log.event().payload
    log.add(leaf, payload)
    assert failed(log.bundle(1), log.trust) is part


@pytest.mark.parametrize(
    "changes",
    [{"node_id": "deaths-1"}, {"node_sequence": 9}, {"records": 9}, {"node_sequence": 0}, {"event_type": 23}],
)
def test_a_leaf_that_does_not_fit_its_receipt_is_found(changes: dict[str, int]) -> None:
    log = MadeLog()
    entry = log.receipt()
    leaf = LogLeaf.FromString(entry.leaf)
    for name, value in changes.items():
        setattr(leaf, name, value)
    log.add(leaf, entry.payload)
    both = replace(log.trust, nodes={**log.trust.nodes, "deaths-1": log.trust.nodes[NODE]})
    assert failed(log.bundle(1), both) is Part.LEAF


def test_payloads_that_are_something_else_are_found() -> None:
    log = MadeLog()
    receipt = LogLeaf.FromString(log.receipt().leaf)
    log.add(receipt, b"\xff")
    log.add(receipt, log.statement(log.draft()).SerializeToString())
    log.add(LogLeaf(kind=ENTRY_KIND_EVENT, event_type=EVENT_TYPE_GRANT_REVOKED), b"\xff")
    log.signed_receipt(Receipt(node_id=NODE, sequence=2))
    parts = [failed(log.bundle(place), log.trust) for place in range(1, 5)]
    assert parts == [Part.PAYLOAD, Part.PAYLOAD, Part.PAYLOAD, Part.RECEIPT]


def test_leaves_that_no_log_writes_are_found() -> None:
    log = MadeLog()
    event = LogLeaf.FromString(log.event().leaf)
    no_commitment, no_time, no_place = LogLeaf(), LogLeaf(), LogLeaf()
    for leaf in (no_commitment, no_time, no_place):
        leaf.CopyFrom(event)
    no_commitment.commitment = b""
    no_time.ClearField("logged_at")
    no_place.index = -1
    for leaf, part in ((no_commitment, Part.LEAF), (no_time, Part.LEAF), (no_place, Part.PLACE)):
        bundle = log.bundle(0)
        bundle.entry.CopyFrom(LogEntry(leaf=leaf.SerializeToString()))
        assert failed(bundle, log.trust) is part
    empty = changed(log.bundle(0), lambda bundle: bundle.ClearField("entry"))
    assert failed(empty, log.trust) is Part.LEAF
