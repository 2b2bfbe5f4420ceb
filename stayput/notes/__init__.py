"""Signed notes, checkpoints and cosignatures as C2SP defines them.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint and c2sp.org/tlog-cosignature (Ed25519 only).

A log signs a checkpoint, which says what its tree is at a size, with `sign_checkpoint`. A witness opens it
with the log's key, verifies that the tree goes on from the one it saw last, and adds its cosignature with the
time. Whoever relies on the log opens the result with the keys it trusts: `open_checkpoint` raises
`NoteInvalid` or returns the checkpoint and who cosigned it when. How many cosignatures are enough, and how
old they may be, is for the caller to say. Times are whole seconds since 1970.
"""

from stayput.notes.checkpoint import Checkpoint
from stayput.notes.form import MAX_NOTE_SIZE, MAX_SIGNATURES, NoteInvalid
from stayput.notes.keys import MAX_TIME, Cosigner, NoteSignature, NoteSigner, SignatureType, VerifierKey
from stayput.notes.note import (
    Cosignature,
    Note,
    SignedCheckpoint,
    VerifiedNote,
    VerifiedSignature,
    open_checkpoint,
    open_note,
    sign_checkpoint,
)

__all__ = [
    "MAX_NOTE_SIZE",
    "MAX_SIGNATURES",
    "MAX_TIME",
    "Checkpoint",
    "Cosignature",
    "Cosigner",
    "Note",
    "NoteInvalid",
    "NoteSignature",
    "NoteSigner",
    "SignatureType",
    "SignedCheckpoint",
    "VerifiedNote",
    "VerifiedSignature",
    "VerifierKey",
    "open_checkpoint",
    "open_note",
    "sign_checkpoint",
]
