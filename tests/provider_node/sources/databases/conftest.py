"""A register in either kind of database that is at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from sqlite3 import connect

import psycopg
import pytest

from provider_node.config import DatabaseSourceConfig, SqliteSourceConfig
from tests.comparator.postgresql import OWNER, Server, running_server
from tests.provider_node.sources.databases.reading import postgresql_config, sqlite_config

Config = SqliteSourceConfig | DatabaseSourceConfig


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server for the whole run (of each worker)."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def database(server: Server) -> str:
    """The name of a database of it, whose owner reads it."""
    return server.create().database or ""


@pytest.fixture
def execute(server: Server, database: str) -> Callable[[str], list[tuple[object, ...]]]:
    """Runs statements in that database, as its owner; tables are to be called `register`."""

    def run(statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(
            host=str(server.directory), dbname=database, user=OWNER, autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    run("DROP TABLE IF EXISTS register CASCADE")
    return run


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Callable[..., Path]:
    """Makes a new SQLite file by statements."""
    numbers = count(1)

    def make(*statements: str) -> Path:
        path = tmp_path / f"register-{next(numbers)}.db"
        with closing(connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)
        return path

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def holding(request: pytest.FixtureRequest) -> Callable[..., Callable[..., Config]]:
    """Runs statements in an empty database; gives what configures sources there."""

    def sqlite(statements: Sequence[str]) -> Callable[..., Config]:
        path = request.getfixturevalue("sqlite_file")(*statements)
        return lambda **keys: sqlite_config(path, **keys)

    def postgresql(statements: Sequence[str]) -> Callable[..., Config]:
        execute = request.getfixturevalue("execute")
        for statement in statements:
            execute(statement)
        server, database = (request.getfixturevalue(name) for name in ("server", "database"))
        return lambda **keys: postgresql_config(server, database, **keys)

    # The fixtures are torn down with the test only if they are known before it runs.
    request.getfixturevalue({"sqlite": "sqlite_file", "postgresql": "execute"}[request.param])
    return lambda *statements: {"sqlite": sqlite, "postgresql": postgresql}[request.param](statements)
