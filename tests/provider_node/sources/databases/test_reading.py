"""What all databases have in common, read from SQLite and from PostgreSQL."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from provider_node.config import DatabaseSourceConfig, SqliteSourceConfig
from provider_node.sources import open_source
from tests.comparator.postgresql import Server
from tests.provider_node.sources.databases.reading import (
    batches,
    postgresql_config,
    read,
    refused,
    sqlite_config,
)

Config = SqliteSourceConfig | DatabaseSourceConfig
Holding = Callable[..., Callable[..., Config]]

TABLE = 'CREATE TABLE register (id text, "姓名" text, wheels integer, "a ""b`c" text)'
ROWS = "INSERT INTO register VALUES ('1', '张三', 4, 'x'), ('2', NULL, NULL, '')"
MANY = "WITH RECURSIVE t(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM t WHERE id < 60000) SELECT * FROM t"


def test_the_wanted_columns_of_a_table_come_by_field(holding: Holding) -> None:
    register = holding(TABLE, ROWS)
    (batch,) = batches(register(table="register"), {"name": "姓名", "owner": "id", "wheels": "wheels"})
    assert batch.columns == {"name": ["张三", ""], "owner": ["1", "2"], "wheels": ["4", ""]}
    assert batch.lines == [1, 2]
    assert batch.faults == []
    assert batch.bytes_read == 0


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, wheels + 1 AS more FROM register WHERE wheels IS NOT NULL",
        "  with few AS (SELECT * FROM register WHERE id < '2')\nSELECT id, wheels + 1 AS more FROM few ;\n",
        "SELECT id, wheels + 1 AS more FROM register -- those of\nLIMIT 1 -- them",
    ],
)
def test_a_query_is_read(holding: Holding, query: str) -> None:
    register = holding(TABLE, ROWS)
    assert read(register(query=query), {"id": "id", "wheels": "more"}) == {"id": ["1"], "wheels": ["5"]}


def test_a_view_is_read_as_a_table(holding: Holding) -> None:
    register = holding(TABLE, ROWS, "CREATE VIEW few AS SELECT * FROM register WHERE id = '2'")
    assert read(register(table="few")) == {"id": ["2"]}


def test_fields_can_share_a_column_and_columns_can_have_any_name(holding: Holding) -> None:
    register = holding(TABLE, ROWS)
    columns = {"one": 'a "b`c', "other": 'a "b`c'}
    assert read(register(table="register"), columns) == {"one": ["x", ""], "other": ["x", ""]}


def test_an_empty_table_gives_no_batch(holding: Holding) -> None:
    assert batches(holding(TABLE)(table="register")) == []


def test_neither_size_nor_age_is_known(holding: Holding) -> None:
    source = open_source(holding(TABLE)(table="register"), {"id": "id"})
    assert source.bytes_total == 0
    assert source.modified_at is None


def test_many_rows_come_in_batches(holding: Holding) -> None:
    found = batches(holding(TABLE)(query=MANY))
    assert [len(batch.lines) for batch in found] == [50_000, 10_000]
    assert [number for batch in found for number in batch.lines] == list(range(1, 60_001))
    assert {text for batch in found for text in batch.columns["id"]} == {str(n) for n in range(1, 60_001)}


def test_reading_can_stop_and_begin_again(holding: Holding) -> None:
    source = open_source(holding(TABLE)(query=MANY), {"id": "id"})
    for _ in range(2):
        batches = source.batches()
        assert len(next(batches).lines) == 50_000
        batches.close()  # type: ignore[attr-defined]


def test_a_missing_column_is_told_with_the_nearest_name(holding: Holding) -> None:
    error = refused(holding(TABLE, ROWS)(table="register"), {"name": "姓名", "wheels": "wheel"})
    assert error.message == (
        "fields.wheels.column: none of the 4 columns of the table is named 'wheel'; did you mean 'wheels'?"
    )
    assert error.field == "fields.wheels.column"


def test_a_name_in_capitals_is_another_one(holding: Holding) -> None:
    error = refused(holding(TABLE)(query="SELECT * FROM register"), {"owner": "ID"})
    assert error.field == "fields.owner.column"
    assert "did you mean 'id'?" in error.message


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"table": "registers"}, "source.table"),
        ({"query": "SELECT id FROM registers"}, "source.query"),
        ({"query": "SELECT owner FROM register"}, "source.query"),
        ({"query": "SELECT id FROM register WHERE"}, "source.query"),
    ],
)
def test_what_is_not_there_or_not_understood_is_told(
    holding: Holding, keys: dict[str, str], field: str
) -> None:
    assert refused(holding(TABLE, ROWS)(**keys)).field == field


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM register RETURNING id",
        "PRAGMA user_version",
        "ATTACH 'other.db' AS other",
        "VALUES ('1')",
        "/* all */ SELECT id FROM register",
        "SELECT id FROM register; DELETE FROM register",
        "SELECT id FROM register;;",
        "SELECT ';' AS id",
        "SELECT 'a\0' AS id",
        "SELECTED",
    ],
)
def test_a_query_is_one_statement_that_begins_as_a_reading_one(holding: Holding, query: str) -> None:
    assert refused(holding(TABLE)(query=query)).message.startswith("source.query: must b")


@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM register RETURNING id) SELECT id FROM gone",
        "WITH new AS (INSERT INTO register (id) VALUES ('3') RETURNING id) SELECT id FROM new",
        "SELECT id INTO other FROM register",
    ],
)
def test_a_query_that_writes_is_refused_and_changes_nothing(holding: Holding, query: str) -> None:
    register = holding(TABLE, ROWS)
    assert refused(register(query=query)).field == "source.query"
    assert read(register(table="register")) == {"id": ["1", "2"]}
    assert refused(register(table="other")).field == "source.table"


def test_a_long_text_is_not_kept(holding: Holding) -> None:
    register = holding(
        TABLE, "INSERT INTO register (id) VALUES ('" + "王" * 100_000 + "'), ('" + "王" * 1_024 + "')"
    )
    long, most = read(register(table="register"))["id"]
    assert len(long) < 1_000
    assert "王" not in long
    assert most == "王" * 1_024


def _peak(config: Config) -> int:
    """The most memory that reading the four hundred rows takes at once, in bytes."""
    source = open_source(config, {"id": "id"})
    tracemalloc.start()
    try:
        assert [len(batch.lines) for batch in source.batches()] == [400]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


WIDE = """
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 400)
SELECT printf('%.900000c', 'x') AS id FROM t
"""


def test_no_width_of_rows_in_sqlite_fills_the_memory(sqlite_file: Callable[..., Path]) -> None:
    assert _peak(sqlite_config(sqlite_file(), query=WIDE)) < 80_000_000


def test_no_width_of_rows_in_postgresql_fills_the_memory(server: Server, database: str) -> None:
    query = "SELECT repeat('王', 300000) AS id FROM generate_series(1, 400)"
    assert _peak(postgresql_config(server, database, query=query)) < 10_000_000
