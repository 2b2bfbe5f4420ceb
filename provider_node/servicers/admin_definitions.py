"""The part of NodeAdminService that is about definitions of resources."""

from dataclasses import dataclass

from provider_node.domain.live_definitions import LiveDefinitions
from stayput.rpc.server import Context
from stayput.v1.admin_pb2 import (
    GetDefinitionRequest,
    GetDefinitionResponse,
    ListDefinitionsRequest,
    ListDefinitionsResponse,
    PutDefinitionRequest,
    PutDefinitionResponse,
)


@dataclass(frozen=True, kw_only=True)
class DefinitionsServicer:
    """Converts and forwards."""

    address: str
    definitions: LiveDefinitions

    async def GetDefinition(self, request: GetDefinitionRequest, context: Context) -> GetDefinitionResponse:
        """A version of a definition."""
        return await self.definitions.get(request.resource, request.version)

    async def ListDefinitions(
        self, request: ListDefinitionsRequest, context: Context
    ) -> ListDefinitionsResponse:
        """The versions of a definition, newest first."""
        versions = await self.definitions.versions(request.resource)
        return ListDefinitionsResponse(versions=versions)

    async def PutDefinition(self, request: PutDefinitionRequest, context: Context) -> PutDefinitionResponse:
        """Checks a definition and stores it if that is asked for."""
        return await self.definitions.put(request, self.address)
