"""What is SQLite's own: its settings, and how it says that it is full."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from comparator.store import schema
from comparator.store.database import Database
from stayput.errors import StayputError
from stayput.identity import department

_NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


@pytest.fixture
def database(new_sqlite: Callable[[], URL]) -> Iterator[Database]:
    with closing(Database(new_sqlite())) as database:
        schema.upgrade(database)
        yield database


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 10_000),
        ("cache_size", -16_384),
        ("wal_autocheckpoint", 16_384),
    ],
)
def test_sqlite_is_set_up_for_durability_and_speed(database: Database, pragma: str, value: str | int) -> None:
    with database.engine.connect() as connection:
        assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_a_full_store_says_so_and_keeps_what_it_has(database: Database) -> None:
    with database.writing() as store:
        store.parties.add(department("aa"), department("aa"), "", _NOW)
    with database.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
    assert isinstance(pages, int)
    database.close()
    with database.engine.connect() as connection:
        # The pool hands this same connection out again.
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StayputError) as caught, database.writing() as store:
        store.parties.add(department("bb"), department("bb"), "x" * 100_000, _NOW)
    assert caught.value.reason_name == "STORAGE_FULL"
    with database.reading() as store:
        assert [party.party.id for party, _ in store.parties.all()] == ["aa"]


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("something else altogether")
    for name in ("nowhere/comparator.db", "other.db"):
        url = URL.create("sqlite", database=str(tmp_path / name))
        with closing(Database(url)) as database, pytest.raises(StayputError, match="cannot be opened"):
            schema.current(database)
