"""LogService."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice

from comparator.domain import bundles, checkpoints, deliveries, events, log, search
from comparator.domain.deliveries import Delivered, Keyring
from comparator.servicers.desk import Desk
from comparator.servicers.together import Together
from stayput.errors import StayputError
from stayput.identity import Caller, Party
from stayput.notes import NoteSigner
from stayput.rpc.server import Context, caller
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
from stayput.v1.signing_pb2 import Envelope

_AT = "/stayput.v1.LogService"
_APPEND = f"{_AT}/AppendReceipts"
# How many threads verify receipts, the others being left for transactions, and how many at least in each: of
# fewer the threads cost more in waiting for the interpreter's lock than they win.
_VERIFYING = 2
_LEAST_PIECE = 64


class LogServicer(LogServiceServicer):
    """Receipts, events, and the tree that proves them, as log.proto says."""

    def __init__(self, desk: Desk, signer: NoteSigner) -> None:
        self._desk = desk
        self._signer = signer
        self._keys = Keyring(self._load_keys)
        self._appending: Together[Sequence[Envelope], Sequence[Delivered], int] = Together(
            desk, _APPEND, self._verified, log.append, deliveries.LARGEST_BATCH
        )

    async def AppendReceipts(  # noqa: D102 (as log.proto says)
        self, request: AppendReceiptsRequest, context: Context
    ) -> AppendReceiptsResponse:
        who = caller(context)
        # More than a call may deliver is refused like none, before anything of it is verified.
        receipts = request.receipts if len(request.receipts) <= deliveries.LARGEST_BATCH else ()
        appended = self._appending.writing(who, receipts, len(receipts))
        return AppendReceiptsResponse(
            stored_through=await self._desk.logged_if_refused(_APPEND, who.party.urn, appended)
        )

    async def _verified(
        self, asked: Sequence[tuple[Caller, Sequence[Envelope]]]
    ) -> Sequence[Sequence[Delivered] | StayputError]:
        """Each call's receipts, verified in several threads."""
        every = [(who.party, envelope) for who, envelopes in asked for envelope in envelopes]
        piece = max(_LEAST_PIECE, -(-len(every) // _VERIFYING))
        pieces = [every[first : first + piece] for first in range(0, len(every), piece)]
        threads = (self._desk.in_thread(partial(deliveries.verified, piece, self._keys)) for piece in pieces)
        verified = chain.from_iterable(await asyncio.gather(*threads))
        return [deliveries.batch(list(islice(verified, len(envelopes)))) for _, envelopes in asked]

    def _load_keys(self, party: Party) -> Sequence[bytes]:
        with self._desk.database.reading() as store:
            return store.parties.signing_keys(party)

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
        return await self._desk.reading_first(
            context, f"{_AT}/SearchLog", lambda call: search.search(call, request)
        )

    async def GetBundle(  # noqa: D102
        self, request: GetBundleRequest, context: Context
    ) -> GetBundleResponse:
        bundle = await self._desk.reading(
            context, f"{_AT}/GetBundle", lambda call: bundles.bundle(call, request, self._signer)
        )
        return GetBundleResponse(bundle=bundle)
