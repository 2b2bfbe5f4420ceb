"""Copies a CSV: `python -m benchmarks.copying KIND ENCODING CSV INTO`, which prints the bytes of the copy.

A process of its own, because it needs libraries that builds are measured with (see `benchmarks.processes`).
"""

import csv
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from benchmarks.postgresql import DATABASE, USER

BLOCK_BYTES = 1 << 20
_SERVER_NAMES = {"gb18030": "GB18030", "utf-8": "UTF8"}
_ROWS_AT_ONCE = 10_000


def as_parquet(register: Path, encoding: str, into: Path) -> int:
    """In row groups as large as they are by default, about a million rows: smaller ones take less to read."""
    texts = arrow_csv.ConvertOptions(column_types=dict.fromkeys(_header(register, encoding), "string"))
    read = arrow_csv.ReadOptions(encoding=encoding)
    parquet.write_table(arrow_csv.read_csv(register, read, convert_options=texts), into)
    return into.stat().st_size


def as_sqlite(register: Path, encoding: str, into: Path) -> int:
    header = _header(register, encoding)
    columns = ", ".join(f'"{name}" text' for name in header)
    places = ", ".join("?" for _ in header)
    with (
        closing(sqlite3.connect(into)) as connection,
        connection,
        register.open(encoding=encoding, newline="") as file,
    ):
        rows = csv.reader(file)
        next(rows)
        connection.execute(f"CREATE TABLE register ({columns})")
        connection.executemany(f"INSERT INTO register VALUES ({places})", rows)  # noqa: S608 (places only)
    return into.stat().st_size


def in_postgresql(register: Path, encoding: str, directory: Path) -> int:
    """Leaves the table as one that has been there for long: nothing of it is still to be written."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} text").format(sql.Identifier(name)) for name in _header(register, encoding)
    )
    copy = sql.SQL("COPY register FROM STDIN (FORMAT csv, HEADER, ENCODING {})")
    with psycopg.connect(host=str(directory), dbname=DATABASE, user=USER, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE TABLE register ({})").format(columns))
        with (
            register.open("rb") as file,
            connection.cursor().copy(copy.format(_SERVER_NAMES[encoding])) as into,
        ):
            while block := file.read(BLOCK_BYTES):
                into.write(block)
        connection.execute("VACUUM (FREEZE, ANALYZE) register")
        connection.execute("CHECKPOINT")
        found = connection.execute("SELECT pg_total_relation_size('register')").fetchone()
    return int(found[0]) if found else 0


def _header(register: Path, encoding: str) -> list[str]:
    with register.open(encoding=encoding, newline="") as file:
        return next(csv.reader(file))


def main() -> None:
    kind, encoding, register, into = sys.argv[1:]
    copy = {"parquet": as_parquet, "sqlite": as_sqlite, "postgresql": in_postgresql}[kind]
    print(copy(Path(register), encoding, Path(into)))


if __name__ == "__main__":
    main()
