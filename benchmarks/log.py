"""The comparison log: appending, proving, searching, on SQLite or on the PostgreSQL that the tests start.

`python -m benchmarks.log --entries 1000000 [--store postgresql]` fills a log with receipts in durable batches
and prints how long batches, proofs and searches take at that size.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import URL

from comparator.store import schema
from comparator.store.database import Database
from comparator.store.search import Wanted
from stayput.signing import PayloadType, sign
from stayput.v1.log_pb2 import EventType, Receipt
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.postgresql import running_server

BATCH = 500
PROOFS = 200
SEARCHES = 5
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DEPARTMENTS = [f"department-{number}" for number in range(50)]


@contextmanager
def database(store: str) -> Iterator[Database]:
    """An empty log."""
    with tempfile.TemporaryDirectory(prefix="stayput-bench-") as place:
        if store == "sqlite":
            with opened(URL.create("sqlite", database=str(Path(place) / "log.db"))) as made:
                yield made
        else:
            with running_server() as server, opened(server.create()) as made:
                yield made


@contextmanager
def opened(url: URL) -> Iterator[Database]:
    """The store there, at this release's schema."""
    with closing(Database(url)) as made:
        schema.upgrade(made)
        yield made


def receipts(count: int) -> Iterator[tuple[Receipt, Envelope]]:
    """Receipts as nodes send them. All carry the signature of the first: the store does not look at it."""
    dice = random.Random(6)
    key = Ed25519PrivateKey.generate()
    first = Receipt(session_id=bytes(16), request_commitment=bytes(32), response_commitment=bytes(32))
    signed = sign(PayloadType.RECEIPT, first, key)
    for number in range(1, count + 1):
        receipt = Receipt(
            session_id=dice.randbytes(16),
            grant_id=f"G-{dice.randrange(400):026}",
            ticket_id="t" * 22,
            consumer=dice.choice(DEPARTMENTS),
            operator=f"operator-{dice.randrange(2_000)}",
            purpose="最低生活保障家庭经济状况核对",
            case_number=f"2026-{dice.randrange(count):07}",
            provider=dice.choice(DEPARTMENTS),
            node_id="node-1",
            resource=f"resource-{dice.randrange(200)}",
            key="resident_id",
            checks=["name"],
            records=dice.choice((1, 1, 1, 10, 1_000, 100_000)),
            request_commitment=dice.randbytes(32),
            response_commitment=dice.randbytes(32),
            sequence=number,
            previous_hash=dice.randbytes(32),
        )
        yield (
            receipt,
            Envelope(
                payload_type=signed.payload_type,
                payload=receipt.SerializeToString(),
                signatures=signed.signatures,
            ),
        )


def fill(into: Database, entries: int) -> float:
    """Appends so many receipts, each batch durable before the next; receipts per second."""
    batch: list[tuple[Receipt, Envelope]] = []
    spent = 0.0
    for number, one in enumerate(receipts(entries), start=1):
        batch.append(one)
        if len(batch) == BATCH or number == entries:
            started = time.perf_counter()
            with into.writing() as store:
                store.log.append(batch, BEGAN + timedelta(seconds=number))
            spent += time.perf_counter() - started
            batch = []
    return entries / spent


def milliseconds(times: int, step: Callable[[], object]) -> str:
    """Median and worst of some runs."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        taken.append((time.perf_counter() - started) * 1e3)
    return f"median {statistics.median(taken):.2f} ms, worst {max(taken):.2f} ms of {times}"


def proofs(of: Database, entries: int) -> None:
    """Proofs at the log's full size, each in a transaction of its own."""
    dice = random.Random(7)

    def inclusion() -> None:
        with of.reading() as store:
            store.leaves.inclusion(dice.randrange(entries), entries)

    def consistency() -> None:
        with of.reading() as store:
            store.leaves.consistency(dice.randrange(1, entries), entries)

    print(f"inclusion proof at {entries:,}: {milliseconds(PROOFS, inclusion)}")
    print(f"consistency proof at {entries:,}: {milliseconds(PROOFS, consistency)}")


def searches(of: Database, entries: int) -> None:
    """A page of 100 by each field."""
    for name, wanted in {
        "consumer": Wanted(consumer=DEPARTMENTS[3]),
        "provider": Wanted(provider=DEPARTMENTS[4]),
        "resource": Wanted(resource="resource-7"),
        "grant": Wanted(grant_id=f"G-{11:026}"),
        "operator": Wanted(operator="operator-99"),
        "case number": Wanted(case_number="2026-0000042"),
        "time": Wanted(since=BEGAN, until=BEGAN + timedelta(seconds=entries // 2)),
        "records": Wanted(least_records=100_000),
        "event type": Wanted(kinds=(EventType.EVENT_TYPE_GRANT_REVOKED,)),
    }.items():

        def page(wanted: Wanted = wanted) -> None:
            with of.reading() as store:
                store.search.page(wanted, 100)

        print(f"search by {name}: {milliseconds(SEARCHES, page)}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with database(given.store) as made:
        rate = fill(made, given.entries)
        print(f"{given.store}: {given.entries:,} receipts appended in batches of {BATCH}: {rate:,.0f}/s")
        proofs(made, given.entries)
        searches(made, given.entries)


if __name__ == "__main__":
    main()
