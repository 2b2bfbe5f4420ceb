"""Tickets that were issued: who got one, for what, when. The tickets themselves are not kept."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from comparator.store.models import TicketRow
from stayput.tickets import Ticket


class Tickets:
    """Verbs over issued tickets within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, ticket: Ticket) -> None:
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

    def of(self, grant_id: str) -> Sequence[TicketRow]:
        """Tickets issued for a grant, oldest first."""
        return self._session.scalars(
            select(TicketRow)
            .where(TicketRow.grant_id == grant_id)
            .order_by(TicketRow.issued_at, TicketRow.id)
        ).all()
