"""The part of NodeAdminService that is about generations of resources, and which of them serves."""

import asyncio
from dataclasses import dataclass

from provider_node.domain.platform import Platform
from provider_node.domain.resources import Resources
from provider_node.domain.schedule import Schedule
from stayput.rpc.server import Context
from stayput.v1.admin_pb2 import (
    ListGenerationsRequest,
    ListGenerationsResponse,
    ResourceStatus,
    RollbackRequest,
    RollbackResponse,
)


@dataclass(frozen=True, kw_only=True)
class GenerationsServicer:
    """Converts and forwards."""

    address: str
    resources: Resources
    platform: Platform
    schedule: Schedule

    async def ListGenerations(
        self, request: ListGenerationsRequest, context: Context
    ) -> ListGenerationsResponse:
        """What is on disk of a resource, newest first."""
        found = await asyncio.to_thread(self.resources.generations, request.resource)
        return ListGenerationsResponse(generations=found)

    async def Rollback(self, request: RollbackRequest, context: Context) -> RollbackResponse:
        """Makes an earlier generation serve again, and tells the catalogue."""
        await asyncio.to_thread(self.resources.roll_back, request.resource, request.generation)
        await self.resources.renew(request.resource, self.platform, self.address)
        return RollbackResponse(status=await self.resource_status(request.resource))

    def resource_statuses(self) -> list[ResourceStatus]:
        """One for each configured resource, by code."""
        return [self.schedule.add_to(status) for status in self.resources.statuses()]

    async def resource_status(self, code: str) -> ResourceStatus:
        """What serves for a resource, and when it is built next."""
        return self.schedule.add_to(await asyncio.to_thread(self.resources.status, code))
