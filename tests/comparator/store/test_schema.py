"""Migrations: from nothing to what the models say, all or nothing, never back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, event, inspect, make_url, text
from sqlalchemy.schema import CreateTable

from comparator.store import schema
from comparator.store.database import Database
from comparator.store.models import Base
from stayput.errors import StayputError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(URL.create("sqlite", database=str(tmp_path / "comparator.db")))
    yield database
    database.close()


def test_the_migrated_schema_is_that_of_the_models(database: Database) -> None:
    assert schema.upgrade(database) == schema.head() == schema.current(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_names_of_constraints_and_indexes_are_those_of_the_models(database: Database, tmp_path: Path) -> None:
    schema.upgrade(database)
    declared = Database(URL.create("sqlite", database=str(tmp_path / "declared.db")))
    Base.metadata.create_all(declared.engine)
    migrated_names, declared_names = (_names(each) for each in (database, declared))
    declared.close()
    assert migrated_names == declared_names


def _names(database: Database) -> dict[str, set[str | None]]:
    inspector = inspect(database.engine)
    return {
        table: {
            inspector.get_pk_constraint(table)["name"],
            *(each["name"] for each in inspector.get_foreign_keys(table)),
            *(each["name"] for each in inspector.get_unique_constraints(table)),
            *(each["name"] for each in inspector.get_indexes(table)),
        }
        for table in Base.metadata.tables
    }


def test_upgrading_again_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    assert schema.upgrade(database) == schema.head()
    assert schema.require_current(database) is database


def test_an_empty_database_is_behind(database: Database) -> None:
    assert schema.current(database) is None
    with pytest.raises(StayputError) as caught:
        schema.require_current(database)
    assert "comparator migrate" in caught.value.remedy


def test_a_newer_database_is_left_alone(database: Database) -> None:
    schema.upgrade(database)
    with database.connected() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (schema.require_current, schema.upgrade):
        with pytest.raises(StayputError, match="newer release"):
            attempt(database)


def test_a_migration_that_fails_leaves_nothing_behind(database: Database) -> None:
    def fail(*arguments: object) -> None:
        if "CREATE TABLE receipts" in str(arguments[2]):
            raise ArithmeticError

    event.listen(database.engine, "before_cursor_execute", fail)
    with pytest.raises(ArithmeticError):
        schema.upgrade(database)
    event.remove(database.engine, "before_cursor_execute", fail)
    assert not inspect(database.engine).get_table_names()
    schema.upgrade(database)


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    database = Database(URL.create("sqlite", database=str(tmp_path / "nowhere" / "comparator.db")))
    with pytest.raises(StayputError, match="cannot be opened"):
        schema.current(database)
    database.close()


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_the_tables_can_be_made_on_postgresql(table: str) -> None:
    made = str(
        CreateTable(Base.metadata.tables[table]).compile(
            dialect=make_url("postgresql+psycopg://").get_dialect()()
        )
    )
    assert "AUTOINCREMENT" not in made
    assert "DATETIME" not in made
