"""A platform for tests: the comparator's calls that a node makes, over mutual TLS, with faults on demand."""

# ruff: noqa: N802 (methods have the names that the .proto gives them)

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey

from stayput import grants, receipts
from stayput.errors import StayputError
from stayput.identity import Kind, Party
from stayput.rpc import tls
from stayput.rpc.server import Context, ErrorInterceptor, caller
from stayput.v1.access_pb2 import (
    Application,
    ApplicationState,
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
from stayput.v1.access_pb2_grpc import AccessServiceServicer, add_AccessServiceServicer_to_server
from stayput.v1.catalogue_pb2 import (
    GetResourceRequest,
    GetResourceResponse,
    ListResourcesRequest,
    ListResourcesResponse,
    PublishResourceRequest,
    PublishResourceResponse,
    Resource,
)
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceServicer, add_CatalogueServiceServicer_to_server
from stayput.v1.enrolment_pb2 import EnrolRequest, EnrolResponse, Invitation
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceServicer, add_EnrolmentServiceServicer_to_server
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import AppendReceiptsRequest, AppendReceiptsResponse, Receipt
from stayput.v1.log_pb2_grpc import LogServiceServicer, add_LogServiceServicer_to_server
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving.authority import Authority


@dataclass
class Faults:
    """What goes wrong: calls that fail, and answers lost after what was asked is done."""

    errors: dict[str, StayputError] = field(default_factory=dict)
    lose: dict[str, int] = field(default_factory=dict)

    def before(self, call: str) -> None:
        """Fails."""
        if call in self.errors:
            raise self.errors[call]

    async def after(self, call: str, context: Context) -> None:
        """Loses the answer."""
        if self.lose.get(call, 0):
            self.lose[call] -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")


class Peer(AccessServiceServicer, CatalogueServiceServicer, LogServiceServicer, EnrolmentServiceServicer):
    """What the platform knows of one node; a test reads and changes it."""

    def __init__(self, authority: Authority, node: Party, department: str) -> None:
        self.authority = authority
        self.node = node
        self.department = department
        self.ticket_key = ECKey.generate_key("P-256")
        self.signing_key = b""
        self.address = ""
        self.enrolment_address = ""
        self.applications: dict[str, Application] = {}
        self.grants: dict[str, Envelope] = {}
        self.receipts: list[Envelope] = []
        self.appended = 0
        self.stored_more = asyncio.Condition()
        self.stored_through: int | None = None
        self.published: dict[str, Resource] = {}
        self.faults = Faults()

    @property
    def invitation(self) -> Invitation:
        """For the node."""
        return Invitation(
            enrolment_address=self.enrolment_address,
            ca_certificate=self.authority.pem.decode(),
            token="token",
            department=self.department,
            node_id=self.node.id,
        )

    def add(self, application: Application) -> Application:
        """An application that awaits the node's decision."""
        application.state = ApplicationState.APPLICATION_STATE_SUBMITTED
        self.applications[application.id] = application
        return application

    def stored(self) -> list[Receipt]:
        """The receipts stored, each verified, their chain from the first one too."""
        previous = receipts.FIRST_PREVIOUS_HASH
        found = []
        for number, envelope in enumerate(self.receipts, start=1):
            receipt = receipts.verify(envelope, self.signing_key)
            assert (receipt.sequence, receipt.previous_hash) == (number, previous)
            previous = receipts.payload_hash(envelope.payload)
            found.append(receipt)
        return found

    async def Enrol(self, request: EnrolRequest, context: Context) -> EnrolResponse:
        csr = x509.load_der_x509_csr(request.csr)
        key = csr.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self.signing_key = request.signing_key
        certificate = self.authority.certify(key, self.node.tls_name, self.node.urn)
        return EnrolResponse(
            certificate_chain=certificate.public_bytes(Encoding.PEM).decode(),
            comparator_address=self.address,
            ticket_key=self.ticket_key.as_pem(private=False).decode(),
            department=self.department,
            node_id=self.node.id,
        )

    async def PublishResource(
        self, request: PublishResourceRequest, context: Context
    ) -> PublishResourceResponse:
        assert caller(context).party.kind is Kind.NODE
        self.faults.before("publish")
        self.published[request.resource.code] = request.resource
        await self.faults.after("publish", context)
        return PublishResourceResponse(resource=request.resource)

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
        self.faults.before("application")
        return GetApplicationResponse(application=self._application(request.id))

    async def RecordDecision(
        self, request: RecordDecisionRequest, context: Context
    ) -> RecordDecisionResponse:
        self.faults.before("decision")
        application = self._application(request.application_id)
        again = application.grant_id and self.grants[application.grant_id] == request.grant
        if application.state != ApplicationState.APPLICATION_STATE_SUBMITTED and not again:
            raise StayputError(ErrorReason.ERROR_REASON_APPLICATION_DECIDED, "decided", remedy="none")
        if request.WhichOneof("decision") == "grant":
            grant = grants.verify(request.grant, self.signing_key)
            grants.check_within(grant, application)
            self.grants[grant.id] = request.grant
            application.grant_id = grant.id
            application.state = ApplicationState.APPLICATION_STATE_GRANTED
        else:
            application.refusal_reason = request.refusal_reason
            application.state = ApplicationState.APPLICATION_STATE_REFUSED
        await self.faults.after("decision", context)
        return RecordDecisionResponse(application=application)

    async def AppendReceipts(
        self, request: AppendReceiptsRequest, context: Context
    ) -> AppendReceiptsResponse:
        self.faults.before("append")
        self.appended += 1
        for envelope in request.receipts:
            self._append(envelope)
        async with self.stored_more:
            self.stored_more.notify_all()
        await self.faults.after("append", context)
        stored = len(self.receipts) if self.stored_through is None else self.stored_through
        return AppendReceiptsResponse(stored_through=stored)

    async def Apply(self, request: ApplyRequest, context: Context) -> ApplyResponse:
        raise NotImplementedError

    async def ListGrants(self, request: ListGrantsRequest, context: Context) -> ListGrantsResponse:
        raise NotImplementedError

    async def IssueTicket(self, request: IssueTicketRequest, context: Context) -> IssueTicketResponse:
        raise NotImplementedError

    async def ListResources(self, request: ListResourcesRequest, context: Context) -> ListResourcesResponse:
        raise NotImplementedError

    async def GetResource(self, request: GetResourceRequest, context: Context) -> GetResourceResponse:
        raise NotImplementedError

    def _append(self, envelope: Envelope) -> None:
        receipt = receipts.verify(envelope, self.signing_key)
        if receipt.sequence > len(self.receipts) + 1:
            raise StayputError(
                ErrorReason.ERROR_REASON_LOG_SEQUENCE,
                "a receipt is missing",
                remedy="deliver it",
                details={"expected": str(len(self.receipts) + 1)},
            )
        if receipt.sequence <= len(self.receipts):
            if self.receipts[receipt.sequence - 1] != envelope:
                raise StayputError(ErrorReason.ERROR_REASON_LOG_FORK, "fork", remedy="none")
            return
        self.receipts.append(envelope)

    def _application(self, application_id: str) -> Application:
        if application_id not in self.applications:
            raise StayputError(ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN, "unknown", remedy="none")
        return self.applications[application_id]


@asynccontextmanager
async def serving(peer: Peer, address: str = "127.0.0.1:0") -> AsyncIterator[Peer]:
    """The peer as a server; its addresses are filled in."""
    credentials = peer.authority.comparator().credentials
    server, enrolment = tls.server([ErrorInterceptor()]), tls.server([ErrorInterceptor()])
    add_AccessServiceServicer_to_server(peer, server)
    add_CatalogueServiceServicer_to_server(peer, server)
    add_LogServiceServicer_to_server(peer, server)
    add_EnrolmentServiceServicer_to_server(peer, enrolment)
    peer.address = f"127.0.0.1:{tls.listen(server, address, credentials)}"
    port = tls.listen_enrolment(enrolment, "127.0.0.1:0", credentials)
    peer.enrolment_address = f"127.0.0.1:{port}"
    await server.start()
    await enrolment.start()
    try:
        yield peer
    finally:
        await server.stop(None)
        await enrolment.stop(None)
