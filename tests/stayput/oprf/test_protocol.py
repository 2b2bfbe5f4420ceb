"""The rounds between a client and a server, without a socket, and what each side refuses."""

import random
import secrets
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stayput.oprf
from stayput.errors import StayputError
from stayput.oprf import (
    Client,
    PrivateKey,
    Server,
    VerifiableClient,
    VerifiableServer,
    random_scalars,
)
from stayput.v1.errors_pb2 import ErrorReason
from tests.vectors.reading import read

KEY = PrivateKey.generate(random.Random(1).randbytes)
SERVER, CLIENT = VerifiableServer(KEY), VerifiableClient(KEY.public_bytes())
INPUTS = [b"", b"\x00", b"11010519491231002X", "张三".encode(), bytes(65_535)]
GENERATOR = bytes.fromhex(read("oprf")["multiples_of_the_generator"]["elements"][1])
MALFORMED = [
    *(bytes.fromhex(vector["element"]) for vector in read("oprf")["invalid_elements"]["vectors"]),
    bytes(32),
    bytes(31) + b"\x80",
    GENERATOR[:-1] + bytes([GENERATOR[-1] | 0x80]),
    bytes(31),
    bytes(33),
    b"",
]


def blinds(count: int, seed: int = 2) -> list[bytes]:
    return random_scalars(count, random.Random(seed).randbytes)


@given(st.lists(st.binary(max_size=80), max_size=6), st.integers(0, 2**32))
def test_a_client_gets_what_the_server_computes_itself(inputs: list[bytes], seed: int) -> None:
    source = random.Random(seed).randbytes
    key = PrivateKey.generate(source)
    for server, client in (
        (Server(key), Client()),
        (VerifiableServer(key), VerifiableClient(key.public_bytes())),
    ):
        blinding = client.blind(inputs, random_scalars(len(inputs), source))
        assert client.finalize(blinding, server.blind_evaluate(blinding.elements)) == server.evaluate(inputs)


def test_an_output_depends_on_key_mode_and_input() -> None:
    other = PrivateKey.generate(random.Random(9).randbytes)
    servers = (Server(KEY), SERVER, Server(other), VerifiableServer(other))
    outputs = [output for server in servers for output in server.evaluate(INPUTS)]
    assert len(set(outputs)) == len(outputs) == 20
    assert {len(output) for output in outputs} == {64}


def test_one_input_is_blinded_differently_each_time_and_ends_the_same() -> None:
    blinding = CLIENT.blind([b"x"] * 4, blinds(4))
    evaluated = SERVER.blind_evaluate(blinding.elements)
    assert len(set(blinding.elements)) == len(set(evaluated)) == 4
    assert set(CLIENT.finalize(blinding, evaluated)) == set(SERVER.evaluate([b"x"]))


def test_a_batch_shared_out_over_threads_is_the_batch() -> None:
    inputs = [b"%d" % number for number in range(200)]
    parts = [inputs[start : start + 10] for start in range(0, 200, 10)]
    with ThreadPoolExecutor(4) as pool:
        shared = [output for part in pool.map(SERVER.evaluate, parts) for output in part]
    assert shared == SERVER.evaluate(inputs)


def test_a_blinding_shows_what_may_be_sent_and_no_more() -> None:
    blinding = CLIENT.blind([b"11010519491231002X"], blinds(1))
    assert repr(blinding.elements) in repr(blinding)
    assert "110105" not in repr(blinding)
    assert repr(blinding.blinds[0]) not in repr(blinding)


@pytest.mark.parametrize("element", MALFORMED, ids=range(len(MALFORMED)))
def test_the_server_names_the_malformed_element(element: bytes) -> None:
    elements = list(CLIENT.blind(INPUTS, blinds(5)).elements)
    elements[3] = element
    with pytest.raises(StayputError, match="element: number 3 ") as refused:
        SERVER.blind_evaluate(elements)
    assert (refused.value.reason, refused.value.field) == (
        ErrorReason.ERROR_REASON_FIELD_INVALID,
        "element",
    )


@pytest.mark.parametrize("element", MALFORMED, ids=range(len(MALFORMED)))
def test_the_client_names_the_malformed_answer(element: bytes) -> None:
    blinding = CLIENT.blind(INPUTS, blinds(5))
    evaluated = SERVER.blind_evaluate(blinding.elements)
    evaluated[1] = element
    with pytest.raises(StayputError, match="evaluated_element: number 1 ") as refused:
        CLIENT.finalize(blinding, evaluated)
    assert refused.value.reason == ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION
    assert refused.value.remedy


@pytest.mark.parametrize("element", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_element_is_no_public_key(element: bytes) -> None:
    with pytest.raises(StayputError, match="oprf_public_key") as refused:
        VerifiableClient(element)
    assert refused.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID


@pytest.mark.parametrize("count", [0, 4, 6])
def test_the_client_refuses_another_count_of_answers(count: int) -> None:
    blinding = CLIENT.blind(INPUTS, blinds(5))
    evaluated = (SERVER.blind_evaluate(blinding.elements) * 2)[:count]
    with pytest.raises(StayputError, match=f"{count} came for 5") as refused:
        CLIENT.finalize(blinding, evaluated)
    assert refused.value.reason == ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION


@pytest.mark.parametrize("count", [0, 4, 6])
def test_there_is_a_blind_for_each_input(count: int) -> None:
    with pytest.raises(ValueError, match="zip"):
        CLIENT.blind(INPUTS, blinds(count))


@pytest.mark.parametrize("blind", [bytes(32), b"\xff" * 32, b"\x01" * 31])
def test_what_is_no_scalar_is_no_blind(blind: bytes) -> None:
    with pytest.raises(ValueError, match="malformed scalar"):
        CLIENT.blind([b"x"], [blind])


def test_an_input_beyond_the_rfc_is_refused_by_both() -> None:
    too_long = [b"x", bytes(65_536)]
    for step in (lambda: CLIENT.blind(too_long, blinds(2)), lambda: SERVER.evaluate(too_long)):
        with pytest.raises(StayputError, match="input: must have no more than 65,535 bytes") as refused:
            step()
        assert refused.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID


def test_an_empty_batch_evaluates_to_an_empty_one() -> None:
    assert SERVER.blind_evaluate([]) == SERVER.evaluate([]) == []
    assert CLIENT.finalize(CLIENT.blind([], []), []) == []


def test_the_tutorial_of_the_package_runs() -> None:
    names = {**vars(stayput.oprf), "secrets": secrets, "inputs": INPUTS}
    lines = [line for line in (stayput.oprf.__doc__ or "").splitlines() if line.startswith("    ")]
    assert len(lines) > 8
    exec(textwrap.dedent("\n".join(lines)), names)  # noqa: S102 (this project's own documentation)
    assert len(names["outputs"]) == len(INPUTS)
