"""How each kind of database is opened, so that both keep the same promises."""

import sqlite3

from sqlalchemy import URL, Connection, Engine, create_engine, event

from comparator import texts
from comparator.texts import unusable

# The execution option of an engine whose transactions write.
WRITES = "stayput_writes"

_BUSY_TIMEOUT_MS = 10_000
# The log's indices are written all over: a batch touches some thousand pages, many of them again in the next
# batch. They stay in memory between batches, and go from the write-ahead log to the database once for many
# batches instead of once for each. Commits wait for the disk as ever.
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 16_384
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA cache_size = -{_CACHE_KIB}",
    f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}",
)

# What libpq is told unless the URL says otherwise. By itself it would go on in the clear with a server that
# has no TLS, and believe any certificate. It ignores sslmode on a Unix socket.
_LIBPQ = {"sslmode": "verify-full", "connect_timeout": "10"}
# One number in every process that writes to the database; it spells the project's name.
_WRITERS_LOCK = int.from_bytes(b"stayput")
# One message, so that a writing transaction costs one round trip more. READ COMMITTED, because there each
# statement sees what was committed before it: a snapshot taken when the wait for the lock began would miss
# what the writer before has done. A writer that falls silent (its host died) loses its turn.
_BEGIN_WRITING = f"""
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCAL synchronous_commit = on;
SET LOCAL lock_timeout = {_BUSY_TIMEOUT_MS};
SET LOCAL idle_in_transaction_session_timeout = 30000;
SELECT pg_advisory_xact_lock({_WRITERS_LOCK});
"""


def engine_of(url: URL) -> Engine:
    """The engine for a URL of `sqlite` or `postgresql+psycopg`; `CONFIGURATION_INVALID` without its driver.

    A transaction sees one state from beginning to end. One begun with the execution option `WRITES` is the
    only such one at its time, whichever process began it, and durable once committed.
    """
    if url.get_backend_name() == "sqlite":
        # Last in, first out: what one writer has in its cache serves the next one.
        engine = create_engine(url, hide_parameters=True, pool_use_lifo=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = create_engine(
            url.set(query={**_LIBPQ, **url.query}),
            hide_parameters=True,
            isolation_level="REPEATABLE READ",
            # After the server was restarted, a pooled connection is found dead before it is used.
            pool_pre_ping=True,
        )
    except ModuleNotFoundError:
        raise unusable(texts.DRIVER_MISSING, texts.DRIVER_MISSING_FIX) from None
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions by its own rules, and only before some statements.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once when another writer was faster; one
    # that takes the lock first waits for its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(_BEGIN_WRITING)


def _writes(connection: Connection) -> bool:
    return WRITES in connection.get_execution_options()
