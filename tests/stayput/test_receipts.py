import hashlib
import hmac
import json
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import receipts, signing
from stayput.errors import StayputError
from stayput.receipts import Opener, Transcript
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope, Signature

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
RECEIPT = Receipt(session_id=bytes(16), consumer="civil-affairs", records=3, sequence=1)
ENVELOPE = signing.sign(signing.PayloadType.RECEIPT, RECEIPT, KEY)
COMMITMENT_KEY = bytes(range(32))
OPENER = Opener(COMMITMENT_KEY, Contract(resource="deaths", salt=bytes(16)), date(2026, 3, 4), 8_192)
CHUNKS = st.lists(st.tuples(st.binary(max_size=64), st.binary(max_size=64)), max_size=6)

ENVELOPES = st.builds(
    Envelope,
    payload_type=st.text(max_size=40),
    payload=st.binary(max_size=80),
    signatures=st.lists(
        st.builds(Signature, key_id=st.text(max_size=33), signature=st.binary(max_size=64)), max_size=3
    ),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["payloadType", "payload", "signatures", "keyid", "sig", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


def refusal(text: str) -> StayputError:
    with pytest.raises(StayputError) as caught:
        receipts.from_file(text)
    assert caught.value.reason == ErrorReason.ERROR_REASON_RECEIPT_INVALID
    return caught.value


def test_a_receipt_verifies_with_the_node_s_key() -> None:
    assert receipts.verify(ENVELOPE, PUBLIC) == RECEIPT


def test_a_receipt_of_another_key_type_or_content_is_refused() -> None:
    other = Ed25519PrivateKey.generate()
    altered = Envelope.FromString(ENVELOPE.SerializeToString())
    altered.payload += b"\x88\x01\x04"
    for envelope, public in (
        (ENVELOPE, other.public_key().public_bytes_raw()),
        (altered, PUBLIC),
        (signing.sign(signing.PayloadType.GRANT, RECEIPT, KEY), PUBLIC),
        (Envelope(), PUBLIC),
    ):
        with pytest.raises(StayputError) as caught:
            receipts.verify(envelope, public)
        assert caught.value.reason == ErrorReason.ERROR_REASON_RECEIPT_INVALID
        assert caught.value.remedy


def test_a_signed_payload_that_is_no_receipt_is_refused() -> None:
    payload = b"\xff\xff\xff"
    signature = signing.sign_bytes(signing.PayloadType.RECEIPT, payload, KEY)
    envelope = Envelope(
        payload_type=signing.PayloadType.RECEIPT,
        payload=payload,
        signatures=[Signature(key_id=signing.key_id(PUBLIC), signature=signature)],
    )
    with pytest.raises(StayputError, match="RECEIPT_INVALID"):
        receipts.verify(envelope, PUBLIC)


def test_the_chain_goes_over_the_payload_as_signed() -> None:
    assert receipts.payload_hash(ENVELOPE.payload) == hashlib.sha256(ENVELOPE.payload).digest()
    assert bytes(32) == receipts.FIRST_PREVIOUS_HASH


@given(CHUNKS)
def test_commitments_go_over_all_chunks(chunks: list[tuple[bytes, bytes]]) -> None:
    transcript = Transcript(COMMITMENT_KEY)
    for digests, outcomes in chunks:
        transcript.ask(digests)
        transcript.answer(outcomes)
    for commitment, parts in zip(transcript.commitments(), zip(*chunks, strict=True), strict=False):
        content = hashlib.sha256(b"".join(parts)).digest()
        assert commitment == hmac.new(COMMITMENT_KEY, content, hashlib.sha256).digest()


def test_commitments_depend_on_the_key_and_on_every_byte() -> None:
    seen: set[bytes] = set()
    for key, digests, outcomes in (
        (COMMITMENT_KEY, b"ab", b"cd"),
        (bytes(32), b"ab", b"cd"),
        (COMMITMENT_KEY, b"ac", b"ce"),
        (COMMITMENT_KEY, b"", b""),
    ):
        transcript = Transcript(key)
        transcript.ask(digests)
        transcript.answer(outcomes)
        seen.update(transcript.commitments())
    assert len(seen) == 7, "only the commitments to nothing are the same for digests and outcomes"


def test_a_copy_goes_on_without_its_original() -> None:
    transcript = Transcript(COMMITMENT_KEY)
    transcript.ask(b"a")
    transcript.answer(b"b")
    before = transcript.commitments()
    copy = transcript.copy()
    copy.ask(b"c")
    copy.answer(b"d")
    assert transcript.commitments() == before != copy.commitments()
    transcript.ask(b"c")
    transcript.answer(b"d")
    assert transcript.commitments() == copy.commitments()


@given(ENVELOPES)
def test_a_receipt_file_gives_the_envelope_back(envelope: Envelope) -> None:
    assert receipts.from_file(receipts.to_file(envelope, OPENER)) == envelope


def test_a_receipt_file_is_dsse_json_with_the_commitment_key() -> None:
    file = json.loads(receipts.to_file(ENVELOPE, OPENER))
    assert file.keys() == {"payloadType", "payload", "signatures", "stayput"}
    assert file["payloadType"] == "application/vnd.stayput.receipt.v1+protobuf"
    assert [signature.keys() for signature in file["signatures"]] == [{"keyid", "sig"}]
    assert file["stayput"] == {
        "commitment_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "contract": "CgZkZWF0aHMiEAAAAAAAAAAAAAAAAAAAAAA=",
        "day": "2026-03-04",
        "chunk_records": 8_192,
    }


def test_a_receipt_file_gives_its_opener_back() -> None:
    assert receipts.opener_from_file(receipts.to_file(ENVELOPE, OPENER)) == OPENER


@pytest.mark.parametrize("name", ["commitment_key", "contract", "day", "chunk_records"])
@pytest.mark.parametrize("value", [None, -1, 1.5, "", "x", "收", [], {}], ids=str)
def test_a_receipt_file_with_a_damaged_opener_has_none(name: str, value: object) -> None:
    file = json.loads(receipts.to_file(ENVELOPE, OPENER))
    if (name, value) not in (("commitment_key", ""), ("contract", "")):
        file["stayput"][name] = value
        assert receipts.opener_from_file(json.dumps(file)) is None
    del file["stayput"][name]
    assert receipts.opener_from_file(json.dumps(file)) is None


@given(st.text(st.characters()) | JSON_VALUES.map(lambda value: json.dumps({"stayput": value})))
def test_text_that_is_no_receipt_file_has_no_opener(text: str) -> None:
    assert receipts.opener_from_file(text) is None


def test_a_receipt_file_that_other_dsse_tools_wrote_is_read() -> None:
    file = json.loads(receipts.to_file(ENVELOPE, OPENER))
    del file["stayput"]
    assert receipts.from_file(json.dumps(file)) == ENVELOPE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("payloadType", None),
        ("payloadType", 1),
        ("payloadType", "\ud800"),
        ("payload", "not base64"),
        ("payload", "收据"),
        ("payload", 1),
        ("signatures", {}),
        ("signatures", "x"),
        ("signatures", ["x"]),
        ("signatures", [{}]),
        ("signatures", [{"keyid": "a"}]),
        ("signatures", [{"keyid": 1, "sig": ""}]),
        ("signatures", [{"keyid": "a", "sig": "收"}]),
        ("signatures", [{"keyid": "a", "sig": None}]),
    ],
)
def test_a_receipt_file_with_a_damaged_member_is_refused(name: str, value: object) -> None:
    file = json.loads(receipts.to_file(ENVELOPE, OPENER))
    refusal(json.dumps({**file, name: value}))
    del file[name]
    refusal(json.dumps(file))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, "9" * 10_000, "\x00", "\ufeff{}"])
def test_text_that_is_no_receipt_file_is_refused(text: str) -> None:
    assert "\x00" not in refusal(text).message


@given(st.text(st.characters()) | JSON_VALUES.map(json.dumps))
def test_arbitrary_text_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    try:
        envelope = receipts.from_file(text)
    except StayputError as error:
        assert error.reason == ErrorReason.ERROR_REASON_RECEIPT_INVALID  # noqa: PT017 (either may happen)
    else:
        assert isinstance(envelope, Envelope)
