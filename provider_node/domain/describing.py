"""What a department is told of a resource before it compares."""

import asyncio
from typing import Protocol

from provider_node.domain.desk import NodeDesk
from provider_node.domain.resources import Resources
from stayput.identity import Party
from stayput.v1.comparison_pb2 import DescribeResponse


class Describing(Protocol):
    """Describes resources."""

    async def describe(self, resource: str, party: Party) -> DescribeResponse:
        """The signed description, and what is left to that department.

        Raises `RESOURCE_UNKNOWN` or `RESOURCE_NOT_READY`.
        """


class NodeDescribing:
    """The node's own."""

    def __init__(self, resources: Resources, desk: NodeDesk) -> None:
        self._resources = resources
        self._desk = desk

    async def describe(self, resource: str, party: Party) -> DescribeResponse:
        """See `Describing`."""
        await self._resources.opened(resource)
        description = await asyncio.to_thread(self._resources.describe, resource)
        allowances = await asyncio.to_thread(self._desk.allowances, party, resource)
        return DescribeResponse(description=description, allowances=allowances)
