"""AccessService."""

import secrets
from collections.abc import AsyncGenerator

from google.protobuf.timestamp_pb2 import Timestamp

from comparator.domain import applications, grants, tickets
from comparator.domain.policy import Call
from comparator.domain.tickets import Mint
from comparator.servicers.desk import Desk
from comparator.servicers.watch import Watch
from stayput.errors import field_invalid
from stayput.rpc.server import Context
from stayput.v1.access_pb2 import (
    AcceptApplicationRequest,
    AcceptApplicationResponse,
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
    RecordGrantChangeRequest,
    RecordGrantChangeResponse,
    RecordGrantVersionRequest,
    RecordGrantVersionResponse,
    SetGrantStandingRequest,
    SetGrantStandingResponse,
    WatchAccessRequest,
    WatchAccessResponse,
    WithdrawApplicationRequest,
    WithdrawApplicationResponse,
)
from stayput.v1.access_pb2_grpc import AccessServiceServicer

_AT = "/stayput.v1.AccessService"
_TICKET_ID_BYTES = 16


class AccessServicer(AccessServiceServicer):
    """Applications, grants and tickets, as access.proto says.

    Whatever a watching node has to know wakes the watch as soon as it is stored.
    """

    def __init__(self, desk: Desk, mint: Mint, watch: Watch, *, require_agreement: bool) -> None:
        self._desk = desk
        self._mint = mint
        self._watch = watch
        self._require_agreement = require_agreement

    async def Apply(self, request: ApplyRequest, context: Context) -> ApplyResponse:  # noqa: D102 (see access.proto)
        application = await self._desk.writing(
            context, f"{_AT}/Apply", lambda call: applications.apply(call, request.application)
        )
        self._watch.wake()
        return ApplyResponse(application=application)

    async def WithdrawApplication(  # noqa: D102
        self, request: WithdrawApplicationRequest, context: Context
    ) -> WithdrawApplicationResponse:
        application = await self._desk.writing(
            context,
            f"{_AT}/WithdrawApplication",
            lambda call: applications.withdraw(call, request.id, request.reason),
        )
        self._watch.wake()
        return WithdrawApplicationResponse(application=application)

    async def ListApplications(  # noqa: D102
        self, request: ListApplicationsRequest, context: Context
    ) -> ListApplicationsResponse:
        listed, token = await self._desk.reading(
            context,
            f"{_AT}/ListApplications",
            lambda call: applications.page(call, request.page_size, request.page_token),
        )
        return ListApplicationsResponse(applications=listed, next_page_token=token)

    async def GetApplication(  # noqa: D102
        self, request: GetApplicationRequest, context: Context
    ) -> GetApplicationResponse:
        application = await self._desk.reading(
            context, f"{_AT}/GetApplication", lambda call: applications.get(call, request.id)
        )
        return GetApplicationResponse(application=application)

    async def AcceptApplication(  # noqa: D102
        self, request: AcceptApplicationRequest, context: Context
    ) -> AcceptApplicationResponse:
        application = await self._desk.writing(
            context,
            f"{_AT}/AcceptApplication",
            lambda call: applications.accept(call, request.id, request.administrator),
        )
        self._watch.wake()
        return AcceptApplicationResponse(application=application)

    async def RecordDecision(  # noqa: D102
        self, request: RecordDecisionRequest, context: Context
    ) -> RecordDecisionResponse:
        application = await self._desk.writing(
            context, f"{_AT}/RecordDecision", lambda call: self._decide(call, request)
        )
        self._watch.wake()
        return RecordDecisionResponse(application=application)

    def _decide(self, call: Call, request: RecordDecisionRequest) -> Application:
        match request.WhichOneof("decision"):
            case "grant":
                return applications.record_grant(
                    call,
                    request.application_id,
                    request.grant,
                    request.administrator,
                    require_agreement=self._require_agreement,
                )
            case "refusal_reason":
                return applications.record_refusal(
                    call, request.application_id, request.refusal_reason, request.administrator
                )
            case None:
                raise field_invalid("decision", "is missing", "send a grant or a reason of refusal")

    async def RecordGrantVersion(  # noqa: D102
        self, request: RecordGrantVersionRequest, context: Context
    ) -> RecordGrantVersionResponse:
        recorded = await self._desk.writing(
            context,
            f"{_AT}/RecordGrantVersion",
            lambda call: grants.record_version(
                call, request.grant, require_agreement=self._require_agreement
            ),
        )
        return RecordGrantVersionResponse(grant=recorded)

    async def RecordGrantChange(  # noqa: D102
        self, request: RecordGrantChangeRequest, context: Context
    ) -> RecordGrantChangeResponse:
        standing = await self._desk.writing(
            context, f"{_AT}/RecordGrantChange", lambda call: grants.record_change(call, request.change)
        )
        return RecordGrantChangeResponse(standing=standing)

    async def ListGrants(  # noqa: D102
        self, request: ListGrantsRequest, context: Context
    ) -> ListGrantsResponse:
        listed, token = await self._desk.reading(
            context,
            f"{_AT}/ListGrants",
            lambda call: grants.page(call, request.page_size, request.page_token),
        )
        return ListGrantsResponse(grants=listed, next_page_token=token)

    async def SetGrantStanding(  # noqa: D102
        self, request: SetGrantStandingRequest, context: Context
    ) -> SetGrantStandingResponse:
        standing = await self._desk.writing(
            context,
            f"{_AT}/SetGrantStanding",
            lambda call: grants.set_standing(
                call.store, request.grant_id, request.state, request.reason, call.party.urn, call.now
            ),
        )
        self._watch.wake()
        return SetGrantStandingResponse(standing=standing)

    def WatchAccess(  # noqa: D102
        self, request: WatchAccessRequest, context: Context
    ) -> AsyncGenerator[WatchAccessResponse, None]:
        return self._watch.events(context)

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
