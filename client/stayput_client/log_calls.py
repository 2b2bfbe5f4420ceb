"""Calls to the comparison log at the comparator. Of what it answers only consistency is verified here."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import grpc.aio

from stayput import notes
from stayput.errors import StayputError
from stayput.evidence import MAX_WITNESSES_DEMANDED, Part, evidence_invalid
from stayput.identity import Party
from stayput.merkle import ProofInvalid, TreeHead, verify_consistency
from stayput.rpc.client import translated
from stayput.v1 import log_pb2
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2_grpc import LogServiceStub

CALL_SECONDS: Final = 30.0
_PAGE: Final = 1_000
_PEER: Final = "comparator"


class LogCalls:
    """The log, over a channel that is authenticated both ways."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._log = LogServiceStub(channel)

    async def checkpoint(self) -> bytes:
        """The latest checkpoint: a signed note."""
        with translated(_PEER):
            request = log_pb2.GetCheckpointRequest()
            return (await self._log.GetCheckpoint(request, timeout=CALL_SECONDS)).checkpoint

    async def bundle(
        self, place: int, witnesses: Sequence[str] = (), least_witnesses: int = 0
    ) -> log_pb2.LogBundle:
        """What proves one entry, cosigned by so many of these witnesses if there is such a checkpoint.

        `witnesses` are the names of their keys, of which one may have several. The log is not asked for those
        that are no party's URN, nor for more than 16. That there are enough is for the caller to verify.
        Raises `LOG_ENTRY_UNKNOWN`.
        """
        names = [name for name in dict.fromkeys(witnesses) if _is_party(name)][:MAX_WITNESSES_DEMANDED]
        with translated(_PEER):
            request = log_pb2.GetBundleRequest(
                index=place, witnesses=names, least_witnesses=min(least_witnesses, len(names))
            )
            return (await self._log.GetBundle(request, timeout=CALL_SECONDS)).bundle

    async def search(self, wanted: log_pb2.SearchLogRequest, limit: int) -> AsyncIterator[log_pb2.LogRecord]:
        """All entries that a search finds, newest first, page by page as they are asked for.

        `limit` is how many will be taken, 0 for all: a page is not made longer than that.
        """
        request = log_pb2.SearchLogRequest()
        request.CopyFrom(wanted)
        request.page_size = min(limit or _PAGE, _PAGE)
        while True:
            with translated(_PEER):
                page = await self._log.SearchLog(request, timeout=CALL_SECONDS)
            for record in page.records:
                yield record
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def cosign(self, checkpoint: bytes) -> None:
        """Hands in a cosigned note. Raises `EVIDENCE_INVALID`, `LOG_ENTRY_UNKNOWN`."""
        with translated(_PEER):
            request = log_pb2.AddCosignatureRequest(checkpoint=checkpoint)
            await self._log.AddCosignature(request, timeout=CALL_SECONDS)

    async def require_consistent(self, old: TreeHead, new: TreeHead) -> None:
        """Passes if the log proves that its newer tree goes on from the older; else `EVIDENCE_INVALID`."""
        proof: list[bytes] = []
        # Trees of the same size, and what cannot be proven, need no proof to be judged.
        if 0 < old.size < new.size:
            proof = await self._consistency_proof(old.size, new.size)
        try:
            verify_consistency(old, new, proof)
        except ProofInvalid as error:
            problem = str(error).removeprefix("consistency: ")
            raise evidence_invalid(Part.CONSISTENCY, problem) from None

    async def _consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        request = log_pb2.GetConsistencyProofRequest(old_size=old_size, new_size=new_size)
        try:
            with translated(_PEER):
                return list((await self._log.GetConsistencyProof(request, timeout=CALL_SECONDS)).proof)
        except StayputError as error:
            # The log has signed both trees: not to know one of them is no excuse.
            if error.reason != ErrorReason.ERROR_REASON_LOG_ENTRY_UNKNOWN:
                raise
            raise evidence_invalid(Part.CONSISTENCY, "the log does not know a tree that it signed") from None


def _is_party(name: str) -> bool:
    """Whether the log can have a cosignature under that name at all."""
    try:
        Party.from_urn(name)
    except ValueError:
        return False
    return True


def opened(checkpoint: bytes, log: notes.VerifierKey) -> notes.SignedCheckpoint:
    """The checkpoint, if that log has signed it, whoever cosigned it; else `EVIDENCE_INVALID`."""
    try:
        return notes.open_checkpoint(checkpoint, log)
    except notes.NoteInvalid as error:
        raise evidence_invalid(Part.CHECKPOINT, str(error)) from None
