"""Many rows into one table by one statement."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter

from sqlalchemy import Executable, LargeBinary, Table, bindparam, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from comparator.store.models import Base


def insert_rows(session: Session, kind: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Stores rows of that kind, each of which has a value for every column."""
    table = Base.metadata.tables[kind.__tablename__]
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        # One array for each column: the server takes a third of the time that it takes for row by row.
        columns = {column.name: [row[column.name] for row in rows] for column in table.columns}
        connection.execute(_unnested(table), columns)
    else:
        statement, values = _by_position(table)
        connection.exec_driver_sql(statement, [values(row) for row in rows])


@cache
def _by_position(table: Table) -> tuple[str, Callable[[Mapping[str, object]], tuple[object, ...]]]:
    """The statement as SQLite's driver takes it, and what makes its parameters of a row.

    That is done here for few types only: SQLAlchemy asks of each value how to send it.
    """
    dialect = sqlite.dialect()
    names = [column.name for column in table.columns]
    of_row = itemgetter(*names)
    converted = {
        place: converter
        for place, column in enumerate(table.columns)
        if not isinstance(column.type, LargeBinary)
        and (converter := column.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }

    def values(row: Mapping[str, object]) -> tuple[object, ...]:
        found = list(of_row(row))
        for place, converter in converted.items():
            found[place] = converter(found[place])
        return tuple(found)

    return str(insert(table).compile(dialect=dialect)), values


@cache
def _unnested(table: Table) -> Executable:
    """Inserts what comes as one array for each column."""
    names = [column.name for column in table.columns]
    arrays = (bindparam(column.name, type_=ARRAY(column.type)) for column in table.columns)
    source = func.unnest(*arrays).table_valued(*names).render_derived()
    return insert(table).from_select(names, select(*(source.c[name] for name in names)))
