"""NodeAdminService: the administrator's commands on a running node."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from provider_node.domain.builds import run_build
from provider_node.domain.decisions import Decisions
from provider_node.domain.grants import GivenGrants
from provider_node.domain.platform import Platform
from provider_node.domain.resources import Resources
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
    PublishRequest,
    PublishResponse,
    RefuseRequest,
    RefuseResponse,
)
from stayput.v1.admin_pb2_grpc import NodeAdminServiceServicer


class AdminServicer(NodeAdminServiceServicer):
    """Converts and forwards. The socket's directory decides who may call."""

    def __init__(
        self,
        *,
        config: Path,
        address: str,
        resources: Resources,
        decisions: Decisions,
        grants: GivenGrants,
        platform: Platform,
        status: Callable[[], GetStatusResponse],
    ) -> None:
        self._config = config
        self._address = address
        self._resources = resources
        self._decisions = decisions
        self._grants = grants
        self._platform = platform
        self._status = status

    async def GetStatus(self, request: GetStatusRequest, context: Context) -> GetStatusResponse:
        """What the node is doing."""
        status = self._status()
        status.resources.extend(await asyncio.to_thread(self._resources.statuses))
        return status

    async def Build(self, request: BuildRequest, context: Context) -> AsyncIterator[BuildResponse]:
        """Builds and switches."""
        self._resources.config(request.resource)
        async with aclosing(run_build(self._config, request.resource, _as_of(request))) as build:
            async for progress in build:
                yield progress
        await self._resources.renew(request.resource, self._platform, self._address)
        yield BuildResponse(generation=await asyncio.to_thread(self._resources.status, request.resource))

    async def Publish(self, request: PublishRequest, context: Context) -> PublishResponse:
        """Puts a resource in the catalogue."""
        await self._resources.publish(request.resource, self._platform, self._address)
        return PublishResponse()

    async def ListNodeApplications(
        self, request: ListNodeApplicationsRequest, context: Context
    ) -> ListNodeApplicationsResponse:
        """Applications for this node's resources."""
        return ListNodeApplicationsResponse(applications=await self._platform.applications())

    async def Accept(self, request: AcceptRequest, context: Context) -> AcceptResponse:
        """Takes an application in."""
        application = await self._decisions.accept(request.application_id, request.administrator)
        return AcceptResponse(application=application)

    async def Approve(self, request: ApproveRequest, context: Context) -> ApproveResponse:
        """Grants an application."""
        return ApproveResponse(grant=await self._decisions.approve(request))

    async def Refuse(self, request: RefuseRequest, context: Context) -> RefuseResponse:
        """Refuses an application."""
        application = await self._decisions.refuse(
            request.application_id, request.reason, request.administrator
        )
        return RefuseResponse(application=application)

    async def ListNodeGrants(
        self, request: ListNodeGrantsRequest, context: Context
    ) -> ListNodeGrantsResponse:
        """Grants in the node's store, newest first."""
        return ListNodeGrantsResponse(grants=self._grants.all())

    async def AmendGrant(self, request: AmendGrantRequest, context: Context) -> AmendGrantResponse:
        """Signs a new version of a grant."""
        return AmendGrantResponse(grant=await self._grants.amend(request))

    async def ChangeGrant(self, request: ChangeGrantRequest, context: Context) -> ChangeGrantResponse:
        """Suspends, resumes or revokes a grant."""
        return ChangeGrantResponse(grant=await self._grants.change(request))

    async def ListLimits(self, request: ListLimitsRequest, context: Context) -> ListLimitsResponse:
        """Limits that a new grant on each resource gets."""
        return ListLimitsResponse(resources=self._decisions.limits())


def _as_of(request: BuildRequest) -> datetime | None:
    return request.as_of.ToDatetime(UTC) if request.HasField("as_of") else None
