"""Migrations: from nothing, and from each revision, to what the models say; all or nothing, never back."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, MetaData, Table, event, func, inspect, select, text

from comparator.store import schema
from comparator.store.database import Database
from comparator.store.models import Base
from stayput.errors import StayputError
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import documents

_REVISIONS = [each.revision for each in ScriptDirectory.from_config(schema._config()).walk_revisions()][::-1]
_FILLERS: Mapping[type, object] = {
    int: 1,
    # Not too long for any column, and a party's name where one is wanted.
    str: "urn:stayput:department:xy",
    bytes: b"x",
    datetime: datetime(2026, 1, 2, tzinfo=UTC),
    # What holds JSON, for SQLAlchemy 2.0 and for 2.1.
    dict: ["x"],
    object: ["x"],
}
# What a migration reads has to be what it is.
_MEANT: Mapping[tuple[str, str], object] = {
    ("resources", "entry"): documents.resource().SerializeToString(),
    ("receipts", "envelope"): Envelope(
        payload=Receipt(node_id="n-1", sequence=1).SerializeToString()
    ).SerializeToString(),
}


def test_the_migrated_schema_is_that_of_the_models(empty: Database) -> None:
    assert schema.upgrade(empty) == schema.head() == schema.current(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_names_of_constraints_and_indexes_are_those_of_the_models(
    empty: Database, new_store: Callable[[], URL]
) -> None:
    schema.upgrade(empty)
    with closing(Database(new_store())) as declared:
        Base.metadata.create_all(declared.engine)
        migrated_names, declared_names = (_names(each) for each in (empty, declared))
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


def test_upgrading_again_changes_nothing(empty: Database) -> None:
    schema.upgrade(empty)
    assert schema.upgrade(empty) == schema.head()
    assert schema.require_current(empty) is empty


def test_an_empty_database_is_behind(empty: Database) -> None:
    assert schema.current(empty) is None
    with pytest.raises(StayputError) as caught:
        schema.require_current(empty)
    assert "comparator migrate" in caught.value.remedy


def test_a_newer_database_is_left_alone(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.connected() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (schema.require_current, schema.upgrade):
        with pytest.raises(StayputError, match="newer release"):
            attempt(empty)


def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    def fail(*arguments: object) -> None:
        if "CREATE TABLE log_archives" in str(arguments[2]):
            raise ArithmeticError

    event.listen(empty.engine, "before_cursor_execute", fail)
    with pytest.raises(ArithmeticError):
        schema.upgrade(empty)
    event.remove(empty.engine, "before_cursor_execute", fail)
    assert not inspect(empty.engine).get_table_names()
    schema.upgrade(empty)


@pytest.mark.parametrize("revision", _REVISIONS)
def test_every_revision_with_data_can_be_upgraded(empty: Database, revision: str) -> None:
    _upgrade(empty, revision)
    before = MetaData()
    before.reflect(empty.engine)
    with empty.connected() as connection:
        for table in _filled(before):
            connection.execute(table.insert().values(_row(table)))
    assert schema.upgrade(empty) == schema.head()
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        for name in Base.metadata.tables.keys() & before.tables.keys():
            assert connection.scalar(select(func.count()).select_from(before.tables[name])) == 1
        logged = len({"receipts", "events"} & before.tables.keys()) or len(
            before.tables.keys() & {"log_leaves"}
        )
        assert (
            connection.scalar(select(func.count()).select_from(Base.metadata.tables["log_leaves"])) == logged
        )


def _upgrade(database: Database, revision: str) -> None:
    config = schema._config()
    with database.connected() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _filled(metadata: MetaData) -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def _row(table: Table) -> dict[str, object]:
    """A value of its type for every column; as all rows are made so, references find what they refer to."""
    return {
        column.name: _MEANT.get((table.name, column.name), _FILLERS[column.type.python_type])
        for column in table.columns
    }
