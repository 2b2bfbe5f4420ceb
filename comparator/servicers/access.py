"""AccessService."""

import secrets

from google.protobuf.timestamp_pb2 import Timestamp

from comparator.domain import access, tickets
from comparator.domain.policy import Call
from comparator.domain.tickets import Mint
from comparator.servicers.desk import Desk
from stayput.errors import field_invalid
from stayput.rpc.server import Context
from stayput.v1.access_pb2 import (
    Application,
    ApplyRequest,
    ApplyResponse,
    GetApplicationRequest,
    GetApplicationResponse,
    IssueTicketRequest,
    IssueTicketResponse,
    ListApplicationsRequest,
    ListApplicationsResponse,
    ListGrantsRequest,
    ListGrantsResponse,
    RecordDecisionRequest,
    RecordDecisionResponse,
)
from stayput.v1.access_pb2_grpc import AccessServiceServicer

_AT = "/stayput.v1.AccessService"
_TICKET_ID_BYTES = 16


class AccessServicer(AccessServiceServicer):
    """Applications, grants and tickets, as access.proto says."""

    def __init__(self, desk: Desk, mint: Mint) -> None:
        self._desk = desk
        self._mint = mint

    async def Apply(self, request: ApplyRequest, context: Context) -> ApplyResponse:  # noqa: D102 (see access.proto)
        application = await self._desk.writing(
            context, f"{_AT}/Apply", lambda call: access.apply(call, request.application)
        )
        return ApplyResponse(application=application)

    async def ListApplications(  # noqa: D102
        self, request: ListApplicationsRequest, context: Context
    ) -> ListApplicationsResponse:
        applications, token = await self._desk.reading(
            context,
            f"{_AT}/ListApplications",
            lambda call: access.page(call, request.page_size, request.page_token),
        )
        return ListApplicationsResponse(applications=applications, next_page_token=token)

    async def GetApplication(  # noqa: D102
        self, request: GetApplicationRequest, context: Context
    ) -> GetApplicationResponse:
        application = await self._desk.reading(
            context, f"{_AT}/GetApplication", lambda call: access.get(call, request.id)
        )
        return GetApplicationResponse(application=application)

    async def RecordDecision(  # noqa: D102
        self, request: RecordDecisionRequest, context: Context
    ) -> RecordDecisionResponse:
        application = await self._desk.writing(
            context, f"{_AT}/RecordDecision", lambda call: _decide(call, request)
        )
        return RecordDecisionResponse(application=application)

    async def ListGrants(  # noqa: D102
        self, request: ListGrantsRequest, context: Context
    ) -> ListGrantsResponse:
        grants, token = await self._desk.reading(
            context,
            f"{_AT}/ListGrants",
            lambda call: access.grant_page(call, request.page_size, request.page_token),
        )
        return ListGrantsResponse(grants=grants, next_page_token=token)

    async def IssueTicket(  # noqa: D102
        self, request: IssueTicketRequest, context: Context
    ) -> IssueTicketResponse:
        ticket_id = secrets.token_urlsafe(_TICKET_ID_BYTES)
        ticket, expires_at = await self._desk.writing(
            context,
            f"{_AT}/IssueTicket",
            lambda call: tickets.issue(call, request, self._mint, ticket_id),
        )
        stamp = Timestamp()
        stamp.FromDatetime(expires_at)
        return IssueTicketResponse(ticket=ticket, expires_at=stamp)


def _decide(call: Call, request: RecordDecisionRequest) -> Application:
    match request.WhichOneof("decision"):
        case "grant":
            return access.record_grant(call, request.application_id, request.grant)
        case "refusal_reason":
            return access.record_refusal(call, request.application_id, request.refusal_reason)
        case None:
            raise field_invalid("decision", "is missing", "send a grant or a reason of refusal")
