"""PostgreSQL, and what speaks its protocol."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import psycopg

from provider_node.config import DatabaseSourceConfig
from provider_node.sources.databases.cells import MOST_CHARACTERS
from provider_node.sources.databases.credentials import password_of
from provider_node.sources.databases.database import Connection, Cursor, Database
from provider_node.sources.databases.faults import Fault
from provider_node.sources.databases.sqlstate import FAULTS
from provider_node.sources.values import EXACT_SINGLE

_CONNECT_SECONDS: Final = 10
# Numbers of types as in the server's catalogue.
_REAL: Final = 700
_AS_THEY_ARE: Final = frozenset({16, 20, 21, 23, _REAL, 701, 1700})
_BYTES: Final = 17
_DATE: Final = 1082
_MOMENTS: Final = frozenset({1114, 1184})
# The last one because all rows are wanted, not the first ones soon.
_SETTINGS: Final = """
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL TimeZone = 'Asia/Shanghai';
SET LOCAL cursor_tuple_fraction = 1
"""


class Postgresql(Database):
    """A PostgreSQL database, read through a cursor at the server in one snapshot."""

    faults: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(self, config: DatabaseSourceConfig) -> None:
        self.failures = psycopg.Error
        self._config = config

    def connect(self) -> Connection:
        """A connection in a read-only transaction."""
        config = self._config
        connection: Any = psycopg.connect(
            host=config.host,
            port=config.port,
            dbname=config.database,
            user=config.user,
            password=password_of(config),
            client_encoding="utf8",
            connect_timeout=_CONNECT_SECONDS,
            application_name="provider-node",
            sslmode="verify-full" if config.tls_ca else None,
            sslrootcert=str(config.tls_ca) if config.tls_ca else None,
        )
        try:
            connection.set_read_only(True)
            connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            connection.execute(_SETTINGS)
        except self.failures:
            connection.close()
            raise
        return connection

    def execute(self, connection: Connection, statement: str) -> Cursor:
        """The rows, through a cursor at the server."""
        cursor: Any = connection.cursor("register")
        try:
            cursor.execute(statement)
        except self.failures:
            cursor.close()
            raise
        return cursor  # type: ignore[no-any-return]

    def expression(self, column: str, kind: object) -> str:
        """Bounded text of whatever is no number: the server knows more dates and types than the driver."""
        if kind in _AS_THEY_ARE:
            return column
        if kind == _BYTES:
            return f"substring({column} FROM 1 FOR 1)"
        if kind == _DATE:
            return f"CAST({column} AS text)"
        if kind in _MOMENTS:
            moment = f"CAST({column} AS timestamp)"
            day = f"CAST({moment} AS date)"
            return f"CASE WHEN {moment} = {day} THEN CAST({day} AS text) ELSE CAST({moment} AS text) END"
        return f"left(CAST({column} AS text), {MOST_CHARACTERS + 1})"

    def exact(self, kind: object) -> float:
        """Less for `real`."""
        return EXACT_SINGLE if kind == _REAL else super().exact(kind)

    def close(self, connection: Connection, cursor: Cursor | None) -> None:
        """Ends the connection; the server drops the cursor with it."""
        connection.close()
        if cursor is not None:
            cursor.close()  # type: ignore[attr-defined]

    def code(self, error: Exception) -> str:
        """The SQLSTATE, which is not told when the connection fails."""
        return str(getattr(error, "sqlstate", None) or "")

    def fault(self, error: Exception, otherwise: Fault) -> Fault:
        """By its code; a connection that fails after it came to passwords was refused."""
        attempt = getattr(error, "pgconn", None)
        if not self.code(error) and attempt and (attempt.used_password or attempt.needs_password):
            return Fault.REFUSED
        return super().fault(error, otherwise)
