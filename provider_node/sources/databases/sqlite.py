"""SQLite files, opened so that nothing but reading is left to do."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from provider_node.sources.databases.database import Database
from provider_node.sources.databases.faults import Fault
from provider_node.sources.values import NO_TEXT

_MOST_BYTES: Final = 1 << 20
_READING: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)


class Sqlite(Database):
    """An SQLite file. Cells of more than a mebibyte are not read at all."""

    faults: ClassVar[Mapping[str, Fault]] = {
        "SQLITE_AUTH": Fault.WRITING,
        "SQLITE_BUSY": Fault.STOPPED,
        "SQLITE_CANTOPEN": Fault.FILE,
        "SQLITE_CORRUPT": Fault.CONTENT,
        "SQLITE_IOERR": Fault.FILE,
        "SQLITE_NOTADB": Fault.FILE,
        "SQLITE_READONLY": Fault.WRITING,
        "SQLITE_TOOBIG": Fault.CONTENT,
    }
    unreachable: ClassVar[Fault] = Fault.FILE
    lost: ClassVar[Fault] = Fault.CONTENT
    # In double quotes, what is not there would be a text.
    quote: ClassVar[str] = "`"
    # Each may be as long as is allowed.
    rows_at_once: ClassVar[int] = 25

    def __init__(self, path: Path) -> None:
        self.failures = sqlite3.Error
        self._path = path

    def connect(self) -> sqlite3.Connection:
        """A read-only connection that may select and do nothing else."""
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
            connection.text_factory = _decoded
            connection.execute("PRAGMA query_only = ON")
            # The file is opened by the first statement only.
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            connection.set_authorizer(_authorised)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def code(self, error: Exception) -> str:
        """The name of the result code, as `SQLITE_NOTADB`."""
        return getattr(error, "sqlite_errorname", "")


def _authorised(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return NO_TEXT
