import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import grants, signing
from stayput.errors import StayputError
from stayput.signing import PayloadType, SignatureInvalid
from stayput.v1.access_pb2 import Grant
from stayput.v1.signing_pb2 import Envelope, Signature
from tests.vectors.reading import Json, read

VECTORS = read("signing")
KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["private"]))
PUBLIC = bytes.fromhex(VECTORS["public"])
GRANT = VECTORS["grant"]


def envelope_of(vector: Json) -> Envelope:
    return Envelope(
        payload_type=vector["payload_type"],
        payload=bytes.fromhex(vector["payload"]),
        signatures=[Signature(key_id=vector["key_id"], signature=bytes.fromhex(vector["signature"]))],
    )


@pytest.mark.parametrize("vector", VECTORS["pae"])
def test_pre_authentication_encoding_is_that_of_the_vectors(vector: Json) -> None:
    assert signing.pae(vector["payload_type"], bytes.fromhex(vector["payload"])).hex() == vector["pae"]


def test_a_signed_grant_is_that_of_the_vectors() -> None:
    grant = Grant(id=GRANT["id"], consumer=GRANT["consumer"], checks=GRANT["checks"])
    assert signing.sign(PayloadType.GRANT, grant, KEY) == envelope_of(GRANT)
    assert signing.key_id(PUBLIC) == GRANT["key_id"]


def test_verification_returns_the_payload_that_was_signed() -> None:
    payload = signing.verify(envelope_of(GRANT), PayloadType.GRANT, PUBLIC)
    assert payload == bytes.fromhex(GRANT["payload"])
    assert grants.verify(envelope_of(GRANT), PUBLIC).consumer == GRANT["consumer"]


@pytest.mark.parametrize("change", VECTORS["refused"], ids=lambda change: str(change["what"]))
def test_a_changed_envelope_is_refused(change: Json) -> None:
    envelope = envelope_of({**GRANT, **change})
    with pytest.raises(SignatureInvalid):
        signing.verify(envelope, PayloadType.GRANT, PUBLIC)
    with pytest.raises(StayputError) as caught:
        grants.verify(envelope, PUBLIC)
    assert caught.value.reason_name == change["reason"]


def test_another_key_does_not_verify() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(SignatureInvalid, match="expected key"):
        signing.verify(envelope_of(GRANT), PayloadType.GRANT, other)


def test_a_key_id_is_a_hint_and_proves_nothing() -> None:
    envelope = envelope_of(GRANT)
    envelope.signatures[0].signature = signing.sign_bytes(
        PayloadType.GRANT, envelope.payload, Ed25519PrivateKey.generate()
    )
    with pytest.raises(SignatureInvalid, match="does not verify"):
        signing.verify(envelope, PayloadType.GRANT, PUBLIC)


@pytest.mark.parametrize("other", [kind for kind in PayloadType if kind is not PayloadType.GRANT])
def test_a_grant_is_no_other_statement(other: PayloadType) -> None:
    with pytest.raises(SignatureInvalid, match="expected a payload of type"):
        signing.verify(envelope_of(GRANT), other, PUBLIC)
    relabelled = envelope_of({**GRANT, "payload_type": other.value})
    with pytest.raises(SignatureInvalid, match="does not verify"):
        signing.verify(relabelled, other, PUBLIC)


@pytest.mark.parametrize("public", [b"", PUBLIC[:31], PUBLIC + b"\x00"])
def test_bytes_that_are_no_key_verify_nothing(public: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify_bytes(
            PayloadType.GRANT, bytes.fromhex(GRANT["payload"]), bytes.fromhex(GRANT["signature"]), public
        )


def test_an_envelope_with_two_signatures_is_refused() -> None:
    envelope = envelope_of(GRANT)
    envelope.signatures.append(envelope.signatures[0])
    with pytest.raises(SignatureInvalid, match="exactly one"):
        signing.verify(envelope, PayloadType.GRANT, PUBLIC)


def test_an_envelope_without_signatures_is_refused() -> None:
    envelope = envelope_of(GRANT)
    del envelope.signatures[:]
    with pytest.raises(SignatureInvalid):
        signing.verify(envelope, PayloadType.GRANT, PUBLIC)


@given(st.text(max_size=8), st.binary(max_size=8), st.text(max_size=8), st.binary(max_size=8))
def test_what_is_signed_tells_type_and_payload_apart(
    kind: str, payload: bytes, other: str, more: bytes
) -> None:
    same = (kind, payload) == (other, more)
    assert (signing.pae(kind, payload) == signing.pae(other, more)) == same
