"""What a guesser achieves, against one that guesses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.profile.guessing import BOUND, Guess, asked, guess


def guessed(counts: list[int], attempts: int, values_per_subject: float = 1.0) -> Guess:
    ordered = np.array(sorted(counts, reverse=True), np.int64)
    return guess(ordered, len(counts), values_per_subject, attempts)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 45))
def test_the_most_frequent_values_are_tried_first(counts: list[int], attempts: int) -> None:
    best = sorted(counts, reverse=True)
    hits = sum(best[:attempts]) / sum(counts)
    certain = attempts >= len(counts) - 1
    assert guessed(counts, attempts).probability == pytest.approx(1 if certain else hits, abs=1e-6)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=2_000))
def test_the_limit_is_the_most_that_keeps_the_guesser_below_the_bound(counts: list[int]) -> None:
    limit = guessed(counts, 1).limit
    if limit:
        assert guessed(counts, limit).probability < BOUND + 1e-6
    if limit < 1_000:
        assert guessed(counts, limit + 1).probability >= BOUND - 1e-6


def test_two_values_are_told_by_one_question() -> None:
    found = guessed([999_000, 1_000], attempts=1)
    assert (found.probability, found.limit, found.easy) == (1.0, 0, True)


def test_any_number_of_attempts_finds_everything() -> None:
    assert guessed([1] * 5_000, attempts=0).probability == 1.0


def test_no_limit_is_above_what_a_grant_can_have() -> None:
    assert guessed([1] * 150_000, attempts=5).limit == 1_000


def test_a_subject_with_several_values_is_found_more_easily() -> None:
    one, three = guessed([1] * 5_000, 10), guessed([1] * 5_000, 10, values_per_subject=3.0)
    assert (one.probability, three.probability) == (0.002, 0.006)
    assert (one.limit, three.limit) == (49, 16)


def test_a_check_that_nobody_has_a_value_for_cannot_be_guessed() -> None:
    assert guessed([], attempts=5) == Guess(5, 0, 0.0, 0.0, 0)


@given(st.lists(st.integers(1, 50), max_size=40))
def test_the_entropy_is_that_of_the_subjects_values(counts: list[int]) -> None:
    shares = np.array(counts) / sum(counts)
    expected = -np.sum(shares * np.log2(shares))
    assert guessed(counts, 5).entropy_bits == pytest.approx(expected, abs=0.006)


def test_the_entropy_of_a_sample_is_close() -> None:
    sample = np.array([4_000, *[1] * 4_000], np.int64)
    found = guess(sample, 50_000, 1.0, 5)
    assert found.entropy_bits == pytest.approx(1 + np.log2(50_000) / 2, abs=0.01)
    assert found.probability == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize(("met", "bits"), [(0.0, 0.0), (0.5, 1.0), (0.25, 0.81), (1.0, 0.0)])
def test_a_condition_needs_one_question(met: float, bits: float) -> None:
    assert asked(met, 5) == Guess(5, 2, bits, 1.0, 0)
