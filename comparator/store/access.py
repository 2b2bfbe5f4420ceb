"""Applications, grants and issued tickets. Outside this module an application is its message."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from comparator.store.models import ApplicationRow, GrantRow, ResourceRow, TicketRow
from stayput.identity import Kind, Party
from stayput.tickets import Ticket
from stayput.v1.access_pb2 import Application, ApplicationState, Grant
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.signing_pb2 import Envelope


class Access:
    """Verbs over applications, grants and tickets within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def apply(self, asked: Application, consumer: Party, now: datetime) -> Application:
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
        )
        self._session.add(row)
        self._session.flush()
        return _message(row, None)

    def application(self, number: int, seen_by: Party) -> Application | None:
        """One application, if that party may see it."""
        row = self._session.execute(
            _applications().where(ApplicationRow.number == number, _visible(seen_by))
        ).one_or_none()
        return _message(row[0], row[1]) if row else None

    def applications(self, seen_by: Party | None, before: int | None, limit: int | None) -> list[Application]:
        """Applications that a party may see (all without one), newest first, of numbers below `before`."""
        query = _applications().order_by(ApplicationRow.number.desc()).limit(limit)
        if seen_by is not None:
            query = query.where(_visible(seen_by))
        if before is not None:
            query = query.where(ApplicationRow.number < before)
        return [_message(row, grant_id) for row, grant_id in self._session.execute(query)]

    def grant(self, number: int, grant: Grant, envelope: Envelope, now: datetime) -> None:
        """Marks the application as granted and keeps the grant as it was signed."""
        self._decide(number, ApplicationState.APPLICATION_STATE_GRANTED, "", now)
        self._session.add(
            GrantRow(
                id=grant.id,
                application_number=number,
                node_urn=Party(Kind.NODE, grant.node_id).urn,
                consumer_urn=Party(Kind.DEPARTMENT, grant.consumer).urn,
                envelope=envelope.SerializeToString(deterministic=True),
                recorded_at=now,
            )
        )
        self._session.flush()

    def refuse(self, number: int, reason: str, now: datetime) -> None:
        """Marks the application as refused."""
        self._decide(number, ApplicationState.APPLICATION_STATE_REFUSED, reason, now)

    def _decide(self, number: int, state: int, reason: str, now: datetime) -> None:
        row = self._session.get_one(ApplicationRow, number)
        row.state, row.refusal_reason, row.decided_at = state, reason, now
        self._session.flush()

    def find_grant(self, grant_id: str) -> Envelope | None:
        """The signed grant of that id."""
        stored = self._session.scalar(select(GrantRow.envelope).where(GrantRow.id == grant_id))
        return None if stored is None else Envelope.FromString(stored)

    def grants(self, party: Party, before: int | None, limit: int) -> list[tuple[int, Envelope]]:
        """Grants that a department holds or a node gave, newest first, with the number to page by."""
        mine = GrantRow.consumer_urn if party.kind is Kind.DEPARTMENT else GrantRow.node_urn
        query = select(GrantRow).where(mine == party.urn).order_by(GrantRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(GrantRow.number < before)
        return [(row.number, Envelope.FromString(row.envelope)) for row in self._session.scalars(query)]

    def record_ticket(self, ticket: Ticket) -> None:
        """Keeps who got a ticket, for what and when."""
        self._session.add(
            TicketRow(
                id=ticket.id,
                grant_id=ticket.scope.grant_id,
                consumer_urn=ticket.consumer.urn,
                thumbprint=ticket.thumbprint,
                operator=ticket.operator,
                purpose=ticket.purpose,
                case_number=ticket.case_number,
                issued_at=ticket.issued_at,
                expires_at=ticket.expires_at,
            )
        )

    def tickets(self, grant_id: str) -> Sequence[TicketRow]:
        """Tickets issued for a grant, oldest first."""
        return self._session.scalars(
            select(TicketRow)
            .where(TicketRow.grant_id == grant_id)
            .order_by(TicketRow.issued_at, TicketRow.id)
        ).all()


def _applications() -> Select[ApplicationRow, str | None]:
    return select(ApplicationRow, GrantRow.id).outerjoin(
        GrantRow, GrantRow.application_number == ApplicationRow.number
    )


def _visible(party: Party) -> ColumnElement[bool]:
    if party.kind is Kind.DEPARTMENT:
        return ApplicationRow.consumer_urn == party.urn
    return ApplicationRow.resource.in_(select(ResourceRow.code).where(ResourceRow.node_urn == party.urn))


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
        submitted_at=_timestamp(row.submitted_at),
        decided_at=None if row.decided_at is None else _timestamp(row.decided_at),
    )


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time.astimezone(UTC))
    return stamp
