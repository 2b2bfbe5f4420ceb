"""NodeAdminService: the administrator's commands on a running node."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from provider_node.domain.decisions import Decisions
from provider_node.domain.grants import GivenGrants
from provider_node.domain.live_builds import LiveBuilds
from provider_node.domain.receipt_log import search
from provider_node.servicers.admin_definitions import DefinitionsServicer
from provider_node.servicers.admin_generations import GenerationsServicer
from provider_node.servicers.admin_keys import KeysServicer
from provider_node.servicers.admin_replicas import ReplicasServicer
from provider_node.store.receipt_log import ReceiptLog
from stayput.rpc.server import Context
from stayput.v1.admin_pb2 import (
    AcceptRequest,
    AcceptResponse,
    AmendGrantRequest,
    AmendGrantResponse,
    ApproveRequest,
    ApproveResponse,
    BuildRequest,
    BuildResponse,
    ChangeGrantRequest,
    ChangeGrantResponse,
    GetStatusRequest,
    GetStatusResponse,
    ListLimitsRequest,
    ListLimitsResponse,
    ListNodeApplicationsRequest,
    ListNodeApplicationsResponse,
    ListNodeGrantsRequest,
    ListNodeGrantsResponse,
    ListReceiptsRequest,
    ListReceiptsResponse,
    PublishRequest,
    PublishResponse,
    RefuseRequest,
    RefuseResponse,
)
from stayput.v1.admin_pb2_grpc import NodeAdminServiceServicer


@dataclass(frozen=True, kw_only=True)
class AdminServicer(
    DefinitionsServicer, GenerationsServicer, KeysServicer, ReplicasServicer, NodeAdminServiceServicer
):
    """Converts and forwards. The socket's directory decides who may call."""

    builds: LiveBuilds
    decisions: Decisions
    grants: GivenGrants
    receipts: ReceiptLog
    status: Callable[[], GetStatusResponse]

    async def GetStatus(self, request: GetStatusRequest, context: Context) -> GetStatusResponse:
        """What the node is doing."""
        status = self.status()
        status.resources.extend(await asyncio.to_thread(self.resource_statuses))
        return status

    async def Build(self, request: BuildRequest, context: Context) -> AsyncIterator[BuildResponse]:
        """Builds and switches."""
        build = self.builds.run(request.resource, _as_of(request), accept_bounds=request.accept_bounds)
        async with aclosing(build):
            async for progress in build:
                yield progress
        self.schedule.succeeded(request.resource)
        yield BuildResponse(generation=await self.resource_status(request.resource))

    async def Publish(self, request: PublishRequest, context: Context) -> PublishResponse:
        """Puts a resource in the catalogue."""
        await self.definitions.refresh(request.resource, self.address)
        await self.resources.publish(request.resource, self.platform, self.address)
        return PublishResponse()

    async def ListNodeApplications(
        self, request: ListNodeApplicationsRequest, context: Context
    ) -> ListNodeApplicationsResponse:
        """Applications for this node's resources."""
        return ListNodeApplicationsResponse(applications=await self.platform.applications())

    async def Accept(self, request: AcceptRequest, context: Context) -> AcceptResponse:
        """Takes an application in."""
        application = await self.decisions.accept(request.application_id, request.administrator)
        return AcceptResponse(application=application)

    async def Approve(self, request: ApproveRequest, context: Context) -> ApproveResponse:
        """Grants an application."""
        return ApproveResponse(grant=await self.decisions.approve(request))

    async def Refuse(self, request: RefuseRequest, context: Context) -> RefuseResponse:
        """Refuses an application."""
        application = await self.decisions.refuse(
            request.application_id, request.reason, request.administrator
        )
        return RefuseResponse(application=application)

    async def ListNodeGrants(
        self, request: ListNodeGrantsRequest, context: Context
    ) -> ListNodeGrantsResponse:
        """Grants in the node's store, newest first."""
        return ListNodeGrantsResponse(grants=self.grants.all())

    async def AmendGrant(self, request: AmendGrantRequest, context: Context) -> AmendGrantResponse:
        """Signs a new version of a grant."""
        return AmendGrantResponse(grant=await self.grants.amend(request))

    async def ChangeGrant(self, request: ChangeGrantRequest, context: Context) -> ChangeGrantResponse:
        """Suspends, resumes or revokes a grant."""
        return ChangeGrantResponse(grant=await self.grants.change(request))

    async def ListLimits(self, request: ListLimitsRequest, context: Context) -> ListLimitsResponse:
        """Limits that a new grant on each resource gets."""
        return ListLimitsResponse(resources=self.decisions.limits())

    async def ListReceipts(self, request: ListReceiptsRequest, context: Context) -> ListReceiptsResponse:
        """Receipts in the node's store, newest first."""
        return await asyncio.to_thread(search, self.receipts, request)


def _as_of(request: BuildRequest) -> datetime | None:
    return request.as_of.ToDatetime(UTC) if request.HasField("as_of") else None
