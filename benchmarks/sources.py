"""Reading a register from each kind of source: `python -m benchmarks.sources [--rows N]`.

Each reading is in a process of its own and does nothing with the rows. Memory is that process's most; the
database server's own is not in it.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from pydantic import TypeAdapter

from benchmarks.postgresql import DATABASE, USER, running_server
from benchmarks.registers import copy, generate
from provider_node.config import SourceConfig
from provider_node.sources import open_source

COLUMNS = {"id": "身份证号", "name": "所有人姓名", "plate": "号牌号码"}


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


def main() -> None:
    """Measures every kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    with TemporaryDirectory(prefix="stayput-bench-") as temporary, running_server() as server:
        register = Path(temporary) / "register.csv"
        generate(register, given.rows, "utf-8")
        measure("csv", path=str(register))
        files = {kind: register.with_suffix(f".{kind}") for kind in ("parquet", "sqlite")}
        for kind, path in files.items():
            copy(register, "utf-8", kind, path)
        measure("parquet", path=str(files["parquet"]))
        measure("sqlite", path=str(files["sqlite"]), table="register")
        copy(register, "utf-8", "postgresql", server.directory)
        where = {"host": str(server.directory), "database": DATABASE, "user": USER}
        before = server.cpu_seconds()
        measure("postgresql", **where, table="register")
        print(f"besides, {server.cpu_seconds() - before:.2f} s CPU of the database server on the same cores")


if __name__ == "__main__":
    main()
