"""Transactions: exclusive among writers, consistent for readers, undone on failure."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from comparator.store.database import Database
from comparator.store.models import PartyRow
from stayput.identity import department

_NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


def _add(database: Database, code: str, title: str = "") -> None:
    with database.writing() as store:
        store.parties.add(department(code), department(code), title, _NOW)


def test_references_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as store:
        store.parties.add(department("aa"), department("no-such"), "", _NOW)


def test_a_failed_block_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.writing() as store:
            store.parties.add(department("aa"), department("aa"), "", _NOW)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    with database.reading() as store:
        assert not store.parties.all()


def test_reading_writes_nothing(database: Database) -> None:
    with database.reading() as store:
        store.parties.add(department("aa"), department("aa"), "", _NOW)
    with database.reading() as store:
        assert not store.parties.all()


def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    _add(database, "aa")
    east = _NOW.astimezone(timezone(timedelta(hours=8)))
    with database.writing() as store:
        store.parties.add(department("bb"), department("bb"), "", east)
    with database.reading() as store:
        assert [(party.invited_at, party.invited_at.tzinfo) for party, _ in store.parties.all()] == [
            (_NOW, UTC),
            (_NOW, UTC),
        ]
    with pytest.raises(StatementError, match="naive"), database.writing() as store:
        store.parties.add(department("cc"), department("cc"), "", _NOW.replace(tzinfo=None))


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.reading() as store:
        assert not store.parties.all()
        _add(database, "aa")
        assert not store.parties.all()


def test_writers_take_turns(database: Database) -> None:
    """Each reads a number and writes the next: with a late lock one of two at once would fail or be lost."""
    _add(database, "aa", "0")

    def count() -> None:
        for _ in range(25):
            with database.writing() as store:
                row = store.parties.find(department("aa"))
                assert row is not None
                row.title = str(int(row.title) + 1)

    writers = [threading.Thread(target=count) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with Session(database.engine) as session:
        assert session.scalar(select(PartyRow.title)) == "100"


def test_a_failure_tells_no_values(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught, database.writing() as store:
        store.parties.add(department("aa"), department("no-such"), "title-7", _NOW)
    assert "title-7" not in str(caught.value)
