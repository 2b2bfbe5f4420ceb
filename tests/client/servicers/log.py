"""A comparator's log for tests: a real tree, real notes, and what a test makes it lie about."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from stayput.errors import StayputError
from stayput.notes import Cosigner, Note, NoteInvalid, VerifierKey, open_checkpoint
from stayput.rpc.server import Context, caller
from stayput.v1 import log_pb2
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import LogEntry, LogLeaf, LogRecord
from stayput.v1.log_pb2_grpc import LogServiceServicer
from tests.stayput.evidence.made import MadeLog


def _refused(reason: "ErrorReason.ValueType", message: str) -> StayputError:
    return StayputError(reason, message)


@dataclass
class LogPeer(LogServiceServicer):
    """Answers from `log`, or from what `views` has for a caller's URN; searches are kept in `searches`.

    `shown` may change what a bundle shows. While `hold` is set, cosignatures are not answered; `asked` tells
    that one has arrived. Cosignatures that were taken are in `cosigned`, by witness. Checkpoints are
    `smaller` than the log by so much; of a log that is `forgotten` no consistency is proven. `cosigned_by`
    are the witnesses of what is shown, both unless said otherwise. The bundles of places in `elsewhere` come
    from another log; which bundles were asked for is kept in `bundles`.
    """

    log: MadeLog
    views: dict[str, MadeLog] = field(default_factory=dict)
    witness_keys: dict[str, bytes] = field(default_factory=dict)
    shown: Callable[[LogEntry, int], tuple[LogEntry, int]] = lambda entry, place: (entry, place)
    searches: list[log_pb2.SearchLogRequest] = field(default_factory=list)
    cosigned: dict[str, list[Note]] = field(default_factory=dict)
    unseen: set[int] = field(default_factory=set)
    page: int = 2
    hold: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    smaller: int = 0
    forgotten: bool = False
    cosigned_by: list[Cosigner] | None = None
    elsewhere: dict[int, MadeLog] = field(default_factory=dict)
    bundles: list[log_pb2.GetBundleRequest] = field(default_factory=list)

    async def AppendReceipts(
        self, request: log_pb2.AppendReceiptsRequest, context: Context
    ) -> log_pb2.AppendReceiptsResponse:
        raise _refused(ErrorReason.ERROR_REASON_NOT_PERMITTED, "not for a department")

    async def ListEvents(
        self, request: log_pb2.ListEventsRequest, context: Context
    ) -> log_pb2.ListEventsResponse:
        raise _refused(ErrorReason.ERROR_REASON_NOT_PERMITTED, "not for this test")

    async def GetCheckpoint(
        self, request: log_pb2.GetCheckpointRequest, context: Context
    ) -> log_pb2.GetCheckpointResponse:
        size = len(self._view(context).entries) - self.smaller
        return log_pb2.GetCheckpointResponse(
            checkpoint=self._view(context).checkpoint(size, by=self.cosigned_by)
        )

    async def GetConsistencyProof(
        self, request: log_pb2.GetConsistencyProofRequest, context: Context
    ) -> log_pb2.GetConsistencyProofResponse:
        if self.forgotten or not 0 <= request.old_size <= request.new_size <= len(
            self._view(context).entries
        ):
            raise _unknown()
        return log_pb2.GetConsistencyProofResponse(
            proof=self._view(context).consistency(request.old_size, request.new_size)
        )

    async def AddCosignature(
        self, request: log_pb2.AddCosignatureRequest, context: Context
    ) -> log_pb2.AddCosignatureResponse:
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        party = caller(context).party
        kind = Cosigner(party.urn, self.log.log_key).verifier.kind
        witness = VerifierKey(party.urn, kind, self.witness_keys[party.urn])
        try:
            signed = open_checkpoint(request.checkpoint, self.log.signer.verifier, [witness])
        except NoteInvalid as error:
            raise _refused(ErrorReason.ERROR_REASON_EVIDENCE_INVALID, str(error)) from None
        if not signed.cosignatures:
            raise _refused(ErrorReason.ERROR_REASON_EVIDENCE_INVALID, "the caller has not cosigned")
        if signed.checkpoint.head != self._view(context).head(signed.checkpoint.head.size):
            raise _unknown()
        self.cosigned.setdefault(party.urn, []).append(Note.parse(request.checkpoint))
        return log_pb2.AddCosignatureResponse()

    async def SearchLog(
        self, request: log_pb2.SearchLogRequest, context: Context
    ) -> log_pb2.SearchLogResponse:
        self.searches.append(request)
        kept = [_record(entry) for entry in reversed(self._view(context).entries)]
        found = [one for one in kept if not request.kind or one.kind == request.kind]
        start, size = int(request.page_token or 0), min(self.page, request.page_size)
        more = str(start + size) if start + size < len(found) else ""
        return log_pb2.SearchLogResponse(records=found[start : start + size], next_page_token=more)

    async def GetBundle(
        self, request: log_pb2.GetBundleRequest, context: Context
    ) -> log_pb2.GetBundleResponse:
        self.bundles.append(request)
        log = self.elsewhere.get(request.index, self._view(context))
        if not 0 <= request.index < len(log.entries) or request.index in self.unseen:
            raise _unknown()
        entry, place = self.shown(log.entries[request.index], request.index)
        bundle = log.bundle(place, log.checkpoint(by=self.cosigned_by))
        bundle.entry.CopyFrom(entry)
        return log_pb2.GetBundleResponse(bundle=bundle)

    def _view(self, context: Context) -> MadeLog:
        return self.views.get(caller(context).party.urn, self.log)


def _unknown() -> StayputError:
    return _refused(ErrorReason.ERROR_REASON_LOG_ENTRY_UNKNOWN, "the log has no such entry")


def _record(entry: LogEntry) -> LogRecord:
    leaf = LogLeaf.FromString(entry.leaf)
    record = LogRecord(index=leaf.index, logged_at=leaf.logged_at, kind=leaf.kind, event_type=leaf.event_type)
    if leaf.kind == log_pb2.ENTRY_KIND_RECEIPT:
        record.consumer, record.provider = "civil-affairs", "traffic-police"
        record.resource = "vehicle-owners"
        record.records, record.found, record.operator = 2_000, 1_500, "经办人甲"
        record.node_id, record.node_sequence = leaf.node_id, leaf.node_sequence
        record.end = log_pb2.SESSION_END_COMPLETE
        record.receipt_hash = bytes(32)
    else:
        record.grant_id = "G-1"
    record.removed = not entry.payload
    return record
