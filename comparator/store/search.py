"""Searches of the log: newest first, read in the order of an index instead of sorting all that is found.

With a million entries a page costs milliseconds by any one restriction, because each index of `log_leaves`
holds the places in order within one value. Two kinds of restriction have no such order and are turned into
ones that have: times into places (places rise with time), and a least number of records into whichever of
two ways is the shorter, which a bounded count decides.
"""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, or_, select, union_all
from sqlalchemy.orm import Session

from comparator.store.log_models import LeafRow
from comparator.store.timestamps import timestamp
from stayput.v1.log_pb2 import EntryKind, EventType, LogRecord, SessionEnd

# Up to so many receipts that are large enough are sorted; if there are more, a walk from the newest entry
# finds a page of them soon.
_SORTED: Final = 4_000
_AT_ONCE: Final = 1_000
# A place that no entry has.
_BEYOND: Final = 2**63 - 1
_SHOWN: Final = (
    LeafRow.place,
    LeafRow.logged_at,
    LeafRow.kind,
    LeafRow.event_type,
    LeafRow.consumer,
    LeafRow.provider,
    LeafRow.resource,
    LeafRow.grant_id,
    LeafRow.operator,
    LeafRow.case_number,
    LeafRow.records,
    LeafRow.found,
    LeafRow.node_id,
    LeafRow.node_sequence,
    LeafRow.session_end,
    LeafRow.payload.is_(None).label("removed"),
    LeafRow.receipt_hash,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What entries have to be; what is None or empty does not restrict.

    `before` is a place, exclusive. `only_node` leaves out the receipts of other nodes than that, not events.
    `kinds` are types of events and leave out receipts; `receipts` leaves out events.
    """

    before: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    consumer: str | None = None
    provider: str | None = None
    only_node: str | None = None
    resource: str | None = None
    grant_id: str | None = None
    operator: str | None = None
    case_number: str | None = None
    kinds: Sequence[int] = ()
    receipts: bool = False
    least_records: int = 0


class Search:
    """Verbs over what entries say, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, wanted: Wanted, limit: int) -> list[LogRecord]:
        """At most so many entries, newest first."""
        places, said = self._places(wanted), _equal(wanted)
        if wanted.receipts:
            # Most entries are receipts: a walk from the newest on finds a page of them at once.
            said.append(LeafRow.kind == EntryKind.ENTRY_KIND_RECEIPT)
        if wanted.kinds:
            return self._of_kinds(wanted, [*said, *_within(places)], limit)
        if wanted.least_records:
            return self._large(wanted.least_records, said, places, limit)
        return self._newest([*said, *_within(places)], limit)

    def first_place(self, since: datetime) -> int | None:
        """Place of the first entry appended at or after that time; None if there is none yet."""
        query = select(LeafRow.place).where(LeafRow.logged_at >= since)
        return self._session.scalar(query.order_by(LeafRow.logged_at, LeafRow.place).limit(1))

    def _places(self, wanted: Wanted) -> tuple[int, int]:
        """The times as places, and the place where the page begins: from the first up to the second."""
        begin, end = 0, _BEYOND if wanted.before is None else wanted.before
        if wanted.since is not None:
            first = self.first_place(wanted.since)
            begin = _BEYOND if first is None else first
        if wanted.until is not None:
            last = self.first_place(wanted.until)
            end = end if last is None else min(end, last)
        return begin, end

    def _of_kinds(self, wanted: Wanted, conditions: list[ColumnElement[bool]], limit: int) -> list[LogRecord]:
        # Each type by itself comes in order; together they would have to be sorted.
        if wanted.receipts or wanted.least_records:
            return []
        of_each = [
            select(LeafRow.place)
            .where(*conditions, LeafRow.event_type == kind)
            .order_by(LeafRow.place.desc())
            .limit(limit)
            .subquery()
            for kind in wanted.kinds
        ]
        places = self._session.scalars(union_all(*(select(one.c.place) for one in of_each)))
        return self._newest([LeafRow.place.in_(sorted(places, reverse=True)[:limit])], limit)

    def _large(
        self, least: int, said: list[ColumnElement[bool]], places: tuple[int, int], limit: int
    ) -> list[LogRecord]:
        query = select(LeafRow.place).where(LeafRow.records >= least).order_by(LeafRow.records)
        if self._session.scalar(query.offset(_SORTED).limit(1)) is not None:
            # An expression has no index, so that the order of places is left to go by.
            said = [*said, LeafRow.records + 0 >= least]
            return self._newest([*said, *_within(places)], limit)
        begin, end = places
        inside = sorted((one for one in self._session.scalars(query) if begin <= one < end), reverse=True)
        found: list[LogRecord] = []
        while inside and len(found) < limit:
            some, inside = inside[:_AT_ONCE], inside[_AT_ONCE:]
            found += self._newest([*said, LeafRow.place.in_(some)], limit - len(found))
        return found

    def _newest(
        self,
        conditions: Sequence[ColumnElement[bool]],
        limit: int,
    ) -> list[LogRecord]:
        query = select(*_SHOWN).where(*conditions).order_by(LeafRow.place.desc()).limit(limit)
        return [_record(row) for row in self._session.execute(query).mappings()]


def _within(places: tuple[int, int]) -> list[ColumnElement[bool]]:
    begin, end = places
    bounds: list[ColumnElement[bool]] = []
    if begin > 0:
        bounds.append(LeafRow.place >= begin)
    if end < _BEYOND:
        bounds.append(LeafRow.place < end)
    return bounds


def _equal(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [
        column == value
        for column, value in (
            (LeafRow.consumer, wanted.consumer),
            (LeafRow.provider, wanted.provider),
            (LeafRow.resource, wanted.resource),
            (LeafRow.grant_id, wanted.grant_id),
            (LeafRow.operator, wanted.operator),
            (LeafRow.case_number, wanted.case_number),
        )
        if value is not None
    ]
    if wanted.only_node is not None:
        conditions.append(or_(LeafRow.event_type.is_not(None), LeafRow.node_id == wanted.only_node))
    return conditions


def _record(row: RowMapping) -> LogRecord:
    return LogRecord(
        index=row["place"],
        logged_at=timestamp(row["logged_at"]),
        kind=EntryKind.ValueType(row["kind"]),
        event_type=EventType.ValueType(row["event_type"] or 0),
        consumer=row["consumer"] or "",
        provider=row["provider"] or "",
        resource=row["resource"] or "",
        grant_id=row["grant_id"] or "",
        operator=row["operator"] or "",
        case_number=row["case_number"] or "",
        records=row["records"] or 0,
        found=row["found"] or 0,
        node_id=row["node_id"] or "",
        node_sequence=row["node_sequence"] or 0,
        end=SessionEnd.ValueType(row["session_end"] or 0),
        removed=row["removed"],
        receipt_hash=row["receipt_hash"] or b"",
    )
