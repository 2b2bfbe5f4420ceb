"""LogService."""

from comparator.domain import log
from comparator.servicers.desk import Desk
from stayput.rpc.server import Context
from stayput.v1.log_pb2 import AppendReceiptsRequest, AppendReceiptsResponse
from stayput.v1.log_pb2_grpc import LogServiceServicer


class LogServicer(LogServiceServicer):
    """Receipts, as log.proto says."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def AppendReceipts(  # noqa: D102 (as log.proto says)
        self, request: AppendReceiptsRequest, context: Context
    ) -> AppendReceiptsResponse:
        stored_through = await self._desk.writing(
            context,
            "/stayput.v1.LogService/AppendReceipts",
            lambda call: log.append(call, request.receipts),
        )
        return AppendReceiptsResponse(stored_through=stored_through)
