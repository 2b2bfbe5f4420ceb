"""Sessions opened in any 60 seconds, counted to the second."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.store.usage import Usage

NOW = 1_795_335_300


@pytest.fixture
def env(tmp_path: Path) -> Iterator[lmdb.Environment]:
    opened = lmdb.open(str(tmp_path / "env"), max_dbs=4)
    yield opened
    opened.close()


def opened_before(env: lmdb.Environment, second: int, grant: str = "G-1", most: int = 1_000_000) -> int:
    """How many sessions the window held before one more was opened at that second, if it was."""
    seen: list[int] = []

    def admit(opened: int) -> None:
        seen.append(opened)
        if opened >= most:
            raise ValueError("full")

    usage = Usage(env)
    try:
        with env.begin(write=True) as txn:
            usage.add_opening(txn, grant, second, admit)
    except ValueError:
        assert seen[0] >= most
    return seen[0]


@pytest.mark.parametrize(("later", "before"), [(0, 3), (1, 3), (59, 3), (60, 1), (61, 0), (3_600, 0)])
def test_a_window_has_60_seconds(env: lmdb.Environment, later: int, before: int) -> None:
    assert [opened_before(env, NOW + second) for second in (0, 0, 1)] == [0, 1, 2]
    assert opened_before(env, NOW + later) == before


def test_one_that_is_refused_is_not_counted(env: lmdb.Environment) -> None:
    found = [opened_before(env, NOW + second, most=2) for second in (0, 10, 20, 59, 60, 61, 69, 70)]
    assert found == [0, 1, 2, 2, 1, 2, 2, 1]


def test_grants_are_counted_apart(env: lmdb.Environment) -> None:
    assert [opened_before(env, NOW, grant) for grant in ("G-1", "G-2", "G-1")] == [0, 0, 1]


def test_one_that_comes_a_little_late_counts_as_of_now(env: lmdb.Environment) -> None:
    assert [opened_before(env, second) for second in (NOW + 5, NOW, NOW + 64, NOW + 65)] == [0, 1, 2, 1]


def test_a_clock_that_was_set_back_begins_the_count_anew(env: lmdb.Environment) -> None:
    assert [opened_before(env, second) for second in (NOW, NOW - 60, NOW - 3_600, NOW - 3_599)] == [
        0,
        1,
        0,
        1,
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 70), max_size=40), st.integers(1, 6))
def test_no_60_seconds_hold_more_than_the_limit_and_none_is_refused_that_had_room(
    pauses: list[int], most: int
) -> None:
    second, opened = NOW, list[int]()
    with tempfile.TemporaryDirectory() as name, lmdb.open(name, max_dbs=4, sync=False) as env:
        for pause in pauses:
            second += pause
            expected = sum(one > second - 60 for one in opened)
            assert opened_before(env, second, most=most) == expected
            if expected < most:
                opened.append(second)
