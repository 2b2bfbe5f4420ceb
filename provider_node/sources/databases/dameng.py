"""Dameng DM8. Written from the driver's documentation, not tested against a server."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import dmPython

from provider_node.config import DatabaseSourceConfig
from provider_node.sources.databases.credentials import password_of
from provider_node.sources.databases.database import Connection, Database
from provider_node.sources.databases.faults import Fault

_CODE: Final = re.compile(r"CODE:(-\d+)", re.ASCII)


class Dameng(Database):
    """A Dameng server, which is one database: `database` is not used to find it."""

    faults: ClassVar[Mapping[str, Fault]] = {
        "-2106": Fault.RELATION,
        "-2501": Fault.REFUSED,
        "-5504": Fault.RIGHTS,
        "-70028": Fault.UNREACHABLE,
    }

    def __init__(self, config: DatabaseSourceConfig) -> None:
        self.failures = dmPython.Error
        self._config = config

    def connect(self) -> Connection:
        """A connection in a read-only transaction."""
        connection: Any = dmPython.connect(
            user=self._config.user,
            password=password_of(self._config) or "",
            server=self._config.host,
            port=self._config.port or 5236,
            autoCommit=False,
        )
        connection.cursor().execute("SET TRANSACTION READ ONLY")
        return connection

    def code(self, error: Exception) -> str:
        """The error's number, which the driver's text begins with."""
        found = _CODE.search(str(error))
        return found[1] if found else ""
