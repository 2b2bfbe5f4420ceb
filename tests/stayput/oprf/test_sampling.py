import random
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput.errors import StayputError
from stayput.oprf import (
    WHOLE_UP_TO,
    PrivateKey,
    VerifiableClient,
    VerifiableServer,
    chosen,
    detection_probability,
    draw_indices,
    random_scalars,
)
from stayput.v1.errors_pb2 import ErrorReason


@given(st.integers(0, 3_000), st.integers(0, 2**32))
def test_so_many_are_drawn_and_each_once(total: int, seed: int) -> None:
    indices = draw_indices(total, random.Random(seed))
    assert len(indices) == len(set(indices)) == min(total, WHOLE_UP_TO)
    assert set(indices) <= set(range(total))


def test_the_order_is_drawn_too() -> None:
    orders = {tuple(draw_indices(4, random.Random(seed))) for seed in range(500)}
    assert len(orders) == 24


def test_items_are_chosen_in_the_order_asked_for() -> None:
    assert chosen("abcdef", [5, 0, 3]) == ["f", "a", "d"]
    assert len(chosen(range(2_000), range(1_000, 2_000))) == 1_000


@pytest.mark.parametrize(
    "indices",
    [[], [0, 0], [-1], [6], [0, 1, 6], range(1_001)],
    ids=["none", "one twice", "negative", "beyond", "one beyond", "too many"],
)
def test_indices_that_cannot_be_proved_are_refused(indices: list[int]) -> None:
    with pytest.raises(StayputError, match="indices: must") as refused:
        chosen("abcdef" if len(indices) < 6 else range(2_000), indices)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.ERROR_REASON_FIELD_INVALID, "indices")


@given(st.data())
def test_the_detection_probability_is_the_hypergeometric_one(data: st.DataObject) -> None:
    total = data.draw(st.integers(0, 300))
    wrong, sample = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    exact = 1 - Fraction(comb(total - wrong, sample), comb(total, sample))
    assert detection_probability(total, wrong, sample) == pytest.approx(float(exact), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("total", "wrong", "probability"),
    [
        (1_000, 1, 1.0),
        (2_000, 1, 0.5),
        (100_000, 1, 0.01),
        (100_000, 1_000, 0.99996),
        (1_000_000, 10_000, 0.99996),
        (1_000_000, 1_000_000, 1.0),
        (1_000_000, 0, 0.0),
    ],
)
def test_a_session_of_a_thousand_is_checked_whole_and_a_larger_one_by_sample(
    total: int, wrong: int, probability: float
) -> None:
    assert detection_probability(total, wrong) == pytest.approx(probability, abs=5e-6)


def test_a_sample_finds_a_wrong_answer_if_and_only_if_it_has_it() -> None:
    source = random.Random(1)
    key = PrivateKey.generate(source.randbytes)
    server, client = VerifiableServer(key), VerifiableClient(key.public_bytes())
    blinded = client.blind([b"%d" % n for n in range(40)], random_scalars(40, source.randbytes)).elements
    evaluated = server.blind_evaluate(blinded)
    evaluated[7] = evaluated[8]
    for _ in range(8):
        indices = draw_indices(40, source)[:20]
        [nonce] = random_scalars(1, source.randbytes)
        sampled, answers = chosen(blinded, indices), chosen(evaluated, indices)
        proof = server.prove(sampled, answers, nonce)
        if 7 in indices:
            with pytest.raises(StayputError):
                client.verify(sampled, answers, proof)
        else:
            assert client.verify(sampled, answers, proof) == answers
