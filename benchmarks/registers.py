"""The examples' vehicle register, generated, and in whatever a node can read it from."""

import subprocess
import sys
from pathlib import Path


def generate(path: Path, rows: int, encoding: str = "gb18030") -> None:
    """Writes the register as CSV in that encoding; the examples' is GB18030."""
    subprocess.run(
        [sys.executable, "-m", "examples.generate", "vehicles", str(path), "--rows", str(rows)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    if encoding != "gb18030":
        fresh = path.with_suffix(".new")
        with (
            path.open(encoding="gb18030", newline="") as old,
            fresh.open("w", encoding=encoding, newline="") as new,
        ):
            new.writelines(old)
        fresh.replace(path)


def copy(register: Path, encoding: str, kind: str, into: Path) -> int:
    """Copies a CSV, all columns as texts; bytes of the copy.

    `kind` is `parquet` or `sqlite`, into a new file, or `postgresql`, into the table `register` of the server
    whose socket is in that directory. It is done by a process of its own (`benchmarks.copying`).
    """
    command = [sys.executable, "-m", "benchmarks.copying", kind, encoding, str(register), str(into)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
