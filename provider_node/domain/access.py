"""Who may compare: a genuine ticket for this node and connection, and a grant that this node itself signed.

Requests are of a known mode and granularity (`Sessions.open` refuses any other).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from provider_node.store.grants import StoredGrant
from stayput.errors import StayputError
from stayput.grants import check_scope, check_standing, check_use, covered
from stayput.identity import Caller, Kind
from stayput.tickets import Ticket, TicketVerifier
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason


class GrantStore(Protocol):
    """Where the node keeps the grants it signed."""

    def get(self, grant_id: str) -> StoredGrant | None:
        """The grant of that id, if this node ever signed it."""


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What a session needs to know of its ticket; the consumer signs what it asks with `signing_key`."""

    id: str
    operator: str
    purpose: str
    case_number: str
    signing_key: bytes


@dataclass(frozen=True, slots=True)
class Admission:
    """A caller that may open a session: under which ticket and grant, and until when."""

    ticket: TicketFacts
    grant: Grant
    until: datetime


class Access:
    """Decides about each session before anything of it is opened."""

    def __init__(self, tickets: TicketVerifier, grants: GrantStore) -> None:
        self._tickets = tickets
        self._grants = grants

    def admit(self, opening: SessionOpen, caller: Caller, now: datetime) -> Admission:
        """Ticket and grant of a session.

        Raises `NOT_PERMITTED`, `TICKET_*`, `GRANT_*`, `OPERATOR_NOT_ALLOWED`, `OUTSIDE_HOURS` or
        `CASE_NUMBER_REQUIRED`.
        """
        check_department(caller)
        ticket = self._tickets.verify(opening.ticket, caller, now)
        _check_ticket_scope(ticket, opening)
        grant = self._own_grant(ticket)
        until = check_use(grant, ticket.operator, ticket.case_number, now)
        check_scope(
            grant,
            opening.contract.resource,
            opening.key,
            opening.checks,
            opening.mode,
            opening.granularity,
        )
        facts = TicketFacts(
            ticket.id, ticket.operator, ticket.purpose, ticket.case_number, ticket.signing_key
        )
        return Admission(facts, grant, until)

    def _own_grant(self, ticket: Ticket) -> Grant:
        stored = self._grants.get(ticket.scope.grant_id)
        if stored is not None:
            grant = stored.grant
            if grant.consumer == ticket.consumer.id:
                check_standing(stored.standing)
                return grant
        raise StayputError(
            ErrorReason.ERROR_REASON_GRANT_UNKNOWN,
            "this node has signed no such grant for the caller",
            field="grant",
            remedy="apply for access and wait for the provider's decision",
        )


def check_department(caller: Caller) -> None:
    """Passes unless a node calls: `NOT_PERMITTED`."""
    if caller.party.kind is not Kind.DEPARTMENT:
        raise StayputError(
            ErrorReason.ERROR_REASON_NOT_PERMITTED,
            "only a department can compare records",
            remedy="call with a department's certificate",
        )


def _check_ticket_scope(ticket: Ticket, opening: SessionOpen) -> None:
    scope, reason = ticket.scope, ErrorReason.ERROR_REASON_TICKET_SCOPE
    mode = Mode.Name(opening.mode).removeprefix("MODE_")
    granularity = Granularity.Name(opening.granularity).removeprefix("GRANULARITY_")
    covered(reason, "ticket", "resource", [opening.contract.resource], [scope.resource])
    covered(reason, "ticket", "key", [opening.key], [scope.key])
    covered(reason, "ticket", "checks", opening.checks, scope.checks)
    covered(reason, "ticket", "mode", [mode], scope.modes)
    covered(reason, "ticket", "granularity", [granularity], scope.granularities)
