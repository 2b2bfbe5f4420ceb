"""Oblivious mode end to end, and other implementations beside it on the same sets.

`python -m benchmarks.oblivious --rows 1000000 --records 10000 100000` builds a register of that many subjects
with its fingerprints, fetches them once, then compares lists of so many records obliviously, both parties as
real processes on this machine: TLS, sealing, proofs, journal and receipts on. `--peer` leaves others out.
"""

import argparse
import asyncio
import csv
import json
import math
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.compare import generate
from benchmarks.floor import show_floor
from benchmarks.peers import PEERS, Figures, measured
from examples.deployment import ANY_PORT, Deployment
from stayput_client import Client, Mode

NODE, PROVIDER, CONSUMER, CODE, KEY = "deaths-1", "civil-registry", "civil-affairs", "deaths", "resident_id"
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
OPERATOR = ("--operator", "bench")


@contextmanager
def deployment(rows: int) -> Iterator[Deployment]:
    """A comparator, a node with a register of so many rows, and a consumer."""
    with tempfile.TemporaryDirectory(prefix="stayput-bench-") as place, Deployment(Path(place)) as world:
        run, directory = world.run, world.directory
        generate("deaths", str(directory / "deaths.csv"), "--rows", str(rows))
        run("comparator", "comparator", "init", "--data", "comparator",
            "--listen", ANY_PORT, "--enrolment-listen", ANY_PORT)  # fmt: skip
        world.start("comparator", "comparator", "serve")
        for department in (PROVIDER, CONSUMER):
            run("comparator", "comparator", "invite", "department", department,
                "--title", department, "-o", f"{department}.invitation")  # fmt: skip
        run("comparator", "comparator", "invite", "node", NODE,
            "--department", PROVIDER, "-o", "node.invitation")  # fmt: skip
        run(NODE, "provider-node", "init", "--id", NODE, "--department", PROVIDER, "--dir", NODE,
            "--listen", ANY_PORT)  # fmt: skip
        (directory / "deaths.toml").write_text(RESOURCE, "utf-8")
        world.place(NODE, directory / "deaths.toml", directory / "deaths.csv")
        run(NODE, "provider-node", "enrol", "node.invitation")
        run(CONSUMER, "stayput", "enrol", f"{CONSUMER}.invitation")
        yield world


def grant(world: Deployment) -> None:
    """Publishes, applies for the mode, approves with limits that do not get in the way."""
    world.run(NODE, "provider-node", "publish", CODE)
    world.run(CONSUMER, "stayput", "apply", "--resource", CODE, "--key", KEY, "--mode", "oblivious",
              "--purpose", "bench", "--legal-basis", "bench", "--matter", "bench",
              "--agreement", "bench")  # fmt: skip
    listed = json.loads(world.run(NODE, "provider-node", "applications", "--json"))
    world.run(NODE, "provider-node", "approve", listed["applications"][0]["id"],
              "--per-session", "100000000", "--per-day", "1000000000")  # fmt: skip


def subjects(world: Deployment) -> list[str]:
    """The ID numbers of the register."""
    with (world.directory / "deaths.csv").open(encoding="utf-8", newline="") as file:
        return [row["身份证号"] for row in csv.DictReader(file)]


def lists(world: Deployment, rows: int, most: int) -> list[str]:
    """So many ID numbers, every second of them in the register."""
    others = world.directory / "others.csv"
    generate("deaths", str(others), "--rows", str(max(rows, most)), "--seed", "7")
    with others.open(encoding="utf-8", newline="") as file:
        strangers = [row["身份证号"] for row in csv.DictReader(file)]
    known = subjects(world)
    return [(known if at % 2 else strangers)[at % min(len(known), len(strangers))] for at in range(most)]


async def compared(world: Deployment, listed: Sequence[str], count: int) -> float:
    """Seconds of one comparison by the SDK in this process."""
    records = [{KEY: one} for one in listed[:count]]
    async with Client.open(world.directory / CONSUMER) as client:
        began = time.perf_counter()
        await client.compare(records, resource=CODE, key=KEY, mode=Mode.OBLIVIOUS, operator="bench")
        return time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has taken so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def by_sdk(world: Deployment, listed: Sequence[str], count: int, runs: int) -> float:
    """Seconds of the best of some comparisons; prints what each took of the processors."""
    node, best = world.running[NODE].pid, math.inf
    for _ in range(runs):
        before, at_node = time.process_time(), cpu_seconds(node)
        seconds = asyncio.run(compared(world, listed, count))
        here, there = time.process_time() - before, cpu_seconds(node) - at_node
        print(f"{count:,} records: {seconds:.2f} s; CPU {here:.2f} s here, {there:.2f} s at the node")
        best = min(best, seconds)
    return best


def from_shell(world: Deployment, listed: Sequence[str], count: int) -> float:
    """Seconds of one comparison by the command, CSV to CSV."""
    (world.directory / "list.csv").write_text("\n".join([KEY, *listed[:count]]), "utf-8")
    began = time.perf_counter()
    world.run(CONSUMER, "stayput", "compare", "list.csv", "--resource", CODE, "--key", KEY,
              "--mode", "oblivious", *OPERATOR, "--force", "-o", "out.csv")  # fmt: skip
    return time.perf_counter() - began


def ours(world: Deployment, listed: Sequence[str], counts: Sequence[int], runs: int) -> list[Figures]:
    """Builds, serves, fetches and compares; the best of the runs."""
    began = time.perf_counter()
    world.run(NODE, "provider-node", "build", CODE)
    offline = time.perf_counter() - began
    world.start(NODE, "provider-node", "serve")
    grant(world)
    first = asyncio.run(compared(world, listed, 1))
    again = asyncio.run(compared(world, listed, 1))
    print(f"fetching the fingerprints: {first - again:.2f} s; one record after that: {again:.2f} s")
    show_floor()
    sdk = {count: by_sdk(world, listed, count, runs) for count in counts}
    shell = {count: min(from_shell(world, listed, count) for _ in range(runs)) for count in counts}
    show_floor()
    return [
        Figures("stayput, SDK (ristretto255, proofs)", offline, sdk),
        Figures("stayput, command, CSV to CSV", offline, shell),
    ]


def show(figures: Sequence[Figures], rows: int, counts: Sequence[int]) -> None:
    print(f"\n{'':48}{f'{rows:,} offline':>20}" + "".join(f"{f'{count:,} online':>18}" for count in counts))
    for one in figures:
        online = "".join(f"{one.online[count]:>16.2f} s" for count in counts)
        print(f"{one.name:48}{one.offline:>18.1f} s{online}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oblivious", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", choices=[*PEERS, "none"], nargs="+", default=[*PEERS])
    given = parser.parse_args()
    with deployment(given.rows) as world:
        listed = lists(world, given.rows, max(given.records))
        figures = ours(world, listed, given.records, given.runs)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        register, asked = world.directory / "register.txt", world.directory / "asked.txt"
        register.write_text("\n".join(subjects(world)))
        asked.write_text("\n".join(listed))
        for name in list(world.running):
            world.stop(name)
        for name in given.peer:
            if name in PEERS:
                found = measured(PEERS[name], register, asked, given.records)
                figures += [found] if found else []
    show(figures, given.rows, given.records)
    print(f"largest process: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
