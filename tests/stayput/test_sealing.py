import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput import sealing
from stayput.errors import StayputError
from stayput.receipts import Transcript
from stayput.v1.errors_pb2 import ErrorReason
from tests.vectors.reading import Json, opening_of, read

VECTORS = read("sealing")
SESSION_KEY, SESSION_ID = bytes.fromhex(VECTORS["session_key"]), bytes.fromhex(VECTORS["session_id"])
SESSION = sealing.Session(SESSION_KEY)
RESPONSES = SESSION.response(SESSION_ID)
SEALED_KEY = VECTORS["sealed_session_key"]
NODE = sealing.SealingKey.from_bytes(bytes.fromhex(SEALED_KEY["private"]))


def open_vector(vector: Json) -> bytes:
    """What one sealed thing of the vectors holds."""
    sealed = bytes.fromhex(vector["sealed"])
    match vector["of"]:
        case "request":
            return SESSION.open_request(vector["sequence"], vector["final"], sealed)
        case "response":
            session_id = bytes.fromhex({**VECTORS, **vector}["session_id"])
            return SESSION.response(session_id).open(vector["sequence"], sealed)
    return NODE.open_session_key(sealed, sealing.session_info(opening_of(vector["opening"])))


UNCHANGED = {
    "request": {"of": "request", **VECTORS["requests"][0]},
    "response": {"of": "response", **VECTORS["responses"][0]},
    "session_key": {"of": "session_key", **SEALED_KEY},
}


@pytest.mark.parametrize("vector", VECTORS["requests"])
def test_requests_are_those_of_the_vectors(vector: Json) -> None:
    digests = bytes.fromhex(vector["digests"])
    assert SESSION.seal_request(vector["sequence"], vector["final"], digests).hex() == vector["sealed"]
    assert open_vector({"of": "request", **vector}) == digests


@pytest.mark.parametrize("vector", VECTORS["responses"])
def test_responses_are_those_of_the_vectors(vector: Json) -> None:
    outcomes = bytes.fromhex(vector["outcomes"])
    assert RESPONSES.seal(vector["sequence"], outcomes).hex() == vector["sealed"]
    assert open_vector({"of": "response", **vector}) == outcomes


@pytest.mark.parametrize("vector", VECTORS["session_info"])
def test_session_info_is_that_of_the_vectors(vector: Json) -> None:
    assert sealing.session_info(opening_of(vector["opening"])).hex() == vector["info"]


def test_session_info_differs_with_every_parameter() -> None:
    infos = {vector["info"] for vector in VECTORS["session_info"]}
    assert len(infos) == len(VECTORS["session_info"]) == 11


def test_a_session_key_sealed_by_the_second_implementation_opens() -> None:
    assert open_vector(UNCHANGED["session_key"]) == SESSION_KEY


def test_a_sealing_key_is_that_of_the_vectors() -> None:
    assert NODE.public_bytes().hex() == SEALED_KEY["public"]
    assert NODE.id.hex() == SEALED_KEY["key_id"] == sealing.key_id(NODE.public_bytes()).hex()
    assert NODE.to_bytes().hex() == SEALED_KEY["private"]


@pytest.mark.parametrize("change", VECTORS["refused"], ids=lambda change: f"{change['of']}: {change['what']}")
def test_a_changed_seal_is_refused(change: Json) -> None:
    with pytest.raises(StayputError) as caught:
        open_vector({**UNCHANGED[change["of"]], **change})
    assert caught.value.reason_name == change["reason"]


def test_commitments_are_those_of_the_vectors_and_chunks_do_not_show() -> None:
    assert SESSION.commitment_key().hex() == VECTORS["commitment_key"]
    transcript = Transcript(SESSION.commitment_key())
    for request, response in zip(VECTORS["requests"], VECTORS["responses"], strict=True):
        transcript.ask(bytes.fromhex(request["digests"]))
        transcript.answer(bytes.fromhex(response["outcomes"]))
    assert [c.hex() for c in transcript.commitments()] == list(VECTORS["commitments"].values())


def test_sizes_are_those_of_the_specification() -> None:
    key = sealing.SealingKey.generate()
    assert len(key.public_bytes()) == 1_216
    assert len(key.id) == 8
    assert len(sealing.seal_session_key(key.public_bytes(), SESSION_KEY, b"info")) == 1_168
    assert sealing.SEALED_KEY_BYTES == 1_168
    assert len(SESSION.seal_request(0, True, bytes(160))) == 160 + sealing.TAG_BYTES
    assert len(RESPONSES.seal(0, bytes(10))) == 10 + sealing.TAG_BYTES


def test_a_session_key_opens_with_the_right_key_and_info_only() -> None:
    ours, other = sealing.SealingKey.generate(), sealing.SealingKey.generate()
    sealed = sealing.seal_session_key(ours.public_bytes(), SESSION_KEY, b"info")
    assert sealing.SealingKey.from_bytes(ours.to_bytes()).open_session_key(sealed, b"info") == SESSION_KEY
    for key, info in ((ours, b"other"), (ours, b""), (other, b"info")):
        with pytest.raises(StayputError) as caught:
            key.open_session_key(sealed, info)
        assert caught.value.reason == ErrorReason.ERROR_REASON_SEAL_INVALID
        assert caught.value.field == "sealed_session_key"


def test_each_half_of_the_hybrid_key_is_needed() -> None:
    ours, other = sealing.SealingKey.generate(), sealing.SealingKey.generate()
    sealed = sealing.seal_session_key(ours.public_bytes(), SESSION_KEY, b"info")
    for half in (ours.to_bytes()[:64] + other.to_bytes()[64:], other.to_bytes()[:64] + ours.to_bytes()[64:]):
        with pytest.raises(StayputError, match="SEAL_INVALID"):
            sealing.SealingKey.from_bytes(half).open_session_key(sealed, b"info")


def test_sealing_twice_gives_different_bytes() -> None:
    assert len({sealing.seal_session_key(NODE.public_bytes(), SESSION_KEY, b"info") for _ in range(2)}) == 2


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_sealed_key_of_another_length_is_refused(length: int) -> None:
    sealed = sealing.seal_session_key(NODE.public_bytes(), bytes(length), b"info")
    with pytest.raises(StayputError, match="must hold 32 bytes"):
        NODE.open_session_key(sealed, b"info")
    with pytest.raises(ValueError, match="32 bytes"):
        sealing.Session(bytes(length))


@pytest.mark.parametrize(
    "public",
    [
        b"",
        NODE.public_bytes()[:-1],
        NODE.public_bytes() + b"\x00",
        b"\xff" * 1_184 + NODE.public_bytes()[-32:],
        NODE.public_bytes()[:-32] + bytes(32),
    ],
    ids=["empty", "short", "long", "coefficients out of range", "a point of low order"],
)
def test_bytes_that_are_no_public_key_are_refused(public: bytes) -> None:
    with pytest.raises(StayputError) as caught:
        sealing.seal_session_key(public, SESSION_KEY, b"info")
    assert caught.value.reason == ErrorReason.ERROR_REASON_SEAL_INVALID
    assert caught.value.field == "sealing_key"


@pytest.mark.parametrize("length", [0, 95, 97])
def test_a_private_key_has_96_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="96 bytes"):
        sealing.SealingKey.from_bytes(bytes(length))


def test_reprs_show_no_secret() -> None:
    shown = f"{SESSION!r} {SESSION!s} {NODE!r} {RESPONSES!r}"
    for secret in (SESSION_KEY, NODE.to_bytes()[:32], NODE.to_bytes()[64:]):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert repr(NODE) == f"SealingKey(id={SEALED_KEY['key_id']})"


@given(
    st.binary(max_size=200),
    st.integers(0, 2**64 - 1),
    st.sampled_from([(False, True), (True, False)]),
)
def test_a_chunk_opens_as_it_was_sealed_and_not_as_another(
    digests: bytes, sequence: int, flags: tuple[bool, bool]
) -> None:
    final, other = flags
    sealed = SESSION.seal_request(sequence, final, digests)
    assert SESSION.open_request(sequence, final, sealed) == digests
    with pytest.raises(StayputError):
        SESSION.open_request(sequence, other, sealed)
    with pytest.raises(StayputError):
        SESSION.open_request(sequence ^ 1, final, sealed)
    with pytest.raises(StayputError):
        RESPONSES.open(sequence, sealed)


@given(st.binary(max_size=1_300))
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(StayputError, match="SEAL_INVALID"):
        NODE.open_session_key(data, b"info")
    with pytest.raises(StayputError, match="SEAL_INVALID"):
        SESSION.open_request(0, False, data)
    with pytest.raises(StayputError, match="SEAL_INVALID"):
        RESPONSES.open(0, data)
