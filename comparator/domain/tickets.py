"""Issuing tickets: the platform's short pass for one grant's node, bound to the caller's certificate."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from joserfc.jwk import ECKey

from comparator.domain import fields
from comparator.domain.access import GRANT_ID
from comparator.domain.policy import Call
from stayput import grants, tickets
from stayput.errors import StayputError
from stayput.identity import node
from stayput.v1.access_pb2 import Grant, IssueTicketRequest
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason

_LONGEST_OPERATOR = 100
_LONGEST_PURPOSE = 500
_LONGEST_CASE_NUMBER = 100


@dataclass(frozen=True, slots=True)
class Mint:
    """The ticket key and how long tickets live."""

    key: ECKey = field(repr=False)
    life: timedelta


def issue(call: Call, asked: IssueTicketRequest, mint: Mint, ticket_id: str) -> tuple[str, datetime]:
    """The ticket (a JWT), and when it expires. Who got it for what is kept.

    Raises `GRANT_UNKNOWN`, `GRANT_NOT_ACTIVE`, `CASE_NUMBER_REQUIRED` or `FIELD_INVALID`.
    """
    grant = _held(call, asked.grant_id)
    grants.check_active(grant, call.now)
    fields.text("operator", asked.operator, most=_LONGEST_OPERATOR)
    fields.text("purpose", asked.purpose, most=_LONGEST_PURPOSE)
    fields.text("case_number", asked.case_number, least=0, most=_LONGEST_CASE_NUMBER)
    if grant.case_number_required and not asked.case_number.strip():
        raise StayputError(
            ErrorReason.ERROR_REASON_CASE_NUMBER_REQUIRED,
            "case_number: the grant demands one",
            field="case_number",
            remedy="name the case that the comparison is for",
        )
    # The claims hold whole seconds.
    issued_at = call.now.replace(microsecond=0)
    ticket = tickets.Ticket(
        id=ticket_id,
        consumer=call.party,
        node=node(grant.node_id),
        thumbprint=call.thumbprint,
        scope=_scope(grant),
        operator=asked.operator,
        purpose=asked.purpose,
        case_number=asked.case_number,
        issued_at=issued_at,
        expires_at=min(issued_at + mint.life, grant.valid_until.ToDatetime(UTC)),
    )
    call.store.access.record_ticket(ticket)
    return tickets.issue(ticket, mint.key), ticket.expires_at


def _held(call: Call, grant_id: str) -> Grant:
    envelope = call.store.access.find_grant(grant_id) if GRANT_ID.fullmatch(grant_id) else None
    if envelope is not None:
        grant = Grant.FromString(envelope.payload)
        if grant.consumer == call.party.id:
            return grant
    raise StayputError(
        ErrorReason.ERROR_REASON_GRANT_UNKNOWN,
        "no grant of this id is held by the caller",
        field="grant_id",
        remedy="list the grants for their ids",
    )


def _scope(grant: Grant) -> tickets.Scope:
    return tickets.Scope(
        grant_id=grant.id,
        resource=grant.resource,
        key=grant.key,
        checks=tuple(grant.checks),
        modes=tuple(Mode.Name(mode).removeprefix("MODE_") for mode in grant.modes),
        granularities=tuple(Granularity.Name(g).removeprefix("GRANULARITY_") for g in grant.granularities),
    )
