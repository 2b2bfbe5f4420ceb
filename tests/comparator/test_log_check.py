"""The check finds whatever of the log was changed, left out or removed early, and names it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from comparator.domain import checkpoints, inspection
from comparator.domain.inspection import Fault, Problem
from comparator.domain.retention import Archived, Removed
from comparator.store.database import Database
from comparator.store.events import About
from comparator.store.log_models import CosignatureRow
from stayput.identity import Party
from stayput.notes import NoteSigner
from stayput.v1.log_pb2 import EventType
from tests.comparator import keeping
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform


@pytest.fixture
async def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return await keeping.filled(platform, node, consumer)


@pytest.fixture
def signer(platform: Platform, chain: Chain) -> NoteSigner:
    return keeping.signer_of(platform)


@pytest.fixture
def archive(platform: Platform, chain: Chain, tmp_path: Path) -> Callable[[int], Archived]:
    """Archives up to a place, each time into a new file named by that."""
    return keeping.archiver(platform, tmp_path)


def _flip(column: str, table: str, where: str) -> Callable[[Database], None]:
    """Flips a bit in the middle of what that column holds."""

    def flip(database: Database) -> None:
        with database.connected() as connection:
            select = text(f"SELECT {column} FROM {table} WHERE {where}")  # noqa: S608 (of this test)
            held = bytes(connection.execute(select).scalar_one())
            at = len(held) // 2
            changed = held[:at] + bytes([held[at] ^ 1]) + held[at + 1 :]
            update = text(f"UPDATE {table} SET {column} = :to WHERE {where}")  # noqa: S608 (of this test)
            connection.execute(update, {"to": changed})

    return flip


def _run(statement: str) -> Callable[[Database], None]:
    return lambda database: keeping.run_sql(database, statement)


@pytest.mark.parametrize(
    ("damage", "problems"),
    [
        (_flip("leaf", "log_leaves", "place = 4"), [Problem(4, Fault.LEAF)]),
        (_flip("salt", "log_leaves", "place = 4"), [Problem(4, Fault.CONTENT)]),
        (_flip("payload", "log_leaves", "place = 4"), [Problem(4, Fault.CONTENT)]),
        (_flip("payload", "log_leaves", "place = 0"), [Problem(0, Fault.CONTENT)]),
        (_flip("hash", "log_nodes", "number = 8"), [Problem(4, Fault.LEAF), Problem(4, Fault.SUBTREE)]),
        (_flip("hash", "log_nodes", "number = 1"), [Problem(0, Fault.SUBTREE), Problem(0, Fault.SUBTREE)]),
        (
            _run("DELETE FROM log_nodes WHERE number = 7"),
            [Problem(0, Fault.SUBTREE), Problem(10, Fault.SUBTREE)],
        ),
        (_run("DELETE FROM log_leaves WHERE place = 5"), [Problem(5, Fault.MISSING)]),
        # The event is listed still.
        (
            _run("DELETE FROM log_leaves WHERE place = 3"),
            [Problem(3, Fault.MISSING), Problem(10, Fault.COLUMNS)],
        ),
        (_run("DELETE FROM log_leaves WHERE place = 9"), [Problem(9, Fault.SUBTREE)]),
        (_run("UPDATE log_leaves SET salt = NULL WHERE place = 3"), [Problem(3, Fault.CONTENT)]),
        (_run("UPDATE log_leaves SET payload = NULL WHERE place = 3"), [Problem(3, Fault.CONTENT)]),
        (
            _run(
                "UPDATE log_leaves SET payload = NULL, salt = NULL, operator = NULL, case_number = NULL"
                " WHERE place = 5"
            ),
            [Problem(5, Fault.REMOVED)],
        ),
        (_run("UPDATE log_leaves SET operator = 'x' WHERE place = 5"), [Problem(5, Fault.COLUMNS)]),
        (_run("UPDATE log_leaves SET records = 1000 WHERE place = 5"), [Problem(5, Fault.COLUMNS)]),
        (_run("UPDATE log_leaves SET kind = 1 WHERE place = 0"), [Problem(0, Fault.COLUMNS)]),
        (_run("UPDATE log_leaves SET event_type = 9 WHERE place = 0"), [Problem(0, Fault.COLUMNS)]),
        (
            _run(
                "UPDATE log_leaves SET resource = 'x' WHERE resource = 'vehicle-owners' AND event_type = 10"
            ),
            [Problem(3, Fault.COLUMNS)],
        ),
    ],
)
async def test_the_check_names_what_was_changed(
    platform: Platform, chain: Chain, damage: Callable[[Database], None], problems: list[Problem]
) -> None:
    assert keeping.size(platform) == 10
    assert keeping.problems(platform) == []
    damage(platform.database)
    assert keeping.problems(platform) == problems


async def test_a_removed_event_that_is_listed_again_is_found(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    archive(keeping.size(platform))
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.remove(platform, 0, 10)
    assert keeping.problems(platform) == []
    keeping.run_sql(
        platform.database,
        "INSERT INTO events (number, at, type, actor, detail)"
        " SELECT event_number, logged_at, event_type, 'x', 'x' FROM log_leaves WHERE place = 3",
    )
    assert keeping.problems(platform) == [Problem(3, Fault.COLUMNS)]


async def test_early_removal_is_found_though_it_was_logged(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    size = keeping.size(platform)
    written = archive(size)
    platform.clock.advance(timedelta(days=700))
    # As an operator would who goes around the command, with the same words in the log.
    for said in (Removed(5, 6, 700, written.file_hash), Removed(4, 5, 731, bytes(32))):
        with platform.database.writing() as store:
            store.keeping.remove(said.first, said.end)
            kind = EventType.EVENT_TYPE_LOG_REMOVED
            store.events.add(kind, "urn:stayput:comparator", platform.clock(), About(), str(said))
    assert keeping.problems(platform) == [Problem(4, Fault.REMOVED), Problem(5, Fault.REMOVED)]


async def test_a_removal_from_the_future_is_found(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    size = keeping.size(platform)
    archive(size)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.remove(platform, 0, size)
    assert keeping.problems(platform) == []
    platform.clock.advance(-timedelta(days=keeping.DAYS))
    assert {each.fault for each in keeping.problems(platform)} == {Fault.TIME}


async def test_what_tells_of_a_removal_is_never_removed(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    archive(keeping.size(platform))
    for _ in range(2):
        platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
        with platform.database.reading() as store:
            archived = store.keeping.archived_through()
        keeping.remove(platform, 0, archived)
        keeping.append(platform, chain)
        archive(keeping.size(platform))
    assert keeping.problems(platform) == []
    keeping.run_sql(
        platform.database, "UPDATE log_leaves SET payload = NULL, salt = NULL WHERE event_type = 32"
    )
    assert Fault.REMOVED in {each.fault for each in keeping.problems(platform)}


async def test_a_log_rewritten_from_its_leaves_on_contradicts_its_witness(
    platform: Platform, chain: Chain, signer: NoteSigner, consumer: Member
) -> None:
    size = keeping.size(platform)
    with platform.database.writing() as store:
        checkpoint = checkpoints.at(store.leaves, signer, size)
        store.leaves.cosign(size, consumer.party, checkpoint, "line", platform.clock())
    assert keeping.problems(platform) == []
    # The last entry goes without a trace in the tree.
    with platform.database.connected() as connection:
        connection.execute(text("DELETE FROM log_leaves WHERE place >= 8"))
        connection.execute(text("DELETE FROM log_nodes WHERE number > 14"))
    assert keeping.problems(platform) == [Problem(size, Fault.CHECKPOINT)]


def _cosign(database: Database, witness: Party, count: int) -> None:
    """As many cosignatures of no checkpoint at all."""
    with database.connected() as connection:
        connection.execute(
            text(
                "INSERT INTO log_cosignatures (tree_size, witness_urn, checkpoint, line, received_at)"
                " VALUES (:size, :witness, :checkpoint, 'line', '2026-01-01')"
            ),
            [{"size": size, "witness": witness.urn, "checkpoint": b"x"} for size in range(count)],
        )


async def test_cosignatures_are_read_one_after_the_other(platform: Platform, consumer: Member) -> None:
    _cosign(platform.database, consumer.party, 1_200)
    read: list[int] = []

    def count(row: CosignatureRow, _context: object) -> None:
        read.append(row.tree_size)

    event.listen(CosignatureRow, "load", count)
    try:
        with platform.database.reading() as store:
            rows = store.keeping.cosigned()
            assert next(rows).tree_size == 0
            assert len(read) < 1_000
            assert [row.tree_size for row in rows] == list(range(1, 1_200))
    finally:
        event.remove(CosignatureRow, "load", count)
    with platform.database.reading() as store:
        problems = [each for each in inspection.check(store, platform.clock()) if each.place > 2]
    assert problems == [Problem(size, Fault.CHECKPOINT) for size in range(3, 1_200)]


def test_details_of_events_are_read_as_they_are_written() -> None:
    archived, removed = Archived(0, 10, bytes(32)), Removed(3, 9, 731, b"h" * 32)
    assert Archived.parse(str(archived)) == archived
    assert Removed.parse(str(removed)) == removed
    assert Archived.parse(str(removed)) is None
    assert Removed.parse(str(archived)) is None
    assert Removed.parse(f"{removed} ") is None
