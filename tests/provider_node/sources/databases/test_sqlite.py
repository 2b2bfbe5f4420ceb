"""What is SQLite's own: types by the cell, damage, and files that are no database."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import DatabaseError, connect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.sources import open_source
from provider_node.sources.databases.sqlite import Sqlite
from provider_node.sources.databases.statements import quoted
from provider_node.sources.values import NO_TEXT
from tests.provider_node.sources.databases.reading import batches, read, refused, sqlite_config

Make = Callable[..., Path]


def test_each_cell_has_a_type_of_its_own(sqlite_file: Make) -> None:
    path = sqlite_file(
        "CREATE TABLE register (id)",
        "INSERT INTO register VALUES ('1'), (2), (3.5), (NULL), (x'34'), (CAST(x'ff35' AS text))",
        "INSERT INTO register VALUES (1.10105e17)",
    )
    texts = read(sqlite_config(path, table="register"))["id"]
    assert texts == ["1", "2", "3.5", "", NO_TEXT, NO_TEXT, "1.101050E+17"]


def test_a_digest_is_of_the_values_their_columns_and_their_order(sqlite_file: Make) -> None:
    made = set()
    for insert in (
        "INSERT INTO r VALUES ('1', '2'), ('3', '4')",
        "INSERT INTO r VALUES ('3', '4'), ('1', '2')",
        "INSERT INTO r VALUES ('1', '32'), ('', '4')",
        "INSERT INTO r VALUES ('1', NULL)",
    ):
        path = sqlite_file("CREATE TABLE r (a, b)", insert)
        source = open_source(sqlite_config(path, table="r"), {"a": "a", "b": "b"})
        for _ in range(2):
            parts: list[bytes] = []
            list(source.batches(parts.append))
            made.add(b"".join(parts))
    assert len(made) == 4


def test_cells_that_nobody_asked_for_can_be_of_any_length(sqlite_file: Make) -> None:
    path = sqlite_file(
        "CREATE TABLE register (id, photo)",
        "INSERT INTO register VALUES ('1', zeroblob(2097152)), ('2', NULL)",
    )
    assert read(sqlite_config(path, table="register")) == {"id": ["1", "2"]}
    error = refused(sqlite_config(path, table="register"), {"id": "photo"})
    assert "SQLITE_TOOBIG" in error.message


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO register VALUES ('2')",
        "CREATE TABLE other (id)",
        "CREATE TEMP TABLE other (id)",
        "ATTACH ':memory:' AS other",
        "PRAGMA query_only = OFF",
        "PRAGMA user_version",
        "VACUUM INTO 'copy.db'",
        "BEGIN IMMEDIATE",
        "SELECT load_extension('other')",
    ],
)
def test_the_connection_can_do_nothing_but_read(sqlite_file: Make, statement: str) -> None:
    database = Sqlite(sqlite_file("CREATE TABLE register (id)", "INSERT INTO register VALUES ('1')"))
    with closing(database.connect()) as connection:
        with pytest.raises(DatabaseError):
            connection.execute(statement)
        assert connection.execute("SELECT * FROM register").fetchall() == [("1",)]


def test_reading_leaves_the_file_as_it_is(sqlite_file: Make) -> None:
    path = sqlite_file("CREATE TABLE register (id)", "INSERT INTO register VALUES ('1')")
    before, mode = path.read_bytes(), path.stat().st_mtime_ns
    path.chmod(0o400)
    assert read(sqlite_config(path, table="register")) == {"id": ["1"]}
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, mode)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_rows_of_a_writer_at_work_are_those_committed(sqlite_file: Make) -> None:
    path = sqlite_file("CREATE TABLE register (id)", "PRAGMA user_version = 1")
    with closing(connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO register VALUES ('1')")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO register VALUES ('2')")
        assert read(sqlite_config(path, table="register")) == {"id": ["1"]}


@pytest.mark.parametrize("name", ["?", "#1", "100%", "登记 册"])
def test_a_file_may_have_any_name(sqlite_file: Make, name: str) -> None:
    path = sqlite_file("CREATE TABLE register (id)", "INSERT INTO register VALUES ('1')")
    named = path.rename(path.with_name(name))
    assert read(sqlite_config(named, table="register")) == {"id": ["1"]}


def test_a_missing_file_is_told_and_not_created(tmp_path: Path) -> None:
    error = refused(sqlite_config(tmp_path / "register.db", table="register"))
    assert error.field == "source.path"
    assert not list(tmp_path.iterdir())


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert refused(sqlite_config(tmp_path, table="register")).field == "source.path"


@pytest.mark.parametrize(
    "content", [b"id,name\n1,\xe5\xbc\xa0\n" * 100, b"SQLite format 3\0" + b"\xff" * 5_000]
)
def test_a_file_that_is_no_database_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "register.db"
    path.write_bytes(content)
    assert refused(sqlite_config(path, table="register")).field == "source.path"


def test_a_damaged_database_is_told_without_its_content(sqlite_file: Make) -> None:
    path = sqlite_file(
        "CREATE TABLE register (id)",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 2000)"
        " INSERT INTO register SELECT 'hidden' || n FROM t",
    )
    content = bytearray(path.read_bytes())
    content[8_192:12_288] = b"\xff" * 4_096
    path.write_bytes(content)
    error = refused(sqlite_config(path, table="register"))
    assert error.field == "source.table"
    assert "SQLITE_CORRUPT" in error.message
    assert "hidden" not in error.message


def test_a_truncated_database_is_told(sqlite_file: Make) -> None:
    path = sqlite_file("CREATE TABLE register (id)", "INSERT INTO register VALUES (hex(zeroblob(262144)))")
    path.write_bytes(path.read_bytes()[:100_000])
    assert "SQLITE_CORRUPT" in refused(sqlite_config(path, table="register")).message


def test_a_failure_among_the_rows_is_told_without_the_row(sqlite_file: Make) -> None:
    path = sqlite_file(
        "CREATE TABLE register (id)",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 2000)"
        " INSERT INTO register SELECT n FROM t",
        "INSERT INTO register VALUES ('hidden{')",
    )
    error = refused(sqlite_config(path, query="SELECT json(id) AS id FROM register"))
    assert error.field == "source.query"
    assert "a row cannot be delivered" in error.message
    assert "hidden" not in f"{error.message}{error.remedy}"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_quoted_name_stands_for_itself(name: str) -> None:
    with closing(connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE register ({quoted(name, '`')} text)")
        connection.execute("INSERT INTO register VALUES ('1')")
        cursor = connection.execute(f"SELECT {quoted(name, '`')} FROM register")  # noqa: S608 (under test)
        assert cursor.description[0][0] == name
        assert cursor.fetchall() == [("1",)]


def test_a_column_that_is_gone_is_not_taken_for_a_text(sqlite_file: Make) -> None:
    path = sqlite_file("CREATE TABLE register (id, name)", "INSERT INTO register VALUES ('1', '2')")
    with closing(Sqlite(path).connect()) as connection, pytest.raises(DatabaseError):
        connection.execute(f"SELECT {quoted('gone', Sqlite.quote)} FROM register")  # noqa: S608 (as above)
    assert len(batches(sqlite_config(path, table="register"))) == 1
