"""The node's two listeners: for consumers by mutual TLS, for its administrator on a local socket."""

import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from provider_node.domain.describing import NodeDescribing
from provider_node.domain.live_builds import LiveBuilds
from provider_node.domain.schedule import Schedule
from provider_node.domain.status import add_receipts
from provider_node.server.parts import Parts, now
from provider_node.servicers.admin import AdminServicer
from provider_node.servicers.comparison import ComparisonServicer, Patience
from stayput.errors import StayputError
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1 import admin_pb2_grpc, comparison_pb2, comparison_pb2_grpc
from stayput.v1.admin_pb2 import GetStatusResponse
from stayput.v1.errors_pb2 import ErrorReason


def public_server(parts: Parts, health_servicer: health.aio.HealthServicer) -> grpc.aio.Server:
    """What consumers call."""

    def check_ready() -> None:
        parts.outbox.check_grace()
        parts.watch.check_caught_up()

    public = tls.server([ErrorInterceptor()])
    comparison_pb2_grpc.add_ComparisonServiceServicer_to_server(
        ComparisonServicer(
            parts.sessions, NodeDescribing(parts.resources, parts.desk), check_ready, Patience()
        ),
        public,
    )
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, public)
    service = comparison_pb2.DESCRIPTOR.services_by_name["ComparisonService"].full_name
    reflection.enable_server_reflection((service, reflection.SERVICE_NAME), public)
    return public


def listening(public: grpc.aio.Server, address: str, credentials: tls.Credentials) -> int:
    """The port that is bound; `CONFIGURATION_INVALID` if the address cannot be had."""
    try:
        return tls.listen(public, address, credentials)
    except RuntimeError:
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            f"node.listen: cannot listen on {address}",
            field="node.listen",
            remedy="choose an address of this machine and a port that no other program uses",
        ) from None


def admin_server(parts: Parts, address: str, builds: LiveBuilds, schedule: Schedule) -> grpc.aio.Server:
    """What the administrator's commands call; `address` is where consumers find the node."""
    started = now()

    def status() -> GetStatusResponse:
        found = GetStatusResponse(
            node_id=parts.identity.node_id,
            department=parts.identity.department,
            address=address,
            open_sessions=parts.sessions.open_count,
            software_version=parts.identity.software_version,
            caught_up=parts.watch.caught_up,
            connected=parts.watch.connected,
        )
        found.started_at.FromDatetime(started)
        add_receipts(found, parts.state)
        return found

    admin = tls.server([ErrorInterceptor()])
    servicer = AdminServicer(
        address=address,
        builds=builds,
        resources=parts.resources,
        schedule=schedule,
        decisions=parts.decisions,
        definitions=parts.definitions,
        grants=parts.grants,
        platform=parts.platform,
        receipts=parts.state.receipt_log,
        status=status,
        keyring=parts.keyring,
        clock=now,
    )
    admin_pb2_grpc.add_NodeAdminServiceServicer_to_server(servicer, admin)
    return admin
