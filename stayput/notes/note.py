"""Notes as a whole: taken apart, put together and opened."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from stayput.notes.checkpoint import Checkpoint
from stayput.notes.form import MAX_NOTE_SIZE, MAX_SIGNATURES, NoteInvalid, check_text
from stayput.notes.keys import NoteSignature, NoteSigner, SignatureType, VerifierKey


@dataclass(frozen=True)
class Note:
    """A body, which ends in a newline, and one or more signatures that nobody has verified yet."""

    body: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        check_text("the note", self.body)
        if not self.body.endswith("\n"):
            raise NoteInvalid("the note's body does not end in a newline")
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise NoteInvalid(f"the note does not have between 1 and {MAX_SIGNATURES} signatures")

    def __bytes__(self) -> bytes:
        lines = "".join(f"{signature}\n" for signature in self.signatures)
        return f"{self.body}\n{lines}".encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The note that `bytes` of it gives back unchanged; `NoteInvalid` if it is malformed."""
        if len(data) > MAX_NOTE_SIZE:
            raise NoteInvalid("the note is too long")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise NoteInvalid("the note is not UTF-8") from None
        # The body may hold empty lines: the last one in the note ends it.
        body, separator, block = text.rpartition("\n\n")
        if not separator or not block.endswith("\n"):
            raise NoteInvalid("the note does not end in an empty line and signature lines")
        lines = block.removesuffix("\n").split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise NoteInvalid("the note has too many signatures")
        return cls(body + "\n", tuple(map(NoteSignature.parse, lines)))

    def with_signature(self, signature: NoteSignature) -> Self:
        """The note with that signature at the end, in place of those by the same key."""
        others = (s for s in self.signatures if (s.name, s.key_id) != (signature.name, signature.key_id))
        return type(self)(self.body, (*others, signature))


@dataclass(frozen=True)
class VerifiedSignature:
    """A known key whose signature was verified, and for a cosignature when it was given (seconds)."""

    key: VerifierKey
    time: int | None


@dataclass(frozen=True)
class VerifiedNote:
    """The body of a note and the verified signatures on it, each key once, in the order of the note."""

    body: str
    signatures: tuple[VerifiedSignature, ...]


@dataclass(frozen=True)
class Cosignature:
    """A witness whose cosignature was verified, and when it was given (seconds)."""

    witness: VerifierKey
    time: int


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint that its log has signed, and the verified cosignatures on it, each witness once."""

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]


def open_note(data: bytes, known: Iterable[VerifierKey]) -> VerifiedNote:
    """The note, if a known key has signed it; else `NoteInvalid`.

    Signatures by other keys are ignored. Each signature by a known key must verify, or the note is refused;
    of several by the same key the first counts.
    """
    note = Note.parse(data)
    keys: dict[tuple[str, bytes], VerifierKey] = {}
    for key in known:
        if keys.setdefault((key.name, key.key_id), key) != key:
            raise NoteInvalid(f"two known keys of {key.name} have the same ID")
    verified: dict[VerifierKey, VerifiedSignature] = {}
    for signature in note.signatures:
        if signer := keys.get((signature.name, signature.key_id)):
            time = signer.verify(note.body, signature.signature)
            verified.setdefault(signer, VerifiedSignature(signer, time))
    if not verified:
        raise NoteInvalid("no known key has signed the note")
    return VerifiedNote(note.body, tuple(verified.values()))


def open_checkpoint(data: bytes, log: VerifierKey, witnesses: Iterable[VerifierKey] = ()) -> SignedCheckpoint:
    """The checkpoint, if the log of that name has signed it with its key; else `NoteInvalid`.

    A witness that has not signed is not among the cosignatures; one whose cosignature does not verify is an
    error, and so is a witness that shares its key with the log or another, or has none for cosignatures.
    """
    keys = {log, *witnesses}
    if len({key.public_key for key in keys}) != len(keys):
        raise NoteInvalid("log and witnesses do not each have a key of their own")
    if any(key.kind is not SignatureType.COSIGNATURE_V1 for key in keys - {log}):
        raise NoteInvalid("the key of a witness is not for cosignatures")
    note = open_note(data, keys)
    if all(signature.key != log for signature in note.signatures):
        raise NoteInvalid("the log has not signed the checkpoint")
    checkpoint = Checkpoint.parse(note.body)
    if checkpoint.origin != log.name:
        raise NoteInvalid("the checkpoint is another log's: its origin is not the name of the log's key")
    cosignatures = (
        Cosignature(signature.key, signature.time)
        for signature in note.signatures
        if signature.key != log and signature.time is not None
    )
    return SignedCheckpoint(checkpoint, tuple(cosignatures))


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """The note with that checkpoint; the signer's name has to be the origin, or `NoteInvalid`."""
    if signer.name != checkpoint.origin:
        raise NoteInvalid("the origin of the checkpoint is not the signer's name")
    return bytes(Note(checkpoint.body, (signer.sign(checkpoint.body),)))
