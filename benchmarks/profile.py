"""Profiling a register: `python -m benchmarks.profile [--rows N] [--runs R]`.

`provider-node profile` of the vehicle register from a GB18030 CSV: six fields, one key, two checks and one
condition. Told is the whole command, from starting Python on; the first line is of its `--rows 1`, which is
little else.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import processes
from benchmarks.build import Limits, Secrets, prepare, written
from benchmarks.conditions import VARIANTS

RESOURCE = VARIANTS["a number, a date and a text"]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with (
        TemporaryDirectory(prefix="stayput-bench-") as name,
        written(Path(name), given.rows, "gb18030") as register,
    ):
        directory = Path(name) / "node"
        prepare(directory, register, Limits(), Secrets(), RESOURCE)
        config = str(directory / "node.toml")
        command = [
            sys.executable,
            "-m",
            "provider_node",
            "profile",
            "vehicle-owners",
            "--json",
            "--config",
            config,
        ]
        started = processes.run([*command, "--rows", "1"], directory / "printed")
        print(f"starting, and one row: {started.seconds:.2f} s ({started.cpu_seconds:.2f} s CPU)", flush=True)
        print(f"{given.rows:,} rows ({register.size / 1e6:,.0f} MB), 6 fields, 1 key, 2 checks, 1 condition:")
        for _ in range(given.runs):
            taken = processes.run(command, directory / "printed")
            print(
                f"{taken.seconds:.2f} s ({taken.cpu_seconds:.2f} s CPU), "
                f"{given.rows / taken.seconds:,.0f} rows/s, peak {taken.peak_bytes / 1e6:,.0f} MB (PSS)",
                flush=True,
            )


if __name__ == "__main__":
    main()
