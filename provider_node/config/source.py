"""`[source]`: where the rows of a register are, and how they are written there."""

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from provider_node.config.document import RelativePath, Table
from stayput.delimited import Dialect

_ENVIRONMENT = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_RELATION = re.compile(r"[^\W\d][\w$]{0,127}(?:\.[^\W\d][\w$]{0,127}){0,2}")


def _delimiter(value: str) -> str:
    try:
        Dialect(delimiter=value)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("delimiter: ")) from None
    return value


def _environment(value: str) -> str:
    if not _ENVIRONMENT.fullmatch(value):
        raise ValueError("must be the name of an environment variable: A-Z, 0-9 and '_'")
    return value


def _relation(value: str) -> str:
    if not _RELATION.fullmatch(value):
        raise ValueError("must be the name of a table or view, with its schema before a dot if need be")
    return value


Environment = Annotated[str, AfterValidator(_environment)]
Relation = Annotated[str, AfterValidator(_relation)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Query = Annotated[str, Field(min_length=1, max_length=20_000)]


class CsvSourceConfig(Table):
    """Kind `csv`: delimited text files, plain or compressed by gzip (`*.gz`).

    `path` may be a pattern (`exports/vehicles-*.csv`): all files that match, in the order of their names.
    Without `header` a field's column is its number from 1.
    """

    kind: Literal["csv"]
    path: RelativePath
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: Annotated[str, AfterValidator(_delimiter)] = ","
    header: bool = True

    @property
    def dialect(self) -> Dialect:
        """How the file is written."""
        return Dialect(self.encoding, self.delimiter, self.header)


class ParquetSourceConfig(Table):
    """Kind `parquet`: Parquet files; `path` may be a pattern."""

    kind: Literal["parquet"]
    path: RelativePath


class ExcelSourceConfig(Table):
    """Kind `excel`: workbooks (`.xlsx`, `.xls`, `.ods`); `path` may be a pattern.

    `sheet` is by default the first.
    """

    kind: Literal["excel"]
    path: RelativePath
    sheet: Name | None = None


class _Relational(Table):
    """What is read from a database: all of a table or view, or what one reading statement gives."""

    table: Relation | None = None
    query: Query | None = None

    @model_validator(mode="after")
    def _with_one_of_both(self) -> Self:
        if (self.table is None) is (self.query is None):
            raise ValueError("must have either `table` or `query`")
        return self


class SqliteSourceConfig(_Relational):
    """Kind `sqlite`: a database file, opened read-only."""

    kind: Literal["sqlite"]
    path: RelativePath


class DatabaseSourceConfig(_Relational):
    """A database server. The password is in a file or in an environment variable, never here.

    `tls_ca`: certificates by which the server is known; without it the connection is not encrypted unless the
    driver and the server agree on it by themselves.
    """

    kind: Literal["postgresql", "mysql", "oracle", "dameng", "kingbase"]
    host: Name
    port: int | None = Field(default=None, ge=1, le=65_535)
    database: Name
    user: Name
    password_file: RelativePath | None = None
    password_env: Environment | None = None
    tls_ca: RelativePath | None = None

    @model_validator(mode="after")
    def _with_one_password(self) -> Self:
        if self.password_file is not None and self.password_env is not None:
            raise ValueError("must have either `password_file` or `password_env`, not both")
        return self


SourceConfig: TypeAlias = Annotated[
    CsvSourceConfig | ParquetSourceConfig | ExcelSourceConfig | SqliteSourceConfig | DatabaseSourceConfig,
    Field(discriminator="kind"),
]
