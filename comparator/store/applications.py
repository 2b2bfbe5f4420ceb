"""Applications. Outside this module an application is its message."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from comparator.store.models import ApplicationRow, GrantRow, ResourceRow
from comparator.store.timestamps import timestamp
from stayput.identity import Kind, Party
from stayput.v1.access_pb2 import Application, ApplicationState
from stayput.v1.contract_pb2 import Granularity, Mode

OPEN: Final = frozenset(
    {ApplicationState.APPLICATION_STATE_SUBMITTED, ApplicationState.APPLICATION_STATE_ACCEPTED}
)
"""States in which the provider's decision is awaited."""


class Applications:
    """Verbs over applications within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def submit(self, asked: Application, consumer: Party, now: datetime) -> Application:
        """Stores an application as submitted and gives it its number."""
        row = ApplicationRow(
            consumer_urn=consumer.urn,
            resource=asked.resource,
            key=asked.key,
            checks=list(asked.checks),
            mode=asked.mode,
            granularity=asked.granularity,
            purpose=asked.purpose,
            legal_basis=asked.legal_basis,
            expected_records_per_day=asked.expected_records_per_day,
            state=ApplicationState.APPLICATION_STATE_SUBMITTED,
            refusal_reason="",
            submitted_at=now,
            matter=asked.matter,
            security_agreement=asked.security_agreement,
            accepted_by="",
            decided_by="",
            withdrawal_reason="",
        )
        self._session.add(row)
        self._session.flush()
        return _message(row, None)

    def get(self, number: int, seen_by: Party | None) -> Application | None:
        """One application, if that party (or, without one, whoever may see all of them) may see it."""
        query = _applications().where(ApplicationRow.number == number)
        if seen_by is not None:
            query = query.where(_visible(seen_by))
        row = self._session.execute(query).one_or_none()
        return _message(row[0], row[1]) if row else None

    def page(self, seen_by: Party | None, before: int | None, limit: int | None) -> list[Application]:
        """Applications that a party may see (all without one), newest first, of numbers below `before`."""
        query = _applications().order_by(ApplicationRow.number.desc()).limit(limit)
        if seen_by is not None:
            query = query.where(_visible(seen_by))
        if before is not None:
            query = query.where(ApplicationRow.number < before)
        return self._read(query)

    def of_grant(self, grant_id: str) -> Application:
        """The application that a recorded grant was given on."""
        row, _ = self._session.execute(_applications().where(GrantRow.id == grant_id)).one()
        return _message(row, grant_id)

    def open(self) -> list[Application]:
        """All applications that await a decision, oldest first."""
        return self._read(_open())

    def open_for(self, node: Party) -> list[Application]:
        """Applications that await the decision of that node, oldest first."""
        return self._read(_open().where(_visible(node)))

    def accept(self, number: int, administrator: str, now: datetime) -> None:
        """Marks the application as taken in by the provider."""
        row = self._session.get_one(ApplicationRow, number)
        row.state = ApplicationState.APPLICATION_STATE_ACCEPTED
        row.accepted_by, row.accepted_at = administrator, now
        self._session.flush()

    def grant(self, number: int, administrator: str, now: datetime) -> None:
        """Marks the application as granted."""
        self._close(number, ApplicationState.APPLICATION_STATE_GRANTED, now).decided_by = administrator
        self._session.flush()

    def refuse(self, number: int, administrator: str, reason: str, now: datetime) -> None:
        """Marks the application as refused."""
        row = self._close(number, ApplicationState.APPLICATION_STATE_REFUSED, now)
        row.decided_by, row.refusal_reason = administrator, reason
        self._session.flush()

    def withdraw(self, number: int, reason: str, now: datetime) -> None:
        """Marks the application as taken back by the consumer."""
        row = self._close(number, ApplicationState.APPLICATION_STATE_WITHDRAWN, now)
        row.withdrawal_reason = reason
        self._session.flush()

    def expire(self, number: int, now: datetime) -> None:
        """Marks the application as expired undecided."""
        self._close(number, ApplicationState.APPLICATION_STATE_EXPIRED, now)
        self._session.flush()

    def _close(self, number: int, state: ApplicationState.ValueType, now: datetime) -> ApplicationRow:
        row = self._session.get_one(ApplicationRow, number)
        row.state, row.decided_at = state, now
        return row

    def _read(self, query: Select[ApplicationRow, str | None]) -> list[Application]:
        return [_message(row, grant_id) for row, grant_id in self._session.execute(query)]


def number_of(application: Application) -> int:
    """The number of a stored application, which its id spells."""
    return int(application.id.removeprefix("A-"))


def _applications() -> Select[ApplicationRow, str | None]:
    return select(ApplicationRow, GrantRow.id).outerjoin(
        GrantRow, GrantRow.application_number == ApplicationRow.number
    )


def _open() -> Select[ApplicationRow, str | None]:
    return _applications().where(ApplicationRow.state.in_(OPEN)).order_by(ApplicationRow.number)


def _visible(party: Party) -> ColumnElement[bool]:
    if party.kind is Kind.DEPARTMENT:
        return ApplicationRow.consumer_urn == party.urn
    # Row by row in the order of numbers, until a page is full: by way of the resources all would be sorted.
    return exists().where(ResourceRow.code == ApplicationRow.resource, ResourceRow.node_urn == party.urn)


def _message(row: ApplicationRow, grant_id: str | None) -> Application:
    return Application(
        id=f"A-{row.number}",
        consumer=Party.from_urn(row.consumer_urn).id,
        resource=row.resource,
        key=row.key,
        checks=row.checks,
        mode=Mode.ValueType(row.mode),
        granularity=Granularity.ValueType(row.granularity),
        purpose=row.purpose,
        legal_basis=row.legal_basis,
        expected_records_per_day=row.expected_records_per_day,
        state=ApplicationState.ValueType(row.state),
        refusal_reason=row.refusal_reason,
        grant_id=grant_id or "",
        submitted_at=timestamp(row.submitted_at),
        decided_at=timestamp(row.decided_at),
        matter=row.matter,
        security_agreement=row.security_agreement,
        accepted_at=timestamp(row.accepted_at),
        accepted_by=row.accepted_by,
        decided_by=row.decided_by,
        withdrawal_reason=row.withdrawal_reason,
    )
