"""How long the content of entries is kept: legal holds, and removal after archiving and retention.

A leaf is never removed, so the tree and every proof of a leaf's hash stay. What is removed is what the leaf
commits to, and each removal is itself an event, which `inspection.check` demands for whatever is missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from comparator import texts
from comparator.domain import fields
from comparator.store.database import Store
from comparator.store.events import PLATFORM, About
from comparator.store.log_models import LeafRow
from comparator.texts import OperatorError
from stayput.language import Text
from stayput.retention import NEVER_REMOVED
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EntryKind, EventType, LogLeaf, Receipt
from stayput.v1.signing_pb2 import Envelope

# With what precedes it in the event's detail, at most the 2,000 characters that the .proto allows.
_LONGEST_REASON: Final = 1_500
_TICKETS_AT_ONCE: Final = 500
_RANGE: Final = r"entries (?P<first>\d{1,19})-(?P<last>\d{1,19})"
_HASH: Final = r"sha256 (?P<hash>[0-9a-f]{64})"
_REMOVED: Final = re.compile(rf"{_RANGE}, retention (?P<days>\d{{1,6}}) days, archive {_HASH}")
_ARCHIVED: Final = re.compile(rf"{_RANGE}, {_HASH}")
_HELD: Final = re.compile(rf"hold (?P<number>\d{{1,19}}) on {_RANGE}(?P<lifted> lifted)?: .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Archived:
    """What LOG_ARCHIVED says: the range, `end` exclusive, and the SHA-256 of the file."""

    first: int
    end: int
    file_hash: bytes

    def __str__(self) -> str:
        return f"entries {self.first}-{self.end - 1}, sha256 {self.file_hash.hex()}"

    @classmethod
    def parse(cls, detail: str) -> "Archived | None":
        """What that detail of an event says; None if it is not one of these."""
        said = _ARCHIVED.fullmatch(detail)
        return said and cls(int(said["first"]), int(said["last"]) + 1, bytes.fromhex(said["hash"]))


@dataclass(frozen=True, slots=True)
class Removed:
    """What LOG_REMOVED says: the range, by which retention, and in which archive it is."""

    first: int
    end: int
    retention_days: int
    archive_hash: bytes

    def __str__(self) -> str:
        return (
            f"entries {self.first}-{self.end - 1}, retention {self.retention_days} days, "
            f"archive sha256 {self.archive_hash.hex()}"
        )

    @classmethod
    def parse(cls, detail: str) -> "Removed | None":
        """What that detail of an event says; None if it is not one of these."""
        said = _REMOVED.fullmatch(detail)
        return said and cls(
            int(said["first"]), int(said["last"]) + 1, int(said["days"]), bytes.fromhex(said["hash"])
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What LOG_HELD says: the hold's number and range, `end` exclusive, and whether it is lifted by that."""

    number: int
    first: int
    end: int
    lifted: bool

    def told(self, reason: str) -> str:
        """The event's detail."""
        lifted = " lifted" if self.lifted else ""
        return f"hold {self.number} on entries {self.first}-{self.end - 1}{lifted}: {reason}"

    @classmethod
    def parse(cls, detail: str) -> "Held | None":
        """What that detail of an event says; None if it is not one of these."""
        said = _HELD.fullmatch(detail)
        return said and cls(
            int(said["number"]), int(said["first"]), int(said["last"]) + 1, bool(said["lifted"])
        )


def hold(store: Store, first: int, last: int, reason: str, now: datetime) -> int:
    """Places a legal hold on the entries from `first` to `last` (inclusive) and returns its number."""
    fields.text("reason", reason, most=_LONGEST_REASON)
    if not 0 <= first <= last < store.leaves.size():
        raise refusal(texts.HOLD_RANGE, texts.HOLD_RANGE_FIX, last=store.leaves.size() - 1)
    number = store.keeping.add_hold(first, last, reason, now)
    detail = Held(number, first, last + 1, lifted=False).told(reason)
    _tell(store, EventType.EVENT_TYPE_LOG_HELD, detail, now)
    return number


def release(store: Store, number: int, reason: str, now: datetime) -> None:
    """Lifts a hold."""
    fields.text("reason", reason, most=_LONGEST_REASON)
    row = store.keeping.hold(number)
    if row is None or row.lifted_at is not None:
        raise refusal(texts.NO_HOLD, texts.NO_HOLD_FIX)
    row.lifted_at = now
    detail = Held(number, row.first, row.last + 1, lifted=True).told(reason)
    _tell(store, EventType.EVENT_TYPE_LOG_HELD, detail, now)


def place_of(store: Store, before: datetime) -> int:
    """The place after the last entry that was appended before that time."""
    first = store.search.first_place(before)
    return store.leaves.size() if first is None else first


def remove(store: Store, first: int, end: int, retention_days: int, now: datetime) -> list[Removed]:
    """Removes the content of the entries from place `first` up to `end`, and tells of it in the log.

    Raises `FIELD_INVALID` and removes nothing if any of them is in no archive, younger than the retention,
    under a hold, or not what was logged. What was removed before is passed over.
    """
    begin = store.keeping.first_kept(first, end)
    if begin is None:
        raise refusal(texts.NOTHING_TO_REMOVE, texts.NOTHING_TO_REMOVE_FIX)
    _require_removable(store, begin, end, retention_days, now)
    removed = []
    for archive in store.keeping.archives():
        part = Removed(max(begin, archive.first), min(end, archive.end), retention_days, archive.file_hash)
        if part.first >= part.end:
            continue
        for ids in _tickets(store, part.first, part.end):
            store.keeping.forget_tickets(ids)
        store.keeping.remove(part.first, part.end)
        _tell(store, EventType.EVENT_TYPE_LOG_REMOVED, str(part), now)
        if store.keeping.first_kept(archive.first, archive.end) is None:
            store.keeping.mark_removed(archive.first, now)
        removed.append(part)
    return removed


def is_committed(row: LeafRow, leaf: LogLeaf) -> bool:
    """Salt and payload are there, and what the leaf commits to."""
    if row.salt is None or row.payload is None:
        return False
    return sha256(row.salt + row.payload).digest() == leaf.commitment


def _require_removable(store: Store, first: int, end: int, retention_days: int, now: datetime) -> None:
    archived = store.keeping.archived_through()
    if end > archived:
        raise refusal(texts.NOT_ARCHIVED, texts.NOT_ARCHIVED_FIX, archived=archived)
    youngest = store.keeping.last_time(first, end)
    if youngest is None or youngest + timedelta(days=retention_days) > now:
        raise refusal(texts.TOO_EARLY, texts.TOO_EARLY_FIX, days=retention_days)
    for each in store.keeping.holds(active=True):
        if each.first < end and each.last >= first:
            raise refusal(texts.HELD, texts.HELD_FIX, number=each.number, first=each.first, last=each.last)


def _tickets(store: Store, first: int, end: int) -> Iterator[list[str]]:
    """Ids of the tickets of the range's receipts; refuses to remove the traces of what was changed."""
    ids: list[str] = []
    for row in store.keeping.rows(first, end):
        if row.payload is None or row.event_type in NEVER_REMOVED:
            continue
        if not is_committed(row, LogLeaf.FromString(row.leaf)):
            raise refusal(texts.ENTRY_CHANGED, texts.ENTRY_CHANGED_FIX, place=row.place)
        if row.kind == EntryKind.ENTRY_KIND_RECEIPT:
            ids.append(Receipt.FromString(Envelope.FromString(row.payload).payload).ticket_id)
        if len(ids) == _TICKETS_AT_ONCE:
            yield ids
            ids = []
    yield ids


def _tell(store: Store, kind: EventType.ValueType, detail: str, now: datetime) -> None:
    store.events.add(kind, PLATFORM, now, About(), detail)


def refusal(text: Text, remedy: Text, **values: object) -> OperatorError:
    """The operator asked for what the log's rules do not allow, or names what there is not."""
    return OperatorError(ErrorReason.ERROR_REASON_FIELD_INVALID, text, remedy, **values)
