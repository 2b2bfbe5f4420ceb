"""LogService."""

from comparator.domain import events, log
from comparator.servicers.desk import Desk
from stayput.rpc.server import Context
from stayput.v1.log_pb2 import (
    AppendReceiptsRequest,
    AppendReceiptsResponse,
    ListEventsRequest,
    ListEventsResponse,
)
from stayput.v1.log_pb2_grpc import LogServiceServicer

_AT = "/stayput.v1.LogService"


class LogServicer(LogServiceServicer):
    """Receipts and events, as log.proto says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def AppendReceipts(  # noqa: D102 (as log.proto says)
        self, request: AppendReceiptsRequest, context: Context
    ) -> AppendReceiptsResponse:
        stored_through = await self._desk.writing(
            context, f"{_AT}/AppendReceipts", lambda call: log.append(call, request.receipts)
        )
        return AppendReceiptsResponse(stored_through=stored_through)

    async def ListEvents(  # noqa: D102
        self, request: ListEventsRequest, context: Context
    ) -> ListEventsResponse:
        listed, token = await self._desk.reading(
            context, f"{_AT}/ListEvents", lambda call: events.page(call, request)
        )
        return ListEventsResponse(events=listed, next_page_token=token)
