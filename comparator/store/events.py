"""Events: what happened to parties, resources, applications and grants, in the order of storing."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from comparator.store.applications import OPEN
from comparator.store.models import ApplicationRow, EventRow
from comparator.store.timestamps import timestamp
from stayput import tickets
from stayput.v1.log_pb2 import Event, EventType

PLATFORM: Final = tickets.ISSUER
"""URN of the platform itself, as the actor of what nobody else did."""


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about: a party's URN, a resource's code, an application's number, a grant's id."""

    party: str | None = None
    resource: str | None = None
    application: int | None = None
    grant_id: str | None = None


class Events:
    """Verbs over events within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, kind: EventType.ValueType, actor: str, at: datetime, about: About, detail: str = ""
    ) -> None:
        """Stores an event; `actor` is the URN of who did it."""
        self._session.add(
            EventRow(
                at=at,
                type=kind,
                actor=actor,
                party=about.party,
                resource=about.resource,
                application_number=about.application,
                grant_id=about.grant_id,
                detail=detail,
            )
        )
        self._session.flush()

    def told_of_open(self, kind: EventType.ValueType) -> set[int]:
        """Numbers of the applications still open about which there is an event of that type."""
        query = (
            select(EventRow.application_number)
            .join(ApplicationRow, ApplicationRow.number == EventRow.application_number)
            .where(EventRow.type == kind, ApplicationRow.state.in_(OPEN))
        )
        return {number for number in self._session.scalars(query) if number is not None}

    def last_number(self) -> int:
        """Number of the last event; 0 before the first."""
        return self._session.scalar(select(func.max(EventRow.number))) or 0

    def page(
        self, before: int | None, limit: int | None, about: About, kinds: Sequence[int] = ()
    ) -> list[Event]:
        """Events, newest first, of numbers below `before`, about all that `about` names, of these types."""
        query = select(EventRow).order_by(EventRow.number.desc()).limit(limit)
        for column, value in (
            (EventRow.party, about.party),
            (EventRow.resource, about.resource),
            (EventRow.application_number, about.application),
            (EventRow.grant_id, about.grant_id),
        ):
            if value is not None:
                query = query.where(column == value)
        if before is not None:
            query = query.where(EventRow.number < before)
        if kinds:
            query = query.where(EventRow.type.in_(kinds))
        return [_message(row) for row in self._session.scalars(query)]


def _message(row: EventRow) -> Event:
    return Event(
        number=row.number,
        at=timestamp(row.at),
        type=EventType.ValueType(row.type),
        actor=row.actor,
        party=row.party or "",
        resource=row.resource or "",
        application_id="" if row.application_number is None else f"A-{row.application_number}",
        grant_id=row.grant_id or "",
        detail=row.detail,
    )
