"""What the reader needs of a kind of database, as far as drivers differ."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

from provider_node.sources.databases.faults import Fault
from provider_node.sources.values import EXACT

Connection: TypeAlias = Any
"""A driver's connection: what there is in common is in `Database`."""


class Cursor(Protocol):
    """The rows of a statement, fetched as they are asked for; as in PEP 249."""

    @property
    def description(self) -> Sequence[Any] | None:
        """Name, type and more of each column."""

    def fetchmany(self, size: int, /) -> Sequence[Any]:
        """The next rows, none at the end."""


class Database(ABC):
    """One database, not connected to yet.

    `failures` is the base of the driver's exceptions. `faults` tells what is wrong by the beginning of their
    codes, of which the longest counts; else it is `unreachable` when connecting, and `lost` among the rows.
    `rows_at_once` are fetched together; it divides the size of a batch.
    """

    faults: ClassVar[Mapping[str, Fault]]
    unreachable: ClassVar[Fault] = Fault.UNREACHABLE
    lost: ClassVar[Fault] = Fault.LOST
    quote: ClassVar[str] = '"'
    rows_at_once: ClassVar[int] = 2_000
    failures: type[Exception]

    @abstractmethod
    def connect(self) -> Connection:
        """A connection in a transaction that can only read. Raises `failures`, or `SOURCE_INVALID`."""

    @abstractmethod
    def code(self, error: Exception) -> str:
        """The database's code of what went wrong; empty if there is none."""

    def execute(self, connection: Connection, statement: str) -> Cursor:
        """The rows of a statement; they stay where they are until they are fetched."""
        cursor: Any = connection.cursor()
        cursor.execute(statement)
        return cursor  # type: ignore[no-any-return]

    def expression(self, column: str, kind: object) -> str:  # noqa: ARG002 (for kinds that have to convert)
        """How a column, quoted already, is selected. `kind` is the driver's word for its type."""
        return column

    def exact(self, kind: object) -> float:  # noqa: ARG002 (for kinds of less than 64 bits)
        """From where on floating point of that type has lost digits."""
        return EXACT

    def close(self, connection: Connection, cursor: Cursor | None) -> None:  # noqa: ARG002 (as above)
        """Ends the connection, with whatever is under way."""
        connection.close()

    def fault(self, error: Exception, otherwise: Fault) -> Fault:
        """What an exception of the driver's means."""
        code = self.code(error)
        known = [beginning for beginning in self.faults if code.startswith(beginning)]
        return self.faults[max(known, key=len)] if known else otherwise
