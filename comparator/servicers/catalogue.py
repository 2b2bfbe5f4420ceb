"""CatalogueService."""

from comparator.domain import catalogue, publication
from comparator.servicers.desk import Desk
from stayput.rpc.server import Context
from stayput.v1.catalogue_pb2 import (
    GetResourceRequest,
    GetResourceResponse,
    ListResourcesRequest,
    ListResourcesResponse,
    PublishResourceRequest,
    PublishResourceResponse,
)
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceServicer

_AT = "/stayput.v1.CatalogueService"


class CatalogueServicer(CatalogueServiceServicer):
    """Resources, as catalogue.proto says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def PublishResource(  # noqa: D102 (as catalogue.proto says)
        self, request: PublishResourceRequest, context: Context
    ) -> PublishResourceResponse:
        resource = await self._desk.writing(
            context, f"{_AT}/PublishResource", lambda call: publication.publish(call, request.resource)
        )
        return PublishResourceResponse(resource=resource)

    async def ListResources(  # noqa: D102
        self, request: ListResourcesRequest, context: Context
    ) -> ListResourcesResponse:
        resources, token = await self._desk.reading(
            context, f"{_AT}/ListResources", lambda call: catalogue.page(call, request)
        )
        return ListResourcesResponse(resources=resources, next_page_token=token)

    async def GetResource(  # noqa: D102
        self, request: GetResourceRequest, context: Context
    ) -> GetResourceResponse:
        resource = await self._desk.reading(
            context, f"{_AT}/GetResource", lambda call: catalogue.get(call, request.code)
        )
        return GetResourceResponse(resource=resource)
