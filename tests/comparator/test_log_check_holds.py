"""The check finds what was removed while a hold on it was in force, by what the log tells of holds."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from comparator.domain import retention
from comparator.domain.inspection import Fault, Problem
from comparator.domain.retention import Archived, Held
from stayput.v1.log_pb2 import EventType
from tests.comparator import keeping
from tests.comparator.platform import Member, Platform

_WHILE_HELD = [Problem(3, Fault.REMOVED), Problem(4, Fault.REMOVED)]


@pytest.fixture
async def archive(
    platform: Platform, node: Member, consumer: Member, tmp_path: Path
) -> Callable[[int], Archived]:
    """Archives up to a place, each time into a new file named by that."""
    await keeping.filled(platform, node, consumer)
    return keeping.archiver(platform, tmp_path)


@pytest.fixture
def old(platform: Platform, archive: Callable[[int], Archived]) -> int:
    """How many entries are archived and old enough; of them 3 and 4 are held."""
    size = keeping.size(platform)
    with platform.database.writing() as store:
        retention.hold(store, 3, 4, "纪检〔2026〕3号", platform.clock())
    archive(size)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    return size


def _release(platform: Platform) -> None:
    with platform.database.writing() as store:
        retention.release(store, 1, "结案", platform.clock())


@pytest.mark.parametrize(
    "forgotten",
    [
        "DELETE FROM log_holds",
        "UPDATE log_holds SET lifted_at = placed_at",
        "UPDATE log_holds SET first = 77, last = 77",
    ],
)
async def test_removal_around_the_table_of_holds_is_found(
    platform: Platform, old: int, forgotten: str
) -> None:
    keeping.run_sql(platform.database, forgotten)
    keeping.remove(platform, 0, old)
    assert keeping.problems(platform) == _WHILE_HELD


async def test_lifting_a_hold_afterwards_excuses_nothing(platform: Platform, old: int) -> None:
    keeping.run_sql(platform.database, "UPDATE log_holds SET lifted_at = placed_at")
    keeping.remove(platform, 0, old)
    keeping.run_sql(platform.database, "UPDATE log_holds SET lifted_at = NULL")
    _release(platform)
    assert keeping.problems(platform) == _WHILE_HELD


async def test_a_hold_is_lifted_by_its_number_and_range_only(platform: Platform, old: int) -> None:
    keeping.run_sql(platform.database, "UPDATE log_holds SET first = 0, last = 0")
    _release(platform)
    keeping.remove(platform, 0, old)
    assert keeping.problems(platform) == _WHILE_HELD


async def test_a_hold_forbids_only_while_it_is_in_force(platform: Platform, old: int) -> None:
    _release(platform)
    keeping.remove(platform, 0, old)
    with platform.database.writing() as store:
        retention.hold(store, 0, old, "r", platform.clock())
    assert keeping.problems(platform) == []


async def test_what_tells_of_holds_is_never_removed(
    platform: Platform, old: int, archive: Callable[[int], Archived]
) -> None:
    _release(platform)
    size = keeping.size(platform)
    archive(size)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.remove(platform, 0, size)
    assert keeping.problems(platform) == []
    kind = EventType.EVENT_TYPE_LOG_HELD
    with platform.database.reading() as store:
        assert len(keeping.details(store, kind)) == 2
        assert all(row.removed_at for row in store.keeping.archives())
        places = [row.place for row in store.keeping.events(kind)]
    keeping.run_sql(
        platform.database,
        "UPDATE log_leaves SET payload = NULL, salt = NULL WHERE event_type = :kind",
        kind=kind,
    )
    # With what told of it the hold is gone; that this was removed is found.
    assert keeping.problems(platform) == [Problem(place, Fault.REMOVED) for place in places]


@pytest.mark.parametrize("reason", ["r", "结案: 2", "hold 2 on entries 0-1 lifted: r", "two\nlines", ""])
def test_details_of_holds_are_read_as_they_are_written(reason: str) -> None:
    for lifted in (False, True):
        held = Held(3, 0, 10, lifted=lifted)
        assert Held.parse(held.told(reason)) == held
    assert Held.parse("hold 3 on entries 0-9") is None
    assert Held.parse(str(Archived(0, 10, bytes(32)))) is None
