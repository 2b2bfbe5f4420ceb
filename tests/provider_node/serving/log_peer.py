"""What the platform of the tests knows of a node's receipts."""

# ruff: noqa: N802 (methods have the names that the .proto gives them)

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from stayput import receipts
from stayput.errors import StayputError
from stayput.identity import Kind
from stayput.rpc.server import Context, caller
from stayput.v1.contract_pb2 import OutcomeCode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import (
    AddCosignatureRequest,
    AddCosignatureResponse,
    AppendReceiptsRequest,
    AppendReceiptsResponse,
    EntryKind,
    GetBundleRequest,
    GetBundleResponse,
    GetCheckpointRequest,
    GetCheckpointResponse,
    GetConsistencyProofRequest,
    GetConsistencyProofResponse,
    ListEventsRequest,
    ListEventsResponse,
    LogRecord,
    Receipt,
    SearchLogRequest,
    SearchLogResponse,
)
from stayput.v1.log_pb2_grpc import LogServiceServicer
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving.access_peer import AccessPeer

LOGGED_AT = datetime(2026, 11, 22, 8, 17, tzinfo=UTC)
_PAGE = 2


class LogPeer(AccessPeer, LogServiceServicer):
    """Receipts as they were appended; a test reads them, and changes what the log shows of them."""

    def __init__(self) -> None:
        super().__init__()
        self.receipts: list[Envelope] = []
        self.appended = 0
        self.stored_more = asyncio.Condition()
        self.stored_through: int | None = None
        self.showing: Callable[[list[LogRecord]], list[LogRecord]] = lambda records: records

    def stored(self) -> list[Receipt]:
        """The receipts stored, each verified, their chain from the first one too."""
        previous = receipts.FIRST_PREVIOUS_HASH
        found = []
        for number, envelope in enumerate(self.receipts, start=1):
            receipt = receipts.verify(envelope, self.signing_key)
            assert (receipt.sequence, receipt.previous_hash) == (number, previous)
            previous = receipts.payload_hash(envelope.payload)
            found.append(receipt)
        return found

    async def AppendReceipts(
        self, request: AppendReceiptsRequest, context: Context
    ) -> AppendReceiptsResponse:
        await self.faults.before("append")
        self.appended += 1
        for envelope in request.receipts:
            self._append(envelope)
        async with self.stored_more:
            self.stored_more.notify_all()
        await self.faults.after("append", context)
        stored = len(self.receipts) if self.stored_through is None else self.stored_through
        return AppendReceiptsResponse(stored_through=stored)

    def _append(self, envelope: Envelope) -> None:
        receipt = receipts.verify(envelope, self.signing_key)
        if receipt.sequence > len(self.receipts) + 1:
            raise StayputError(
                ErrorReason.ERROR_REASON_LOG_SEQUENCE,
                "a receipt is missing",
                remedy="deliver it",
                details={"expected": str(len(self.receipts) + 1)},
            )
        if receipt.sequence <= len(self.receipts):
            if self.receipts[receipt.sequence - 1] != envelope:
                raise StayputError(ErrorReason.ERROR_REASON_LOG_FORK, "fork", remedy="none")
            return
        self.receipts.append(envelope)

    async def SearchLog(self, request: SearchLogRequest, context: Context) -> SearchLogResponse:
        assert caller(context).party.kind is Kind.NODE
        assert request.kind == EntryKind.ENTRY_KIND_RECEIPT
        await self.faults.before("search")
        found = self.showing([log_record(one) for one in reversed(self.receipts)])
        start = int(request.page_token or 0)
        # Small pages, so that the node has to follow them.
        token = str(start + _PAGE) if start + _PAGE < len(found) else ""
        return SearchLogResponse(records=found[start : start + _PAGE], next_page_token=token)

    async def ListEvents(self, request: ListEventsRequest, context: Context) -> ListEventsResponse:
        raise NotImplementedError

    async def GetCheckpoint(self, request: GetCheckpointRequest, context: Context) -> GetCheckpointResponse:
        raise NotImplementedError

    async def GetConsistencyProof(
        self, request: GetConsistencyProofRequest, context: Context
    ) -> GetConsistencyProofResponse:
        raise NotImplementedError

    async def AddCosignature(
        self, request: AddCosignatureRequest, context: Context
    ) -> AddCosignatureResponse:
        raise NotImplementedError

    async def GetBundle(self, request: GetBundleRequest, context: Context) -> GetBundleResponse:
        raise NotImplementedError


def log_record(envelope: Envelope) -> LogRecord:
    """What the platform's log shows of a receipt."""
    receipt = Receipt.FromString(envelope.payload)
    record = LogRecord(
        index=receipt.sequence + 100,
        kind=EntryKind.ENTRY_KIND_RECEIPT,
        consumer=receipt.consumer,
        provider=receipt.provider,
        resource=receipt.resource,
        grant_id=receipt.grant_id,
        operator=receipt.operator,
        case_number=receipt.case_number,
        records=receipt.records,
        found=sum(
            one.count
            for tally in receipt.tallies[:1]
            for one in tally.counts
            if one.outcome == OutcomeCode.OUTCOME_CODE_MATCH
        ),
        node_id=receipt.node_id,
        node_sequence=receipt.sequence,
        end=receipt.end,
        receipt_hash=receipts.payload_hash(envelope.payload),
    )
    record.logged_at.FromDatetime(LOGGED_AT)
    return record
