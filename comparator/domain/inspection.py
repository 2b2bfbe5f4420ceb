"""Whether the log as stored is still what was logged, and whether anything was removed before its time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from google.protobuf.message import DecodeError

from comparator.domain.retention import Archived, Held, Removed, is_committed
from comparator.store import entries
from comparator.store.database import Store
from comparator.store.entries import Entry
from comparator.store.events import About, about_of
from comparator.store.log_models import LeafRow
from stayput import merkle
from stayput.notes import Checkpoint, Note, NoteInvalid
from stayput.retention import LEAST_RETENTION_DAYS, NEVER_REMOVED
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
    """Salt and payload are not what the leaf commits to, or the payload is no such entry."""
    COLUMNS = "columns"
    """What searches go by, or the list of events, contradicts the entry.

    The place of an event that is listed and in no leaf is the one after the last.
    """
    TIME = "time"
    """It was logged before its predecessor, or in the future."""
    REMOVED = "removed"
    """The content is gone, and no removal of it is logged after its retention and archiving, and not held."""
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
    place: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Hold:
    """A logged hold, and the places of what tells that it was placed and, unless it is in force, lifted."""

    said: Held
    placed: int
    lifted: int | None

    def forbids(self, removal: _Removal, place: int) -> bool:
        """When that was logged the entry of that place was held."""
        in_force = self.placed < removal.place and (self.lifted is None or removal.place < self.lifted)
        return in_force and self.said.first <= place < self.said.end


@dataclass(frozen=True, slots=True)
class _Told:
    """What the log tells of archives, removals and holds."""

    removals: Sequence[_Removal]
    holds: Sequence[_Hold]

    def removed(self, place: int, logged_at: datetime) -> bool:
        """The content of an entry of that place and time was removed in order."""
        return any(
            each.said.first <= place < each.said.end
            and each.at >= logged_at + timedelta(days=max(each.said.retention_days, LEAST_RETENTION_DAYS))
            and not any(hold.forbids(each, place) for hold in self.holds)
            for each in self.removals
        )


@dataclass(frozen=True, slots=True)
class _Beside:
    """Of some leaves, by place: the entries whose payload is what was logged, and which are listed otherwise.

    An event is listed otherwise if its row says something else or is not there, and one without payload if
    there is a row.
    """

    entries: Mapping[int, Entry]
    listed_otherwise: frozenset[int]


def check(store: Store, now: datetime) -> Iterator[Problem]:
    """Everything that is wrong with the log as stored; memory is bounded.

    Each stored hash must be that of its leaf or subtree, each cosigned root that of the tree, each leaf in
    its place and its commitment that to salt and payload. What searches go by must be what the entry says,
    and the listed events those that are logged. What has no payload must lie in a range whose removal is
    logged, at least two years (or the longer retention stated) after it, after its archiving, and while no
    hold on it was in force.
    """
    size = store.leaves.size()
    yield from _check_leaves(store, size, now)
    yield from (Problem(size, Fault.COLUMNS) for _ in store.events.unlogged())
    yield from _check_subtrees(store, size)
    yield from _check_roots(store, size)


def _check_leaves(store: Store, size: int, now: datetime) -> Iterator[Problem]:
    told = _Told(_removals(store), _holds(store))
    expected, latest = 0, _BEGINNING
    hashes: dict[int, bytes] = {}
    rows = store.keeping.rows(0, size)
    while some := [(row, _leaf(row)) for row in islice(rows, _AT_ONCE)]:
        beside = _beside(store, some)
        for row, leaf in some:
            yield from (Problem(place, Fault.MISSING) for place in range(expected, row.place))
            expected = row.place + 1
            if row.place not in hashes:
                hashes = store.keeping.hashes(0, row.place, row.place + _AT_ONCE)
            if leaf is None or hashes.get(row.place) != merkle.leaf_hash(row.leaf):
                yield Problem(row.place, Fault.LEAF)
                continue
            logged_at = leaf.logged_at.ToDatetime(UTC)
            if not latest <= logged_at <= now:
                yield Problem(row.place, Fault.TIME)
            latest = logged_at
            yield from _check_entry(row, leaf, told, beside)


def _check_entry(row: LeafRow, leaf: LogLeaf, told: _Told, beside: _Beside) -> Iterator[Problem]:
    entry = beside.entries.get(row.place)
    listed = row.place not in beside.listed_otherwise
    if row.payload is None and row.salt is None:
        in_order = told.removed(row.place, leaf.logged_at.ToDatetime(UTC))
        if leaf.event_type in NEVER_REMOVED or not in_order:
            yield Problem(row.place, Fault.REMOVED)
            listed = True  # that it is still listed is no fault of the list
    elif entry is None:
        yield Problem(row.place, Fault.CONTENT)
        return
    if not (listed and _columns_agree(row, leaf, entry)):
        yield Problem(row.place, Fault.COLUMNS)


def _beside(store: Store, some: Sequence[tuple[LeafRow, LogLeaf | None]]) -> _Beside:
    read: dict[int, Entry] = {}
    events: dict[int, Event] = {}
    abouts: list[About] = []
    for row, leaf in some:
        if leaf is None or not row.payload or not is_committed(row, leaf):
            continue
        try:
            if leaf.kind == EntryKind.ENTRY_KIND_RECEIPT:
                envelope = Envelope.FromString(row.payload)
                read[row.place] = entries.of_receipt(envelope, Receipt.FromString(envelope.payload))
            else:
                event = Event.FromString(row.payload)
                abouts.append(about_of(event))
                events[row.place] = event
        except (DecodeError, ValueError):
            continue
    for (place, event), named in zip(events.items(), store.events.names(abouts), strict=True):
        read[place] = entries.of_event(event, named)
    return _Beside(read, _listed_otherwise(store, some, events))


def _listed_otherwise(
    store: Store, some: Sequence[tuple[LeafRow, LogLeaf | None]], events: Mapping[int, Event]
) -> frozenset[int]:
    removed = {row.place: row.event_number for row, _ in some if row.payload is None and row.event_number}
    listed = store.events.listed({*removed.values(), *(event.number for event in events.values())})
    differing = {place for place, event in events.items() if listed.get(event.number) != event}
    return frozenset(differing | {place for place, number in removed.items() if number in listed})


def _leaf(row: LeafRow) -> LogLeaf | None:
    """The leaf, if it is one and says that it belongs where it is."""
    try:
        leaf = LogLeaf.FromString(row.leaf)
        leaf.logged_at.ToDatetime(UTC)
    except (DecodeError, ValueError, OverflowError):
        return None
    return leaf if leaf.index == row.place else None


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
            removals.append(_Removal(said, row.place, leaf.logged_at.ToDatetime(UTC)))
    return removals


def _holds(store: Store) -> list[_Hold]:
    """The holds that are logged. One is lifted only by what names its number and its whole range."""
    in_force: dict[Held, int] = {}
    lifted = []
    for row, event in _events(store, EventType.EVENT_TYPE_LOG_HELD):
        if (said := Held.parse(event.detail)) is None:
            continue
        placed = replace(said, lifted=False)
        if not said.lifted:
            in_force.setdefault(placed, row.place)
        elif placed in in_force:
            lifted.append(_Hold(placed, in_force.pop(placed), row.place))
    return lifted + [_Hold(said, place, None) for said, place in in_force.items()]


def _events(store: Store, kind: EventType.ValueType) -> Iterator[tuple[LeafRow, Event]]:
    """Events of that type that are what their leaves commit to."""
    for row in store.keeping.events(kind):
        leaf = _leaf(row)
        if leaf is not None and leaf.event_type == kind and row.payload and is_committed(row, leaf):
            yield row, Event.FromString(row.payload)


def _columns_agree(row: LeafRow, leaf: LogLeaf, entry: Entry | None) -> bool:
    """What searches go by is what the leaf says and what was stored with it, if that was not removed."""
    said: dict[str, object] = {"kind": leaf.kind, "logged_at": leaf.logged_at.ToDatetime(UTC)}
    if leaf.kind == EntryKind.ENTRY_KIND_RECEIPT:
        said |= dict.fromkeys(entries.OF_EVENTS)
        said |= {"node_id": leaf.node_id, "node_sequence": leaf.node_sequence, "records": leaf.records}
    else:
        said |= dict.fromkeys(entries.OF_RECEIPTS) | {"event_type": leaf.event_type}
    stored: dict[str, object] = {"operator": None, "case_number": None}
    if entry is not None:
        stored = entries.columns(entry) | {"kind": entry.leaf.kind}
    return all(getattr(row, column) == value for one in (said, stored) for column, value in one.items())


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
