"""The guards against what they stand for, written out record by record."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.breaker import Climb, tripping_height
from provider_node.domain.guards import Observation
from provider_node.domain.matching import Matched
from provider_node.domain.sequence import MOST_FRONTIERS, Asked, Frontiers
from stayput.limits import DEFAULTS, RANGES, complete
from stayput.outcomes import MATCH, NOT_FOUND
from stayput.v1.access_pb2 import ChangeCause, Limits

MISS_RATIO, SEQUENCE = ChangeCause.CHANGE_CAUSE_MISS_RATIO, ChangeCause.CHANGE_CAUSE_SEQUENCE
FOUND = st.lists(st.booleans(), max_size=60)


def climbed(height: int, found: list[bool], permille: int) -> tuple[int, int]:
    """Where the walk ends, and its highest point after the first record."""
    peak = height if not found else 0
    for one in found:
        height = max(0, height + (-permille if one else 1_000 - permille))
        peak = max(peak, height)
    return height, peak


@given(FOUND, st.integers(1, 999), st.integers(0, 50_000))
def test_a_climb_tells_the_walk_from_any_height(found: list[bool], permille: int, height: int) -> None:
    climb = Climb.over(np.array(found, np.bool_), permille)
    assert climb.from_height(height) == climbed(height, found, permille)


@pytest.mark.parametrize("permille", [1, 500, 999])
def test_so_many_misses_in_a_row_trip_and_no_fewer_records(permille: int) -> None:
    height = tripping_height(permille, 20)
    assert climbed(0, [False] * 20, permille)[1] == height
    assert climbed(0, [False] * 19, permille)[1] < height


def after(ranks: list[int], most: int, chunk: int) -> tuple[bool, bytes]:
    """Whether it trips, by chunks of that size with the state stored in between; and the last state."""
    stored = b""
    for start in range(0, len(ranks), chunk):
        frontiers = Frontiers(stored)
        if frontiers.extend(Asked(np.array(ranks[start : start + chunk], np.uint32)), most):
            return True, b""
        stored = frontiers.stored()
    return False, stored


class Walks:
    """The frontiers as a list, the one used last at the end: rank, length of the run, and its way."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, int, int]] = []

    def take(self, rank: int) -> int:
        """The length of the run that the record extends, 0 if none."""
        leading = [
            (length, rank - last, (last, length, way))
            for last, length, way in self.runs
            if abs(rank - last) == 1 and way in (0, rank - last)
        ]
        same = [run for run in self.runs if run[0] == rank]
        if leading:
            length, way, run = max(leading)
            self.runs.remove(run)
            length = max([length + 1, *(one[1] for one in same)])
            self.runs = [one for one in self.runs if one not in same]
            self.runs.append((rank, length, way))
            return length
        if not same:
            self.runs = [*self.runs, (rank, 1, 0)][-MOST_FRONTIERS:]
        return 0


def walked(ranks: list[int], most: int) -> tuple[bool, bytes]:
    walks = Walks()
    for rank in ranks:
        if walks.take(rank) >= most:
            return True, b""
    stored = b"".join(
        rank.to_bytes(4) + (length if way >= 0 else -length).to_bytes(4, signed=True)
        for rank, length, way in walks.runs
    )
    return False, stored


RANKS = st.one_of(
    st.lists(st.integers(0, 12), max_size=60),
    st.lists(st.integers(0, 300), max_size=400),
    st.lists(st.integers(2**32 - 8, 2**32 - 2), max_size=40),
    # Few walks among many records that are near nothing.
    st.lists(st.one_of(st.integers(0, 6), st.integers(0, 2**30).map(lambda n: n * 2 + 1_000)), max_size=300),
)


@given(RANKS, st.integers(5, 12), st.integers(1, 400))
def test_the_detector_agrees_with_a_walk_record_by_record(ranks: list[int], most: int, chunk: int) -> None:
    assert after(ranks, most, chunk) == walked(ranks, most)


def scattered(number: int) -> list[int]:
    """So many ranks near nothing, different ones for each number."""
    return [10_000_000 + 1_000 * number + 10 * one for one in range(number)]


@pytest.mark.parametrize("chunk", [1, 7, 1_000])
@pytest.mark.parametrize(
    ("ranks", "trips"),
    [
        (list(range(100, 130)), True),
        (list(range(130, 100, -1)), True),
        (list(range(100, 129)), False),
        ([*range(100, 129), 128, 127, 100], False),
        # A pause of 63 records elsewhere is bridged, one of 64 is not.
        ([*range(100, 115), *scattered(63), *range(115, 130)], True),
        ([*range(100, 115), *scattered(64), *range(115, 130)], False),
        # Eight at once, and one that asks each record twice.
        ([1_000 * one + step for step in range(30) for one in range(8)], True),
        ([rank for rank in range(100, 130) for _ in range(2)], True),
        # One that was asked out of turn does not break the run.
        ([110, *range(100, 130)], True),
        # Back and forth leads nowhere.
        ([100, 101] * 100, False),
        ([], False),
    ],
)
def test_runs_of_thirty(ranks: list[int], chunk: int, *, trips: bool) -> None:
    assert after(ranks, 30, chunk)[0] is trips


def matched(found: list[bool], ranks: list[int]) -> Matched:
    nothing = np.empty(0, np.uint64)
    outcomes = np.array([[MATCH if one else NOT_FOUND for one in found]], np.uint8)
    return Matched(outcomes, np.array(ranks, np.uint32), np.empty(0, np.intp), nothing, nothing)


def verdict(stored: bytes, found: list[bool], ranks: list[int], **limits: int) -> object:
    whole = complete(Limits(**limits), DEFAULTS)
    return Observation.of(matched(found, ranks), whole).verdict(whole, stored)


def test_both_guards_are_in_one_state() -> None:
    state = verdict(b"", [False] * 499 + [True] * 29, list(range(29)))
    assert isinstance(state, bytes)
    assert verdict(state, [True], [29]) == SEQUENCE
    assert verdict(state, [False] * 30, []) == MISS_RATIO
    state = verdict(state, [True], [2_000])
    assert isinstance(state, bytes)
    assert verdict(state, [True], [29]) == SEQUENCE


def test_a_guard_that_is_off_lets_everything_pass() -> None:
    assert isinstance(verdict(b"", [False] * 5_000, [], miss_permille=0), bytes)
    assert isinstance(verdict(b"", [True] * 5_000, list(range(5_000)), sequence_run=0), bytes)


def test_other_limits_of_the_breaker_begin_its_walk_anew() -> None:
    state = verdict(b"", [False] * 499, [])
    assert isinstance(state, bytes)
    assert verdict(state, [False], []) == MISS_RATIO
    for other in ({"miss_permille": 400}, {"miss_sample": 499}, {"miss_permille": 0}):
        assert isinstance(verdict(state, [False], [], **other), bytes)


def test_a_chunk_without_records_changes_nothing() -> None:
    state = verdict(b"", [False] * 499 + [True], [7])
    assert isinstance(state, bytes)
    assert verdict(state, [], []) == state


def test_the_widest_limits_fit_into_the_state() -> None:
    widest = {name: each.most for name, each in RANGES.items()}
    state = verdict(b"", [False] * 9_000, list(range(9_999)), **widest)
    assert isinstance(state, bytes)
    assert verdict(state, [True], [9_999], **widest) == SEQUENCE
