"""Transactions: `reading` and `writing` give the store's verbs; nothing else opens a session."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from comparator import texts
from comparator.store.access import Access
from comparator.store.catalogue import Catalogue
from comparator.store.log import Log
from comparator.store.parties import Parties
from comparator.texts import OperatorError
from stayput.v1.errors_pb2 import ErrorReason

_BUSY_TIMEOUT_MS = 10_000
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
# SQLite's name and PostgreSQL's SQLSTATE.
_FULL = {"SQLITE_FULL", "53100"}


@dataclass(frozen=True, slots=True)
class Store:
    """The store's verbs within one transaction."""

    parties: Parties
    catalogue: Catalogue
    access: Access
    log: Log


class Database:
    """The store at a URL. Thread-safe; a transaction belongs to one thread."""

    def __init__(self, url: URL) -> None:
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(stayput_writes=True)

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """A consistent view; what is written in it is not kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield _verbs(session)

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """A transaction: durable when the block ends, undone when it raises; or `STORAGE_FULL`."""
        with _full_told(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield _verbs(session)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A bare connection in a writing transaction, for migrations."""
        with _full_told(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def _verbs(session: Session) -> Store:
    return Store(Parties(session), Catalogue(session), Access(session), Log(session))


@contextmanager
def _full_told() -> Iterator[None]:
    """Turns the databases' own errors for a full disk into `STORAGE_FULL`."""
    try:
        yield
    except OperationalError as error:
        codes = {getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)}
        if codes & _FULL:
            raise OperatorError(
                ErrorReason.ERROR_REASON_STORAGE_FULL, texts.DATABASE_FULL, texts.DATABASE_FULL_FIX
            ) from None
        raise


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions by its own rules, and only before some statements.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once when another writer was faster; one
    # that takes the lock first waits for its turn.
    writes = connection.get_execution_options().get("stayput_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
