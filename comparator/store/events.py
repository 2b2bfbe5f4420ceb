"""Events: what happened to parties, resources, applications and grants, in the order of storing.

Each is a leaf of the log too, which holds it as it was told.
"""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from comparator.store.applications import OPEN
from comparator.store.entries import Search, of_event
from comparator.store.leaves import Leaves
from comparator.store.models import ApplicationRow, EventRow, GrantRow, PartyRow, ResourceRow
from comparator.store.timestamps import timestamp
from stayput import tickets
from stayput.identity import Party
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

    def __init__(self, session: Session, leaves: Leaves) -> None:
        self._session = session
        self._leaves = leaves

    def add(
        self, kind: EventType.ValueType, actor: str, at: datetime, about: About, detail: str = ""
    ) -> None:
        """Stores an event and logs it; `actor` is the URN of who did it."""
        row = EventRow(
            at=at,
            type=kind,
            actor=actor,
            party=about.party,
            resource=about.resource,
            application_number=about.application,
            grant_id=about.grant_id,
            detail=detail,
        )
        self._session.add(row)
        self._session.flush()
        self._leaves.append([of_event(message(row), self._names(about))], at)

    def stored(self, kind: EventType.ValueType, party: str, detail: str) -> bool:
        """There is an event of that type about that party with that detail."""
        query = select(EventRow.number).where(
            EventRow.type == kind, EventRow.party == party, EventRow.detail == detail
        )
        return self._session.scalar(query.limit(1)) is not None

    def _names(self, about: About) -> Search:
        """Whom and what an event names, itself or by what it is about."""
        consumer, resource = self._applied(about)
        resource = about.resource or resource
        provider = self._session.scalar(select(ResourceRow.provider_urn).where(ResourceRow.code == resource))
        if about.party is not None:
            owner = self._session.scalar(select(PartyRow.department_urn).where(PartyRow.urn == about.party))
            if owner == about.party:
                consumer = consumer or owner
            else:
                provider = provider or owner
        return Search(
            consumer=consumer and Party.from_urn(consumer).id,
            provider=provider and Party.from_urn(provider).id,
            resource=resource,
            grant_id=about.grant_id,
        )

    def _applied(self, about: About) -> tuple[str | None, str | None]:
        """The consumer's URN and the resource of the application that an event is about, by its grant too."""
        query = select(ApplicationRow.consumer_urn, ApplicationRow.resource)
        if about.application is not None:
            query = query.where(ApplicationRow.number == about.application)
        elif about.grant_id is not None:
            query = query.join(GrantRow, GrantRow.application_number == ApplicationRow.number).where(
                GrantRow.id == about.grant_id
            )
        else:
            return None, None
        row = self._session.execute(query).one_or_none()
        return (row[0], row[1]) if row else (None, None)

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
        return [message(row) for row in self._session.scalars(query)]


def message(row: EventRow) -> Event:
    """The event of a row."""
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
