"""Request statements: signed by the consumer, about one session, and what its receipt says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import requests, signing
from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope, Signature
from tests.vectors.reading import read

VECTORS = read("signing")
VECTOR = VECTORS["request"]
KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["private"]))
PUBLIC = bytes.fromhex(VECTORS["public"])
NOW = datetime.fromtimestamp(VECTOR["signed_at"], UTC)
NAMED = requests.session_key_hash(bytes.fromhex(VECTOR["sealed_session_key"]))
SAID = {
    **{name: VECTOR[name] for name in ("grant_id", "consumer", "operator", "purpose", "case_number")},
    **{name: VECTOR[name] for name in ("resource", "key", "checks", "records")},
    "mode": Mode.MODE_KEYED,
    "granularity": Granularity.GRANULARITY_RECORD,
    "request_commitment": bytes.fromhex(VECTOR["request_commitment"]),
}
RECEIPT = Receipt(**SAID)


def statement(**changes: object) -> RequestStatement:
    said = RequestStatement(session_key_hash=NAMED, **{**SAID, **changes})
    said.signed_at.FromDatetime(NOW)
    return said


def envelope_of_vector() -> Envelope:
    return Envelope(
        payload_type=VECTOR["payload_type"],
        payload=bytes.fromhex(VECTOR["payload"]),
        signatures=[
            Signature(key_id=VECTOR["key_id"], signature=bytes.fromhex(VECTOR["signature"])),
        ],
    )


def refused(field: str, verdict: Callable[[], object]) -> None:
    with pytest.raises(StayputError) as caught:
        verdict()
    assert (caught.value.reason_name, caught.value.field) == ("REQUEST_STATEMENT_INVALID", field)
    assert caught.value.message.startswith(f"{field}: ")
    assert caught.value.remedy


def unverified(envelope: Envelope) -> None:
    refused("request", lambda: requests.verify(envelope, PUBLIC))


def test_a_signed_statement_is_that_of_the_vectors() -> None:
    assert requests.sign(statement(), KEY) == envelope_of_vector()


def test_the_statement_of_the_vectors_verifies_and_agrees() -> None:
    said = requests.verify(envelope_of_vector(), PUBLIC)
    assert said == statement()
    requests.check_agrees(said, RECEIPT)
    requests.check_session(said, NAMED, NOW)


def test_statement_and_receipt_share_what_they_both_have() -> None:
    ours, theirs = (set(one.DESCRIPTOR.fields_by_name) for one in (RequestStatement, Receipt))
    assert set(requests.SHARED) == ours & theirs
    assert ours - theirs == {"session_key_hash", "signed_at", "fetched_generation"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grant_id", "G-1"),
        ("consumer", "water-works"),
        ("operator", "clerk "),
        ("purpose", ""),
        ("case_number", "C-1"),
        ("resource", "births"),
        ("key", "name"),
        ("checks", []),
        ("checks", ["name", "name"]),
        ("checks", ["birth"]),
        ("mode", Mode.MODE_OBLIVIOUS),
        ("granularity", Granularity.GRANULARITY_COUNT),
        ("records", 299),
        ("request_commitment", bytes(32)),
        ("request_commitment", b""),
    ],
)
def test_each_field_must_agree(field: str, value: object) -> None:
    refused(field, lambda: requests.check_agrees(statement(**{field: value}), RECEIPT))


def test_the_order_of_checks_matters() -> None:
    asked = Receipt(**{**SAID, "checks": ["name", "birth"]})
    requests.check_agrees(statement(checks=["name", "birth"]), asked)
    refused("checks", lambda: requests.check_agrees(statement(checks=["birth", "name"]), asked))


@pytest.mark.parametrize("named", [bytes(32), b"", NAMED[:31]])
def test_a_statement_about_another_session(named: bytes) -> None:
    refused("session_key_hash", lambda: requests.check_session(statement(), named, NOW))


@pytest.mark.parametrize("seconds", [-600, -599, 0, 600])
def test_a_statement_of_ten_minutes_ago_or_ahead(seconds: int) -> None:
    requests.check_session(statement(), NAMED, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-601, 601, 86_400])
def test_a_statement_of_another_time(seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    refused("signed_at", lambda: requests.check_session(statement(), NAMED, now))


@pytest.mark.parametrize(("seconds", "nanos"), [(2**62, 0), (-(2**62), 0), (1, -5), (1, 2_000_000_000)])
def test_a_time_that_is_none(seconds: int, nanos: int) -> None:
    said = statement()
    said.signed_at.seconds, said.signed_at.nanos = seconds, nanos
    refused("signed_at", lambda: requests.check_session(said, NAMED, NOW))


def test_a_statement_without_a_time() -> None:
    said = statement()
    said.ClearField("signed_at")
    refused("signed_at", lambda: requests.check_session(said, NAMED, NOW))


def test_what_was_not_signed_by_that_key_as_a_statement() -> None:
    other = Ed25519PrivateKey.generate()
    altered = envelope_of_vector()
    altered.payload = statement(records=299).SerializeToString()
    renamed = requests.sign(statement(), other)
    renamed.signatures[0].key_id = VECTOR["key_id"]
    for envelope in (
        Envelope(),
        altered,
        renamed,
        requests.sign(statement(), other),
        signing.sign(signing.PayloadType.RECEIPT, statement(), KEY),
        signing.sign(signing.PayloadType.GRANT, statement(), KEY),
    ):
        unverified(envelope)


def test_a_signed_payload_that_is_no_statement() -> None:
    payload = b"\xff\xff"
    signature = signing.sign_bytes(signing.PayloadType.REQUEST, payload, KEY)
    envelope = Envelope(
        payload_type=signing.PayloadType.REQUEST,
        payload=payload,
        signatures=[Signature(key_id=signing.key_id(PUBLIC), signature=signature)],
    )
    unverified(envelope)


def test_an_envelope_that_would_fill_the_log() -> None:
    envelope = envelope_of_vector()
    # A field that is not known: number 111, of so many bytes.
    envelope.MergeFromString(b"\xfa\x06\x80\x40" + bytes(requests.LARGEST_ENVELOPE))
    refused("request", lambda: requests.verify(envelope, PUBLIC))


def test_the_longest_that_the_platform_lets_be_asked_fits() -> None:
    """Lengths as comparator.domain.tickets and the contract allow them, of four-byte characters."""
    said = statement(
        grant_id="G-" + "0" * 26,
        consumer="c" * 63,
        operator="\U00020000" * 100,
        purpose="\U00020000" * 500,
        case_number="\U00020000" * 100,
        resource="r" * 63,
        key="k" * 64,
        checks=["c" * 64] * 32,
        records=2**40,
    )
    assert requests.verify(requests.sign(said, KEY), PUBLIC) == said


@given(st.integers(0, len(VECTOR["payload"]) // 2 - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused(at: int, change: int) -> None:
    envelope = envelope_of_vector()
    payload = bytearray(envelope.payload)
    payload[at] ^= change
    envelope.payload = bytes(payload)
    unverified(envelope)
