"""What conditions add to a build: `python -m benchmarks.conditions [--rows N] [--runs R] [--workers W]`.

The same register, with one key and two checks, is built without a condition, with a simple one (a number)
and with one of three tests (a number, a date, a text), in turn, so many times, each as the node builds it.
Told is the least of the runs, and what each condition adds for a million rows: reading its columns,
evaluating it and the entries that it makes are in that. Of far fewer than a million rows it is mostly noise.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.build import RESOURCE, Limits, Register, Secrets, measure, written
from benchmarks.processes import Taken

PRICE = 'fields.price = { column = "价格", type = "number", options = { scale = 2 } }\n'
MORE = """\
fields.registered = { column = "注册日期", type = "date" }
fields.kind = { column = "车辆类型", type = "text" }
"""
SIMPLE = "price >= 100000"
THREE = f"{SIMPLE} and registered < date '2020-01-01' or kind in ('轻型厢式货车', '小型轿车,新能源')"
VARIANTS = {
    "no condition": RESOURCE,
    "a number": f'{RESOURCE}{PRICE}checks.costly = {{ title = "车价", condition = "{SIMPLE}" }}\n',
    "a number, a date and a text": (
        f'{RESOURCE}{PRICE}{MORE}checks.costly = {{ title = "车价", condition = "{THREE}" }}\n'
    ),
}


def builds(directory: Path, register: Register, runs: int, limits: Limits) -> dict[str, list[Taken]]:
    """Builds each variant so many times, by turns: what else the machine does meets all of them."""
    found: dict[str, list[Taken]] = {name: [] for name in VARIANTS}
    for _ in range(runs):
        for name, resource in VARIANTS.items():
            taken = measure(directory, register, limits, Secrets(), resource).taken
            print(f"{name}: {taken.seconds:.2f} s ({taken.cpu_seconds:.2f} s CPU)", flush=True)
            found[name].append(taken)
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conditions", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="0: one on each core")
    given = parser.parse_args()
    with (
        TemporaryDirectory(prefix="stayput-bench-") as name,
        written(Path(name), given.rows, "gb18030") as register,
    ):
        found = builds(Path(name) / "node", register, given.runs, Limits(given.workers))
    first: tuple[float, float] | None = None
    for variant, taken in found.items():
        seconds, cpu = min(one.seconds for one in taken), min(one.cpu_seconds for one in taken)
        first = first or (seconds, cpu)
        added, cpu_added = (
            (now - then) / given.rows * 1e6 for now, then in zip((seconds, cpu), first, strict=True)
        )
        print(
            f"{variant}: {given.rows:,} rows in {seconds:.2f} s ({cpu:.2f} s CPU), least of {given.runs}; "
            f"for a million rows {added:+.2f} s ({cpu_added:+.2f} s CPU)"
        )


if __name__ == "__main__":
    main()
