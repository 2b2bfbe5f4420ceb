"""Whether sketches tell lists that are nearly the same from others."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.overlap import PARTS, cells, differ_by_fewer, from_stored, sketch_of, stored

Names = npt.NDArray[np.uint64]
BOUND = 2.0**-40
SEEDS = st.integers(0, 2**32 - 1)


def names(count: int, seed: int) -> Names:
    return np.random.default_rng(seed).integers(1, 2**64, count, dtype=np.uint64)


def sketch_by_hand(list_: Names, minimum: int) -> Names:
    """A list's sketch as the sum of those of its records, one by one."""
    made = np.zeros((2, PARTS, cells(minimum)), np.uint64)
    for one in range(len(list_)):
        made ^= sketch_of(list_[one : one + 1], minimum)
    return made


def test_each_record_is_in_one_cell_of_each_part() -> None:
    for one in names(50, 1):
        made = sketch_of(np.array([one]), 10)
        assert np.count_nonzero(made[0], axis=1).tolist() == [1] * PARTS
        assert set(made[0].ravel().tolist()) == {0, one}
        assert len(set(made[1].ravel().tolist())) == 2


@pytest.mark.parametrize(("minimum", "readable"), [(10, 260), (100, 365), (1_000, 1_430)])
def test_a_sketch_gives_away_the_names_of_as_many_records_as_is_said_of_it(
    minimum: int, readable: int
) -> None:
    nothing = sketch_of(names(0, 1), minimum)
    assert differ_by_fewer(sketch_of(names(readable, 2), minimum), nothing, readable + 1)
    more = readable * 6 // 5
    assert not differ_by_fewer(sketch_of(names(more, 3), minimum), nothing, more + 1)


@given(st.integers(0, 40), SEEDS)
def test_a_sketch_is_the_same_in_any_order_and_is_kept_whole(count: int, seed: int) -> None:
    list_ = names(count, seed)
    made = sketch_of(list_, 5)
    assert np.array_equal(made, sketch_of(list_[::-1], 5))
    assert np.array_equal(made, sketch_by_hand(list_, 5))
    assert np.array_equal(from_stored(stored(made)), made)
    assert len(stored(made)) == 16 * PARTS * cells(5)


@given(st.integers(2, 200), st.integers(0, 300), st.integers(0, 300), st.integers(0, 2_000), st.data(), SEEDS)
def test_lists_that_differ_in_fewer_records_are_found_and_no_others(
    minimum: int, left_out: int, added: int, shared: int, data: st.DataObject, seed: int
) -> None:
    limit = data.draw(st.integers(1, minimum))
    drawn = names(shared + left_out + added, seed)
    earlier, later = drawn[: shared + left_out], np.delete(drawn, np.s_[shared : shared + left_out])
    near = differ_by_fewer(sketch_of(earlier, minimum), sketch_of(later, minimum), limit)
    assert near == (left_out + added < limit)


@pytest.mark.parametrize("minimum", [2, 3, 10, 100, 5_000])
def test_the_largest_difference_is_read_and_one_more_is_not_too_few(minimum: int) -> None:
    list_ = names(20_000, minimum)
    sketch = sketch_of(list_, minimum)
    assert differ_by_fewer(sketch, sketch, minimum)
    for difference in (minimum - 1, minimum):
        other = sketch_of(np.append(list_[difference // 2 :], names(-(-difference // 2), 1)), minimum)
        assert differ_by_fewer(sketch, other, minimum) == (difference < minimum)


def test_lists_that_share_nothing_are_told_apart() -> None:
    first = sketch_of(names(1_000, 0), 10)
    for seed in range(1, 100):
        assert not differ_by_fewer(first, sketch_of(names(1_000, seed), 10), 10)


def log_unread(count: int, number: int) -> list[float]:
    """For 0, 1, … records: log of the probability that none is alone in a cell of one part.

    It is n! / cells^n times the coefficient of x^n in (e^x - x)^cells.
    """
    powers = [1.0, 0.0] + [1 / math.factorial(n) for n in range(2, count + 1)]
    coefficients = [1.0]
    for n in range(1, count + 1):
        terms = (
            (number * i - (n - i)) * powers[i] * coefficients[n - i] for i in range(1, n + 1) if powers[i]
        )
        coefficients.append(sum(terms) / n)
    return [
        math.lgamma(n + 1) - n * math.log(number) + math.log(c) if c > 0 else -math.inf
        for n, c in enumerate(coefficients)
    ]


def log_unread_bound(records: int, number: int) -> float:
    """At least as much, for many records: the coefficient is below the whole series over x^n, for any x."""
    exponents = np.linspace(-8, 3, 400)
    roots = np.exp(exponents)
    best = float((number * np.log(np.exp(roots) - roots) - records * exponents).min())
    return min(0.0, math.lgamma(records + 1) - records * math.log(number) + best)


@pytest.mark.parametrize("minimum", [3, 4, 6, 10, 30, 60, 100, 150, 300, 1_000, 3_000])
def test_a_difference_below_the_minimum_is_read_but_for_a_negligible_chance(minimum: int) -> None:
    # What stays unread is a set of records none of which is alone in a cell: a bound over all such sets.
    records, number = minimum - 1, cells(minimum)
    exactly = log_unread(min(records, 100), number)
    expected = 0.0
    for size in range(2, records + 1):
        unread = exactly[size] if size < len(exactly) else log_unread_bound(size, number)
        sets = math.lgamma(records + 1) - math.lgamma(size + 1) - math.lgamma(records - size + 1)
        expected += math.exp(sets + PARTS * unread)
    assert expected < BOUND
