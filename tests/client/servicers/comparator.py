"""A comparator for tests: catalogue, applications, grants, real tickets, and enrolment."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp
from joserfc.jwk import ECKey

from stayput import grants, identity, signing, tickets
from stayput.errors import StayputError
from stayput.rpc.server import Context, caller
from stayput.v1 import access_pb2, catalogue_pb2
from stayput.v1.access_pb2_grpc import AccessServiceServicer
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceServicer
from stayput.v1.enrolment_pb2 import EnrolRequest, EnrolResponse
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceServicer
from stayput.v1.errors_pb2 import ErrorReason
from tests.client.authority import Authority
from tests.client.servicers.clock import Clock, now


def _refused(reason: "ErrorReason.ValueType", message: str) -> StayputError:
    return StayputError(reason, message)


def _not_for_consumers() -> StayputError:
    return _refused(ErrorReason.ERROR_REASON_NOT_PERMITTED, "not for a consumer")


@dataclass
class CataloguePeer(CatalogueServiceServicer):
    """Pages of `page` entries, so that a client that stops after the first is found out."""

    resources: dict[str, catalogue_pb2.Resource] = field(default_factory=dict)
    page: int = 1

    async def PublishResource(
        self, request: catalogue_pb2.PublishResourceRequest, context: Context
    ) -> catalogue_pb2.PublishResourceResponse:
        raise _refused(ErrorReason.ERROR_REASON_NOT_PERMITTED, "not for a department")

    async def ListResources(
        self, request: catalogue_pb2.ListResourcesRequest, context: Context
    ) -> catalogue_pb2.ListResourcesResponse:
        start = int(request.page_token or 0)
        found = (one for one in self.resources.values() if _fits(one, request))
        entries = sorted(found, key=lambda one: one.code)
        more = str(start + self.page) if start + self.page < len(entries) else ""
        return catalogue_pb2.ListResourcesResponse(
            resources=entries[start : start + self.page], next_page_token=more
        )

    async def GetResource(
        self, request: catalogue_pb2.GetResourceRequest, context: Context
    ) -> catalogue_pb2.GetResourceResponse:
        if request.code not in self.resources:
            raise _refused(ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN, "resource: there is none of this code")
        return catalogue_pb2.GetResourceResponse(resource=self.resources[request.code])


def _fits(entry: catalogue_pb2.Resource, search: catalogue_pb2.ListResourcesRequest) -> bool:
    searched = [entry.code, entry.title, entry.title_en, entry.provider, entry.conditions, entry.legal_basis]
    searched += [text for one in entry.fields for text in (one.name, one.title, one.title_en)]
    searched += [one.name for one in entry.keys] + [one.name for one in entry.checks]
    text = "\n".join(searched).casefold()
    return (
        all(word.casefold() in text for word in search.query.split())
        and (not search.categories or entry.category in search.categories)
        and (not search.sharings or entry.sharing in search.sharings)
        and (not search.provider or entry.provider == search.provider)
        and set(search.modes) <= set(entry.modes)
    )


_AWAITING = (access_pb2.APPLICATION_STATE_SUBMITTED, access_pb2.APPLICATION_STATE_ACCEPTED)
_RECEIVED = datetime(2026, 11, 20, 1, tzinfo=UTC)
CLOCK = access_pb2.DecisionClock(
    due_date="2026-11-27",
    working_days_left=5,
    urgency=access_pb2.DECISION_URGENCY_NONE,
    expiry_date="2026-12-18",
)


@dataclass
class AccessPeer(AccessServiceServicer):
    """Holds applications and signed grants, and issues tickets for the grants."""

    ticket_key: ECKey
    applications: list[access_pb2.Application] = field(default_factory=list)
    grants: list[access_pb2.RecordedGrant] = field(default_factory=list)
    clock: Clock = now
    granted_at_once: str = ""
    tickets: int = 0
    consumer_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    page: int = 1

    async def Apply(self, request: access_pb2.ApplyRequest, context: Context) -> access_pb2.ApplyResponse:
        stored = access_pb2.Application()
        stored.CopyFrom(request.application)
        stored.id = f"A-{len(self.applications) + 1}"
        stored.consumer = caller(context).party.id
        stored.state = access_pb2.APPLICATION_STATE_SUBMITTED
        stored.submitted_at.FromDatetime(_RECEIVED)
        if self.granted_at_once:
            # As a provider's standing policy does with a resource that is shared unconditionally.
            stored.state = access_pb2.APPLICATION_STATE_GRANTED
            stored.grant_id = self.granted_at_once
        else:
            stored.decision_clock.CopyFrom(CLOCK)
        self.applications.insert(0, stored)
        return access_pb2.ApplyResponse(application=stored)

    async def WithdrawApplication(
        self, request: access_pb2.WithdrawApplicationRequest, context: Context
    ) -> access_pb2.WithdrawApplicationResponse:
        application = self._application(request.id)
        if application.state in _AWAITING:
            application.state = access_pb2.APPLICATION_STATE_WITHDRAWN
            application.withdrawal_reason = request.reason
            application.decided_at.FromDatetime(_RECEIVED + timedelta(days=1))
            application.ClearField("decision_clock")
        elif application.state != access_pb2.APPLICATION_STATE_WITHDRAWN:
            name = access_pb2.ApplicationState.Name(application.state)
            raise StayputError(
                ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
                "the application has been decided",
                field="id",
                details={"state": name.removeprefix("APPLICATION_STATE_")},
            )
        return access_pb2.WithdrawApplicationResponse(application=application)

    def _application(self, application_id: str) -> access_pb2.Application:
        found = next((one for one in self.applications if one.id == application_id), None)
        if found is None:
            raise _refused(ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN, "id: there is no such application")
        return found

    async def ListApplications(
        self, request: access_pb2.ListApplicationsRequest, context: Context
    ) -> access_pb2.ListApplicationsResponse:
        start = int(request.page_token or 0)
        more = str(start + self.page) if start + self.page < len(self.applications) else ""
        return access_pb2.ListApplicationsResponse(
            applications=self.applications[start : start + self.page], next_page_token=more
        )

    async def GetApplication(
        self, request: access_pb2.GetApplicationRequest, context: Context
    ) -> access_pb2.GetApplicationResponse:
        return access_pb2.GetApplicationResponse(application=self._application(request.id))

    async def AcceptApplication(
        self, request: access_pb2.AcceptApplicationRequest, context: Context
    ) -> access_pb2.AcceptApplicationResponse:
        raise _not_for_consumers()

    async def RecordDecision(
        self, request: access_pb2.RecordDecisionRequest, context: Context
    ) -> access_pb2.RecordDecisionResponse:
        raise _not_for_consumers()

    async def RecordGrantVersion(
        self, request: access_pb2.RecordGrantVersionRequest, context: Context
    ) -> access_pb2.RecordGrantVersionResponse:
        raise _not_for_consumers()

    async def RecordGrantChange(
        self, request: access_pb2.RecordGrantChangeRequest, context: Context
    ) -> access_pb2.RecordGrantChangeResponse:
        raise _not_for_consumers()

    async def SetGrantStanding(
        self, request: access_pb2.SetGrantStandingRequest, context: Context
    ) -> access_pb2.SetGrantStandingResponse:
        raise _not_for_consumers()

    def WatchAccess(
        self, request: access_pb2.WatchAccessRequest, context: Context
    ) -> AsyncIterator[access_pb2.WatchAccessResponse]:
        raise _not_for_consumers()

    async def ListGrants(
        self, request: access_pb2.ListGrantsRequest, context: Context
    ) -> access_pb2.ListGrantsResponse:
        start = int(request.page_token or 0)
        more = str(start + self.page) if start + self.page < len(self.grants) else ""
        return access_pb2.ListGrantsResponse(
            grants=self.grants[start : start + self.page], next_page_token=more
        )

    async def IssueTicket(
        self, request: access_pb2.IssueTicketRequest, context: Context
    ) -> access_pb2.IssueTicketResponse:
        recorded = next((one for one in self.grants if one.standing.grant_id == request.grant_id), None)
        if recorded is None:
            raise _refused(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "no such grant")
        grant = access_pb2.Grant.FromString(recorded.grant.payload)
        asked_by, at = caller(context), self.clock()
        grants.check_standing(recorded.standing)
        grants.check_use(grant, request.operator, request.case_number, at)
        self.tickets += 1
        scope = tickets.Scope(
            grant.id,
            grant.resource,
            grant.key,
            tuple(grant.checks),
            tuple(map(str, grant.modes)),
            tuple(map(str, grant.granularities)),
        )
        ticket = tickets.Ticket(
            id=secrets.token_hex(8),
            consumer=asked_by.party,
            node=identity.node(grant.node_id),
            thumbprint=asked_by.thumbprint,
            signing_key=self.consumer_key.public_key().public_bytes_raw(),
            scope=scope,
            operator=request.operator,
            purpose=request.purpose,
            case_number=request.case_number,
            issued_at=at,
            expires_at=at + timedelta(minutes=5),
        )
        expires = Timestamp()
        expires.FromDatetime(ticket.expires_at)
        return access_pb2.IssueTicketResponse(
            ticket=tickets.issue(ticket, self.ticket_key), expires_at=expires
        )


@dataclass
class EnrolmentPeer(EnrolmentServiceServicer):
    """Signs certificates for `tokens` (by department); `lose_answers` of them never arrive."""

    authority: Authority
    tokens: dict[str, str]
    comparator_address: str
    lose_answers: int = 0
    life: timedelta = timedelta(days=1)
    names_instead: str | None = None
    used: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    async def Enrol(self, request: EnrolRequest, context: Context) -> EnrolResponse:
        await asyncio.sleep(0)
        department = self.tokens.get(request.token)
        used = self.used.get(request.token)
        if department is None or (used is not None and used[0] != request.csr):
            raise _refused(ErrorReason.ERROR_REASON_INVITATION_INVALID, "the invitation is not valid")
        certificate = used[1] if used else self._certificate(request, self.names_instead or department)
        self.used[request.token] = (request.csr, certificate)
        if self.lose_answers:
            self.lose_answers -= 1
            raise _refused(ErrorReason.ERROR_REASON_SHUTTING_DOWN, "stopping")
        return EnrolResponse(
            certificate_chain=certificate.decode(),
            comparator_address=self.comparator_address,
            ticket_key="",
            department=department,
        )

    def _certificate(self, request: EnrolRequest, department: str) -> bytes:
        csr = x509.load_der_x509_csr(request.csr)
        assert csr.is_signature_valid
        signing.verify_bytes(
            signing.PayloadType.SIGNING_KEY_PROOF,
            request.csr,
            request.signing_key_proof,
            request.signing_key,
        )
        key = csr.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self.authority.sign(key, identity.department(department), self.life)
