"""Who has signed a checkpoint, and what a changed byte does to one."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import merkle, notes, signing
from stayput.merkle import TreeHead
from stayput.notes import (
    Checkpoint,
    Cosigner,
    Note,
    NoteInvalid,
    NoteSignature,
    NoteSigner,
    SignatureType,
    VerifierKey,
)

ORIGIN = "stayput.example/log"
LOG = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
AUDIT = Cosigner("audit.example/witness", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
PROVIDER = Cosigner("police.example/witness", Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32))
STRANGER = Cosigner("stranger.example/witness", Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32))
WITNESSES = (AUDIT.verifier, PROVIDER.verifier)
HEAD = TreeHead(20852163, merkle.leaf_hash(b"any root"))
CHECKPOINT = Checkpoint(ORIGIN, HEAD)
NOW = 1_782_000_000


def cosigned(*cosigners: Cosigner, time: int = NOW) -> bytes:
    note = Note.parse(notes.sign_checkpoint(CHECKPOINT, LOG))
    for cosigner in cosigners:
        note = note.with_signature(cosigner.cosign(note.body, time))
    return bytes(note)


SIGNED = cosigned(AUDIT, STRANGER, PROVIDER)


def names(signed: notes.SignedCheckpoint) -> list[str]:
    return [cosignature.witness.name for cosignature in signed.cosignatures]


def test_a_checkpoint_is_opened_with_who_cosigned_it_and_when() -> None:
    note = Note.parse(cosigned(AUDIT)).with_signature(PROVIDER.cosign(CHECKPOINT.body, NOW + 60))
    signed = notes.open_checkpoint(bytes(note), LOG.verifier, WITNESSES)
    assert signed.checkpoint == CHECKPOINT
    assert signed.cosignatures == (
        notes.Cosignature(AUDIT.verifier, NOW),
        notes.Cosignature(PROVIDER.verifier, NOW + 60),
    )


def test_strangers_are_ignored_and_witnesses_that_have_not_signed_are_not_counted() -> None:
    assert names(notes.open_checkpoint(SIGNED, LOG.verifier, WITNESSES)) == [AUDIT.name, PROVIDER.name]
    assert names(notes.open_checkpoint(SIGNED, LOG.verifier, [PROVIDER.verifier])) == [PROVIDER.name]
    assert names(notes.open_checkpoint(cosigned(STRANGER), LOG.verifier, WITNESSES)) == []


def test_an_unknown_signature_that_shares_a_name_or_an_id_is_ignored() -> None:
    note = Note.parse(cosigned())
    for name, key_id in ((AUDIT.name, b"\0\0\0\0"), ("another.example", AUDIT.verifier.key_id)):
        note = note.with_signature(NoteSignature(name, key_id, b"anything"))
    assert names(notes.open_checkpoint(bytes(note), LOG.verifier, WITNESSES)) == []


def test_a_later_cosignature_by_the_same_witness_replaces_the_former() -> None:
    note = Note.parse(cosigned(AUDIT, PROVIDER)).with_signature(AUDIT.cosign(CHECKPOINT.body, NOW + 60))
    signed = notes.open_checkpoint(bytes(note), LOG.verifier, WITNESSES)
    assert [(c.witness.name, c.time) for c in signed.cosignatures] == [
        (PROVIDER.name, NOW),
        (AUDIT.name, NOW + 60),
    ]


def test_of_two_cosignatures_by_one_witness_the_first_counts_and_both_must_verify() -> None:
    second = AUDIT.cosign(CHECKPOINT.body, NOW + 60)
    twice = cosigned(AUDIT) + f"{second}\n".encode()
    signed = notes.open_checkpoint(twice, LOG.verifier, WITNESSES)
    assert [(c.witness.name, c.time) for c in signed.cosignatures] == [(AUDIT.name, NOW)]
    wrong = NoteSignature(second.name, second.key_id, bytes(72))
    with pytest.raises(NoteInvalid, match="does not verify"):
        notes.open_checkpoint(cosigned(AUDIT) + f"{wrong}\n".encode(), LOG.verifier, WITNESSES)


def test_a_checkpoint_that_only_witnesses_have_signed_is_not_the_logs() -> None:
    note = Note(CHECKPOINT.body, (AUDIT.cosign(CHECKPOINT.body, NOW),))
    with pytest.raises(NoteInvalid, match="log has not signed"):
        notes.open_checkpoint(bytes(note), LOG.verifier, WITNESSES)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint("another.example/log", HEAD)
    with pytest.raises(NoteInvalid, match="origin of the checkpoint is not the signer's name"):
        notes.sign_checkpoint(other, LOG)
    note = Note(other.body, (LOG.sign(other.body),))
    with pytest.raises(NoteInvalid, match="another log's"):
        notes.open_checkpoint(bytes(note), LOG.verifier, WITNESSES)


def test_a_signed_note_that_is_no_checkpoint_is_refused() -> None:
    body = "not a checkpoint\n"
    with pytest.raises(NoteInvalid, match="too few lines"):
        notes.open_checkpoint(bytes(Note(body, (LOG.sign(body),))), LOG.verifier)
    with pytest.raises(NoteInvalid, match="too few lines"):
        AUDIT.cosign(body, NOW)
    with pytest.raises(NoteInvalid, match="too few lines"):
        AUDIT.verifier.verify(body, bytes(72))


def test_each_witness_needs_a_key_of_its_own() -> None:
    # A cosignature does not sign the witness's name: under two names it would count twice.
    double = Cosigner("second.example", AUDIT.private_key)
    of_the_log = Cosigner("third.example", LOG.private_key)
    for witness in (double, of_the_log):
        with pytest.raises(NoteInvalid, match="a key of their own"):
            notes.open_checkpoint(SIGNED, LOG.verifier, [*WITNESSES, witness.verifier])
    plain = NoteSigner("fourth.example", STRANGER.private_key).verifier
    with pytest.raises(NoteInvalid, match="not for cosignatures"):
        notes.open_checkpoint(SIGNED, LOG.verifier, [*WITNESSES, plain])
    assert names(notes.open_checkpoint(SIGNED, LOG.verifier, WITNESSES * 2)) == [AUDIT.name, PROVIDER.name]


def test_known_keys_that_cannot_be_told_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Colliding IDs take 2^32 tries to make: here every ID is the same.
    monkeypatch.setattr(VerifierKey, "key_id", b"same")
    other = VerifierKey(AUDIT.name, SignatureType.COSIGNATURE_V1, STRANGER.verifier.public_key)
    with pytest.raises(NoteInvalid, match=r"two known keys of .* have the same ID"):
        notes.open_note(SIGNED, [AUDIT.verifier, other])


@given(st.integers(0, notes.MAX_TIME))
def test_a_cosignature_is_bound_to_its_time(time: int) -> None:
    signature = AUDIT.cosign(CHECKPOINT.body, time)
    assert AUDIT.verifier.verify(CHECKPOINT.body, signature.signature) == time


@pytest.mark.parametrize("time", [-1, notes.MAX_TIME + 1])
def test_a_time_out_of_range_is_refused(time: int) -> None:
    with pytest.raises(NoteInvalid, match="time of a cosignature is out of range"):
        AUDIT.cosign(CHECKPOINT.body, time)
    if time > 0:
        with pytest.raises(NoteInvalid, match="time of a cosignature is out of range"):
            AUDIT.verifier.verify(CHECKPOINT.body, time.to_bytes(8, "big") + bytes(64))


@pytest.mark.parametrize("length", [0, 7, 8, 63, 64, 71, 73])
def test_a_signature_of_another_length_does_not_verify(length: int) -> None:
    with pytest.raises(NoteInvalid, match="does not verify"):
        AUDIT.verifier.verify(CHECKPOINT.body, bytes(length))
    with pytest.raises(NoteInvalid, match="does not verify"):
        LOG.verifier.verify(CHECKPOINT.body, bytes(length))


def test_extension_lines_are_signed() -> None:
    checkpoint = Checkpoint(ORIGIN, HEAD, ("Extendo",))
    note = Note.parse(notes.sign_checkpoint(checkpoint, LOG))
    note = note.with_signature(AUDIT.cosign(note.body, NOW))
    assert notes.open_checkpoint(bytes(note), LOG.verifier, WITNESSES).checkpoint == checkpoint
    changed = Note(note.body.replace("Extendo", "Extended"), note.signatures)
    with pytest.raises(NoteInvalid, match="does not verify"):
        notes.open_checkpoint(bytes(changed), LOG.verifier, WITNESSES)
    with pytest.raises(NoteInvalid, match="does not verify"):
        notes.open_note(bytes(changed), WITNESSES)


@given(st.data())
def test_a_changed_byte_is_noticed_or_its_signature_is_not_counted(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SIGNED) - 1), "place")
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != SIGNED[at]), "byte")
    changed = SIGNED[:at] + bytes([byte]) + SIGNED[at + 1 :]
    check_changed(changed)


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 12))
def test_missing_bytes_are_noticed_or_their_signature_is_not_counted(at: int, count: int) -> None:
    check_changed(SIGNED[:at] + SIGNED[at + count + 1 :])
    check_changed(SIGNED[:at] + b"\n" + SIGNED[at:])


def check_changed(changed: bytes) -> None:
    """A changed note is refused, or opens as the same checkpoint with cosignatures that are all true."""
    try:
        signed = notes.open_checkpoint(changed, LOG.verifier, WITNESSES)
    except NoteInvalid:
        return
    assert signed.checkpoint == CHECKPOINT
    assert {(c.witness, c.time) for c in signed.cosignatures} <= {(w, NOW) for w in WITNESSES}
    # What is left of the signatures that count has not changed, byte for byte.
    lines = SIGNED.split(b"\n")
    for cosignature in signed.cosignatures:
        line = next(line for line in lines if cosignature.witness.name.encode() in line)
        assert line in changed.split(b"\n")


@pytest.mark.parametrize("key", [LOG.verifier, AUDIT.verifier, PROVIDER.verifier], ids=lambda key: key.name)
def test_any_changed_bit_of_a_known_signature_refuses_the_note(key: VerifierKey) -> None:
    note = Note.parse(SIGNED)
    signature = next(s for s in note.signatures if s.name == key.name)
    for bit in range(len(signature.signature) * 8):
        changed = bytearray(signature.signature)
        changed[bit // 8] ^= 1 << bit % 8
        wrong = NoteSignature(signature.name, signature.key_id, bytes(changed))
        with pytest.raises(NoteInvalid, match=f"signature of {key.name} does not verify|out of range"):
            notes.open_checkpoint(bytes(note.with_signature(wrong)), LOG.verifier, WITNESSES)


def test_signing_keys_do_not_show_themselves() -> None:
    for signer in (LOG, AUDIT):
        assert repr(signer) == f"{type(signer).__name__}(name={signer.name!r})"


def test_a_plain_signature_is_refused_to_statements_of_another_kind() -> None:
    cosigned_message = f"cosignature/v1\ntime {NOW}\n{CHECKPOINT.body}"
    envelope = signing.pae(signing.PayloadType.GRANT, b"a grant\n").decode()
    for body in (cosigned_message, envelope):
        with pytest.raises(NoteInvalid, match="statement of another kind"):
            LOG.sign(body)
