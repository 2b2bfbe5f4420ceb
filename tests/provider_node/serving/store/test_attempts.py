"""The table of attempts and its log: what a dictionary would say, over restarts and answers that fail."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.store.attempts import Attempts, Reservation

GRANT, DAY = "G-1", "2026-11-22"
MAP_BYTES = 16 << 20
Question = tuple[int, int]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[lmdb.Environment]:
    opened = lmdb.open(str(tmp_path / "env"), map_size=MAP_BYTES, max_dbs=4)
    yield opened
    opened.close()


def reserved(reservation: Reservation, asked: list[Question], allowed: int) -> list[bool]:
    """Which of the questions (subject, value) are refused; a question is of one subject only."""
    subjects = np.array([subject for subject, _ in asked], np.uint64)
    questions = np.array([subject * 1_000 + value for subject, value in asked], np.uint64)
    refused: list[bool] = reservation.reserve(subjects, questions, allowed).tolist()
    return refused


def log(env: lmdb.Environment, attempts: Attempts, reservation: Reservation, day: str = DAY) -> None:
    with env.begin(write=True) as txn:
        attempts.log.append(txn, GRANT, day, reservation.logged())


def ask(env: lmdb.Environment, attempts: Attempts, asked: list[Question], allowed: int) -> list[bool]:
    with attempts.answering(GRANT, DAY) as reservation:
        refused = reserved(reservation, asked, allowed)
        log(env, attempts, reservation)
    return refused


class Model:
    """What has been asked of whom."""

    def __init__(self) -> None:
        self.asked: defaultdict[int, set[int]] = defaultdict(set)

    def refused(self, asked: list[Question], allowed: int) -> list[bool]:
        refused = []
        for subject, value in asked:
            values = self.asked[subject]
            refused.append(value not in values and len(values) >= allowed)
            if not refused[-1]:
                values.add(value)
        return refused


CHUNKS = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=12), max_size=12)


@settings(max_examples=60, deadline=None)
@given(CHUNKS, st.integers(1, 4), st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_it_agrees_with_a_dictionary(
    chunks: list[list[Question]], allowed: int, failed: set[int], restarts: set[int]
) -> None:
    model = Model()
    with (
        tempfile.TemporaryDirectory() as name,
        lmdb.open(name, map_size=MAP_BYTES, max_dbs=4, sync=False) as env,
    ):
        attempts = Attempts(env)
        for number, chunk in enumerate(chunks):
            if number in restarts:
                attempts = Attempts(env)
            if number in failed:
                reservation = attempts.answering(GRANT, DAY)
                reserved(reservation, chunk, allowed)
                reservation.__exit__(ZeroDivisionError)
            else:
                assert ask(env, attempts, chunk, allowed) == model.refused(chunk, allowed)


def test_many_chunks_are_remembered(env: lmdb.Environment) -> None:
    attempts = Attempts(env)
    rng = np.random.default_rng(5)
    chunks = [[(int(subject), 1) for subject in rng.integers(0, 3_000, 500)] for _ in range(30)]
    for chunk in chunks:
        assert not any(ask(env, attempts, chunk, 1))
    seen = {subject for chunk in chunks for subject, _ in chunk}
    for again in (attempts, Attempts(env)):
        found = ask(env, again, [(subject, 2) for subject in range(3_000)], 1)
        assert [subject for subject, refused in enumerate(found) if refused] == sorted(seen)


def test_what_is_held_counts_for_others_and_is_free_again_if_it_is_let_go(env: lmdb.Environment) -> None:
    attempts = Attempts(env)
    one = attempts.answering(GRANT, DAY)
    assert reserved(one, [(7, 1)], 1) == [False]
    assert ask(env, attempts, [(7, 2)], 1) == [True]
    one.__exit__(ZeroDivisionError)
    assert ask(env, attempts, [(7, 2), (7, 1)], 1) == [False, True]


@pytest.mark.parametrize("first", ["is answered", "fails"])
def test_a_question_that_two_answers_hold_is_one_attempt_and_durable_with_either(
    env: lmdb.Environment, first: str
) -> None:
    attempts = Attempts(env)
    one, other = attempts.answering(GRANT, DAY), attempts.answering(GRANT, DAY)
    assert reserved(one, [(7, 1)], 2) == [False]
    assert reserved(other, [(7, 1), (7, 2)], 2) == [False, False]
    if first == "is answered":
        log(env, attempts, one)
        one.__exit__(None)
    else:
        one.__exit__(ZeroDivisionError)
    log(env, attempts, other)
    other.__exit__(None)
    for again in (attempts, Attempts(env)):
        assert ask(env, again, [(7, 3), (7, 2), (7, 1)], 2) == [True, False, False]


def test_small_answers_share_a_value_and_large_ones_have_their_own(env: lmdb.Environment) -> None:
    attempts = Attempts(env)
    for value in range(100):
        ask(env, attempts, [(7, value)], 1_000)
    ask(env, attempts, [(8, value) for value in range(200)], 1_000)
    with env.begin() as txn:
        sizes = [len(value) for _, value in txn.cursor(env.open_db(b"attempts", txn))]
    assert sizes == [64 * 16, 36 * 16, 200 * 16]
    assert len(attempts.log.entries(GRANT, DAY)) == 300


def test_grants_and_days_are_apart(env: lmdb.Environment) -> None:
    attempts = Attempts(env)
    assert ask(env, attempts, [(7, 1)], 1) == [False]
    for grant, day in (("G-10", DAY), ("G", DAY), (GRANT, "2026-11-23"), (GRANT, "2026-11-21")):
        with attempts.answering(grant, day) as reservation:
            assert reserved(reservation, [(7, 2)], 1) == [False]
            with env.begin(write=True) as txn:
                attempts.log.append(txn, grant, day, reservation.logged())
    assert Attempts(env).log.entries(GRANT, DAY)["question"].tolist() == [7_001]
    assert ask(env, Attempts(env), [(7, 2)], 1) == [True]


def test_days_that_are_over_are_removed_a_few_values_at_a_time(env: lmdb.Environment) -> None:
    attempts = Attempts(env)

    def on(day: str, *times: int) -> None:
        for time in times:
            with attempts.answering(GRANT, day) as reservation:
                reserved(reservation, [(subject, time) for subject in range(100)], 1_000)
                log(env, attempts, reservation, day)

    def kept(day: str) -> int:
        return len(attempts.log.entries(GRANT, day)) // 100

    on("2026-11-20", *range(3))
    on("2026-11-21", *range(7))
    # Yesterday stays whole, for answers begun before midnight.
    on("2026-11-22", 1)
    assert (kept("2026-11-20"), kept("2026-11-21")) == (0, 7)
    on("2026-11-23", 1)
    assert kept("2026-11-21") == 3
    on("2026-11-23", 2)
    assert (kept("2026-11-21"), kept("2026-11-22"), kept("2026-11-23")) == (0, 1, 2)


def test_an_answer_begun_before_midnight_is_charged_to_its_day(env: lmdb.Environment) -> None:
    attempts = Attempts(env)
    late = attempts.answering(GRANT, DAY)
    assert reserved(late, [(7, 1)], 1) == [False]
    with attempts.answering(GRANT, "2026-11-23") as next_day:
        assert reserved(next_day, [(7, 2)], 1) == [False]
    log(env, attempts, late)
    late.__exit__(None)
    assert ask(env, attempts, [(7, 3), (7, 1)], 1) == [True, False]
