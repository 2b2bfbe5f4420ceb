"""A log with something in it, for tests of how long it is kept and of whether it is intact."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from comparator.data import DataDirectory, read_certificate, read_log_key
from comparator.domain import archives, checkpoints, inspection, retention
from comparator.domain.inspection import Problem
from comparator.domain.retention import Archived, Removed
from comparator.domain.search import search_all
from comparator.store.database import Database, Store
from comparator.store.events import About
from stayput.notes import NoteSigner
from stayput.v1.log_pb2 import (
    AppendReceiptsRequest,
    EntryKind,
    EventType,
    LogRecord,
    Receipt,
    SearchLogRequest,
)
from tests.comparator import documents
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform

DAYS = 1_096
RECEIPTS = 6


async def filled(platform: Platform, node: Member, consumer: Member) -> Chain:
    """Ten entries: some events, and six receipts at the end."""
    await documents.publish(node)
    await documents.apply(consumer)
    chain = Chain(node, platform.clock(), consumer)
    await node.log.AppendReceipts(AppendReceiptsRequest(receipts=chain.next(RECEIPTS)))
    return chain


def signer_of(platform: Platform) -> NoteSigner:
    data = DataDirectory(platform.config.data)
    return checkpoints.log_signer(read_certificate(data.ca_certificate), read_log_key(data))


def archiver(platform: Platform, directory: Path) -> Callable[[int], Archived]:
    """Archives up to a place, each time into a new file named by that."""
    return lambda end: archives.write(
        platform.database, signer_of(platform), end, directory / f"{end}.archive", platform.clock()
    )


def size(platform: Platform) -> int:
    with platform.database.reading() as store:
        return store.leaves.size()


def remove(platform: Platform, first: int, end: int) -> list[Removed]:
    with platform.database.writing() as store:
        return retention.remove(store, first, end, DAYS, platform.clock())


def problems(platform: Platform) -> list[Problem]:
    with platform.database.reading() as store:
        return list(inspection.check(store, platform.clock()))


def run_sql(database: Database, statement: str, **values: object) -> None:
    with database.connected() as connection:
        connection.execute(text(statement), values)


def details(store: Store, kind: "EventType.ValueType") -> list[str]:
    return [event.detail for event in store.events.page(None, None, About(), [kind])]


def receipts(platform: Platform) -> list[LogRecord]:
    with platform.database.reading() as store:
        return list(search_all(store, SearchLogRequest(kind=EntryKind.ENTRY_KIND_RECEIPT)).records)


def append(platform: Platform, chain: Chain) -> None:
    """The chain's next receipt. The certificates with which it could be delivered have run out by then."""
    envelope = chain.add()
    with platform.database.writing() as store:
        store.log.append([(Receipt.FromString(envelope.payload), envelope)], platform.clock())


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*archive*"))
