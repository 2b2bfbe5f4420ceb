"""Reading a table or a query: looking at its columns, then fetching its rows piece by piece."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from provider_node.sources.batch import Batch
from provider_node.sources.databases.cells import texts_of
from provider_node.sources.databases.database import Cursor, Database
from provider_node.sources.databases.faults import Fault, told
from provider_node.sources.databases.statements import looking_at, quoted, selecting
from provider_node.sources.faults import places_of
from provider_node.sources.source import Digest

_BATCH_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Relation:
    """What is read: the text after FROM, and the key of `[source]` that says it."""

    sql: str
    read: str


class DatabaseSource:
    """One reading of a table or query. All it raises is `SOURCE_INVALID`, with nothing of what is in it.

    Rows have the numbers from 1 in the order in which the database delivers them, which need not be the same
    the next time.
    """

    def __init__(self, database: Database, relation: Relation, columns: Mapping[str, str]) -> None:
        """Looks at the columns. `columns` gives the column of each field wanted."""
        self._database = database
        self._relation = relation
        with self._reading(looking_at(relation.sql)) as cursor:
            # Some drivers know the columns only once they were asked for rows.
            self._fetched(cursor)
            described = [(str(one[0]), one[1]) for one in cursor.description or ()]
        names = [name for name, _ in described]
        places = places_of(columns, names, f"the {relation.read}")
        wanted = sorted(set(places.values()))
        chosen = [described[place] for place in wanted]
        expressions = [database.expression(quoted(name, database.quote), kind) for name, kind in chosen]
        self._exact = [database.exact(kind) for _, kind in chosen]
        self._statement = selecting(expressions, relation.sql)
        self._places = {field: wanted.index(place) for field, place in places.items()}

    @property
    def bytes_total(self) -> int:
        """Not known."""
        return 0

    @property
    def modified_at(self) -> None:
        """Not known."""
        return

    def batches(self, digest: Digest | None = None) -> Iterator[Batch]:
        """All rows, as they were at one moment as far as the database can tell.

        `digest` is given the values, column by column of each batch.
        """
        before = 0
        with self._reading(self._statement) as cursor:
            while columns := self._columns(cursor):
                if digest is not None:
                    for column in columns:
                        # Each value with its end, so that none can move into the next column.
                        digest("\0".join([*column, ""]).encode("utf-8", "surrogatepass"))
                yield self._batch(columns, before)
                before += len(columns[0])

    def _batch(self, columns: Sequence[list[str]], before: int) -> Batch:
        lines = list(range(before + 1, before + 1 + len(columns[0])))
        return Batch({field: columns[place] for field, place in self._places.items()}, lines, [], 0)

    def _columns(self, cursor: Cursor) -> list[list[str]]:
        """The next rows by column; nothing at the end."""
        columns: list[list[str]] = []
        while (not columns or len(columns[0]) < _BATCH_ROWS) and (rows := self._fetched(cursor)):
            texts = map(texts_of, zip(*rows, strict=True), self._exact)
            if columns:
                for column, more in zip(columns, texts, strict=True):
                    column.extend(more)
            else:
                columns = list(texts)
        return columns

    def _fetched(self, cursor: Cursor) -> Sequence[Sequence[object]]:
        with self._told(self._database.lost):
            return cursor.fetchmany(self._database.rows_at_once)

    @contextmanager
    def _reading(self, statement: str) -> Iterator[Cursor]:
        with self._told(self._database.unreachable):
            connection = self._database.connect()
        cursor = None
        try:
            with self._told(Fault.RELATION if self._relation.read == "table" else Fault.SYNTAX):
                cursor = self._database.execute(connection, statement)
            yield cursor
        finally:
            with suppress(self._database.failures):
                self._database.close(connection, cursor)

    @contextmanager
    def _told(self, otherwise: Fault) -> Iterator[None]:
        """Tells the driver's exceptions, and never in its own words: they may quote data."""
        try:
            yield
        except self._database.failures as error:
            code = self._database.code(error) or type(error).__name__
            raise told(self._database.fault(error, otherwise), self._relation.read, code) from None
        except (ValueError, OverflowError) as error:
            raise told(Fault.CONTENT, self._relation.read, type(error).__name__) from None
        except OSError as error:
            raise told(otherwise, self._relation.read, type(error).__name__) from None
