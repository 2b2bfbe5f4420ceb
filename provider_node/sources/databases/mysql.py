"""MySQL and MariaDB."""

from collections.abc import Mapping
from ssl import create_default_context
from typing import Any, ClassVar, Final

import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.cursors import SSCursor

from provider_node.config import DatabaseSourceConfig
from provider_node.sources.databases.cells import MOST_CHARACTERS
from provider_node.sources.databases.credentials import password_of
from provider_node.sources.databases.database import Connection, Cursor, Database
from provider_node.sources.databases.faults import Fault

_CONNECT_SECONDS: Final = 10
_EXACT_FLOAT: Final = 1e6
_UNBOUNDED: Final = frozenset(
    {
        FIELD_TYPE.BLOB,
        FIELD_TYPE.JSON,
        FIELD_TYPE.LONG_BLOB,
        FIELD_TYPE.MEDIUM_BLOB,
        FIELD_TYPE.STRING,
        FIELD_TYPE.TINY_BLOB,
        FIELD_TYPE.VAR_STRING,
    }
)
_STATEMENTS: Final = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


class Mysql(Database):
    """A MySQL or MariaDB database, row by row as the server sends them, in one snapshot of InnoDB's."""

    faults: ClassVar[Mapping[str, Fault]] = {
        "1044": Fault.DATABASE,
        "1045": Fault.REFUSED,
        "1049": Fault.DATABASE,
        "1054": Fault.RELATION,
        "1064": Fault.SYNTAX,
        "1130": Fault.REFUSED,
        "1142": Fault.RIGHTS,
        "1143": Fault.RIGHTS,
        "1146": Fault.RELATION,
        "1290": Fault.WRITING,
        "1317": Fault.STOPPED,
        "1698": Fault.REFUSED,
        "1792": Fault.WRITING,
        "1969": Fault.STOPPED,
        "2003": Fault.UNREACHABLE,
        "2006": Fault.LOST,
        "2013": Fault.LOST,
        "3024": Fault.STOPPED,
    }
    quote: ClassVar[str] = "`"

    def __init__(self, config: DatabaseSourceConfig) -> None:
        self.failures = pymysql.MySQLError
        self._config = config

    def connect(self) -> Connection:
        """A connection in a read-only transaction."""
        config = self._config
        connection: Any = pymysql.connect(
            host=config.host,
            port=config.port or 3306,
            database=config.database,
            user=config.user,
            password=password_of(config) or "",
            charset="utf8mb4",
            connect_timeout=_CONNECT_SECONDS,
            cursorclass=SSCursor,
            ssl=create_default_context(cafile=config.tls_ca) if config.tls_ca else None,
        )
        try:
            for statement in _STATEMENTS:
                connection.query(statement)
        except self.failures:
            connection.close()
            raise
        return connection

    def expression(self, column: str, kind: object) -> str:
        """Bounded, if its type is not."""
        return f"LEFT({column}, {MOST_CHARACTERS + 1})" if kind in _UNBOUNDED else column

    def exact(self, kind: object) -> float:
        """Less for `FLOAT`, of which the server tells six digits."""
        return _EXACT_FLOAT if kind == FIELD_TYPE.FLOAT else super().exact(kind)

    def close(self, connection: Connection, cursor: Cursor | None) -> None:
        """Ends the connection without reading what is left, as the cursor would."""
        if cursor is not None and (result := cursor._result):  # type: ignore[attr-defined]  # noqa: SLF001
            result.unbuffered_active = False
        connection.close()

    def code(self, error: Exception) -> str:
        """The error's number."""
        number = error.args[0] if error.args else None
        return str(number) if isinstance(number, int) and number else ""
