"""Searches of the log: newest first, read in the order of an index instead of sorting all that is found.

With a million entries a page costs milliseconds by any one restriction, because each index of `log_leaves`
holds the places in order within one value. Two kinds of restriction have no such order and are turned into
ones that have: times into places (places rise with time), and a least number of records into whichever of
two ways is the shorter, which a bounded count decides. Of several restrictions one leads, by whose index
entries are read, and the others only sift: that too is decided here. Databases would choose by statistics,
which are old or missing while a log grows quickly, and say nothing of values that occur only in its past.
"""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, RowMapping, Select, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from comparator.store.log_models import LeafRow
from comparator.store.timestamps import timestamp
from stayput.v1.log_pb2 import EntryKind, EventType, LogRecord, SessionEnd

# Up to so many entries are few: those of one value are read and sifted, large enough receipts are sorted. If
# more are large enough, a walk from the newest entry finds a page of them soon.
_FEW: Final = 4_000
_AT_ONCE: Final = 1_000
# Each statement here has an index that yields what is asked for in its order, and reads little of it. Where
# its statistics are no good, PostgreSQL would sooner read all there is and sort it, and compile that too.
_IN_ORDER: Final = """
SET LOCAL enable_sort = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_seqscan = off;
SET LOCAL jit = off;
"""
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
_Query = TypeVar("_Query", bound="Select[*tuple[Any, ...]]")
# A column and what it has to be.
_Restriction: TypeAlias = tuple[InstrumentedAttribute[str | None], str]
_Equal: TypeAlias = Sequence[_Restriction]


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
        if wanted.kinds and (
            wanted.receipts or wanted.least_records or wanted.operator or wanted.case_number
        ):
            return []  # no event has that
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.connection().exec_driver_sql(_IN_ORDER)
        places, equal = self._places(wanted), _equal(wanted)
        leading = self._rare(wanted, equal, places)
        if leading is None:
            if wanted.kinds:
                return self._of_kinds(wanted, equal, places, limit)
            if wanted.least_records and (large := self._large(wanted.least_records, places)) is not None:
                return self._among(large, wanted, equal, limit)
            leading = next(iter(equal), None)
        sifting = [*_sifting(each for each in equal if each is not leading), *_said(wanted)]
        return self._newest(leading, [*sifting, *_within(places)], limit)

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

    def _rare(self, wanted: Wanted, equal: _Equal, places: tuple[int, int]) -> _Restriction | None:
        """The first restriction that leaves few entries, or is the only one; None if there is none."""
        if len(equal) == 1 and not wanted.kinds and not wanted.least_records:
            return equal[0]
        for each in equal:
            entries = _ordered(select(LeafRow.place).where(*_within(places)), each)
            if self._session.scalar(entries.offset(_FEW).limit(1)) is None:
                return each
        return None

    def _of_kinds(
        self, wanted: Wanted, equal: _Equal, places: tuple[int, int], limit: int
    ) -> list[LogRecord]:
        conditions = [*_sifting(equal), *_said(replace(wanted, kinds=())), *_within(places)]
        # Each type by itself comes in order; together they would have to be sorted.
        of_each = [
            select(LeafRow.place)
            .where(*conditions, LeafRow.event_type == kind)
            .order_by(LeafRow.place.desc())
            .limit(limit)
            .subquery()
            for kind in wanted.kinds
        ]
        newest = self._session.scalars(union_all(*(select(one.c.place) for one in of_each)))
        return self._newest(None, [LeafRow.place.in_(sorted(newest, reverse=True)[:limit])], limit)

    def _large(self, least: int, places: tuple[int, int]) -> list[int] | None:
        """Places of receipts with at least so many records, newest first; None if there are many."""
        query = select(LeafRow.place).where(LeafRow.records >= least).order_by(LeafRow.records)
        large = self._session.scalars(query.limit(_FEW + 1)).all()
        if len(large) > _FEW:
            return None
        begin, end = places
        return sorted((place for place in large if begin <= place < end), reverse=True)

    def _among(self, places: Sequence[int], wanted: Wanted, equal: _Equal, limit: int) -> list[LogRecord]:
        found: list[LogRecord] = []
        while places and len(found) < limit:
            some, places = places[:_AT_ONCE], places[_AT_ONCE:]
            conditions = [*_sifting(equal), *_said(wanted), LeafRow.place.in_(some)]
            found += self._newest(None, conditions, limit - len(found))
        return found

    def _newest(
        self, leading: _Restriction | None, conditions: Sequence[ColumnElement[bool]], limit: int
    ) -> list[LogRecord]:
        query = _ordered(select(*_SHOWN).where(*conditions), leading).limit(limit)
        return [_record(row) for row in self._session.execute(query).mappings()]


def _ordered(query: _Query, leading: _Restriction | None) -> _Query:
    """What is asked for, newest first, read in the order of the leading column's index if there is one.

    Put so that no other index has that order: where the column simply equals its value, a database is free
    to go through all entries from the newest on.
    """
    if leading is None:
        return query.order_by(LeafRow.place.desc())
    column, value = leading
    return query.where(column >= value, column <= value).order_by(column.desc(), LeafRow.place.desc())


def _within(places: tuple[int, int]) -> list[ColumnElement[bool]]:
    begin, end = places
    bounds: list[ColumnElement[bool]] = []
    if begin > 0:
        bounds.append(LeafRow.place >= begin)
    if end < _BEYOND:
        bounds.append(LeafRow.place < end)
    return bounds


def _equal(wanted: Wanted) -> _Equal:
    """What columns have to be, those first that have most different values."""
    return [
        (column, value)
        for column, value in (
            (LeafRow.case_number, wanted.case_number),
            (LeafRow.operator, wanted.operator),
            (LeafRow.grant_id, wanted.grant_id),
            (LeafRow.resource, wanted.resource),
            (LeafRow.provider, wanted.provider),
            (LeafRow.consumer, wanted.consumer),
        )
        if value is not None
    ]


def _sifting(equal: Iterable[_Restriction]) -> list[ColumnElement[bool]]:
    """The conditions on what is found by other means: an expression has no index."""
    return [column + "" == value for column, value in equal]


def _said(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Conditions that only sift, whatever leads."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.receipts:
        # Most entries are receipts: a walk from the newest on finds a page of them at once.
        conditions.append(LeafRow.kind == EntryKind.ENTRY_KIND_RECEIPT)
    if wanted.only_node is not None:
        conditions.append(or_(LeafRow.event_type.is_not(None), LeafRow.node_id == wanted.only_node))
    if wanted.kinds:
        conditions.append((LeafRow.event_type + 0).in_(wanted.kinds))
    if wanted.least_records:
        conditions.append(LeafRow.records + 0 >= wanted.least_records)
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
        found=row["found"],
        node_id=row["node_id"] or "",
        node_sequence=row["node_sequence"] or 0,
        end=SessionEnd.ValueType(row["session_end"] or 0),
        removed=row["removed"],
        receipt_hash=row["receipt_hash"] or b"",
    )
