"""What the platform of the tests knows of applications and grants."""

# ruff: noqa: N802 (methods have the names that the .proto gives them)

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from stayput import grants
from stayput.errors import StayputError
from stayput.grants import active_standing
from stayput.rpc.server import Context
from stayput.v1.access_pb2 import (
    AcceptApplicationRequest,
    AcceptApplicationResponse,
    Application,
    ApplicationState,
    ApplyRequest,
    ApplyResponse,
    CaughtUp,
    GetApplicationRequest,
    GetApplicationResponse,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
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
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving.faults import Faults

UNDECIDED = (
    ApplicationState.APPLICATION_STATE_SUBMITTED,
    ApplicationState.APPLICATION_STATE_ACCEPTED,
)
DECIDED_AT = datetime(2026, 11, 22, 8, 16, tzinfo=UTC)


class AccessPeer(AccessServiceServicer):
    """Applications, decisions, grants and their standing; a test reads and changes them."""

    def __init__(self) -> None:
        self.signing_key = b""
        self.applications: dict[str, Application] = {}
        self.grants: dict[str, Envelope] = {}
        self.faults = Faults()
        self.standings: dict[str, GrantStanding] = {}
        self.changes: list[GrantChange] = []
        self.decisions = 0
        self.recorded_more = asyncio.Condition()
        self.watching: set[asyncio.Queue[WatchAccessResponse | None]] = set()

    def add(self, application: Application) -> Application:
        """An application that awaits the node's decision."""
        application.state = ApplicationState.APPLICATION_STATE_SUBMITTED
        self.applications[application.id] = application
        self._tell(WatchAccessResponse(application=application))
        return application

    def say(self, grant_id: str, state: "GrantState.ValueType", reason: str = "接到举报") -> None:
        """The platform's word on a grant, told to who listens."""
        standing = self.standings.setdefault(grant_id, active_standing(grant_id))
        standing.platform_state, standing.platform_reason = state, reason
        self._tell(WatchAccessResponse(standing=standing))

    def hang_up(self) -> None:
        """Ends the streams of all who listen."""
        for queue in self.watching:
            queue.put_nowait(None)

    def _tell(self, event: WatchAccessResponse) -> None:
        for queue in self.watching:
            queue.put_nowait(event)

    def latest(self, grant_id: str) -> Grant:
        """The version recorded last."""
        return grants.verify(self.grants[grant_id], self.signing_key)

    async def ListApplications(
        self, request: ListApplicationsRequest, context: Context
    ) -> ListApplicationsResponse:
        everything = list(reversed(self.applications.values()))
        start = int(request.page_token or 0)
        # Pages of one, so that the node has to follow them.
        token = str(start + 1) if start + 1 < len(everything) else ""
        return ListApplicationsResponse(applications=everything[start : start + 1], next_page_token=token)

    async def GetApplication(
        self, request: GetApplicationRequest, context: Context
    ) -> GetApplicationResponse:
        await self.faults.before("application")
        return GetApplicationResponse(application=self._application(request.id))

    async def RecordDecision(
        self, request: RecordDecisionRequest, context: Context
    ) -> RecordDecisionResponse:
        await self.faults.before("decision")
        application = self._application(request.application_id)
        again = application.grant_id and self.grants[application.grant_id] == request.grant
        if application.state not in UNDECIDED and not again:
            raise decided(application)
        if request.WhichOneof("decision") == "grant":
            grant = grants.verify(request.grant, self.signing_key)
            grants.check_within(grant, application)
            self.grants[grant.id] = request.grant
            application.grant_id = grant.id
            application.state = ApplicationState.APPLICATION_STATE_GRANTED
        else:
            application.refusal_reason = request.refusal_reason
            application.state = ApplicationState.APPLICATION_STATE_REFUSED
        if not again:
            application.decided_by = request.administrator
            application.decided_at.FromDatetime(DECIDED_AT)
        self.decisions += 1
        async with self.recorded_more:
            self.recorded_more.notify_all()
        await self.faults.after("decision", context)
        return RecordDecisionResponse(application=application)

    async def AcceptApplication(
        self, request: AcceptApplicationRequest, context: Context
    ) -> AcceptApplicationResponse:
        await self.faults.before("accept")
        application = self._application(request.id)
        if application.state not in UNDECIDED:
            raise decided(application)
        application.state = ApplicationState.APPLICATION_STATE_ACCEPTED
        application.accepted_by = request.administrator
        return AcceptApplicationResponse(application=application)

    async def RecordGrantVersion(
        self, request: RecordGrantVersionRequest, context: Context
    ) -> RecordGrantVersionResponse:
        await self.faults.before("version")
        grant = grants.verify(request.grant, self.signing_key)
        if grant.id not in self.grants:
            raise StayputError(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "unknown", remedy="none")
        if self.grants[grant.id] != request.grant:
            _check_follows(self.latest(grant.id).version, grant.version)
            self.grants[grant.id] = request.grant
        async with self.recorded_more:
            self.recorded_more.notify_all()
        await self.faults.after("version", context)
        return RecordGrantVersionResponse()

    async def RecordGrantChange(
        self, request: RecordGrantChangeRequest, context: Context
    ) -> RecordGrantChangeResponse:
        await self.faults.before("change")
        change = grants.verify_change(request.change, self.signing_key)
        if change.grant_id not in self.grants:
            raise StayputError(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "unknown", remedy="none")
        if change not in self.changes:
            _check_follows(sum(one.grant_id == change.grant_id for one in self.changes), change.number)
            self.changes.append(change)
        async with self.recorded_more:
            self.recorded_more.notify_all()
        await self.faults.after("change", context)
        return RecordGrantChangeResponse()

    async def WatchAccess(
        self, request: WatchAccessRequest, context: Context
    ) -> AsyncIterator[WatchAccessResponse]:
        events: asyncio.Queue[WatchAccessResponse | None] = asyncio.Queue()
        self.watching.add(events)
        try:
            await self.faults.before("watch")
            for standing in self.standings.values():
                if standing.platform_state != GrantState.GRANT_STATE_ACTIVE:
                    yield WatchAccessResponse(standing=standing)
            for application in self.applications.values():
                if application.state in UNDECIDED:
                    yield WatchAccessResponse(application=application)
            yield WatchAccessResponse(caught_up=CaughtUp())
            while (event := await events.get()) is not None:
                yield event
        finally:
            self.watching.discard(events)

    async def WithdrawApplication(
        self, request: WithdrawApplicationRequest, context: Context
    ) -> WithdrawApplicationResponse:
        raise NotImplementedError

    async def SetGrantStanding(
        self, request: SetGrantStandingRequest, context: Context
    ) -> SetGrantStandingResponse:
        raise NotImplementedError

    async def Apply(self, request: ApplyRequest, context: Context) -> ApplyResponse:
        raise NotImplementedError

    async def ListGrants(self, request: ListGrantsRequest, context: Context) -> ListGrantsResponse:
        raise NotImplementedError

    async def IssueTicket(self, request: IssueTicketRequest, context: Context) -> IssueTicketResponse:
        raise NotImplementedError

    def _application(self, application_id: str) -> Application:
        if application_id not in self.applications:
            raise StayputError(ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN, "unknown", remedy="none")
        return self.applications[application_id]


def decided(application: Application) -> StayputError:
    """The application was decided before, and by whom."""
    return StayputError(
        ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
        "decided",
        remedy="none",
        details={"decided_by": application.decided_by},
    )


def _check_follows(last: int, number: int) -> None:
    if number != last + 1:
        raise StayputError(
            ErrorReason.ERROR_REASON_GRANT_VERSION,
            "does not follow",
            remedy="none",
            details={"expected": str(last + 1)},
        )
