"""Proofs: what verifies, and every way in which one does not."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput.errors import StayputError
from stayput.oprf import PrivateKey, VerifiableClient, VerifiableServer, chosen, random_scalars
from stayput.v1.errors_pb2 import ErrorReason

SOURCE = random.Random(1).randbytes
ORDER = 2**252 + 27742317777372353535851937790883648493
KEY, OTHER_KEY = PrivateKey.generate(SOURCE), PrivateKey.generate(SOURCE)
SERVER, OTHER_SERVER = VerifiableServer(KEY), VerifiableServer(OTHER_KEY)
CLIENT = VerifiableClient(KEY.public_bytes())
BLINDED = CLIENT.blind([b"%d" % number for number in range(6)], random_scalars(6, SOURCE)).elements
EVALUATED = SERVER.blind_evaluate(BLINDED)
WRONG = OTHER_SERVER.blind_evaluate(BLINDED)
[NONCE] = random_scalars(1, SOURCE)
PROOF = SERVER.prove(BLINDED, EVALUATED, NONCE)


def refused(blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes) -> StayputError:
    with pytest.raises(StayputError) as error:
        CLIENT.verify(blinded, evaluated, proof)
    assert error.value.reason == (
        ErrorReason.ERROR_REASON_PROOF_INVALID
        if error.value.field == "proof"
        else ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION
    )
    assert error.value.remedy
    return error.value


@given(st.permutations(range(6)), st.integers(1, 6))
def test_a_proof_of_any_elements_in_any_order_verifies(order: list[int], count: int) -> None:
    indices = order[:count]
    blinded, evaluated = chosen(BLINDED, indices), chosen(EVALUATED, indices)
    assert CLIENT.verify(blinded, evaluated, SERVER.prove(blinded, evaluated, NONCE)) == evaluated


@given(st.integers(0, 64 * 8 - 1))
def test_a_proof_with_any_bit_changed_is_refused(bit: int) -> None:
    changed = bytearray(PROOF)
    changed[bit // 8] ^= 1 << bit % 8
    assert refused(BLINDED, EVALUATED, bytes(changed)).field == "proof"


@pytest.mark.parametrize("proof", [b"", PROOF[:-1], PROOF + b"\x00", PROOF * 2, bytes(64)])
def test_a_proof_of_another_length_or_of_zeros_is_refused(proof: bytes) -> None:
    assert refused(BLINDED, EVALUATED, proof).field == "proof"


@pytest.mark.parametrize("half", [0, 32])
@pytest.mark.parametrize("replace", [lambda _: 0, lambda number: number + ORDER])
def test_a_proof_has_one_encoding(half: int, replace: Callable[[int], int]) -> None:
    number = replace(int.from_bytes(PROOF[half : half + 32], "little"))
    proof = PROOF[:half] + number.to_bytes(32, "little") + PROOF[half + 32 :]
    assert "two scalars" in refused(BLINDED, EVALUATED, proof).message


def test_another_key_than_the_published_one_is_detected() -> None:
    own_proof = OTHER_SERVER.prove(BLINDED, WRONG, NONCE)
    assert "another key" in refused(BLINDED, WRONG, own_proof).message
    assert "another key" in refused(BLINDED, WRONG, SERVER.prove(BLINDED, WRONG, NONCE)).message
    assert VerifiableClient(OTHER_KEY.public_bytes()).verify(BLINDED, WRONG, own_proof) == WRONG


@pytest.mark.parametrize("position", range(6))
def test_one_wrong_answer_is_detected_wherever_it_is(position: int) -> None:
    evaluated = [*EVALUATED[:position], WRONG[position], *EVALUATED[position + 1 :]]
    refused(BLINDED, evaluated, PROOF)
    refused(BLINDED, evaluated, SERVER.prove(BLINDED, evaluated, NONCE))


def test_errors_of_two_answers_that_cancel_out_in_a_plain_sum_are_detected() -> None:
    swapped = [EVALUATED[1], EVALUATED[0], *EVALUATED[2:]]
    refused(BLINDED, swapped, SERVER.prove(BLINDED, swapped, NONCE))


@given(st.permutations(range(6)).filter(lambda order: order != sorted(order)))
def test_a_proof_is_of_one_order(order: list[int]) -> None:
    refused(chosen(BLINDED, order), chosen(EVALUATED, order), PROOF)
    refused(BLINDED, chosen(EVALUATED, order), PROOF)


def test_a_proof_of_more_or_of_fewer_elements_is_refused() -> None:
    refused(BLINDED[:5], EVALUATED[:5], PROOF)
    refused(BLINDED, EVALUATED, SERVER.prove(BLINDED[:5], EVALUATED[:5], NONCE))


def test_an_empty_batch_proves_nothing() -> None:
    assert "1 to 65,536" in refused([], [], PROOF).message
    with pytest.raises(StayputError, match="1 to 65,536") as error:
        SERVER.prove([], [], NONCE)
    assert error.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID


@pytest.mark.parametrize(
    ("blinded", "evaluated"),
    [(BLINDED, EVALUATED[:5]), (BLINDED[:5], EVALUATED), ([BLINDED[0]] * 65_537, [EVALUATED[0]] * 65_537)],
    ids=["too few answers", "too many answers", "more than places have numbers"],
)
def test_lists_that_do_not_pair_are_refused_by_both(
    blinded: Sequence[bytes], evaluated: Sequence[bytes]
) -> None:
    refused(blinded, evaluated, PROOF)
    with pytest.raises(StayputError, match="element: a proof is over as many"):
        SERVER.prove(blinded, evaluated, NONCE)


@pytest.mark.parametrize(
    "element",
    [bytes(32), bytes(31) + b"\x80", b"\xff" * 32, b"\x01" + bytes(31), b"x", bytes(65_536)],
)
def test_malformed_elements_are_refused_by_both(element: bytes) -> None:
    malformed = [*EVALUATED[:4], element, EVALUATED[5]]
    assert "evaluated_element: number 4 " in refused(BLINDED, malformed, PROOF).message
    with pytest.raises(StayputError, match="element: number 4 "):
        SERVER.prove(malformed, EVALUATED, NONCE)


@pytest.mark.parametrize("nonce", [bytes(32), b"\xff" * 32, b"\x01" * 31])
def test_a_nonce_that_is_no_scalar_is_refused(nonce: bytes) -> None:
    with pytest.raises(ValueError, match="malformed scalar"):
        SERVER.prove(BLINDED, EVALUATED, nonce)
