"""Whether a receipt, and the consumer's statement in it, contradict themselves or each other."""

from collections.abc import Iterator
from typing import Final

from google.protobuf.message import DecodeError

from stayput import requests, signing
from stayput.errors import StayputError
from stayput.evidence.failures import Part, evidence_invalid
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import Granularity, Mode, OutcomeCode
from stayput.v1.log_pb2 import Receipt, SessionEnd

_SESSION_ID_BYTES: Final = 16
_HASH_BYTES: Final = 32


def check_receipt(receipt: Receipt) -> None:
    """Passes if the receipt is complete and its figures agree; else `EVIDENCE_INVALID`: RECEIPT."""
    for field, good in _well_formed(receipt):
        if not good:
            raise evidence_invalid(Part.RECEIPT, f"{field} is missing or contradicts the rest")


def _well_formed(receipt: Receipt) -> Iterator[tuple[str, bool]]:
    crashed = receipt.end == SessionEnd.SESSION_END_NODE_CRASHED
    parts = 1 + len(receipt.checks)
    commitments = {len(receipt.request_commitment), len(receipt.response_commitment)}
    yield "session_id", len(receipt.session_id) == _SESSION_ID_BYTES
    yield "sequence", receipt.sequence >= 1
    yield "previous_hash", len(receipt.previous_hash) == _HASH_BYTES
    yield "end", receipt.end != 0 and receipt.end in SessionEnd.values()
    yield "mode", receipt.mode != 0 and receipt.mode in Mode.values()
    yield "granularity", receipt.granularity != 0 and receipt.granularity in Granularity.values()
    yield "records", receipt.records >= 0
    yield "outcome_bytes", receipt.outcome_bytes == receipt.records * parts
    yield "commitments", commitments == {_HASH_BYTES} or (crashed and commitments == {0})
    yield "tallies", _tallies_agree(receipt, parts) or (crashed and not receipt.tallies)


def _tallies_agree(receipt: Receipt, parts: int) -> bool:
    if not receipt.tallies and receipt.records == 0:
        return True
    counts = [count for tally in receipt.tallies for count in tally.counts]
    known = all(count.outcome in OutcomeCode.values() and count.count > 0 for count in counts)
    sums = [sum(count.count for count in tally.counts) for tally in receipt.tallies]
    return known and sums == [receipt.records] * parts


def check_statement(receipt: Receipt) -> None:
    """Passes if a complete session's receipt, and no other, keeps a statement, and that agrees with it.

    The consumer's signature is not verified here. Raises `EVIDENCE_INVALID`: STATEMENT.
    """
    complete = receipt.end == SessionEnd.SESSION_END_COMPLETE
    if receipt.HasField("request") != complete:
        raise evidence_invalid(Part.STATEMENT, "must be there if the session was complete, and only then")
    if not complete:
        return
    if receipt.request.payload_type != signing.PayloadType.REQUEST:
        raise evidence_invalid(Part.STATEMENT, "it is a signed statement of another type")
    try:
        statement = RequestStatement.FromString(receipt.request.payload)
        requests.check_agrees(statement, receipt)
    except DecodeError:
        raise evidence_invalid(Part.STATEMENT, "the payload is no statement about a request") from None
    except StayputError as error:
        raise evidence_invalid(Part.STATEMENT, error.message) from None
    if len(statement.session_key_hash) != _HASH_BYTES:
        raise evidence_invalid(Part.STATEMENT, "session_key_hash is missing or malformed")
