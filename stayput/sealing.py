"""End-to-end sealing of digests and outcomes, below TLS.

The consumer draws a session key, encapsulates it to the node's key by HPKE (RFC 9180 base mode, single shot;
KEM MLKEM768-X25519, HKDF-SHA256, AES-256-GCM) and seals chunks with AES-256-GCM under keys derived from it by
HKDF-SHA256 (RFC 5869). The HPKE info binds the session's parameters; sequence number and the final flag are
bound into each chunk. The response key also depends on the session id that the node draws, so a replayed
session never reuses a key and nonce for other outcomes.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.errors_pb2 import ErrorReason

SESSION_KEY_BYTES: Final = 32
SEALED_KEY_BYTES: Final = 1_168
TAG_BYTES: Final = 16
_SEED_BYTES: Final = 64
_FINAL: Final = {False: b"\x00", True: b"\x01"}
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealingKey:
    """A node's private sealing key; shows only its id in repr."""

    def __init__(self, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> None:
        self._mlkem = mlkem
        self._x25519 = x25519
        self._private = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.id = key_id(self.public_bytes())

    def __repr__(self) -> str:
        return f"SealingKey(id={self.id.hex()})"

    @classmethod
    def generate(cls) -> "SealingKey":
        """A new key from the system's randomness."""
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, private: bytes) -> "SealingKey":
        """The key of 96 private bytes: ML-KEM seed (64, FIPS 203 d || z), then X25519 (32)."""
        if len(private) != _SEED_BYTES + 32:
            raise ValueError(f"a sealing key has {_SEED_BYTES + 32} bytes")
        return cls(
            MLKEM768PrivateKey.from_seed_bytes(private[:_SEED_BYTES]),
            X25519PrivateKey.from_private_bytes(private[_SEED_BYTES:]),
        )

    def to_bytes(self) -> bytes:
        """The 96 private bytes."""
        return self._mlkem.private_bytes_raw() + self._x25519.private_bytes_raw()

    def public_bytes(self) -> bytes:
        """1,216 bytes: ML-KEM-768 encapsulation key (1,184), then X25519 (32)."""
        return self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()

    def open_session_key(self, sealed: bytes, info: bytes) -> bytes:
        """The 32-byte session key; `SEAL_INVALID` if it was sealed to another key or for other parameters."""
        try:
            session_key = _SUITE.decrypt(sealed, self._private, info=info)
        except (InvalidTag, ValueError):
            raise _seal_invalid("sealed_session_key", "does not open") from None
        if len(session_key) != SESSION_KEY_BYTES:
            raise _seal_invalid("sealed_session_key", f"must hold {SESSION_KEY_BYTES} bytes")
        return session_key


def key_id(public_bytes: bytes) -> bytes:
    """Names a public sealing key: first 8 bytes of its SHA-256."""
    return hashlib.sha256(public_bytes).digest()[:8]


def seal_session_key(public_bytes: bytes, session_key: bytes, info: bytes) -> bytes:
    """The session key sealed to a node's public key; `SEAL_INVALID` if that is no such key."""
    try:
        public = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_bytes[:-32]),
            X25519PublicKey.from_public_bytes(public_bytes[-32:]),
        )
        return _SUITE.encrypt(session_key, public, info=info)
    except ValueError:
        raise _seal_invalid("sealing_key", "is no MLKEM768-X25519 public key") from None


def session_info(opening: SessionOpen) -> bytes:
    """HPKE info: SHA-256 over the session's parameters, each as UTF-8 behind a 4-byte big-endian length.

    In order: domain, ticket, resource, salt, key, number of checks in decimal, the checks, mode and
    granularity in decimal. What is not listed here is compared by the node itself.
    """
    contract = opening.contract
    parts = [
        b"stayput/v1/session",
        opening.ticket.encode(),
        contract.resource.encode(),
        contract.salt,
        opening.key.encode(),
        b"%d" % len(opening.checks),
        *(check.encode() for check in opening.checks),
        b"%d" % opening.mode,
        b"%d" % opening.granularity,
    ]
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


class Session:
    """Seals and opens the chunks of one session, from its 32-byte session key. Shows nothing in repr."""

    def __init__(self, session_key: bytes) -> None:
        if len(session_key) != SESSION_KEY_BYTES:
            raise ValueError(f"a session key has {SESSION_KEY_BYTES} bytes")
        self._session_key = session_key
        self._request = AESGCM(_derive(session_key, b"", b"stayput/v1/request"))

    def __repr__(self) -> str:
        return "Session()"

    # `final` is a flag of the chunk on the wire, not a switch between two behaviours.
    def seal_request(self, sequence: int, final: bool, digests: bytes) -> bytes:  # noqa: FBT001 (see above)
        """Digests of one chunk, sealed for the node."""
        return self._request.encrypt(_nonce(sequence), digests, _FINAL[final])

    def open_request(self, sequence: int, final: bool, sealed: bytes) -> bytes:  # noqa: FBT001 (see above)
        """Digests of one chunk; `SEAL_INVALID` if anything about it was changed."""
        try:
            return self._request.decrypt(_nonce(sequence), sealed, _FINAL[final])
        except (InvalidTag, ValueError):
            raise _seal_invalid("chunk.sealed", "does not open") from None

    def response(self, session_id: bytes) -> "ResponseSealer":
        """What seals the outcomes, once the node has drawn the session id (16 bytes)."""
        return ResponseSealer(_derive(self._session_key, session_id, b"stayput/v1/response"))

    def commitment_key(self) -> bytes:
        """32-byte key of the receipt's commitments; the consumer keeps it to open them later."""
        return _derive(self._session_key, b"", b"stayput/v1/commitment")


class ResponseSealer:
    """Seals and opens outcomes of one session."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, sequence: int, outcomes: bytes) -> bytes:
        """Outcomes of one chunk, sealed for the consumer."""
        return self._aead.encrypt(_nonce(sequence), outcomes, None)

    def open(self, sequence: int, sealed: bytes) -> bytes:
        """Outcomes of one chunk; `SEAL_INVALID` if they were changed."""
        try:
            return self._aead.decrypt(_nonce(sequence), sealed, None)
        except (InvalidTag, ValueError):
            raise _seal_invalid("outcomes.sealed", "does not open") from None


def _derive(session_key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(session_key)


def _nonce(sequence: int) -> bytes:
    return sequence.to_bytes(12, "big")


def _seal_invalid(field: str, problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_SEAL_INVALID,
        f"{field} {problem}",
        field=field,
        remedy="call Describe again and open a new session",
    )
