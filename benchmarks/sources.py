"""Reading a register from each kind of source: `python -m benchmarks.sources [--rows N]`.

Each reading is in a process of its own and does nothing with the rows. Memory is that process's most; the
database server's own is not in it.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory
from time import perf_counter

import psycopg
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from pydantic import TypeAdapter

from benchmarks.build import generate
from provider_node.config import SourceConfig
from provider_node.sources import open_source
from tests.comparator.postgresql import OWNER, running_server

COLUMNS = {"id": "身份证号", "name": "所有人姓名", "plate": "号牌号码"}
TABLE = f"CREATE TABLE register ({', '.join(f'{column} text' for column in COLUMNS.values())})"


def read(told: str) -> None:
    """Reads the source of that configuration, given as JSON; prints rows, seconds and bytes."""
    config: SourceConfig = TypeAdapter(SourceConfig).validate_python(json.loads(told), context=Path("/"))
    began = perf_counter()
    rows = sum(len(batch.lines) for batch in open_source(config, COLUMNS).batches())
    seconds = perf_counter() - began
    # Unlike what getrusage tells, this does not begin with the parent's memory.
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    peak = int(line.split()[1]) * 1024
    print(json.dumps([rows, seconds, peak]))


def measure(kind: str, **told: str) -> None:
    """Reads in a new process and prints the figures."""
    command = [sys.executable, "-m", "benchmarks.sources", "--read", json.dumps({"kind": kind, **told})]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows, seconds, peak = json.loads(done.stdout)
    print(
        f"{kind}: {rows:,} rows in {seconds:.2f} s, {rows / seconds:,.0f} rows/s, peak {peak / 1e6:,.0f} MB",
        flush=True,
    )


def as_parquet(register: Path, into: Path) -> None:
    texts = arrow_csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS.values(), "string"))
    parquet.write_table(arrow_csv.read_csv(register, convert_options=texts), into)


def as_sqlite(register: Path, into: Path) -> None:
    with (
        closing(connect(into)) as connection,
        connection,
        register.open(encoding="utf-8", newline="") as file,
    ):
        connection.execute(TABLE)
        connection.executemany("INSERT INTO register VALUES (?, ?, ?)", _rows(csv.DictReader(file)))


def in_postgresql(register: Path, host: str, database: str) -> None:
    with psycopg.connect(host=host, dbname=database, user=OWNER) as connection:
        connection.execute(TABLE.encode())
        with (
            register.open(encoding="utf-8", newline="") as file,
            connection.cursor().copy("COPY register FROM STDIN") as copy,
        ):
            for row in _rows(csv.DictReader(file)):
                copy.write_row(row)


def _rows(reader: "csv.DictReader[str]") -> Iterator[tuple[str, ...]]:
    return (tuple(row[column] for column in COLUMNS.values()) for row in reader)


def main() -> None:
    """Measures every kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    with TemporaryDirectory() as temporary, running_server() as server:
        register = Path(temporary) / "register.csv"
        generate(register, given.rows, "utf-8")
        measure("csv", path=str(register))
        as_parquet(register, register.with_suffix(".parquet"))
        measure("parquet", path=str(register.with_suffix(".parquet")))
        as_sqlite(register, register.with_suffix(".db"))
        measure("sqlite", path=str(register.with_suffix(".db")), table="register")
        host, database = str(server.directory), server.create().database or ""
        in_postgresql(register, host, database)
        measure("postgresql", host=host, database=database, user=OWNER, table="register")


if __name__ == "__main__":
    main()
