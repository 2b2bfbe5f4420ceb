"""Oracle, by the driver's thin mode. Written from the driver's documentation, not tested against a server."""

from collections.abc import Mapping
from decimal import Decimal
from ssl import create_default_context
from typing import Any, ClassVar, Final

import oracledb

from provider_node.config import DatabaseSourceConfig
from provider_node.sources.databases.credentials import password_of
from provider_node.sources.databases.database import Connection, Database
from provider_node.sources.databases.faults import Fault
from provider_node.sources.values import EXACT_SINGLE

_CONNECT_SECONDS: Final = 10


class Oracle(Database):
    """An Oracle database; `database` is its service name."""

    faults: ClassVar[Mapping[str, Fault]] = {
        "ORA-00904": Fault.RELATION,
        "ORA-00942": Fault.RELATION,
        "ORA-01017": Fault.REFUSED,
        "ORA-01031": Fault.RIGHTS,
        "ORA-01456": Fault.WRITING,
        "ORA-01555": Fault.STOPPED,
        "ORA-12514": Fault.DATABASE,
        "DPY-4011": Fault.LOST,
        "DPY-6001": Fault.DATABASE,
        "DPY-6005": Fault.UNREACHABLE,
    }

    def __init__(self, config: DatabaseSourceConfig) -> None:
        self.failures = oracledb.Error
        self._config = config

    def connect(self) -> Connection:
        """A connection in a read-only transaction."""
        config = self._config
        tls = (
            {"protocol": "tcps", "ssl_context": create_default_context(cafile=config.tls_ca)}
            if config.tls_ca
            else {}
        )
        connection: Any = oracledb.connect(
            user=config.user,
            password=password_of(config),
            host=config.host,
            port=config.port or 1521,
            service_name=config.database,
            tcp_connect_timeout=_CONNECT_SECONDS,
            **tls,
        )
        connection.outputtypehandler = _exact
        connection.cursor().execute("SET TRANSACTION READ ONLY")
        return connection

    def exact(self, kind: object) -> float:
        """Less for `BINARY_FLOAT`."""
        return EXACT_SINGLE if kind is oracledb.DB_TYPE_BINARY_FLOAT else super().exact(kind)

    def code(self, error: Exception) -> str:
        """The error's number, as `ORA-01017`."""
        return str(getattr(error.args[0], "full_code", "")) if error.args else ""


def _exact(cursor: Any, metadata: Any) -> Any:  # noqa: ANN401 (the driver has no types)
    """Numbers as decimals, which lose no digit, and long texts as texts."""
    if metadata.type_code is oracledb.DB_TYPE_NUMBER:
        return cursor.var(Decimal, arraysize=cursor.arraysize)
    if metadata.type_code in {oracledb.DB_TYPE_CLOB, oracledb.DB_TYPE_NCLOB}:
        return cursor.var(oracledb.DB_TYPE_LONG, arraysize=cursor.arraysize)
    return None
