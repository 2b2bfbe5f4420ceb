"""What is PostgreSQL's own: settings, passwords, encryption, and how its refusals are told."""

import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import OperationalError

from comparator.store import schema
from comparator.store.database import Database
from stayput.errors import StayputError
from stayput.identity import department
from tests.comparator.postgresql import GUARDED, PASSWORD, Server

_NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
# The message by which a client asks for TLS: its length, and a number in the place of a version.
_SSL_REQUEST = struct.pack("!II", 8, 80_877_103)


@pytest.fixture
def database(new_postgresql: Callable[[], URL]) -> Iterator[Database]:
    with closing(Database(new_postgresql())) as database:
        schema.upgrade(database)
        yield database


def _refused(url: URL) -> StayputError:
    with closing(Database(url)) as database, pytest.raises(StayputError) as caught:
        schema.current(database)
    assert caught.value.reason_name == "CONFIGURATION_INVALID"
    assert caught.value.message.startswith("database: ")
    return caught.value


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("transaction_isolation", "read committed"),
        ("synchronous_commit", "on"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ],
)
def test_a_writing_transaction_is_durable_and_bounded(database: Database, setting: str, value: str) -> None:
    with database.connected() as connection:
        assert connection.scalar(text(f"SHOW {setting}")) == value


def test_the_password_may_come_from_the_environment(
    guarded_postgresql: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with closing(Database(guarded_postgresql)) as database:
        assert schema.upgrade(database) == schema.head()


@pytest.mark.parametrize("where", ["environment", "url"])
def test_the_password_may_come_from_a_file(
    guarded_postgresql: URL, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pgpass"
    file.touch(0o600)
    file.write_text(f"*:*:*:{GUARDED}:{PASSWORD.replace(':', chr(92) + ':')}\n")
    if where == "environment":
        monkeypatch.setenv("PGPASSFILE", str(file))
    else:
        guarded_postgresql = guarded_postgresql.update_query_dict({"passfile": str(file)})
    with closing(Database(guarded_postgresql)) as database:
        assert schema.upgrade(database) == schema.head()


def test_a_wrong_password_is_not_told(guarded_postgresql: URL) -> None:
    error = _refused(guarded_postgresql.set(password="secret"))
    assert "PGPASSFILE" in error.remedy
    assert "secret" not in f"{error}{error.remedy}{error.__cause__!r}"
    assert error.__suppress_context__


def test_a_password_that_is_not_well_quoted_is_not_told() -> None:
    """What follows its @ is taken for the host, which the driver names when it does not find it."""
    url = make_url("postgresql+psycopg://comparator:p@secret.invalid@localhost:1/store")
    error = _refused(url)
    assert "secret" not in f"{error}{error.remedy}"
    assert error.__suppress_context__


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    error = _refused(make_url(f"postgresql+psycopg://comparator@/store?host={tmp_path}"))
    assert "server runs" in error.remedy


def test_an_option_that_libpq_does_not_know(new_postgresql: Callable[[], URL]) -> None:
    _refused(new_postgresql().update_query_dict({"sslmod": "disable"}))


def test_nothing_is_sent_to_a_server_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        received: list[bytes] = []

        def refuse_tls() -> None:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(8))
                connection.sendall(b"N")
                received.append(connection.recv(1_024))

        server = threading.Thread(target=refuse_tls)
        server.start()
        port = listener.getsockname()[1]
        _refused(make_url(f"postgresql+psycopg://comparator:secret@127.0.0.1:{port}/store"))
        server.join()
    assert received == [_SSL_REQUEST, b""]


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StayputError) as caught:
        Database(make_url("postgresql+psycopg://comparator@localhost/store"))
    assert "stayput[comparator,postgresql]" in caught.value.remedy


def test_a_role_without_rights(postgresql: Server, new_postgresql: Callable[[], URL]) -> None:
    url = new_postgresql().set(username=GUARDED, password=PASSWORD)
    with closing(Database(url)) as database, pytest.raises(StayputError) as caught:
        schema.upgrade(database)
    assert caught.value.reason_name == "CONFIGURATION_INVALID"
    assert "owner" in caught.value.remedy


def test_a_database_of_another_encoding(postgresql: Server) -> None:
    url = postgresql.create(encoding="LATIN1")
    with closing(Database(url)) as database, pytest.raises(StayputError, match="not UTF8"):
        schema.upgrade(database)
    postgresql.drop(url)


def test_a_full_store_says_so(database: Database) -> None:
    """The server itself raises the error that it has for a full disk, for want of a disk to fill."""
    with database.connected() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$"
            )
        )
        connection.execute(text("CREATE TRIGGER filled BEFORE INSERT ON parties EXECUTE FUNCTION fill()"))
    with pytest.raises(StayputError) as caught, database.writing() as store:
        store.parties.add(department("aa"), department("aa"), "", _NOW)
    assert caught.value.reason_name == "STORAGE_FULL"


def _end_connections(postgresql: Server, database: Database) -> None:
    """As a restart of the server does."""
    end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    postgresql.execute(end.format(database.engine.url.database or ""))


def test_a_server_that_was_restarted_is_found_again(postgresql: Server, database: Database) -> None:
    with database.reading() as store:
        assert not store.parties.all()
    _end_connections(postgresql, database)
    with database.writing() as store:
        store.parties.add(department("aa"), department("aa"), "", _NOW)


def test_a_connection_that_breaks_keeps_nothing(postgresql: Server, database: Database) -> None:
    def write() -> None:
        with database.writing() as store:
            store.parties.add(department("aa"), department("aa"), "", _NOW)
            _end_connections(postgresql, database)

    with pytest.raises(OperationalError):
        write()
    with database.reading() as store:
        assert not store.parties.all()
