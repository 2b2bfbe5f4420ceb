"""What the node keeps of evaluations: chunks by day and grant, held elements, fetched generations."""

import lmdb
import pytest

from provider_node.store.evaluations import CHUNK_NAME_BYTES, Holding
from provider_node.store.state import State

DAY, NEXT, LATER = "2026-11-22", "2026-11-23", "2026-11-24"
HOLDING = Holding("civil-affairs", "vehicle-owners", "00112233445566aa", 1)


def name(number: int) -> bytes:
    return number.to_bytes(CHUNK_NAME_BYTES, "big")


async def add(state: State, grant_id: str, day: str, number: int) -> bool:
    return await state._writer.write(
        lambda txn: state.evaluations.add_chunk(txn, grant_id, day, name(number))
    )


def kept(state: State) -> list[bytes]:
    """Keys of the chunks that are kept."""
    with state._env.begin() as txn, txn.cursor(state.evaluations._chunks) as cursor:
        return [bytes(key) for key, _ in cursor]


async def test_a_chunk_is_new_once_for_a_grant_and_day(state: State) -> None:
    assert await add(state, "G-1", DAY, 1)
    assert not await add(state, "G-1", DAY, 1)
    assert await add(state, "G-1", DAY, 2)
    assert await add(state, "G-2", DAY, 1)
    assert await add(state, "G-1", NEXT, 1)
    # What was begun before midnight may be charged after it.
    assert not await add(state, "G-1", DAY, 1)


async def test_chunks_of_days_that_are_over_go_faster_than_new_ones_come(state: State) -> None:
    for number in range(20):
        await add(state, "G-1", DAY, number)
        await add(state, "G-2", NEXT, number)
    for number in range(5):
        assert await add(state, "G-1", LATER, number)
    days = [key.split(b"/")[0].decode() for key in kept(state)]
    assert {day: days.count(day) for day in days} == {NEXT: 20, LATER: 5}


async def test_what_is_undone_was_never_there(state: State) -> None:
    def fails(txn: lmdb.Transaction) -> None:
        assert state.evaluations.add_chunk(txn, "G-1", DAY, name(1))
        state.evaluations.add_held(txn, HOLDING, 5)
        assert state.evaluations.add_fetched(txn, HOLDING, "g1")
        raise LookupError

    with pytest.raises(LookupError):
        await state._writer.write(fails)
    assert kept(state) == []
    assert await state._writer.write(lambda txn: state.evaluations.held(txn, HOLDING)) == 0
    assert await state._writer.write(lambda txn: state.evaluations.add_fetched(txn, HOLDING, "g1"))


@pytest.mark.parametrize(
    "other",
    [
        HOLDING._replace(consumer="water-works"),
        HOLDING._replace(resource="deaths"),
        HOLDING._replace(key_epoch="00112233445566ab"),
        HOLDING._replace(granularity=2),
    ],
)
async def test_each_holding_is_counted_apart(state: State, other: Holding) -> None:
    def write(txn: lmdb.Transaction) -> tuple[int, int, bool]:
        state.evaluations.add_held(txn, HOLDING, 5)
        state.evaluations.add_held(txn, HOLDING, 7)
        assert state.evaluations.add_fetched(txn, HOLDING, "g1")
        assert not state.evaluations.add_fetched(txn, HOLDING, "g1")
        assert state.evaluations.add_fetched(txn, HOLDING, "g2")
        return (
            state.evaluations.held(txn, HOLDING),
            state.evaluations.held(txn, other),
            state.evaluations.add_fetched(txn, other, "g1"),
        )

    assert await state._writer.write(write) == (12, 0, True)
