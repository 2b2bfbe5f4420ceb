"""Issuing tickets: the platform's short pass for one grant's node, bound to the caller's certificate."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from joserfc.jwk import ECKey

from comparator.domain import fields
from comparator.domain.grants import unknown
from comparator.domain.policy import Call
from stayput import grants, tickets
from stayput.grants import GRANT_ID
from stayput.identity import node
from stayput.v1.access_pb2 import Grant, IssueTicketRequest
from stayput.v1.contract_pb2 import Granularity, Mode


@dataclass(frozen=True, slots=True)
class Mint:
    """The ticket key and how long tickets live."""

    key: ECKey = field(repr=False)
    life: timedelta


def issue(call: Call, asked: IssueTicketRequest, mint: Mint, ticket_id: str) -> tuple[str, datetime]:
    """The ticket (a JWT), and when it expires. Who got it for what is kept.

    Raises `GRANT_UNKNOWN`, `GRANT_NOT_ACTIVE`, `OPERATOR_NOT_ALLOWED`, `OUTSIDE_HOURS`,
    `CASE_NUMBER_REQUIRED` or `FIELD_INVALID`.
    """
    grant = _held(call, asked.grant_id)
    fields.text("operator", asked.operator, most=tickets.LONGEST_OPERATOR)
    fields.text("purpose", asked.purpose, most=tickets.LONGEST_PURPOSE)
    fields.text("case_number", asked.case_number, least=0, most=tickets.LONGEST_CASE_NUMBER)
    usable_until = grants.check_use(grant, asked.operator, asked.case_number, call.now)
    # The claims hold whole seconds.
    issued_at = call.now.replace(microsecond=0)
    ticket = tickets.Ticket(
        id=ticket_id,
        consumer=call.party,
        node=node(grant.node_id),
        thumbprint=call.thumbprint,
        signing_key=call.signing_key,
        scope=_scope(grant),
        operator=asked.operator,
        purpose=asked.purpose,
        case_number=asked.case_number,
        issued_at=issued_at,
        expires_at=min(issued_at + mint.life, usable_until),
    )
    call.store.tickets.add(ticket)
    return tickets.issue(ticket, mint.key), ticket.expires_at


def _held(call: Call, grant_id: str) -> Grant:
    """The latest version of a grant that the caller holds, if nobody has suspended or revoked it."""
    recorded = call.store.grants.get(grant_id, call.party) if GRANT_ID.fullmatch(grant_id) else None
    if recorded is None:
        raise unknown()
    grants.check_standing(recorded.standing)
    return Grant.FromString(recorded.grant.payload)


def _scope(grant: Grant) -> tickets.Scope:
    return tickets.Scope(
        grant_id=grant.id,
        resource=grant.resource,
        key=grant.key,
        checks=tuple(grant.checks),
        modes=tuple(Mode.Name(mode).removeprefix("MODE_") for mode in grant.modes),
        granularities=tuple(Granularity.Name(g).removeprefix("GRANULARITY_") for g in grant.granularities),
    )
