"""The form of notes, checkpoints and keys: each reads back as it was written, and has no other form."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import merkle, notes
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
HEAD = TreeHead(20852163, merkle.leaf_hash(b"any root"))
CHECKPOINT = Checkpoint(ORIGIN, HEAD)
BASE64_ROOT = CHECKPOINT.body.split("\n")[2]
SIGNED = bytes(
    Note.parse(notes.sign_checkpoint(CHECKPOINT, LOG)).with_signature(
        AUDIT.cosign(CHECKPOINT.body, 1_782_000_000)
    )
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not end in an empty line and signature lines"),
        (b"\n\n", "does not end in an empty line and signature lines"),
        (SIGNED.replace(b"\n", b"\r\n"), "does not end in an empty line"),
        (SIGNED.replace(b"\n", b"\r\n", 1), "control character"),
        (SIGNED.replace(b"\n\n", b"\n\x00\n\n"), "control character"),
        (SIGNED.replace(b"\n\n", b"\n\tx\n\n"), "control character"),
        (SIGNED[:-1], "does not end in an empty line"),
        (SIGNED + b"\n", "does not end in an empty line"),
        (SIGNED.replace("— ".encode(), b"- "), "em dash"),
        (SIGNED.replace("— ".encode(), b"\xe2\x80\x94"), "em dash"),
        (SIGNED.replace("— ".encode(), b"\xe2\x80\x94 +"), "key name"),
        (SIGNED.replace("— ".encode(), b"\xe2\x80\x94 \xc2\xa0"), "key name"),
        (SIGNED.replace("— ".encode(), b"\xe2\x80\x94  "), "not Base64"),
        (SIGNED.replace(b"=\n", b"= \n"), "not Base64"),
        (SIGNED.replace(b"=\n", b"\n"), "not Base64"),
        (SIGNED.replace(b"\n\n", b"\n\n\xe2\x80\x94 short AAAAAA==\n"), "too short"),
        (SIGNED.replace(b"\n\n", b"\n\n\xe2\x80\x94 spare AAAAAAB=\n"), "not the Base64 of its bytes"),
        (SIGNED.replace(b"\n\n", b"\n\xed\xa0\x80\n\n"), "not UTF-8"),
        (SIGNED + SIGNED.split(b"\n\n")[1] * 50, "too many signatures"),
        (b"x" * notes.MAX_NOTE_SIZE + SIGNED, "too long"),
    ],
)
def test_what_is_no_note_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(NoteInvalid, match=message):
        Note.parse(data)


def test_sixteen_signatures_are_accepted_even_of_the_size_that_post_quantum_ones_have() -> None:
    note = Note.parse(SIGNED)
    for number in range(97 - len(note.signatures)):
        note = note.with_signature(NoteSignature(f"pq{number}.example", b"\0\0\0\6", bytes(2428)))
    signed = notes.open_checkpoint(bytes(note), LOG.verifier, [AUDIT.verifier])
    assert [cosignature.witness for cosignature in signed.cosignatures] == [AUDIT.verifier]


def test_the_last_empty_line_ends_the_body() -> None:
    body = "first\n\nsecond\n\n\n"
    note = notes.open_note(bytes(Note(body, (LOG.sign(body),))), [LOG.verifier])
    assert note.body == body


@pytest.mark.parametrize(
    ("body", "signatures"),
    [
        ("no newline", (LOG.sign("no newline"),)),
        ("", (LOG.sign(""),)),
        ("a\x1fb\n", (LOG.sign("a\x1fb\n"),)),
        ("a\ud800\n", (LOG.sign("a\n"),)),
        ("unsigned\n", ()),
    ],
)
def test_a_note_that_could_not_be_read_again_is_not_made(
    body: str, signatures: tuple[NoteSignature, ...]
) -> None:
    with pytest.raises(NoteInvalid):
        Note(body, signatures)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=40),
    st.text(st.characters(codec="utf-8", exclude_characters="+", exclude_categories=["Z", "C"]), min_size=1),
    st.binary(min_size=1, max_size=80),
)
def test_a_note_reads_back_as_it_was_written(body: str, name: str, signature: bytes) -> None:
    note = Note(body + "\n", (NoteSignature(name, b"\0\1\2\3", signature), LOG.sign(body + "\n")))
    assert Note.parse(bytes(note)) == note


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_whatever_is_given_is_a_note_or_refused(data: bytes) -> None:
    for tried in (data, data + SIGNED, SIGNED + data, SIGNED.replace(b"\n\n", b"\n" + data + b"\n\n")):
        try:
            note = Note.parse(tried)
        except NoteInvalid:
            continue
        assert bytes(note) == tried


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"{ORIGIN}\n007\n{BASE64_ROOT}\n", "tree size"),
        (f"{ORIGIN}\n+7\n{BASE64_ROOT}\n", "tree size"),
        (f"{ORIGIN}\n7 \n{BASE64_ROOT}\n", "tree size"),
        (f"{ORIGIN}\n٧\n{BASE64_ROOT}\n", "tree size"),
        (f"{ORIGIN}\n9223372036854775808\n{BASE64_ROOT}\n", "out of range"),
        (f"{ORIGIN}\n0\n{BASE64_ROOT}\n", "empty tree"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT[:-4]}\n", "not 32 bytes"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT[:-1]}\n", "not Base64"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT.replace('+', '-').replace('/', '_')}-\n", "not Base64"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT}\n\n", "empty"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT}\nextension\n\nmore\n", "empty"),
        (f"\n7\n{BASE64_ROOT}\n", "empty"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT}", "too few lines"),
        (f"{ORIGIN}\n7\n{BASE64_ROOT}\nextension", "too few lines or does not end"),
        (f"{ORIGIN}\n7\n", "too few lines"),
        ("", "too few lines"),
    ],
)
def test_what_is_no_checkpoint_is_refused(body: str, message: str) -> None:
    with pytest.raises(NoteInvalid, match=message):
        Checkpoint.parse(body)


@pytest.mark.parametrize("line", ["", "two\nlines", "tab\t", "return\r", "\ud800"])
def test_a_line_that_is_none_is_in_no_checkpoint(line: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint(line, HEAD)
    with pytest.raises(NoteInvalid):
        Checkpoint(ORIGIN, HEAD, (line,))


@given(st.integers(1, merkle.MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back_as_it_was_written(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, TreeHead(size, root), ("extension",))
    assert Checkpoint.parse(checkpoint.body) == checkpoint


def test_the_checkpoint_of_an_empty_log_is_one() -> None:
    checkpoint = Checkpoint(ORIGIN, TreeHead(0, merkle.EMPTY_ROOT))
    assert checkpoint.body == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert Checkpoint.parse(checkpoint.body) == checkpoint


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u3000b", "a\u2028b", "a\x85b", "a\nb", "a\0b", "\ud800"]
)
def test_a_name_that_no_key_has_is_refused(name: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey(name, SignatureType.ED25519, bytes(32))
    with pytest.raises(NoteInvalid):
        NoteSignature(name, b"\0\0\0\0", b"signature")
    with pytest.raises(NoteInvalid):
        NoteSigner(name, LOG.private_key)
    with pytest.raises(NoteInvalid):
        Cosigner(name, AUDIT.private_key)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (str(LOG.verifier).upper(), "verifier key"),
        (str(LOG.verifier).replace("stayput", "Stayput"), "ID is not that of its name and key"),
        (str(LOG.verifier) + "\n", "not Base64"),
        (" " + str(LOG.verifier), "key name"),
        (str(LOG.verifier) + "=", "not the Base64 of its bytes"),
        ("", "known type"),
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str, message: str) -> None:
    with pytest.raises(NoteInvalid, match=message):
        VerifierKey.parse(text)


def test_an_id_in_capitals_is_refused() -> None:
    name, key_id, encoded = str(LOG.verifier).split("+", 2)
    assert key_id != key_id.upper()
    with pytest.raises(NoteInvalid, match="ID is not that"):
        VerifierKey.parse(f"{name}+{key_id.upper()}+{encoded}")


@given(st.sampled_from(SignatureType), st.binary(min_size=32, max_size=32))
def test_a_verifier_key_reads_back_as_it_was_written(kind: SignatureType, public_key: bytes) -> None:
    key = VerifierKey("名.example", kind, public_key)
    assert VerifierKey.parse(str(key)) == key


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(NoteInvalid, match="not 32 bytes"):
        VerifierKey(ORIGIN, SignatureType.ED25519, bytes(length))
