"""The comparison log: appending, proving, searching, on SQLite or on the PostgreSQL that the tests start.

`python -m benchmarks.log --entries 1000000 [--store postgresql]` fills a log in durable batches and prints
their rate while it grows, then how long proofs take at that size, and then, of a `comparator` process that is
called by gRPC over mutual TLS, how many receipts it takes in batches and one by one, and how long searches
take. The PostgreSQL flushes to disk and never analyses its tables by itself; searches are measured before and
after `ANALYZE`.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from psycopg import sql
from sqlalchemy import text

from benchmarks.log_entries import BEGAN, DEPARTMENTS, GRANTS, KINDS, RECORDS, case_number, events, receipts
from benchmarks.log_service import Nodes, platform, search_times, serving
from comparator.config import Config, load
from comparator.store import schema
from comparator.store.database import Database
from stayput.v1.log_pb2 import EntryKind, Receipt, SearchLogRequest
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.platform import installed, use_database
from tests.comparator.postgresql import running_server

BATCH = 500
EVENTS = 10
"""To each batch."""
WINDOWS = 10
PROOFS = 200
VALUES = 20
NODES = 64
SINGLE_CALLS = 150
BATCH_CALLS = 6
# A bench's server: what the tests switch off for speed is on, and statistics are made when it is said.
_SETTINGS = {"fsync": "on", "autovacuum": "off"}


@contextmanager
def installation(store: str) -> Iterator[Config]:
    """A new comparator with an empty log."""
    with tempfile.TemporaryDirectory(prefix="stayput-bench-") as place:
        config = installed(Path(place))
        if store == "sqlite":
            yield config
            return
        with running_server() as server:
            for name, value in _SETTINGS.items():
                server.execute(
                    sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
                )
            server.execute(sql.SQL("SELECT pg_reload_conf()").format())
            path = Path(place) / "comparator.toml"
            use_database(path, server.create())
            config = load(path)
            with closing(Database(config.database_url)) as database:
                schema.upgrade(database)
            yield config


def fill(into: Database, entries: int) -> None:
    """Appends so many receipts and some events; each batch is durable before the next. Prints the rates."""
    window = max(BATCH, entries // WINDOWS // BATCH * BATCH)
    batch: list[tuple[Receipt, Envelope]] = []
    spent, busy, timed, first = 0.0, 0.0, 0, 0
    for number, one in enumerate(receipts(entries), start=1):
        batch.append(one)
        if len(batch) == BATCH or number == entries:
            started, processor = time.perf_counter(), time.process_time()
            with into.writing() as store:
                store.log.append(batch, BEGAN + timedelta(seconds=number))
            spent += time.perf_counter() - started
            busy += time.process_time() - processor
            timed += len(batch)
            with into.writing() as store:
                store.leaves.append(
                    events(number // BATCH * EVENTS, EVENTS), BEGAN + timedelta(seconds=number)
                )
            batch = []
        if number % window == 0 or number == entries:
            print(
                f"appended {first:,} to {number:,}, in batches of {BATCH}: {timed / spent:,.0f}/s, "
                f"{busy / timed * 1e6:.0f} µs of processor time each",
                flush=True,
            )
            first, spent, busy, timed = number, 0.0, 0.0, 0


def milliseconds(times: int, step: Callable[[], object]) -> str:
    """Median and worst of some runs."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        taken.append((time.perf_counter() - started) * 1e3)
    return f"median {statistics.median(taken):.2f} ms, worst {max(taken):.2f} ms of {times}"


def proofs(of: Database) -> None:
    """Proofs at the log's full size, each in a transaction of its own."""
    dice = random.Random(7)
    with of.reading() as store:
        size = store.leaves.size()

    def inclusion() -> None:
        with of.reading() as store:
            store.leaves.inclusion(dice.randrange(size), size)

    def consistency() -> None:
        with of.reading() as store:
            store.leaves.consistency(dice.randrange(1, size), size)

    print(f"inclusion proof at {size:,}: {milliseconds(PROOFS, inclusion)}")
    print(f"consistency proof at {size:,}: {milliseconds(PROOFS, consistency)}")


def searches(entries: int) -> Iterator[tuple[str, Sequence[SearchLogRequest]]]:
    """By each field some values drawn at random of all that occur, the most frequent and ended ones too."""
    dice = random.Random(8)
    grants = [GRANTS[0], GRANTS[3], *dice.sample(GRANTS, VALUES - 2)]
    ask = SearchLogRequest
    yield "consumer", [ask(consumer=each) for each in DEPARTMENTS[:25]]
    yield "provider", [ask(provider=each) for each in DEPARTMENTS[20:]]
    yield "resource", [ask(resource=each.resource) for each in grants]
    yield "grant", [ask(grant_id=each.id) for each in grants]
    operators = [dice.choice(each.operators) for each in grants]
    yield "operator", [ask(operator=each) for each in operators]
    yield "case number", [ask(case_number=case_number(dice, entries)) for _ in grants]
    starts = [stamp(dice.randrange(entries)) for _ in grants]
    yield "time, from", [ask(from_time=each) for each in starts]
    yield "time, until", [ask(until_time=each) for each in starts]
    yield "least records", [ask(least_records=least + more) for least in RECORDS for more in (-1, 0, 1)]
    yield "event type", [ask(event_types=[each]) for each in KINDS]
    yield "kind", [ask(kind=EntryKind.ENTRY_KIND_RECEIPT), ask(kind=EntryKind.ENTRY_KIND_EVENT)]
    kind = EntryKind.ENTRY_KIND_EVENT
    yield "consumer and kind", [ask(consumer=each.consumer, kind=kind) for each in grants]
    yield "provider and event type", [ask(provider=each.provider, event_types=KINDS[:3]) for each in grants]
    yield (
        "consumer and operator",
        [
            ask(consumer=each.consumer, operator=operator)
            for each, operator in zip(grants, operators, strict=True)
        ],
    )
    yield (
        "consumer and another's operator",
        [ask(consumer=GRANTS[0].consumer, operator=each) for each in operators],
    )
    yield (
        "consumer and provider",
        [ask(consumer=one.consumer, provider=other.provider) for one in grants[:5] for other in grants[:4]],
    )
    yield (
        "grant and time",
        [ask(grant_id=each.id, from_time=start) for each, start in zip(grants, starts, strict=True)],
    )
    yield "grant and least records", [ask(grant_id=each.id, least_records=RECORDS[-1]) for each in grants]


def stamp(seconds: int) -> Timestamp:
    """So long after the first entry."""
    made = Timestamp()
    made.FromDatetime(BEGAN + timedelta(seconds=seconds))
    return made


async def calls(config: Config, path: Path, entries: int) -> None:
    """What callers meet at the log's full size."""
    with serving(path) as server:
        async with platform(config) as at:
            print(f"load of the machine: {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors", flush=True)
            wanted = list(searches(entries))
            await search_times(at, wanted)
            if at.database.engine.dialect.name == "postgresql":
                with at.database.connected() as connection:
                    connection.execute(text("ANALYZE"))
                print("after ANALYZE:")
                await search_times(at, wanted)
            nodes = await Nodes.enrolled(at, server, NODES)
            # The first calls of a connection open it.
            await nodes.deliver(NODES, 2, 1)
            print(f"one by one from {NODES} nodes: {await nodes.deliver(NODES, SINGLE_CALLS, 1)}", flush=True)
            print(f"in batches of {BATCH} from 4 nodes: {await nodes.deliver(4, BATCH_CALLS, BATCH)}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with installation(given.store) as config:
        print(f"{given.store}; load of the machine: {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors")
        with closing(Database(config.database_url)) as database:
            fill(database, given.entries)
            proofs(database)
        asyncio.run(calls(config, config.data.parent / "comparator.toml", given.entries))


if __name__ == "__main__":
    main()
