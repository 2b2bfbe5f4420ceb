"""What is kept how long: legal holds, archives, and the removal of what was archived."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from comparator.store.entries import node_number
from comparator.store.log_models import ArchiveRow, CosignatureRow, HoldRow, LeafRow, NodeRow
from comparator.store.models import EventRow, TicketRow
from stayput.retention import NEVER_REMOVED
from stayput.v1.log_pb2 import EventType, LogEntry

_AT_ONCE: Final = 500
# The rows changed are not looked up one by one among those in memory.
_BARE: Final = {"synchronize_session": False}


class Keeping:
    """Verbs over holds, archives and removals within one transaction. Ranges are from `first` up to `end`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def holds(self, *, active: bool) -> Sequence[HoldRow]:
        """Holds in the order of placing: all, or those that were not lifted."""
        query = select(HoldRow).order_by(HoldRow.number)
        if active:
            query = query.where(HoldRow.lifted_at.is_(None))
        return self._session.scalars(query).all()

    def hold(self, number: int) -> HoldRow | None:
        """The hold of that number."""
        return self._session.get(HoldRow, number)

    def add_hold(self, first: int, last: int, reason: str, now: datetime) -> int:
        """Places a hold on the entries from `first` to `last` (inclusive) and returns its number."""
        row = HoldRow(first=first, last=last, reason=reason, placed_at=now)
        self._session.add(row)
        self._session.flush()
        return row.number

    def archives(self) -> Sequence[ArchiveRow]:
        """Archives in the order of their ranges."""
        return self._session.scalars(select(ArchiveRow).order_by(ArchiveRow.first)).all()

    def archived_through(self) -> int:
        """The place after the last archived entry."""
        return self._session.scalar(select(func.max(ArchiveRow.end))) or 0

    def add_archive(self, first: int, end: int, file_hash: bytes, now: datetime) -> None:
        """Keeps that an archive of that range was written."""
        self._session.add(ArchiveRow(first=first, end=end, file_hash=file_hash, written_at=now))
        self._session.flush()

    def rows(self, first: int, end: int) -> Iterator[LeafRow]:
        """The leaves of a range in their order; what is missing is passed over. Memory is bounded."""
        place = first
        while place < end:
            query = select(LeafRow).where(LeafRow.place >= place, LeafRow.place < end)
            rows = self._session.scalars(query.order_by(LeafRow.place).limit(_AT_ONCE)).all()
            if not rows:
                return
            yield from rows
            place = rows[-1].place + 1

    def entries(self, first: int, end: int) -> Iterator[LogEntry]:
        """The same as an archive holds them."""
        for row in self.rows(first, end):
            yield LogEntry(leaf=row.leaf, salt=row.salt or b"", payload=row.payload or b"")

    def events(self, kind: EventType.ValueType) -> Iterator[LeafRow]:
        """The leaves of all events of a type, in their order. Memory is bounded."""
        query = select(LeafRow).where(LeafRow.event_type == kind).order_by(LeafRow.place)
        yield from self._session.scalars(query.execution_options(yield_per=_AT_ONCE))

    def first_kept(self, first: int, end: int) -> int | None:
        """Place of the first entry in the range whose payload could be removed and is still there."""
        query = select(LeafRow.place).where(LeafRow.place >= first, LeafRow.place < end, *_REMOVABLE)
        return self._session.scalar(query.order_by(LeafRow.place).limit(1))

    def last_time(self, first: int, end: int) -> datetime | None:
        """When the youngest entry of the range was appended."""
        query = select(func.max(LeafRow.logged_at)).where(LeafRow.place >= first, LeafRow.place < end)
        return self._session.scalar(query)

    def forget_tickets(self, ids: Sequence[str]) -> None:
        """Removes what is kept of these tickets: it says of a session what its receipt said."""
        self._session.execute(delete(TicketRow).where(TicketRow.id.in_(ids)))

    def remove(self, first: int, end: int) -> None:
        """Removes what the leaves of the range commit to, and the rows of events that say the same.

        What a search could find of civil servants goes too; the leaves, and so the tree, stay.
        """
        within = (LeafRow.place >= first, LeafRow.place < end, *_REMOVABLE)
        numbers = select(LeafRow.event_number).where(*within)
        self._session.execute(delete(EventRow).where(EventRow.number.in_(numbers)), execution_options=_BARE)
        forgotten = {"salt": None, "payload": None, "operator": None, "case_number": None}
        self._session.execute(update(LeafRow).where(*within).values(forgotten), execution_options=_BARE)
        self._session.expire_all()

    def mark_removed(self, first: int, now: datetime) -> None:
        """Keeps that all of the archive that begins there was removed."""
        row = self._session.get_one(ArchiveRow, first)
        row.removed_at = row.removed_at or now
        self._session.flush()

    def hashes(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """Hashes stored at a level of the tree, by their places there; at most some thousands at once."""
        places = {node_number(level, place): place for place in range(first, end)}
        query = select(NodeRow.number, NodeRow.hash).where(NodeRow.number.in_(places))
        return {places[number]: digest for number, digest in self._session.execute(query)}

    def node_count(self) -> int:
        """How many hashes of the tree are stored."""
        return self._session.scalar(select(func.count()).select_from(NodeRow)) or 0

    def cosigned(self) -> Iterator[CosignatureRow]:
        """Every cosignature, the smallest tree's first. Memory is bounded."""
        query = select(CosignatureRow).order_by(CosignatureRow.tree_size, CosignatureRow.witness_urn)
        yield from self._session.scalars(query.execution_options(yield_per=_AT_ONCE))


_REMOVABLE: Final = (
    LeafRow.payload.is_not(None),
    or_(LeafRow.event_type.is_(None), LeafRow.event_type.not_in(NEVER_REMOVED)),
)
