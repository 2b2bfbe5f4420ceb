"""Notes that others have published, with what must be refused.

Sources, copied and not computed here:
- Go: golang/mod, sumdb/note/note_test.go at 02c991387e35f9e4c0a9b7ce137717055f8d716d
- formats: transparency-dev/formats, note/note_cosigv1_test.go, note/note_verifier_test.go and
  log/checkpoint_test.go at 091ce41666c09683aa9350785e572be27f0c026d, 0c1bd728d082e49a9b209848f1de68cc44d47289
  and 7a6ef700ee5660b2580c9da92063af300820fdee
- the example of c2sp.org/signed-note, and a checkpoint of the log arche2025h1.staging.ct.transparency.dev
  with the cosignatures of its witnesses: as the tests of the Python package tlog_scales quote them. The keys
  of the witnesses are the ones they publish.
"""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import notes
from stayput.notes import Note, NoteInvalid, NoteSignature, NoteSigner, SignatureType, VerifierKey

PETER = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
ENOCH = VerifierKey.parse("EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop")
PETER_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
# fmt: off
PETER_SIG = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"  # noqa: E501 (a signature line is not broken)
ENOCH_SIG = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"  # noqa: E501 (the same)
# fmt: on

EXAMPLE_KEY = VerifierKey.parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
EXAMPLE_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""

REAL_LOG = VerifierKey.parse(
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
)
REAL_WITNESSES = [
    VerifierKey.parse(text)
    for text in (
        "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
        "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    )
]
REAL_NOTE = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""  # noqa: E501 (a signature line is not broken)
REAL_TIME = 0x6A122120


def opened(message: str, *known: VerifierKey) -> list[VerifierKey]:
    note = notes.open_note(message.encode(), known)
    assert note.body == TEXT
    return [signature.key for signature in note.signatures]


def test_go_signs_the_same() -> None:
    signer = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SEED))
    assert signer.verifier == PETER
    assert bytes(Note(TEXT, (signer.sign(TEXT),))) == f"{TEXT}\n{PETER_SIG}".encode()


def test_go_replaces_a_signature_by_the_same_key() -> None:
    signer = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PETER_SEED))
    bad = NoteSignature("PeterNeumann", bytes.fromhex("c74f20a3"), b"bad")
    assert bytes(Note(TEXT, (bad,)).with_signature(signer.sign(TEXT))) == f"{TEXT}\n{PETER_SIG}".encode()


def test_go_opens_what_known_keys_have_signed() -> None:
    both = f"{TEXT}\n{PETER_SIG}{ENOCH_SIG}"
    assert opened(both, PETER) == [PETER]
    assert opened(both, PETER, ENOCH) == [PETER, ENOCH]
    assert opened(f"{TEXT}\n{PETER_SIG}", ENOCH, PETER, ENOCH) == [PETER]
    with pytest.raises(NoteInvalid, match="no known key"):
        opened(both)


def test_go_counts_a_key_once() -> None:
    enoch_other = ENOCH_SIG[:60] + "ABCD" + ENOCH_SIG[60:]
    assert opened(f"{TEXT}\n{PETER_SIG * 2}{ENOCH_SIG * 2}{enoch_other}", PETER) == [PETER]


def test_go_refuses_a_wrong_signature_by_a_known_key() -> None:
    with pytest.raises(NoteInvalid, match="signature of PeterNeumann does not verify"):
        opened(f"{TEXT}\n{PETER_SIG[:60]}ABCD{PETER_SIG[60:]}", PETER)


def test_go_refuses_too_many_signatures() -> None:
    assert opened(f"{TEXT}\n{PETER_SIG * 100}", PETER) == [PETER]
    with pytest.raises(NoteInvalid, match="too many signatures"):
        opened(f"{TEXT}\n{PETER_SIG * 101}", PETER)


@pytest.mark.parametrize(
    "message",
    [
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n{PETER_SIG[:-1]}",
        f"\x01{TEXT}\n{PETER_SIG}",
        f"{TEXT}\n{PETER_SIG.replace('PeterNeumann', 'Bad Name')}",
        f"{TEXT}\n{PETER_SIG}Unexpected line.\n",
    ],
)
def test_go_refuses_what_is_malformed(message: str) -> None:
    with pytest.raises(NoteInvalid):
        opened(message, PETER)


def test_go_refuses_what_is_not_utf8() -> None:
    with pytest.raises(NoteInvalid, match="not UTF-8"):
        notes.open_note(b"\xff" + f"{TEXT}\n{PETER_SIG}".encode(), [PETER])


def test_go_refuses_a_verifier_key_that_is_cut_or_changed_anywhere() -> None:
    text = str(PETER)
    cuts = [text[i:j] for i in range(len(text)) for j in range(i, len(text) + 1) if text[i:j] != text]
    changes = [text[:i] + chr(ord(text[i]) + 1) + text[i + 1 :] for i in range(len(text))]
    for wrong in cuts + changes:
        with pytest.raises(NoteInvalid):
            VerifierKey.parse(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # of the wrong length
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # of an unknown type
        "bananas.sigstore.dev+12344556",
        "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!",
        "rekor.sigstore.dev+12345678+AwEB",
        "PeterNeumann+NOT_A_NUMBER+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_go_and_formats_refuse_a_wrong_verifier_key(text: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey.parse(text)


def test_the_example_of_the_specification_verifies() -> None:
    note = notes.open_note(EXAMPLE_NOTE.encode(), [EXAMPLE_KEY])
    assert note.body == "This is an example message.\n"
    assert EXAMPLE_KEY.public_key.hex() == "e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4"


def test_a_real_checkpoint_verifies_with_the_cosignatures_of_its_witnesses() -> None:
    signed = notes.open_checkpoint(REAL_NOTE.encode(), REAL_LOG, REAL_WITNESSES)
    assert signed.checkpoint.origin == "arche2025h1.staging.ct.transparency.dev"
    assert signed.checkpoint.head.size == 1432088532
    assert b64encode(signed.checkpoint.head.root) == b"U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro="
    assert [cosignature.witness for cosignature in signed.cosignatures] == REAL_WITNESSES
    assert {cosignature.time for cosignature in signed.cosignatures} == {REAL_TIME}
    assert bytes(Note.parse(REAL_NOTE.encode())) == REAL_NOTE.encode()


@pytest.mark.parametrize("witness", REAL_WITNESSES, ids=lambda key: key.name)
def test_a_real_checkpoint_of_another_size_or_time_does_not_verify(witness: VerifierKey) -> None:
    note = Note.parse(REAL_NOTE.encode())
    signature = next(s.signature for s in note.signatures if s.key_id == witness.key_id)
    assert witness.verify(note.body, signature) == REAL_TIME
    for body in (note.body.replace("1432088532", "42"), note.body.replace("arche", "Arche")):
        with pytest.raises(NoteInvalid, match=f"signature of {witness.name} does not verify"):
            witness.verify(body, signature)
    with pytest.raises(NoteInvalid, match=f"signature of {witness.name} does not verify"):
        witness.verify(note.body, (REAL_TIME + 1).to_bytes(8, "big") + signature[8:])


def test_a_cosignature_is_no_plain_signature_by_the_same_key() -> None:
    # VKeyToCosignatureV1 of FORMATS: the type changes the ID, and what was signed.
    plain = VerifierKey(REAL_WITNESSES[0].name, SignatureType.ED25519, REAL_WITNESSES[0].public_key)
    assert plain.key_id != REAL_WITNESSES[0].key_id
    with pytest.raises(NoteInvalid, match="no known key"):
        notes.open_note(REAL_NOTE.encode(), [plain])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", SignatureType.ED25519),
        (
            "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
            SignatureType.COSIGNATURE_V1,
        ),
    ],
)
def test_formats_reads_the_same_verifier_keys(text: str, kind: SignatureType) -> None:
    key = VerifierKey.parse(text)
    assert key.kind is kind
    assert str(key) == text


def test_the_key_id_is_the_hash_that_the_specification_names() -> None:
    for key in (PETER, *REAL_WITNESSES):
        named = key.name.encode() + b"\n" + bytes([key.kind]) + key.public_key
        assert key.key_id == sha256(named).digest()[:4]


@pytest.mark.parametrize(
    "body",
    [
        "Log\n123\nYmFuYW5hcw==\n",  # valid there; here a root is one of SHA-256
        "Head\n9944\n",
        "\n9944\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "Log\n123\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=",
        "Log\nbananas\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "Log\n-34\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "Log\n3438945738945739845734895735\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n",
        "Log\n123\nThisIsn'tBase64\n",
        "Log\n9944\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n\n\n",  # valid there
    ],
)
def test_formats_wrong_checkpoints_are_refused(body: str) -> None:
    with pytest.raises(NoteInvalid):
        notes.Checkpoint.parse(body)


@pytest.mark.parametrize(
    ("body", "extensions"),
    [
        ("Log\n123\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n", ()),
        (
            "Moon Log\n4027504\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n6086d1a9\nWaxing gibbous\n",
            ("6086d1a9", "Waxing gibbous"),
        ),
    ],
)
def test_formats_checkpoints_are_read(body: str, extensions: tuple[str, ...]) -> None:
    checkpoint = notes.Checkpoint.parse(body)
    assert checkpoint.extensions == extensions
    assert checkpoint.body == body
