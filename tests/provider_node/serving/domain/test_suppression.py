"""Which totals are told, against everything that could have led to the same."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.suppression import Column, Told, exact, noisy, scale
from stayput.outcomes import MATCH, MISMATCH, NOT_FOUND

COUNT = st.integers(0, 60)
# Of a check: how many agree, differ, have no value, and were not found, among those that ask it.
CHECK = st.tuples(COUNT, COUNT, COUNT, COUNT)


def key(found: int, missing: int) -> Column:
    return Column(found + missing, {MATCH: found, NOT_FOUND: missing})


def check(asked: int, agree: int, differ: int) -> Column:
    return Column(asked, {MATCH: agree, MISMATCH: differ})


@st.composite
def totals(draw: st.DrawFn) -> list[Column]:
    """Totals that belong together: checks are asked by some records found and some not found."""
    found, missing = draw(st.integers(0, 120)), draw(st.integers(0, 120))
    columns = [key(found, missing)]
    for _ in range(draw(st.integers(0, 3))):
        of_found, of_missing = draw(st.integers(0, found)), draw(st.integers(0, missing))
        agree = draw(st.integers(0, of_found))
        columns.append(check(of_found + of_missing, agree, draw(st.integers(0, of_found - agree))))
    return columns


@given(totals(), st.integers(2, 30))
def test_what_is_told_is_so_and_is_never_below_the_minimum(columns: list[Column], minimum: int) -> None:
    for column, told in zip(columns, exact(columns, minimum), strict=True):
        assert all(column.cells[cell] == count >= minimum for cell, count in told.items())


@given(totals(), st.integers(2, 30))
def test_what_can_be_subtracted_is_not_below_the_minimum(columns: list[Column], minimum: int) -> None:
    of_key, *of_checks = exact(columns, minimum)
    assert len(of_key) in (0, 2)
    for column, told in zip(columns[1:], of_checks, strict=True):
        known = column.asked if not of_key else min(column.asked, of_key[MATCH])
        assert not told or known - sum(told.values()) >= minimum


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ([key(90, 10)], [{MATCH: 90, NOT_FOUND: 10}]),
        ([key(91, 9)], [{}]),
        ([key(9, 91)], [{}]),
        ([key(100, 0)], [{}]),
        ([key(80, 20), check(100, 70, 0)], [{MATCH: 80, NOT_FOUND: 20}, {MATCH: 70}]),
        ([key(80, 20), check(100, 71, 9)], [{MATCH: 80, NOT_FOUND: 20}, {}]),
        ([key(80, 20), check(100, 60, 10)], [{MATCH: 80, NOT_FOUND: 20}, {MATCH: 60, MISMATCH: 10}]),
        ([key(80, 20), check(100, 60, 11)], [{MATCH: 80, NOT_FOUND: 20}, {MATCH: 60}]),
        ([key(80, 20), check(100, 9, 60)], [{MATCH: 80, NOT_FOUND: 20}, {}]),
        # Nothing is known of who was not found, but of all that ask a check.
        ([key(100, 0), check(100, 90, 10)], [{}, {MATCH: 90}]),
        ([key(100, 0), check(100, 91, 9)], [{}, {}]),
        # 71 records ask the check, which the consumer knows.
        ([key(80, 20), check(71, 61, 0)], [{MATCH: 80, NOT_FOUND: 20}, {MATCH: 61}]),
        ([key(80, 20), check(71, 62, 9)], [{MATCH: 80, NOT_FOUND: 20}, {}]),
    ],
)
def test_examples_at_a_minimum_of_10(columns: list[Column], told: list[Told]) -> None:
    assert exact(columns, 10) == told


def registers(records: int, asked: int) -> Iterator[list[Column]]:
    """Everything that a register can say of a list with one check, that so many of its records ask."""
    for asking_found, others_found in product(range(asked + 1), range(records - asked + 1)):
        found = asking_found + others_found
        for agree in range(asking_found + 1):
            for differ in range(asking_found - agree + 1):
                yield [key(found, records - found), check(asked, agree, differ)]


def cells(columns: list[Column], told: list[Told]) -> dict[str, int]:
    """The number in each cell, told or not; of those asking the rest that may be found."""
    (records, of_key), (asked, of_check) = ((column.asked, column.cells) for column in columns)
    rest = min(asked, told[0].get(MATCH, records)) - sum(of_check.values())
    return {
        "found": of_key[MATCH],
        "missing": of_key[NOT_FOUND],
        "agree": of_check[MATCH],
        "differ": of_check[MISMATCH],
        "rest": rest,
    }


@pytest.mark.parametrize("minimum", [2, 3, 4])
def test_of_a_small_cell_nothing_can_be_told_but_that_it_may_be_small(minimum: int) -> None:
    for records in range(minimum, 3 * minimum + 2):
        for asked in range(records + 1):
            possible: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
            for columns in registers(records, asked):
                told = exact(columns, minimum)
                for cell, count in cells(columns, told).items():
                    possible[repr(told), cell].add(count)
            for (_, cell), counts in possible.items():
                most = records if cell in ("found", "missing") else asked
                assert min(counts) >= minimum or set(range(min(minimum, most + 1))) <= counts


@given(totals(), st.integers(2, 30), st.lists(st.integers(-50, 50), min_size=8, max_size=8))
def test_noise_decides_what_is_told(columns: list[Column], minimum: int, noise: list[int]) -> None:
    drawn = iter(noise)
    shaken = iter(noise)
    for column, told in zip(columns, noisy(columns, minimum, drawn.__next__), strict=True):
        with_noise = {cell: count + next(shaken) for cell, count in column.cells.items()}
        assert told == {cell: count for cell, count in with_noise.items() if count >= minimum}


@pytest.mark.parametrize("columns", [1, 3])
def test_the_loss_over_all_cells_that_a_subject_can_change_is_epsilon(columns: int) -> None:
    # Two cells of each column change by one, each at a factor of e^(1/scale).
    assert exp(2 * columns / scale(columns, 500)) == pytest.approx(exp(0.5))
    assert scale(columns, 1_000) == Fraction(2 * columns)
