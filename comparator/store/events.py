"""Events: what happened to parties, resources, applications and grants, in the order of storing.

Each is a leaf of the log too, which holds it as it was told.
"""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from comparator.store.applications import OPEN
from comparator.store.entries import Search, of_event
from comparator.store.leaves import Leaves
from comparator.store.log_models import LeafRow
from comparator.store.models import ApplicationRow, EventRow, GrantRow, PartyRow, ResourceRow
from comparator.store.timestamps import timestamp
from stayput import tickets
from stayput.v1.log_pb2 import Event, EventType

PLATFORM: Final = tickets.ISSUER
"""URN of the platform itself, as the actor of what nobody else did."""
_BEFORE_NUMBER: Final = "A-"
_AT_ONCE: Final = 500


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
        self._leaves.append([of_event(message(row), self.names([about])[0])], at)

    def stored(self, kind: EventType.ValueType, party: str, detail: str) -> bool:
        """There is an event of that type about that party with that detail."""
        query = select(EventRow.number).where(
            EventRow.type == kind, EventRow.party == party, EventRow.detail == detail
        )
        return self._session.scalar(query.limit(1)) is not None

    def names(self, abouts: Sequence[About]) -> list[Search]:
        """Whom and what events about these name, themselves or by what they are about; some hundreds at once.

        The answer is always the same: whose a resource, an application, a grant or a node is never changes.
        """
        applied = self._applied(abouts)
        resources = [about.resource or resource for about, (_, resource) in zip(abouts, applied, strict=True)]
        providers = self._urns(ResourceRow.code, ResourceRow.provider_urn, resources)
        owners = self._urns(PartyRow.urn, PartyRow.department_urn, [about.party for about in abouts])
        return [
            _named(about, consumer, resource, providers.get(resource), owners.get(about.party))
            for about, (consumer, _), resource in zip(abouts, applied, resources, strict=True)
        ]

    def _applied(self, abouts: Sequence[About]) -> list[tuple[str | None, str | None]]:
        """For each the consumer's URN and the resource of the application it is about, by its grant too."""
        chosen = (ApplicationRow.consumer_urn, ApplicationRow.resource)
        known: dict[int | str, tuple[str, str]] = {}
        if numbers := {each.application for each in abouts if each.application is not None}:
            query = select(ApplicationRow.number, *chosen).where(ApplicationRow.number.in_(numbers))
            known |= {row[0]: (row[1], row[2]) for row in self._session.execute(query)}
        if grants := {each.grant_id for each in abouts if each.application is None and each.grant_id}:
            joined = select(GrantRow.id, *chosen).join(
                ApplicationRow, GrantRow.application_number == ApplicationRow.number
            )
            rows = self._session.execute(joined.where(GrantRow.id.in_(grants)))
            known |= {row[0]: (row[1], row[2]) for row in rows}
        keys = (each.grant_id if each.application is None else each.application for each in abouts)
        return [(None, None) if key is None else known.get(key, (None, None)) for key in keys]

    def _urns(
        self, key: InstrumentedAttribute[str], urn: InstrumentedAttribute[str], keys: Collection[str | None]
    ) -> Mapping[str | None, str]:
        wanted = set(keys) - {None}
        if not wanted:
            return {}
        return {row[0]: row[1] for row in self._session.execute(select(key, urn).where(key.in_(wanted)))}

    def listed(self, numbers: Collection[int]) -> Mapping[int, Event]:
        """The events of these numbers as they are listed; at most some thousands at once."""
        query = select(EventRow).where(EventRow.number.in_(numbers))
        return {row.number: message(row) for row in self._session.scalars(query)} if numbers else {}

    def unlogged(self) -> Iterator[int]:
        """Numbers of the events that no leaf says it is about. Memory is bounded."""
        logged = select(LeafRow.place).where(LeafRow.event_number == EventRow.number)
        query = select(EventRow.number).where(~logged.exists()).order_by(EventRow.number)
        yield from self._session.scalars(query.execution_options(yield_per=_AT_ONCE))

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
        application_id="" if row.application_number is None else f"{_BEFORE_NUMBER}{row.application_number}",
        grant_id=row.grant_id or "",
        detail=row.detail,
    )


def about_of(event: Event) -> About:
    """What an event is about; `ValueError` if its application has no number."""
    number = event.application_id.removeprefix(_BEFORE_NUMBER)
    return About(
        party=event.party or None,
        resource=event.resource or None,
        application=int(number) if number else None,
        grant_id=event.grant_id or None,
    )


def _named(
    about: About, consumer: str | None, resource: str | None, provider: str | None, owner: str | None
) -> Search:
    """What it names itself goes before what is known of it otherwise; `owner` is the party's department."""
    if owner is not None and owner == about.party:
        consumer = owner
    else:
        provider = provider or owner
    return Search(
        consumer=_code(consumer), provider=_code(provider), resource=resource, grant_id=about.grant_id
    )


def _code(urn: str | None) -> str | None:
    return urn and urn.rpartition(":")[2]
