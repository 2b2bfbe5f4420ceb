"""What is PostgreSQL's own: its types, rights, passwords, encryption, and connections that break."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from provider_node.sources import open_source
from provider_node.sources.databases.postgresql import Postgresql
from provider_node.sources.values import NO_TEXT
from stayput.errors import StayputError
from tests.comparator.postgresql import GUARDED, OWNER, PASSWORD, Server
from tests.provider_node.sources.databases.reading import (
    password_file,
    postgresql_config,
    read,
    refused,
    server_config,
)

Execute = Callable[[str], list[tuple[object, ...]]]
NUMBERS = "SELECT n AS id FROM generate_series(1, 60000) n"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("date", {"2026-01-02": "2026-01-02", "infinity": "infinity", "0044-03-15 BC": "0044-03-15 BC"}),
        ("timestamp", {"2026-01-02": "2026-01-02", "2026-01-02 03:04:05.6": "2026-01-02 03:04:05.6"}),
        # Midnight in China, when it had no summer time and when it had.
        ("timestamptz", {"2026-01-01 16:00+00": "2026-01-02", "1988-06-30 15:00+00": "1988-07-01"}),
        ("timestamptz", {"-infinity": "-infinity", "2026-01-01 17:00+00": "2026-01-02 01:00:00"}),
        ("numeric", {"100.50": "100.50", "1e15": "1000000000000000", "NaN": ""}),
        ("double precision", {"1.10105e17": "1.101050E+17", "110105": "110105", "0.00001": "0.00001"}),
        ("real", {"1.5": "1.5", "16777215": "16777215", "13800138000": "1.380014E+10"}),
        ("bigint", {"110105194912310021": "110105194912310021"}),
        ("boolean", {"yes": "true", "no": "false"}),
        ("bytea", {"": NO_TEXT, "\\x00ff": NO_TEXT}),
        ("char(4)", {"ab": "ab"}),
        ("jsonb", {'{"a":1}': '{"a": 1}'}),
        ("text[]", {"{a,b}": "{a,b}"}),
        ("uuid", {"00000000-0000-0000-0000-000000000001": "00000000-0000-0000-0000-000000000001"}),
        ("inet", {"127.0.0.1": "127.0.0.1/32"}),
    ],
)
def test_every_type_has_a_text(
    server: Server, database: str, execute: Execute, kind: str, values: dict[str, str]
) -> None:
    execute(f"CREATE TABLE register (place integer, id {kind})")
    for place, value in enumerate([*values, None]):
        text = "NULL" if value is None else f"'{value}'"
        execute(f"INSERT INTO register VALUES ({place}, {text})")  # noqa: S608 (the test's own)
    config = postgresql_config(server, database, query="SELECT id FROM register ORDER BY place")
    assert read(config)["id"] == [*values.values(), ""]


def test_a_table_is_found_in_its_schema_by_its_exact_name(
    server: Server, database: str, execute: Execute
) -> None:
    execute('DROP SCHEMA IF EXISTS "Gat" CASCADE; CREATE SCHEMA "Gat"; CREATE TABLE "Gat"."登记$1" (id text)')
    execute("""INSERT INTO "Gat"."登记$1" VALUES ('1')""")
    assert read(postgresql_config(server, database, table="Gat.登记$1")) == {"id": ["1"]}
    error = refused(postgresql_config(server, database, table="gat.登记$1"))
    assert error.field == "source.table"
    assert "42P01" in error.message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM register FOR UPDATE",
        "SELECT nextval('numbers') AS id",
        "SELECT written() AS id",
        "SELECT set_config('transaction_read_only', 'off', false) AS id",
        "SELECT lo_create(4711) AS id",
    ],
)
def test_functions_that_write_are_refused_and_change_nothing(
    server: Server, database: str, execute: Execute, query: str
) -> None:
    execute("CREATE TABLE register (id text); INSERT INTO register VALUES ('1')")
    execute("CREATE SEQUENCE IF NOT EXISTS numbers")
    execute(
        "CREATE OR REPLACE FUNCTION written() RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO register VALUES ('2'); RETURN '2'; END $$"
    )
    error = refused(postgresql_config(server, database, query=query))
    assert error.field == "source.query"
    assert "tries to change something" in error.message
    assert execute("SELECT id FROM register") == [("1",)]
    assert execute("SELECT is_called FROM numbers") == [(False,)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("transaction_read_only", "on"),
        ("transaction_isolation", "repeatable read"),
        ("cursor_tuple_fraction", "1"),
        ("client_encoding", "UTF8"),
    ],
)
def test_the_session_is_set_for_reading_all(server: Server, database: str, setting: str, value: str) -> None:
    config = postgresql_config(server, database, query=f"SELECT current_setting('{setting}') AS id")
    assert read(config) == {"id": [value]}


def test_all_rows_are_of_one_moment(server: Server, database: str, execute: Execute) -> None:
    execute("CREATE TABLE register (id integer)")
    execute("INSERT INTO register SELECT generate_series(1, 120000)")
    batches = open_source(postgresql_config(server, database, table="register"), {"id": "id"}).batches()
    rows = len(next(batches).lines)
    execute("DELETE FROM register")
    assert rows + sum(len(batch.lines) for batch in batches) == 120_000


@pytest.mark.parametrize("where", ["password_file", "password_env"])
def test_a_user_is_let_in_by_password(
    server: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("REGISTER_PASSWORD", PASSWORD)
    value = {"password_file": password_file(tmp_path, PASSWORD), "password_env": "REGISTER_PASSWORD"}[where]
    where_from = {"user": GUARDED, where: value}
    assert read(postgresql_config(server, database, query="SELECT '1' AS id", **where_from)) == {"id": ["1"]}


def test_the_password_may_come_as_postgresql_has_it(
    server: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"*:*:*:{GUARDED}:{PASSWORD.replace(':', chr(92) + ':')}"
    monkeypatch.setenv("PGPASSFILE", password_file(tmp_path, line))
    config = postgresql_config(server, database, user=GUARDED, query="SELECT '1' AS id")
    assert read(config) == {"id": ["1"]}


@pytest.mark.parametrize("password", ["hidden", None])
def test_a_wrong_or_missing_password_is_told_but_not_what_it_is(
    server: Server, database: str, tmp_path: Path, password: str | None
) -> None:
    keys = {"password_file": password_file(tmp_path, password)} if password else {}
    error = refused(postgresql_config(server, database, user=GUARDED, query="SELECT '1' AS id", **keys))
    assert error.field == "source.user"
    assert "not with this password" in error.message
    assert "hidden" not in f"{error.message}{error.remedy}"


def test_a_user_without_rights_is_told(
    server: Server, database: str, tmp_path: Path, execute: Execute
) -> None:
    execute("CREATE TABLE register (id text)")
    keys = {"user": GUARDED, "password_file": password_file(tmp_path, PASSWORD)}
    error = refused(postgresql_config(server, database, table="register", **keys))
    assert error.field == "source.table"
    assert "may not read it (42501)" in error.message


@pytest.mark.parametrize(
    "keys",
    [{"database": "none"}, {"host": "/nowhere"}, {"host": "127.0.0.1", "port": 1}],
)
def test_a_server_or_database_that_is_not_there_is_told(
    server: Server, database: str, keys: dict[str, object]
) -> None:
    where = {"host": str(server.directory), "database": database, "user": OWNER, **keys}
    error = refused(server_config(server.directory, query="SELECT '1' AS id", **where))
    assert error.field == "source.host"
    assert "check host, port, database, user" in error.remedy


def test_a_connection_that_breaks_among_the_rows_is_told(server: Server, database: str) -> None:
    batches = open_source(postgresql_config(server, database, query=NUMBERS), {"id": "id"}).batches()
    next(batches)
    end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    server.execute(end.format(database))
    with pytest.raises(
        StayputError, match=r"source\.host: the connection broke while rows were read"
    ) as caught:
        next(batches)
    assert caught.value.reason_name == "SOURCE_INVALID"


def test_a_failure_among_the_rows_is_told_without_the_row(
    server: Server, database: str, execute: Execute
) -> None:
    execute("CREATE TABLE register AS SELECT 'hidden' || n AS id FROM generate_series(1, 5000) n")
    number = "CAST(CAST(id AS integer) AS text)"
    query = f"SELECT CASE WHEN id < 'hidden4999' THEN id ELSE {number} END AS id FROM register"  # noqa: S608
    error = refused(postgresql_config(server, database, query=query))
    assert error.field == "source.query"
    assert "a row cannot be delivered" in error.message
    assert "hidden" not in f"{error.message}{error.remedy}"


def test_text_that_the_database_did_not_check_is_told_without_it(server: Server) -> None:
    url = server.create(encoding="SQL_ASCII")
    config = postgresql_config(server, url.database or "", query="SELECT chr(104) || chr(255) AS id")
    error = refused(config)
    assert "a row cannot be delivered" in error.message
    server.drop(url)


def test_columns_of_the_same_name_are_told(server: Server, database: str) -> None:
    error = refused(postgresql_config(server, database, query="SELECT '1' AS id, '2' AS id"))
    assert error.field == "fields.id.column"
    assert "are named 'id'" in error.message


def test_the_connection_is_gone_after_reading(server: Server, database: str) -> None:
    def open_files() -> set[str]:
        # By what is open and not by number: what other tests have left may be closed meanwhile.
        return {str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}

    before = open_files()
    source = open_source(postgresql_config(server, database, query=NUMBERS), {"id": "id"})
    half = source.batches()
    next(half)
    half.close()  # type: ignore[attr-defined]
    list(source.batches())
    refused(postgresql_config(server, database, query="SELECT"))
    assert not open_files() - before


def test_only_numbers_are_sent_as_they_are(server: Server, database: str) -> None:
    """What has no bound of its own is cut by the server, so that no row can fill the node's memory."""
    kinds = Postgresql(postgresql_config(server, database, table="register"))
    text = psycopg.adapters.types["text"].oid
    assert kinds.expression('"id"', text) == 'left(CAST("id" AS text), 1025)'
    assert kinds.expression('"id"', psycopg.adapters.types["int8"].oid) == '"id"'
