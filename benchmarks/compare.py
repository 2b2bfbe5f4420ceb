"""A list against a register, CSV to CSV, through real processes: TLS, sealing, journal and receipts on.

`python -m benchmarks.compare --rows 1000000 --lines 100000` builds a vehicle register of that many rows, then
compares a list of that many lines against it with the `stayput` command, both parties on this machine.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.deployment import ANY_PORT, EXAMPLES, Deployment
from stayput_client import Client

NODE, PROVIDER, CONSUMER, RESOURCE = "vehicles-1", "traffic-police", "civil-affairs", "vehicle-owners"
COMPARE = (
    "stayput", "compare", "list.csv", "--resource", RESOURCE, "--key", "resident_id", "--check", "name",
    "--check", "plate", "--column", "name=姓名", "--operator", "bench", "--force", "-o", "out.csv",
)  # fmt: skip


def generate(*arguments: str) -> None:
    """Writes a synthetic file."""
    subprocess.run(
        [sys.executable, "-m", "examples.generate", *arguments], check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def deployment(rows: int, lines: int) -> Iterator[Deployment]:
    """A comparator, a node that serves a register of so many rows, a consumer with a grant and a list."""
    with tempfile.TemporaryDirectory(prefix="stayput-bench-") as place, Deployment(Path(place)) as world:
        run, directory = world.run, world.directory
        generate("vehicles", str(directory / "vehicles.csv"), "--rows", str(rows))
        generate("applicants", str(directory / "list.csv"), "--rows", str(lines),
                 "--vehicles", str(rows), "--deaths", "1000")  # fmt: skip
        run("comparator", "comparator", "init", "--data", "comparator",
            "--listen", ANY_PORT, "--enrolment-listen", ANY_PORT)  # fmt: skip
        world.start("comparator", "comparator", "serve")
        for department in (PROVIDER, CONSUMER):
            run("comparator", "comparator", "invite", "department", department,
                "--title", department, "-o", f"{department}.invitation")  # fmt: skip
        run(
            "comparator",
            "comparator",
            "invite",
            "node",
            NODE,
            "--department",
            PROVIDER,
            "-o",
            "node.invitation",
        )
        run(NODE, "provider-node", "init", "--id", NODE, "--department", PROVIDER, "--dir", NODE,
            "--listen", ANY_PORT)  # fmt: skip
        world.place(NODE, EXAMPLES / "resources" / "vehicles.toml", directory / "vehicles.csv")
        run(NODE, "provider-node", "enrol", "node.invitation")
        run(CONSUMER, "stayput", "enrol", f"{CONSUMER}.invitation")
        yield world


def grant(world: Deployment) -> None:
    """Publishes, applies, approves with limits that do not get in the way."""
    world.run(NODE, "provider-node", "publish", RESOURCE)
    world.run(CONSUMER, "stayput", "apply", "--resource", RESOURCE, "--key", "resident_id", "--check", "name",
              "--check", "plate", "--purpose", "bench", "--legal-basis", "bench",
              "--matter", "bench", "--agreement", "bench")  # fmt: skip
    listed = json.loads(world.run(NODE, "provider-node", "applications", "--json"))
    world.run(NODE, "provider-node", "approve", listed["applications"][0]["id"],
              "--per-session", "100000000", "--per-day", "1000000000")  # fmt: skip


def timed(world: Deployment, party: str, *command: str) -> tuple[float, str]:
    """Seconds that a command took from the shell, and what it printed."""
    started = time.perf_counter()
    printed = world.run(party, *command)
    return time.perf_counter() - started, printed


async def one_by_one(world: Deployment, calls: int = 100) -> list[float]:
    """Seconds of each comparison of a single record by the SDK, sorted; each has its durable receipt."""
    record = {"resident_id": "11010519491231002X", "name": "张三", "plate": "京A12345"}
    seconds = []
    async with Client.open(world.directory / CONSUMER) as client:
        for _ in range(calls):
            started = time.perf_counter()
            await client.compare(
                [record], resource=RESOURCE, key="resident_id", checks=["name", "plate"], operator="bench"
            )
            seconds.append(time.perf_counter() - started)
    return sorted(seconds)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with deployment(given.rows, given.lines) as world:
        seconds, _ = timed(world, NODE, "provider-node", "build", RESOURCE)
        print(f"build: {given.rows:,} rows in {seconds:.2f} s from the shell")
        world.start(NODE, "provider-node", "serve")
        grant(world)
        runs = [timed(world, CONSUMER, *COMPARE) for _ in range(given.runs)]
        print(runs[-1][1])
        times = sorted(seconds for seconds, _ in runs)
        print(
            f"compare: {given.lines:,} lines against {given.rows:,} rows, CSV to CSV, from the shell: "
            f"best {times[0]:.2f} s, median {times[len(times) // 2]:.2f} s, worst {times[-1]:.2f} s "
            f"of {given.runs}"
        )
        single = asyncio.run(one_by_one(world))
        print(f"one record at a time, one after the other: median {single[len(single) // 2] * 1000:.1f} ms")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"largest process: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
