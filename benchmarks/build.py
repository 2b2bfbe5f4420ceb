"""Time and memory of building an index.

`python -m benchmarks.build [--rows N] [--workers W …] [--source S …]` generates the vehicle register once and
builds it from each source with each number of workers, as the node builds it, in a process of its own.
Generating and loading is not measured. Memory is that of all processes of the build, each with its share of
what it shares with others (PSS), looked at five times a second. The PostgreSQL server runs on the same cores:
its processor time is told apart and is in no other figure, and its memory is in none. All builds have one key
and one salt, so that their indexes have to be the same, byte for byte.
"""

import argparse
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import processes, registers
from benchmarks.postgresql import DATABASE, USER, Server, running_server
from benchmarks.processes import Taken

NODE = '[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n'
SOURCES = ("gb18030", "utf-8", "parquet", "postgresql")
RESOURCE = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
source = SOURCE
fields.resident_id = { column = "身份证号", type = "resident_id" }
fields.name = { column = "所有人姓名", type = "person_name" }
fields.plate = { column = "号牌号码", type = "code", options = { case = "upper" } }
keys.resident_id.fields = ["resident_id"]
checks.name.fields = ["name"]
checks.plate.fields = ["plate"]
"""


@dataclass(frozen=True, slots=True)
class Register:
    """Where a node finds the register: `[source]` as an inline table, its bytes, and the server it is at."""

    name: str
    told: str
    size: int
    server: Server | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """`[build]`; no workers: one on each core."""

    workers: int = 0
    memory_mb: int = 768

    def __str__(self) -> str:
        return f"[build]\nworkers = {self.workers}\nmemory_mb = {self.memory_mb}\n"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What makes the indexes of one register alike: a node's index key and a resource's salt."""

    index_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a build took and made; `server_seconds` is processor time of a database server beside it."""

    taken: Taken
    index_bytes: int
    index_sha256: str
    server_seconds: float | None

    def told(self, rows: int, register: Register, workers: int) -> str:
        """One line for one build."""
        taken = self.taken
        line = (
            f"{register.name}: {rows:,} rows ({register.size / 1e6:,.0f} MB) with 1 key and 2 checks, "
            f"{'1 worker' if workers == 1 else f'{workers or os.cpu_count()} workers'}: "
            f"{taken.seconds:.1f} s ({taken.cpu_seconds:.1f} s CPU), {rows / taken.seconds:,.0f} rows/s, "
            f"peak {taken.peak_bytes / 1e6:,.0f} MB of the build's processes (PSS), "
            f"index {self.index_bytes / 1e6:,.0f} MB"
        )
        if self.server_seconds is None:
            return line
        return (
            f"{line}; besides, {self.server_seconds:.1f} s CPU of the database server on the same cores, "
            "whose memory is not in the peak"
        )


def measure(directory: Path, register: Register, limits: Limits, drawn: Secrets, resource: str) -> Figures:
    """Builds a resource file's resource from a register in a new directory, which is gone afterwards."""
    prepare(directory, register, limits, drawn, resource)
    server = register.server
    before = server.cpu_seconds() if server else 0.0
    taken = processes.run(
        [
            sys.executable,
            "-m",
            "provider_node.build_process",
            str(directory / "node.toml"),
            "vehicle-owners",
        ],
        directory / "progress",
    )
    server_seconds = server.cpu_seconds() - before if server else None
    (index,) = directory.glob("data/resources/*/generations/*/index.mdb")
    with index.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    figures = Figures(taken, index.stat().st_size, digest, server_seconds)
    shutil.rmtree(directory)
    return figures


def prepare(directory: Path, register: Register, limits: Limits, drawn: Secrets, resource: str) -> None:
    """Makes a node's directory."""
    (directory / "resources").mkdir(parents=True)
    (directory / "node.toml").write_text(f"{NODE}{limits}")
    (directory / "resources" / "vehicles.toml").write_text(resource.replace("SOURCE", register.told), "utf-8")
    salt = directory / "data" / "resources" / "vehicle-owners" / "salt"
    key = directory / "data" / "keys" / "index.key"
    for path, content in ((salt, drawn.salt), (key, drawn.index_key)):
        path.parent.mkdir(parents=True)
        path.touch(mode=0o600)
        path.write_text(content.hex())


@contextmanager
def written(directory: Path, rows: int, source: str) -> Iterator[Register]:
    """The register in that source; CSV is the one kind that is told by its encoding."""
    encoding = "utf-8" if source == "utf-8" else "gb18030"
    path = directory / f"{encoding}.csv"
    if not path.exists():
        registers.generate(path, rows, encoding)
    if source == "parquet":
        into = path.with_suffix(".parquet")
        size = registers.copy(path, encoding, source, into)
        yield Register(source, f'{{ kind = "parquet", path = "{into}" }}', size)
    elif source == "postgresql":
        with running_server() as server:
            size = registers.copy(path, encoding, source, server.directory)
            told = (
                f'{{ kind = "postgresql", host = "{server.directory}", database = "{DATABASE}", '
                f'user = "{USER}", table = "register" }}'
            )
            yield Register(source, told, size, server)
    else:
        told = f'{{ kind = "csv", path = "{path}", encoding = "{encoding}" }}'
        yield Register(f"csv, {encoding}", told, path.stat().st_size)


def main() -> None:
    """Measures builds and prints a line for each; fails if their indexes differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--source", choices=SOURCES, nargs="+", default=["gb18030"])
    parser.add_argument("--workers", type=int, nargs="+", default=[0], help="0: one on each core")
    parser.add_argument("--memory-mb", type=int, default=768)
    given = parser.parse_args()
    drawn, indexes = Secrets(), set()
    with TemporaryDirectory(prefix="stayput-bench-") as name:
        for source in given.source:
            with written(Path(name), given.rows, source) as register:
                for workers in given.workers:
                    limits = Limits(workers, given.memory_mb)
                    figures = measure(Path(name) / "node", register, limits, drawn, RESOURCE)
                    print(figures.told(given.rows, register, workers), flush=True)
                    indexes.add(figures.index_sha256)
    if len(indexes) > 1:
        raise SystemExit("error: the indexes differ, though rows, key and salt are the same")
    builds = len(given.source) * len(given.workers)
    if builds > 1:
        print(f"the indexes of all {builds} builds are the same, byte for byte")


if __name__ == "__main__":
    main()
