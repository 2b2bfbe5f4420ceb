"""The node's two listeners: for consumers by mutual TLS, for its administrator on a local socket."""

import grpc.aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from provider_node.domain.describing import NodeDescribing
from provider_node.domain.live_builds import LiveBuilds
from provider_node.domain.schedule import Schedule
from provider_node.domain.status import add_receipts
from provider_node.server.parts import Parts, now
from provider_node.server.replication import Replication
from provider_node.servicers.admin import AdminServicer
from provider_node.servicers.comparison import ComparisonServicer, Patience
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1 import admin_pb2_grpc, comparison_pb2, comparison_pb2_grpc
from stayput.v1.admin_pb2 import GetStatusResponse


def public_server(parts: Parts, health_servicer: health.aio.HealthServicer) -> grpc.aio.Server:
    """What consumers call."""
    describing = NodeDescribing(parts.resources, parts.desk)
    return comparison_server(
        ComparisonServicer(parts.sessions, describing, parts.check_ready, Patience()), health_servicer
    )


def comparison_server(
    servicer: ComparisonServicer, health_servicer: health.aio.HealthServicer
) -> grpc.aio.Server:
    """What answers consumers: comparisons, its health, and which services it has."""
    public = tls.server([ErrorInterceptor()])
    comparison_pb2_grpc.add_ComparisonServiceServicer_to_server(servicer, public)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, public)
    service = comparison_pb2.DESCRIPTOR.services_by_name["ComparisonService"].full_name
    reflection.enable_server_reflection((service, reflection.SERVICE_NAME), public)
    return public


def admin_server(
    parts: Parts, address: str, builds: LiveBuilds, schedule: Schedule, replication: Replication
) -> grpc.aio.Server:
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
        replicas=replication.replicas,
        followers=replication.followers.all,
        open_sessions=replication.keeper.open_sessions,
        data=parts.config.node.data,
    )
    admin_pb2_grpc.add_NodeAdminServiceServicer_to_server(servicer, admin)
    return admin
