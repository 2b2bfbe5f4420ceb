"""What is kept of lists that totals were told of, over a real LMDB environment."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import lmdb
import pytest

from provider_node.store import counts as module
from provider_node.store.counts import MOST_BYTES, MOST_LISTS, Account, Counts, KeptList
from provider_node.store.grants import LISTS_AFTER_END
from provider_node.store.state import State
from stayput.v1.access_pb2 import GrantChange, GrantStanding, GrantState
from tests.provider_node.serving.node import NOW, Material, grant

GRANT, OTHER = "G-1", "G-10"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[lmdb.Environment]:
    with lmdb.open(str(tmp_path), max_dbs=1, map_size=2**30, sync=False) as opened:
        yield opened


def add(env: lmdb.Environment, counts: Counts, grant_id: str, *records: int, milli: int = 0) -> None:
    """Lists of so many records, each with a sketch that tells them."""
    with env.begin(write=True) as txn:
        for one in records:
            counts.add(txn, grant_id, one, 10, str(one).encode(), milli)


def near(counts: Counts, records: int, within: int, after: int = 0) -> list[int]:
    with counts.reading() as txn:
        return [one.number for one in counts.near(txn, GRANT, records, within, after)]


def account(counts: Counts, grant_id: str = GRANT) -> Account:
    with counts.reading() as txn:
        return counts.account(txn, grant_id)


def test_lists_of_about_as_many_records_are_told_in_order(env: lmdb.Environment) -> None:
    counts = Counts(env)
    add(env, counts, OTHER, 100)
    add(env, counts, GRANT, 100, 111, 90, 109, 91, 2**40)
    assert near(counts, 100, 10) == [1, 4, 5]
    assert near(counts, 100, 10, after=4) == [5]
    assert near(counts, 2**40 + 1, 2) == [6]
    assert near(counts, 100, 10, after=6) == []
    with counts.reading() as txn:
        assert list(counts.near(txn, GRANT, 111, 1, 0)) == [KeptList(2, 111, 10, b"111")]


def test_a_grant_has_an_account_of_its_own(env: lmdb.Environment) -> None:
    counts = Counts(env)
    assert account(counts) == Account(0, 0, 0, 0)
    add(env, counts, GRANT, 10, 100, milli=500)
    add(env, counts, OTHER, 1_000, milli=20)
    assert account(counts) == Account(last=2, lists=2, size=5, spent_milli=1_000)
    assert account(counts, OTHER) == Account(last=1, lists=1, size=4, spent_milli=20)


def test_what_is_kept_outlives_the_process(tmp_path: Path) -> None:
    for number in (1, 2):
        with lmdb.open(str(tmp_path), max_dbs=1) as env:
            counts = Counts(env)
            add(env, counts, GRANT, 100, milli=7)
            assert near(counts, 100, 1) == list(range(1, number + 1))
            assert account(counts).spent_milli == 7 * number


def test_room_is_bounded_by_lists_and_by_bytes() -> None:
    assert Account(lists=MOST_LISTS - 1).has_room(1)
    assert not Account(lists=MOST_LISTS).has_room(1)
    assert Account(lists=1, size=MOST_BYTES - 8).has_room(8)
    assert not Account(lists=1, size=MOST_BYTES - 8).has_room(9)


def test_room_for_a_list_each_day_of_the_longest_grant() -> None:
    assert MOST_LISTS >= 1_096


def test_making_room_forgets_the_oldest_lists_and_no_privacy_lost(env: lmdb.Environment) -> None:
    counts = Counts(env)
    add(env, counts, GRANT, *[100] * MOST_LISTS, milli=1)
    add(env, counts, OTHER, *[100] * (MOST_LISTS // 2))
    with env.begin(write=True) as txn:
        counts.make_room(txn, GRANT)
        counts.make_room(txn, OTHER)
        counts.make_room(txn, "G-2")
    left = MOST_LISTS // 2
    assert near(counts, 100, 1) == list(range(MOST_LISTS - left + 1, MOST_LISTS + 1))
    assert account(counts) == Account(MOST_LISTS, left, 3 * left, MOST_LISTS)
    assert account(counts, OTHER).lists == left
    assert account(counts, "G-2") == Account()
    add(env, counts, GRANT, 100)
    assert near(counts, 100, 1, after=MOST_LISTS) == [MOST_LISTS + 1]


def test_making_room_looks_at_bytes_too(env: lmdb.Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 20)
    counts = Counts(env)
    add(env, counts, GRANT, 100_000, 100_001, 100_002)
    with env.begin(write=True) as txn:
        counts.make_room(txn, GRANT)
    assert account(counts) == Account(last=3, lists=1, size=6, spent_milli=0)
    assert near(counts, 100_000, 10) == [3]


def test_a_grant_is_forgotten_and_no_other(env: lmdb.Environment) -> None:
    counts = Counts(env)
    for grant_id in (GRANT, OTHER):
        add(env, counts, grant_id, 100, 200, milli=3)
    with env.begin(write=True) as txn:
        counts.forget(txn, GRANT)
    assert (near(counts, 100, 1_000), account(counts)) == ([], Account())
    assert account(counts, OTHER).lists == 2


@pytest.mark.parametrize("by", ["provider", "platform", "nobody"])
async def test_of_a_revoked_grant_and_one_not_recorded_nothing_is_kept(
    state: State, material: Material, by: str
) -> None:
    given = grant()
    await state.grants.put(given.id, material.envelope(given), "王建国")
    await state._writer.write(lambda txn: state.counts.add(txn, given.id, 100, 10, b"sketch", 5))
    assert account(state.counts, given.id).lists == 1
    revoked = GrantState.GRANT_STATE_REVOKED
    match by:
        case "provider":
            word = GrantChange(grant_id=given.id, state=revoked)
            await state.grants.change(word, material.identity.sign_change)
        case "platform":
            standing = GrantStanding(grant_id=given.id, platform_state=revoked)
            await state.grants.set_platform_words([standing], all_of_them=False)
        case _:
            await state.grants.drop(given.id)
    assert account(state.counts, given.id) == Account()


async def test_of_a_grant_that_has_ended_no_list_is_kept_for_long(state: State, material: Material) -> None:
    ended, going_on = grant(), grant()
    ended.id, going_on.id = GRANT, OTHER
    ended.valid_until.FromDatetime(NOW)
    for given in (ended, going_on):
        await state.grants.put(given.id, material.envelope(given), "王建国")
    for given in (ended, going_on):
        await state._writer.write(partial(_added, state.counts, given.id))
    await state.grants.forget_ended(NOW + LISTS_AFTER_END - timedelta(days=1))
    assert account(state.counts).lists == 1
    await state.grants.forget_ended(NOW + LISTS_AFTER_END)
    assert near(state.counts, 100, 1) == []
    assert account(state.counts) == Account(last=1, lists=0, size=0, spent_milli=5)
    assert account(state.counts, OTHER).lists == 1


def _added(counts: Counts, grant_id: str, txn: lmdb.Transaction) -> None:
    counts.add(txn, grant_id, 100, 10, b"sketch", 5)
