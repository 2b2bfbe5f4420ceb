"""`make bench`: every benchmark in turn, each in a process of its own, so that none has another's memory.

`python -m benchmarks --small` runs all of them at sizes that tell nothing but that they work. RESULTS.md has
the command of each figure; some are of larger sizes than here.
"""

import argparse
import subprocess
import sys

# What each is given: always, and to be small.
BENCHMARKS: dict[str, tuple[str, str]] = {
    "startup": ("", "--runs 1"),
    "sealing": ("", ""),
    "tickets": ("", ""),
    "oprf": ("", "--elements 1000"),
    "log": ("", "--entries 2000"),
    "sources": ("", "--rows 2000"),
    "build": ("--source gb18030 parquet postgresql --workers 1 2", "--rows 2000"),
    "conditions": ("", "--rows 2000 --runs 1"),
    "profile": ("", "--rows 2000 --runs 1"),
    "compare": ("", "--rows 2000 --lines 200 --runs 1"),
    "replicas": ("", "--rows 2000 --lines 200 --runs 1"),
    "oblivious_build": ("", "--rows 2000"),
    "oblivious": ("", "--rows 2000 --records 200 --runs 1 --peer none"),
}


def main() -> None:
    """Runs all; ends with 1 if one fails, after the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="sizes that only show that all work")
    small = parser.parse_args().small
    failed = []
    for name, (always, less) in BENCHMARKS.items():
        arguments = f"{always} {less}" if small else always
        print(f"\n== benchmarks.{name} {arguments.strip()}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments.split()], check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"error: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
