"""Whether totals of a list may be told, after those that the grant has been told before; over real LMDB."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import numpy as np
import numpy.typing as npt
import pytest

from provider_node.domain.complete_list import CompleteList
from provider_node.store import counts as module
from provider_node.store.counts import Counts
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Limits
from tests.provider_node.serving.consumer import refused

GRANT = "G-1"
Names = npt.NDArray[np.uint64]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[lmdb.Environment]:
    with lmdb.open(str(tmp_path), max_dbs=1, map_size=2**30, sync=False) as opened:
        yield opened


@pytest.fixture
def counts(env: lmdb.Environment) -> Counts:
    return Counts(env)


def names(*numbers: int) -> Names:
    """Names of the records of these numbers, as evenly spread as a block cipher's."""
    drawn = np.random.default_rng(1).integers(1, 2**64, 1_000, dtype=np.uint64)
    return drawn[list(numbers)]


def limits(minimum: int = 10, epsilon: int = 0, budget: int = 0) -> Limits:
    asked = Limits(count_minimum=minimum, noise_epsilon_milli=epsilon, noise_budget_milli=budget)
    return complete(asked, DEFAULTS)


def tell(
    env: lmdb.Environment,
    counts: Counts,
    numbers: Sequence[int],
    under: Limits | None = None,
    grant_id: str = GRANT,
) -> None:
    """A complete list, from its comparison to its receipt's transaction."""
    listed = CompleteList(counts, grant_id, under or limits(), names(*numbers))
    listed.compare()
    with env.begin(write=True) as txn:
        listed.settle(txn)


def spent(counts: Counts) -> int:
    with counts.reading() as txn:
        return counts.account(txn, GRANT).spent_milli


def test_a_list_has_the_minimum_of_records(env: lmdb.Environment, counts: Counts) -> None:
    with refused("LIST_TOO_SHORT", "records") as caught:
        tell(env, counts, range(9))
    assert caught.value.details == {"limit": "10"}
    tell(env, counts, range(10))


@pytest.mark.parametrize(
    "later",
    [range(50), range(49), range(59), [*range(46), *range(100, 105)]],
    ids=["the same", "a part of it", "it and more", "some records replaced"],
)
def test_a_list_that_is_nearly_an_earlier_one_is_refused(
    env: lmdb.Environment, counts: Counts, later: Sequence[int]
) -> None:
    tell(env, counts, range(500, 600))
    tell(env, counts, range(50))
    with refused("LIST_OVERLAPS", "records") as caught:
        tell(env, counts, later)
    assert caught.value.details == {"limit": "10"}
    tell(env, counts, later, grant_id="G-2")


def test_a_list_that_differs_by_the_minimum_is_not(env: lmdb.Environment, counts: Counts) -> None:
    tell(env, counts, range(50))
    tell(env, counts, range(60))
    tell(env, counts, range(5, 55))


def test_of_two_at_once_the_second_is_refused_by_its_receipt(env: lmdb.Environment, counts: Counts) -> None:
    first, second = (CompleteList(counts, GRANT, limits(), names(*range(last))) for last in (50, 51))
    first.compare()
    second.compare()
    with env.begin(write=True) as txn:
        first.settle(txn)
        with refused("LIST_OVERLAPS"):
            second.settle(txn)


def test_a_refused_list_is_not_kept(env: lmdb.Environment, counts: Counts) -> None:
    tell(env, counts, range(50))
    with refused("LIST_OVERLAPS"):
        tell(env, counts, range(55), limits(epsilon=100))
    assert spent(counts) == 0
    # 10 from the first, but fewer from the one that was refused.
    tell(env, counts, range(60))


def test_lists_told_of_under_another_minimum_are_compared_by_the_smaller(
    env: lmdb.Environment, counts: Counts
) -> None:
    tell(env, counts, range(100), limits(minimum=20))
    tell(env, counts, range(300, 500), limits(minimum=5))
    with refused("LIST_OVERLAPS"):
        tell(env, counts, range(9, 100), limits(minimum=10))
    tell(env, counts, range(10, 100), limits(minimum=10))
    with refused("LIST_OVERLAPS"):
        tell(env, counts, range(304, 500), limits(minimum=100))


def test_the_loss_of_privacy_adds_up_to_the_budget(env: lmdb.Environment, counts: Counts) -> None:
    noise = limits(epsilon=400, budget=1_000)
    tell(env, counts, range(20), noise)
    tell(env, counts, range(20, 40), noise)
    with refused("QUOTA_EXCEEDED", "noise_budget_milli") as caught:
        tell(env, counts, range(40, 60), noise)
    assert caught.value.details == {"limit": "1000", "remaining": "200"}
    assert spent(counts) == 800
    tell(env, counts, range(40, 60), limits(epsilon=200, budget=1_000))
    # Without noise, and without a budget, there is none to use up.
    tell(env, counts, range(60, 80), limits(budget=1_000))
    tell(env, counts, range(80, 100), limits(epsilon=300))
    assert spent(counts) == 1_300


def test_a_budget_below_what_was_spent_leaves_nothing(env: lmdb.Environment, counts: Counts) -> None:
    tell(env, counts, range(20), limits(epsilon=900))
    with refused("QUOTA_EXCEEDED", "noise_budget_milli") as caught:
        tell(env, counts, range(20, 40), limits(epsilon=1, budget=500))
    assert caught.value.details["remaining"] == "0"


def test_no_more_lists_are_told_of_than_can_be_compared(
    env: lmdb.Environment, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_LISTS", 2)
    tell(env, counts, range(20))
    tell(env, counts, range(20, 40))
    with refused("QUOTA_EXCEEDED", "count_lists") as caught:
        tell(env, counts, range(40, 60))
    assert caught.value.details == {"limit": "2", "remaining": "0"}
    with env.begin(write=True) as txn:
        counts.make_room(txn, GRANT)
    tell(env, counts, range(40, 60))
    with refused("LIST_OVERLAPS"):
        tell(env, counts, range(20, 41))
