"""Building for oblivious mode: `python -m benchmarks.oblivious_build [--rows N]`.

A register with one key, each row another subject, is built; then it is built again with one subject in a
hundred replaced. Each build runs as the node runs it, in a process of its own. Generating the register is not
measured.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.build import NODE
from benchmarks.floor import show_floor
from provider_node.domain.keys import NodeKeys

RESOURCE = """\
code = "deaths"
title = "死亡登记"
category = "base"
sharing = "conditional"
update_frequency = "weekly"
modes = ["keyed", "oblivious"]
source = { kind = "csv", path = "../deaths.csv" }
fields.resident_id = { column = "身份证号", type = "resident_id" }
keys.resident_id.fields = ["resident_id"]
"""
CHANGED_EVERY = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """What a build took: wall and processor seconds, and the most memory it had at once, in bytes."""

    rows: int
    fingerprints: int
    evaluations_bytes: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows, {self.fingerprints:,} fingerprints: {self.seconds:.1f} s "
            f"({self.cpu_seconds:.1f} s CPU), {self.rows / self.seconds:,.0f} rows/s, "
            f"peak {self.peak_bytes / 1e6:,.0f} MB, evaluations {self.evaluations_bytes / 1e6:,.0f} MB"
        )


def prepare(directory: Path, rows: int) -> Path:
    """Makes a node's directory with a generated register; returns the register's path."""
    source = directory / "deaths.csv"
    generate(source, rows, seed=1)
    (directory / "node.toml").write_text(NODE)
    (directory / "resources").mkdir()
    (directory / "resources" / "deaths.toml").write_text(RESOURCE, "utf-8")
    NodeKeys(directory / "data").create()
    return source


def generate(path: Path, rows: int, seed: int) -> None:
    """Writes the examples' death register; another seed makes other people."""
    command = [sys.executable, "-m", "examples.generate", "deaths", str(path)]
    subprocess.run([*command, "--rows", str(rows), "--seed", str(seed)], check=True)


def replace(source: Path, every: int) -> None:
    """Replaces one row in so many by one of somebody else."""
    with source.open(encoding="utf-8", newline="") as file:
        lines = file.readlines()
    other = source.with_name("others.csv")
    places = range(every, len(lines), every)
    generate(other, len(places), seed=2)
    with other.open(encoding="utf-8", newline="") as file:
        lines[every::every] = file.readlines()[1:]
    with source.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def build(directory: Path, rows: int) -> Figures:
    """Builds once."""
    command = [sys.executable, "-m", "provider_node.build_process", str(directory / "node.toml"), "deaths"]
    began = perf_counter()
    with (directory / "progress").open("wb") as progress:
        process = subprocess.Popen(command, stdout=progress)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((directory / "progress").read_text())
    serving = directory / "data" / "resources" / "deaths" / "current"
    return Figures(
        rows=rows,
        fingerprints=(serving / "fingerprints" / "0").stat().st_size // 8,
        evaluations_bytes=(serving / "evaluations.mdb").stat().st_size,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
    )


def main() -> None:
    """Measures both builds and prints their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oblivious_build", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with TemporaryDirectory() as name:
        directory = Path(name)
        source = prepare(directory, rows)
        show_floor()
        print(f"first build: {build(directory, rows)}", flush=True)
        show_floor()
        replace(source, CHANGED_EVERY)
        print(f"again, one subject in {CHANGED_EVERY} replaced: {build(directory, rows)}")


if __name__ == "__main__":
    main()
