"""Whether the log as stored is still what was logged, and whether anything was removed before its time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from google.protobuf.message import DecodeError

from comparator.config import LEAST_RETENTION_DAYS
from comparator.domain.retention import Archived, Removed, is_committed
from comparator.store import entries
from comparator.store.database import Store
from comparator.store.keeping import NEVER_REMOVED
from comparator.store.log_models import LeafRow
from stayput import merkle
from stayput.notes import Checkpoint, Note, NoteInvalid
from stayput.v1.log_pb2 import EntryKind, Event, EventType, LogLeaf, Receipt
from stayput.v1.signing_pb2 import Envelope

_AT_ONCE: Final = 1_024
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class Fault(StrEnum):
    """What can be wrong with the log as stored."""

    MISSING = "missing"
    """There is no leaf of that place."""
    LEAF = "leaf"
    """The leaf is not what was hashed, or says that it belongs elsewhere."""
    CONTENT = "content"
    """Salt and payload are not what the leaf commits to."""
    COLUMNS = "columns"
    """What searches go by contradicts the entry."""
    TIME = "time"
    """It was logged before its predecessor, or in the future."""
    REMOVED = "removed"
    """The content is gone, and no removal of it is logged after its retention and archiving."""
    SUBTREE = "subtree"
    """A subtree's stored hash is not that of what it covers, or is missing; the place is its first leaf's."""
    CHECKPOINT = "checkpoint"
    """The tree of the size of a cosigned checkpoint has another root; the place is that size."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place of the log."""

    place: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class _Removal:
    """A logged removal that counts, and when it was logged."""

    said: Removed
    at: datetime


def check(store: Store, now: datetime) -> Iterator[Problem]:
    """Everything that is wrong with the log as stored; memory is bounded.

    Each stored hash must be that of its leaf or subtree, each cosigned root that of the tree, each leaf in
    its place and its commitment that to salt and payload. What has no payload must lie in a range whose
    removal is logged, at least two years (or the longer retention stated) after it, and after its archiving.
    """
    size = store.leaves.size()
    yield from _check_leaves(store, size, now)
    yield from _check_subtrees(store, size)
    yield from _check_roots(store, size)


def _check_leaves(store: Store, size: int, now: datetime) -> Iterator[Problem]:
    removals = _removals(store)
    expected, latest = 0, _BEGINNING
    hashes: dict[int, bytes] = {}
    for row in store.keeping.rows(0, size):
        yield from (Problem(place, Fault.MISSING) for place in range(expected, row.place))
        expected = row.place + 1
        if row.place not in hashes:
            hashes = store.keeping.hashes(0, row.place, row.place + _AT_ONCE)
        leaf = _leaf(row)
        if leaf is None or hashes.get(row.place) != merkle.leaf_hash(row.leaf):
            yield Problem(row.place, Fault.LEAF)
            continue
        logged_at = leaf.logged_at.ToDatetime(UTC)
        if not latest <= logged_at <= now:
            yield Problem(row.place, Fault.TIME)
        latest = logged_at
        yield from _check_entry(row, leaf, removals)


def _check_entry(row: LeafRow, leaf: LogLeaf, removals: Sequence[_Removal]) -> Iterator[Problem]:
    if row.payload is None and row.salt is None:
        if leaf.event_type in NEVER_REMOVED or not _is_allowed(row.place, leaf, removals):
            yield Problem(row.place, Fault.REMOVED)
    elif not is_committed(row, leaf):
        yield Problem(row.place, Fault.CONTENT)
        return
    if not _columns_agree(row, leaf):
        yield Problem(row.place, Fault.COLUMNS)


def _leaf(row: LeafRow) -> LogLeaf | None:
    """The leaf, if it is one and says that it belongs where it is."""
    try:
        leaf = LogLeaf.FromString(row.leaf)
        leaf.logged_at.ToDatetime(UTC)
    except (DecodeError, ValueError, OverflowError):
        return None
    return leaf if leaf.index == row.place else None


def _is_allowed(place: int, leaf: LogLeaf, removals: Sequence[_Removal]) -> bool:
    logged_at = leaf.logged_at.ToDatetime(UTC)
    for each in removals:
        days = max(each.said.retention_days, LEAST_RETENTION_DAYS)
        if each.said.first <= place < each.said.end and each.at >= logged_at + timedelta(days=days):
            return True
    return False


def _removals(store: Store) -> list[_Removal]:
    """The removals that are logged and were of archived entries; their leaves are checked with all others."""
    archives: list[tuple[int, Archived]] = []
    for row, event in _events(store, EventType.EVENT_TYPE_LOG_ARCHIVED):
        if (archive := Archived.parse(event.detail)) is not None:
            archives.append((row.place, archive))
    removals = []
    for row, event in _events(store, EventType.EVENT_TYPE_LOG_REMOVED):
        said = Removed.parse(event.detail)
        if said is not None and any(
            place < row.place
            and archive.file_hash == said.archive_hash
            and archive.first <= said.first < said.end <= archive.end
            for place, archive in archives
        ):
            leaf = LogLeaf.FromString(row.leaf)
            removals.append(_Removal(said, leaf.logged_at.ToDatetime(UTC)))
    return removals


def _events(store: Store, kind: EventType.ValueType) -> Iterator[tuple[LeafRow, Event]]:
    """Events of that type that are what their leaves commit to."""
    for row in store.keeping.events(kind):
        leaf = _leaf(row)
        if leaf is not None and leaf.event_type == kind and row.payload and is_committed(row, leaf):
            yield row, Event.FromString(row.payload)


def _columns_agree(row: LeafRow, leaf: LogLeaf) -> bool:
    """What searches go by is what the entry says; of one that was removed, what its leaf says."""
    said: dict[str, object] = {"kind": leaf.kind, "logged_at": leaf.logged_at.ToDatetime(UTC)}
    if leaf.kind == EntryKind.ENTRY_KIND_RECEIPT:
        said |= {"node_id": leaf.node_id, "node_sequence": leaf.node_sequence, "records": leaf.records}
    else:
        said |= {"event_type": leaf.event_type}
    if row.payload is None:
        said |= {"operator": None, "case_number": None}
    elif leaf.kind == EntryKind.ENTRY_KIND_RECEIPT:
        envelope = Envelope.FromString(row.payload)
        said |= entries.of_receipt(envelope, Receipt.FromString(envelope.payload)).search
    else:
        event = Event.FromString(row.payload)
        said |= {"event_number": event.number}
        # What it does not name itself may come from the application that it is about.
        said |= {name: getattr(event, name) for name in ("resource", "grant_id") if getattr(event, name)}
    return all(getattr(row, column) == value for column, value in said.items())


def _check_subtrees(store: Store, size: int) -> Iterator[Problem]:
    """Each stored subtree against the two below it: one that is wrong is named, and not all above it."""
    level = 1
    while size >> level:
        for first in range(0, size >> level, _AT_ONCE):
            end = min(first + _AT_ONCE, size >> level)
            below = store.keeping.hashes(level - 1, 2 * first, 2 * end)
            stored = store.keeping.hashes(level, first, end)
            for place in range(first, end):
                left, right = below.get(2 * place), below.get(2 * place + 1)
                if left is None or right is None:
                    continue
                if stored.get(place) != merkle.node_hash(left, right):
                    yield Problem(place << level, Fault.SUBTREE)
        level += 1


def _check_roots(store: Store, size: int) -> Iterator[Problem]:
    count = sum(size >> level for level in range(size.bit_length()))
    if store.keeping.node_count() != count:
        yield Problem(size, Fault.SUBTREE)
        return
    for row in store.keeping.cosigned():
        try:
            head = Checkpoint.parse(Note.parse(row.checkpoint).body).head
            good = head.size == row.tree_size <= size and head == store.leaves.head(row.tree_size)
        except (NoteInvalid, KeyError):  # the latter where a stored hash is missing
            good = False
        if not good:
            yield Problem(row.tree_size, Fault.CHECKPOINT)
