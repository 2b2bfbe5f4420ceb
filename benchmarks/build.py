"""Time and memory of building an index: `python -m benchmarks.build [--rows N] [--workers W] [--source S]`.

The build runs as the node runs it, in a process of its own. Generating the register is not measured. Memory
is that of all processes of the build, each with its share of what it shares with others (PSS), looked at
five times a second.
"""

import argparse
import resource
import secrets
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import psutil
from pyarrow import csv, parquet

NODE = '[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n'
INTERVAL_SECONDS = 0.2
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
class Figures:
    """What a build took: wall and processor seconds, and the most memory it had at once, in bytes."""

    rows: int
    workers: int
    source_bytes: int
    index_bytes: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows ({self.source_bytes / 1e6:,.0f} MB) with 1 key and 2 checks, "
            f"{self.workers} workers: "
            f"{self.seconds:.1f} s ({self.cpu_seconds:.1f} s CPU), {self.rows / self.seconds:,.0f} rows/s, "
            f"peak {self.peak_bytes / 1e6:,.0f} MB, index {self.index_bytes / 1e6:,.0f} MB"
        )


def measure(directory: Path, rows: int, source: str, workers: int, memory_mb: int) -> Figures:
    """Builds a generated register of that many rows in an empty directory."""
    register = directory / "vehicles.csv"
    generate(register, rows, "utf-8" if source == "utf-8" else "gb18030")
    told = f'{{ kind = "csv", path = "../vehicles.csv", encoding = "{source}" }}'
    if source == "parquet":
        register = as_parquet(register)
        told = '{ kind = "parquet", path = "../vehicles.parquet" }'
    limits = f"[build]\nworkers = {workers}\nmemory_mb = {memory_mb}\n"
    (directory / "node.toml").write_text(NODE + limits)
    (directory / "resources").mkdir()
    (directory / "resources" / "vehicles.toml").write_text(RESOURCE.replace("SOURCE", told), "utf-8")
    key = directory / "data" / "keys" / "index.key"
    key.parent.mkdir(parents=True)
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    began = perf_counter()
    cpu_seconds, peak_bytes = build(directory)
    seconds = perf_counter() - began
    (index,) = directory.glob("data/resources/*/generations/*/index.mdb")
    return Figures(
        rows=rows,
        workers=workers,
        source_bytes=register.stat().st_size,
        index_bytes=index.stat().st_size,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_bytes=peak_bytes,
    )


def build(directory: Path) -> tuple[float, int]:
    """Builds the resource; processor seconds and the most memory, of all processes."""
    command = [
        sys.executable,
        "-m",
        "provider_node.build_process",
        str(directory / "node.toml"),
        "vehicle-owners",
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (directory / "progress").open("wb") as progress:
        process = psutil.Popen(command, stdout=progress)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory([process, *process.children(recursive=True)]))
            sleep(INTERVAL_SECONDS)
    if process.returncode:
        raise RuntimeError((directory / "progress").read_text())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def memory(processes: Sequence[psutil.Process]) -> int:
    """Memory of processes, some of which may have ended."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def as_parquet(path: Path) -> Path:
    """Makes a Parquet file of a register."""
    read = csv.ReadOptions(encoding="gb18030")
    texts = csv.ConvertOptions(column_types={"身份证号": "string"})
    into = path.with_suffix(".parquet")
    parquet.write_table(csv.read_csv(path, read, convert_options=texts), into)
    path.unlink()
    return into


def generate(path: Path, rows: int, encoding: str) -> None:
    """Writes the examples' vehicle register, which is in GB18030, in that encoding."""
    subprocess.run(
        [sys.executable, "-m", "examples.generate", "vehicles", str(path), "--rows", str(rows)], check=True
    )
    if encoding != "gb18030":
        fresh = path.with_suffix(".new")
        with (
            path.open(encoding="gb18030", newline="") as old,
            fresh.open("w", encoding=encoding, newline="") as new,
        ):
            new.writelines(old)
        fresh.replace(path)


def main() -> None:
    """Measures one build and prints its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.build", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--source", choices=["gb18030", "utf-8", "parquet"], default="gb18030")
    parser.add_argument("--workers", type=int, default=0, help="0: one on each core")
    parser.add_argument("--memory-mb", type=int, default=768)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        print(measure(Path(name), given.rows, given.source, given.workers, given.memory_mb))


if __name__ == "__main__":
    main()
