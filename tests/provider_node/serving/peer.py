"""A platform for tests: the comparator's calls that a node makes, over mutual TLS, with faults on demand."""

# ruff: noqa: N802 (methods have the names that the .proto gives them)

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey

from stayput.identity import Kind, Party
from stayput.rpc import tls
from stayput.rpc.server import Context, ErrorInterceptor, caller
from stayput.v1.access_pb2_grpc import add_AccessServiceServicer_to_server
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
from stayput.v1.log_pb2_grpc import add_LogServiceServicer_to_server
from tests.provider_node.serving.authority import Authority
from tests.provider_node.serving.log_peer import LogPeer


class Peer(LogPeer, CatalogueServiceServicer, EnrolmentServiceServicer):
    """What the platform knows of one node; a test reads and changes it."""

    def __init__(self, authority: Authority, node: Party, department: str) -> None:
        super().__init__()
        self.authority = authority
        self.node = node
        self.department = department
        self.ticket_key = ECKey.generate_key("P-256")
        self.address = ""
        self.enrolment_address = ""
        self.published: dict[str, Resource] = {}

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
        await self.faults.before("publish")
        self.published[request.resource.code] = request.resource
        await self.faults.after("publish", context)
        return PublishResourceResponse(resource=request.resource)

    async def ListResources(self, request: ListResourcesRequest, context: Context) -> ListResourcesResponse:
        raise NotImplementedError

    async def GetResource(self, request: GetResourceRequest, context: Context) -> GetResourceResponse:
        raise NotImplementedError


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
