"""Signed statements: Ed25519 (RFC 8032) over DSSE v1 pre-authentication encoding.

Source: secure-systems-lab/dsse, protocol.md. A payload is kept as the bytes that were signed and its type is
signed with it, so a grant can never be taken for a receipt.
"""

import hashlib
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from stayput import ed25519
from stayput.v1.signing_pb2 import Envelope, Signature


class PayloadType(StrEnum):
    """What can be signed."""

    GRANT = "application/vnd.stayput.grant.v1+protobuf"
    GRANT_CHANGE = "application/vnd.stayput.grant-change.v1+protobuf"
    REQUEST = "application/vnd.stayput.request.v1+protobuf"
    RECEIPT = "application/vnd.stayput.receipt.v1+protobuf"
    DESCRIPTION = "application/vnd.stayput.description.v1+protobuf"
    SIGNING_KEY_PROOF = "application/vnd.stayput.signing-key-proof.v1+protobuf"


class SignatureInvalid(ValueError):
    """The envelope is not what was expected, or no signature on it verifies."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE v1 pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_id(public_key: bytes) -> str:
    """Hint that names a raw 32-byte public key: first 16 bytes of its SHA-256, in hex."""
    return hashlib.sha256(public_key).digest()[:16].hex()


def sign_bytes(payload_type: PayloadType, payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """64-byte signature over a payload of that type."""
    return key.sign(pae(payload_type, payload))


def verify_bytes(payload_type: PayloadType, payload: bytes, signature: bytes, public_key: bytes) -> bytes:
    """`payload`, if the signature by the raw 32-byte `public_key` verifies; else `SignatureInvalid`."""
    if not ed25519.verifies(public_key, signature, pae(payload_type, payload)):
        raise SignatureInvalid("the signature does not verify")
    return payload


def sign(payload_type: PayloadType, message: Message, key: Ed25519PrivateKey) -> Envelope:
    """An envelope with the message and one signature."""
    payload = message.SerializeToString(deterministic=True)
    return Envelope(
        payload_type=payload_type,
        payload=payload,
        signatures=[
            Signature(
                key_id=key_id(key.public_key().public_bytes_raw()),
                signature=sign_bytes(payload_type, payload, key),
            )
        ],
    )


def verify(envelope: Envelope, payload_type: PayloadType, public_key: bytes) -> bytes:
    """The payload, if the envelope is of that type and has one signature, by `public_key` (raw, 32 bytes).

    Raises `SignatureInvalid` otherwise. Of several signatures each verifier might look at another one: an
    envelope could be good for the one and bad for the other.
    """
    if envelope.payload_type != payload_type:
        raise SignatureInvalid(f"expected a payload of type {payload_type}")
    if len(envelope.signatures) != 1:
        raise SignatureInvalid("the envelope does not carry exactly one signature")
    (signature,) = envelope.signatures
    if signature.key_id != key_id(public_key):
        raise SignatureInvalid("no signature by the expected key")
    return verify_bytes(payload_type, envelope.payload, signature.signature, public_key)
