"""KingbaseES, PostgreSQL's kin. Written from the driver's documentation, not tested against a server."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import ksycopg2

from provider_node.config import DatabaseSourceConfig
from provider_node.sources.databases.credentials import password_of
from provider_node.sources.databases.database import Connection, Cursor, Database
from provider_node.sources.databases.faults import Fault
from provider_node.sources.databases.sqlstate import FAULTS

_CONNECT_SECONDS: Final = 10


class Kingbase(Database):
    """A KingbaseES database, read through a cursor at the server in one snapshot."""

    faults: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(self, config: DatabaseSourceConfig) -> None:
        self.failures = ksycopg2.Error
        self._config = config

    def connect(self) -> Connection:
        """A connection in a read-only transaction."""
        config = self._config
        tls = {"sslmode": "verify-full", "sslrootcert": str(config.tls_ca)} if config.tls_ca else {}
        connection: Any = ksycopg2.connect(
            host=config.host,
            port=config.port or 54321,
            dbname=config.database,
            user=config.user,
            password=password_of(config),
            connect_timeout=_CONNECT_SECONDS,
            **tls,
        )
        connection.set_client_encoding("UTF8")
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return connection

    def execute(self, connection: Connection, statement: str) -> Cursor:
        """The rows, through a cursor at the server."""
        cursor: Any = connection.cursor("register")
        cursor.execute(statement)
        return cursor  # type: ignore[no-any-return]

    def code(self, error: Exception) -> str:
        """The SQLSTATE."""
        return str(getattr(error, "pgcode", None) or "")
