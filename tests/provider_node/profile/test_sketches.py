"""The sketches against exact counts, and how much memory they take."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.domain.profile.distinct import Distinct
from provider_node.domain.profile.frequencies import Frequencies
from provider_node.domain.profile.hashing import KEY_BYTES, Hashes, KeyedHashes, combined
from provider_node.domain.profile.pairs import Pairs
from provider_node.domain.profile.repeats import Repeats
from stayput.normalise import Reject

BATCHES = st.lists(st.lists(st.integers(0, 40), max_size=60), max_size=12)


def hashes(numbers: "list[int] | np.typing.NDArray[np.int64]") -> Hashes:
    """Even hashes of numbers, the same for the same number."""
    whole = np.asarray(numbers, np.uint64)
    return combined([whole, np.zeros_like(whole)])


@pytest.mark.parametrize("number", [0, 1, 2, 17, 1_000, 40_000, 130_000, 1_000_000])
def test_different_values_are_counted_within_two_percent(number: int) -> None:
    distinct = Distinct()
    for part in np.array_split(hashes(np.arange(number)), 7):
        distinct.add(part)
        distinct.add(part[: len(part) // 2])
    assert distinct.estimate() == pytest.approx(number, rel=0.02)


def test_the_documented_error_holds_over_many_registers() -> None:
    errors = []
    for seed in range(40):
        distinct = Distinct()
        distinct.add(np.random.default_rng(seed).integers(0, 1 << 64, 100_000, np.uint64))
        errors.append(distinct.estimate() / 100_000 - 1)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(0.0041, rel=0.35)
    assert abs(np.mean(errors)) < 0.002


@settings(max_examples=40)
@given(BATCHES)
def test_frequencies_are_exact_while_there_is_room(batches: list[list[int]]) -> None:
    frequencies, counted = Frequencies(capacity=41), Counter[int]()
    for batch in batches:
        frequencies.add(hashes(batch))
        counted.update(batch)
    rows = counted.total()
    assert (frequencies.rows, frequencies.distinct()) == (rows, len(counted))
    assert frequencies.top_share() == max(counted.values(), default=0) / max(1, rows)


@settings(max_examples=40)
@given(BATCHES, st.integers(1, 30))
def test_a_share_is_never_too_low_and_hardly_too_high(batches: list[list[int]], capacity: int) -> None:
    frequencies, counted = Frequencies(capacity), Counter[int]()
    for batch in batches:
        frequencies.add(hashes(batch))
        counted.update(batch)
    exact = max(counted.values(), default=0) / max(1, counted.total())
    assert exact <= frequencies.top_share() <= exact + 1 / (capacity + 1)


@settings(max_examples=40)
@given(BATCHES)
def test_a_subject_counts_once_for_each_of_its_values(batches: list[list[int]]) -> None:
    pairs, counted = Pairs(), set[tuple[int, int]]()
    for batch in batches:
        both = [divmod(number, 7) for number in batch]
        pairs.add(hashes([one for one, _ in both]), hashes([100 + value for _, value in both]))
        counted.update(both)
    assert (pairs.number(), pairs.exact()) == (len(counted), True)
    expected = Counter(value for _, value in counted)
    assert pairs.counts().tolist() == sorted(expected.values(), reverse=True)


def test_pairs_beyond_the_room_are_sampled_evenly() -> None:
    pairs, subjects = Pairs(capacity=8_000), np.arange(100_000)
    for part in np.array_split(subjects, 9):
        for _ in range(2):
            pairs.add(hashes(part), hashes(part % 10 // 4))
    assert not pairs.exact()
    assert pairs.number() == pytest.approx(100_000, rel=0.05)
    assert (pairs.counts() / pairs.counts().sum()).tolist() == pytest.approx([0.4, 0.4, 0.2], abs=0.03)


@settings(max_examples=40)
@given(BATCHES)
def test_repeats_are_exact_while_there_is_room(batches: list[list[int]]) -> None:
    repeats, counted = Repeats(capacity=64), Counter[int]()
    for batch in batches:
        repeats.add(hashes(batch))
        counted.update(batch)
    assert repeats.exact()
    assert (repeats.rows, repeats.subjects()) == (counted.total(), len(counted))
    assert repeats.repeating() == counted.total() - len(counted)
    assert repeats.most_rows() == max(counted.values(), default=0)


def test_no_repetition_is_told_of_a_register_that_has_none_however_long() -> None:
    repeats = Repeats(capacity=1_000)
    for part in np.array_split(hashes(np.arange(100_000)), 20):
        repeats.add(part)
    assert not repeats.exact()
    assert (repeats.repeating(), repeats.subjects(), repeats.most_rows()) == (0, 100_000, 1)


def test_repetitions_beyond_the_room_are_estimated_from_a_sample() -> None:
    repeats = Repeats(capacity=4_000)
    numbers = np.concatenate([np.arange(60_000), np.arange(30_000), np.arange(30_000)])
    for part in np.array_split(hashes(numbers), 20):
        repeats.add(part)
    assert not repeats.exact()
    assert repeats.repeating() == pytest.approx(60_000, rel=0.1)
    assert repeats.most_rows() == 3


def test_memory_does_not_grow_with_the_number_of_values() -> None:
    numbers = np.arange(1_500_000)
    frequencies, repeats, pairs = Frequencies(), Repeats(capacity=1 << 16), Pairs(capacity=1 << 16)
    tracemalloc.start()
    peaks = []
    for part in np.array_split(numbers, 30):
        frequencies.add(hashes(part))
        repeats.add(hashes(part))
        pairs.add(hashes(part), hashes(part))
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[-1] < 10 << 20
    assert peaks[-1] <= peaks[9] * 1.1


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["甲", "乙", "", "A1", Reject.MISSING, Reject.FORMAT]), max_size=20))
def test_equal_values_have_equal_hashes_and_rejected_ones_none(column: list[str | Reject]) -> None:
    found, present = KeyedHashes(bytes(KEY_BYTES)).of(column)
    assert present.tolist() == [isinstance(value, str) for value in column]
    usable = [value for value in column if isinstance(value, str)]
    assert len(set(found[present].tolist())) == len(set(usable))


def test_without_the_key_of_the_run_nothing_can_be_tested() -> None:
    column: list[str | Reject] = ["11010519491231002X"]
    first, _ = KeyedHashes(bytes(KEY_BYTES)).of(column)
    second, _ = KeyedHashes(bytes([1, *bytes(KEY_BYTES - 1)])).of(column)
    assert first.tolist() != second.tolist()


def test_tuples_differ_by_the_order_of_their_values() -> None:
    one, other = hashes([1, 2]), hashes([2, 1])
    assert combined([one, other]).tolist() == combined([other, one]).tolist()[::-1]
    assert len(set(combined([one, other]).tolist())) == 2
