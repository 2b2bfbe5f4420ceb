"""Time and memory of building an index: `python -m benchmarks.build [--rows N] [--encoding E]`.

The build runs as the node runs it, in a process of its own. Generating the register is not measured.
"""

import argparse
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

NODE = '[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n'
RESOURCE = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
source = { kind = "csv", path = "../vehicles.csv", encoding = "ENCODING" }
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
    source_bytes: int
    index_bytes: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows ({self.source_bytes / 1e6:,.0f} MB) with 1 key and 2 checks: "
            f"{self.seconds:.1f} s ({self.cpu_seconds:.1f} s CPU), {self.rows / self.seconds:,.0f} rows/s, "
            f"peak {self.peak_bytes / 1e6:,.0f} MB, index {self.index_bytes / 1e6:,.0f} MB"
        )


def measure(directory: Path, rows: int, encoding: str) -> Figures:
    """Builds a generated register of that many rows in an empty directory."""
    source = directory / "vehicles.csv"
    generate(source, rows, encoding)
    (directory / "node.toml").write_text(NODE)
    (directory / "resources").mkdir()
    (directory / "resources" / "vehicles.toml").write_text(RESOURCE.replace("ENCODING", encoding), "utf-8")
    key = directory / "data" / "keys" / "index.key"
    key.parent.mkdir(parents=True)
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
    began = perf_counter()
    command = [
        sys.executable,
        "-m",
        "provider_node.build_process",
        str(directory / "node.toml"),
        "vehicle-owners",
    ]
    with (directory / "progress").open("wb") as progress:
        process = subprocess.Popen(command, stdout=progress)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((directory / "progress").read_text())
    (index,) = directory.glob("data/resources/*/generations/*/index.mdb")
    return Figures(
        rows=rows,
        source_bytes=source.stat().st_size,
        index_bytes=index.stat().st_size,
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * 1024,
    )


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
    parser.add_argument("--encoding", choices=["gb18030", "utf-8"], default="gb18030")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        print(measure(Path(name), given.rows, given.encoding))


if __name__ == "__main__":
    main()
