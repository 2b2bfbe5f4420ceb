"""LogService."""

from comparator.domain import bundles, checkpoints, events, log, search
from comparator.servicers.desk import Desk
from comparator.servicers.together import Together
from stayput.notes import NoteSigner
from stayput.rpc.server import Context
from stayput.v1.log_pb2 import (
    AddCosignatureRequest,
    AddCosignatureResponse,
    AppendReceiptsRequest,
    AppendReceiptsResponse,
    GetBundleRequest,
    GetBundleResponse,
    GetCheckpointRequest,
    GetCheckpointResponse,
    GetConsistencyProofRequest,
    GetConsistencyProofResponse,
    ListEventsRequest,
    ListEventsResponse,
    SearchLogRequest,
    SearchLogResponse,
)
from stayput.v1.log_pb2_grpc import LogServiceServicer

_AT = "/stayput.v1.LogService"


class LogServicer(LogServiceServicer):
    """Receipts, events, and the tree that proves them, as log.proto says."""

    def __init__(self, desk: Desk, signer: NoteSigner) -> None:
        self._desk = desk
        self._signer = signer
        self._appending: Together[int] = Together(desk, f"{_AT}/AppendReceipts", log.LARGEST_BATCH)

    async def AppendReceipts(  # noqa: D102 (as log.proto says)
        self, request: AppendReceiptsRequest, context: Context
    ) -> AppendReceiptsResponse:
        stored_through = await self._appending.writing(
            context, lambda call: log.append(call, request.receipts), len(request.receipts)
        )
        return AppendReceiptsResponse(stored_through=stored_through)

    async def ListEvents(  # noqa: D102
        self, request: ListEventsRequest, context: Context
    ) -> ListEventsResponse:
        listed, token = await self._desk.reading(
            context, f"{_AT}/ListEvents", lambda call: events.page(call, request)
        )
        return ListEventsResponse(events=listed, next_page_token=token)

    async def GetCheckpoint(  # noqa: D102
        self, request: GetCheckpointRequest, context: Context
    ) -> GetCheckpointResponse:
        checkpoint = await self._desk.reading(
            context,
            f"{_AT}/GetCheckpoint",
            lambda call: checkpoints.newest(call.store.leaves, self._signer),
        )
        return GetCheckpointResponse(checkpoint=checkpoint)

    async def GetConsistencyProof(  # noqa: D102
        self, request: GetConsistencyProofRequest, context: Context
    ) -> GetConsistencyProofResponse:
        proof = await self._desk.reading(
            context,
            f"{_AT}/GetConsistencyProof",
            lambda call: checkpoints.consistency(call.store.leaves, request.old_size, request.new_size),
        )
        return GetConsistencyProofResponse(proof=proof)

    async def AddCosignature(  # noqa: D102
        self, request: AddCosignatureRequest, context: Context
    ) -> AddCosignatureResponse:
        await self._desk.writing(
            context,
            f"{_AT}/AddCosignature",
            lambda call: checkpoints.add_cosignature(call, self._signer, request.checkpoint),
        )
        return AddCosignatureResponse()

    async def SearchLog(  # noqa: D102
        self, request: SearchLogRequest, context: Context
    ) -> SearchLogResponse:
        # An auditor's search is an event.
        return await self._desk.writing(
            context, f"{_AT}/SearchLog", lambda call: search.search(call, request)
        )

    async def GetBundle(  # noqa: D102
        self, request: GetBundleRequest, context: Context
    ) -> GetBundleResponse:
        bundle = await self._desk.reading(
            context, f"{_AT}/GetBundle", lambda call: bundles.bundle(call, request, self._signer)
        )
        return GetBundleResponse(bundle=bundle)
