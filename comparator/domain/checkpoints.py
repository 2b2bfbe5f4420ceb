"""Checkpoints of the log: what it says of its tree, and who has cosigned that."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from comparator.domain.policy import Call
from comparator.store.leaves import Leaves
from stayput.errors import StayputError, field_invalid
from stayput.evidence import Part, evidence_invalid
from stayput.merkle import OutOfRange
from stayput.notes import (
    MAX_SIGNATURES,
    Checkpoint,
    Note,
    NoteInvalid,
    NoteSignature,
    NoteSigner,
    SignatureType,
    VerifierKey,
    open_checkpoint,
    sign_checkpoint,
)
from stayput.v1.errors_pb2 import ErrorReason

_ORIGIN_DIGITS: Final = 16


def log_signer(ca_certificate: x509.Certificate, key: Ed25519PrivateKey) -> NoteSigner:
    """Who signs the checkpoints: the log's key, under the log's origin, which names the CA's certificate."""
    digest = sha256(ca_certificate.public_bytes(Encoding.DER)).hexdigest()
    return NoteSigner(f"stayput/{digest[:_ORIGIN_DIGITS]}", key)


def newest(leaves: Leaves, signer: NoteSigner) -> bytes:
    """The checkpoint of the present tree, with the cosignatures that it has already."""
    return at(leaves, signer, leaves.size())


def at(leaves: Leaves, signer: NoteSigner, size: int, witnesses: Sequence[str] = ()) -> bytes:
    """The checkpoint of a size that the tree has or had; always the same but for later cosignatures.

    Of more cosignatures than a note holds, those of these witnesses (URNs) go before the others.
    """
    note = Note.parse(sign_checkpoint(Checkpoint(signer.name, leaves.head(size)), signer))
    for line in leaves.cosignatures(size, witnesses, MAX_SIGNATURES - len(note.signatures)):
        note = note.with_signature(NoteSignature.parse(line))
    return bytes(note)


def consistency(leaves: Leaves, old_size: int, new_size: int) -> list[bytes]:
    """The proof between two sizes; `FIELD_INVALID`, or `LOG_ENTRY_UNKNOWN` if the tree is smaller still."""
    if new_size > leaves.size():
        raise unknown("new_size", "ask for at most the size of the latest checkpoint")
    try:
        return leaves.consistency(old_size, new_size)
    except OutOfRange:
        raise field_invalid("old_size", "must lie between 0 and new_size") from None


def add_cosignature(call: Call, signer: NoteSigner, signed: bytes) -> None:
    """Keeps the calling party's cosignature of a checkpoint that this log has signed. Idempotent.

    What is kept is the checkpoint with the log's signature and the caller's, and no other.

    Raises `EVIDENCE_INVALID`, or `LOG_ENTRY_UNKNOWN` if the tree never had that size.
    """
    try:
        witness = VerifierKey(call.party.urn, SignatureType.COSIGNATURE_V1, call.signing_key)
        opened = open_checkpoint(signed, signer.verifier, [witness])
    except NoteInvalid as error:
        raise evidence_invalid(Part.CHECKPOINT, str(error)) from None
    head = opened.checkpoint.head
    if head.size > call.store.leaves.size():
        raise unknown("checkpoint", "the log was set back: tell the auditor and the operator")
    if head != call.store.leaves.head(head.size):
        raise evidence_invalid(Part.CHECKPOINT, "the root is not that of this log at that size")
    if not opened.cosignatures:
        raise evidence_invalid(Part.WITNESSES, "the caller has not cosigned with its registered signing key")
    # Whatever else stands in the note, nobody has verified.
    note = Note.parse(signed)
    by_log, by_witness = (_signature(note, key) for key in (signer.verifier, witness))
    kept = bytes(Note(note.body, (by_log, by_witness)))
    call.store.leaves.cosign(head.size, call.party, kept, str(by_witness), call.now)


def _signature(note: Note, key: VerifierKey) -> NoteSignature:
    """The first by that key, of which there is one."""
    return next(each for each in note.signatures if (each.name, each.key_id) == (key.name, key.key_id))


def unknown(field: str, remedy: str) -> StayputError:
    """`LOG_ENTRY_UNKNOWN`."""
    return StayputError(
        ErrorReason.ERROR_REASON_LOG_ENTRY_UNKNOWN,
        f"{field}: the log has no such entry that the caller may see",
        field=field,
        remedy=remedy,
    )
