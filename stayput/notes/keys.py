"""Keys of notes: who signs, who verifies, and what exactly is signed.

What a key signs here can be taken neither for another kind of note signature nor for a DSSE envelope
(stayput.signing): a plain signature is refused to a body that begins as one of those does.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import ed25519
from stayput.notes.checkpoint import Checkpoint
from stayput.notes.form import NoteInvalid, check_name, from_base64, to_base64

MAX_TIME: Final = 2**63 - 1
KEY_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8
_PUBLIC_KEY_SIZE: Final = 32
_SIGNATURE_LINE: Final = "\N{EM DASH} "
_COSIGNED: Final = "cosignature/v1\n"
_DSSE: Final = "DSSEv1 "


class SignatureType(IntEnum):
    """The signature type identifier bytes of c2sp.org/signed-note that are verified here."""

    ED25519 = 0x01
    COSIGNATURE_V1 = 0x04


@dataclass(frozen=True)
class NoteSignature:
    """One signature line: key name, key ID (4 bytes) and what follows it, which depends on the type."""

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != KEY_ID_SIZE or not self.signature:
            raise NoteInvalid("a signature is too short")

    def __str__(self) -> str:
        return f"{_SIGNATURE_LINE}{self.name} {to_base64(self.key_id + self.signature)}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """The signature on a line without its newline; `NoteInvalid` if it is none."""
        if not line.startswith(_SIGNATURE_LINE):
            raise NoteInvalid("a signature line does not begin with an em dash and a space")
        name, _, encoded = line.removeprefix(_SIGNATURE_LINE).partition(" ")
        data = from_base64("a signature", encoded)
        return cls(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


@dataclass(frozen=True)
class VerifierKey:
    """A named public key (raw, 32 bytes) for one type of signature; `str` of it is its text form."""

    name: str
    kind: SignatureType
    public_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != _PUBLIC_KEY_SIZE:
            raise NoteInvalid(f"the public key is not {_PUBLIC_KEY_SIZE} bytes long")

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of a verifier key string, `name+ID+key`; `NoteInvalid` if it is none of a known type."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        data = from_base64("the verifier key", encoded)
        if not data or data[0] not in set(SignatureType):
            raise NoteInvalid("the verifier key is not of a known type")
        key = cls(name, SignatureType(data[0]), data[1:])
        if key.key_id.hex() != key_id:
            raise NoteInvalid("the verifier key's ID is not that of its name and key")
        return key

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of the SHA-256 over name, newline, type byte and public key."""
        return sha256(b"%b\n%c%b" % (self.name.encode(), self.kind, self.public_key)).digest()[:KEY_ID_SIZE]

    def verify(self, body: str, signature: bytes) -> int | None:
        """When the note with that body was cosigned (seconds), None for a plain signature.

        Raises `NoteInvalid` if the signature, as its line has it after the key ID, does not verify.
        """
        if self.kind is SignatureType.ED25519:
            self._verify(body.encode(), signature)
            return None
        time = int.from_bytes(signature[:_TIME_SIZE], "big")
        self._verify(cosigned_message(body, time), signature[_TIME_SIZE:])
        return time

    def _verify(self, message: bytes, signature: bytes) -> None:
        if not ed25519.verifies(self.public_key, signature, message):
            raise NoteInvalid(f"the signature of {self.name} does not verify")


def cosigned_message(body: str, time: int) -> bytes:
    """What a witness signs (c2sp.org/tlog-cosignature); `NoteInvalid` unless it is a checkpoint's body."""
    Checkpoint.parse(body)
    if not 0 <= time <= MAX_TIME:
        raise NoteInvalid("the time of a cosignature is out of range")
    return f"{_COSIGNED}time {time}\n{body}".encode()


@dataclass(frozen=True)
class NoteSigner:
    """Signs notes under a name with plain Ed25519."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def verifier(self) -> VerifierKey:
        """The key that verifies what is signed here."""
        return _verifier(self.name, SignatureType.ED25519, self.private_key)

    def sign(self, body: str) -> NoteSignature:
        """The signature on a note with that body; `NoteInvalid` if it could be taken for something else."""
        if body.startswith((_COSIGNED, _DSSE)):
            raise NoteInvalid("the note begins like a statement of another kind")
        return NoteSignature(self.name, self.verifier.key_id, self.private_key.sign(body.encode()))


@dataclass(frozen=True)
class Cosigner:
    """Cosigns checkpoints under a name, which is not part of what is signed: each needs a key of its own."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def verifier(self) -> VerifierKey:
        """The key that verifies what is cosigned here."""
        return _verifier(self.name, SignatureType.COSIGNATURE_V1, self.private_key)

    def cosign(self, body: str, time: int) -> NoteSignature:
        """The statement that at `time` (seconds) this was the largest consistent tree seen of that log.

        That this is true is for the caller to verify. Raises `NoteInvalid` unless `body` is a checkpoint's.
        """
        message = cosigned_message(body, time)
        signature = time.to_bytes(_TIME_SIZE, "big") + self.private_key.sign(message)
        return NoteSignature(self.name, self.verifier.key_id, signature)


def _verifier(name: str, kind: SignatureType, private_key: Ed25519PrivateKey) -> VerifierKey:
    return VerifierKey(name, kind, private_key.public_key().public_bytes_raw())
