"""The comparison log: receipts are taken only from the node that made them, in its own unbroken order."""

from collections.abc import Iterable, Sequence

from comparator.domain.policy import Call
from comparator.domain.signers import SigningKeys
from comparator.store.log import Link
from stayput import receipts
from stayput.errors import StayputError, field_invalid
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope

_LARGEST_BATCH = 1_000
_SESSION_ID_BYTES = 16
_HASH_BYTES = 32


def append(call: Call, envelopes: Sequence[Envelope]) -> int:
    """Stores a batch, all of it or nothing, and returns the number of the node's last receipt.

    What is stored already with the same content is passed over. Raises `FIELD_INVALID`, `RECEIPT_INVALID`,
    `LOG_SEQUENCE` or `LOG_FORK`.
    """
    if not 1 <= len(envelopes) <= _LARGEST_BATCH:
        raise field_invalid("receipts", f"must hold 1 to {_LARGEST_BATCH}")
    keys = SigningKeys(call)
    batch = [(_verified(call, envelope, keys), envelope) for envelope in envelopes]
    known = dict(call.store.log.hashes(call.party, [receipt.sequence for receipt, _ in batch]))
    head = call.store.log.head(call.party)
    fresh: list[tuple[Link, Envelope]] = []
    for receipt, envelope in batch:
        link = Link(receipt.sequence, receipts.payload_hash(envelope.payload))
        if link.sequence <= head.sequence:
            if known[link.sequence] != link.payload_hash:
                raise _fork()
            continue
        if link.sequence != head.sequence + 1:
            raise _out_of_sequence(head.sequence + 1)
        if receipt.previous_hash != head.payload_hash:
            raise receipts.receipt_invalid("previous_hash is not the hash of the receipt before")
        fresh.append((link, envelope))
        known[link.sequence] = link.payload_hash
        head = link
    call.store.log.append(call.party, fresh, call.now)
    return head.sequence


def _verified(call: Call, envelope: Envelope, keys: SigningKeys) -> Receipt:
    """The receipt, if it is the calling node's own statement and complete."""
    receipt = receipts.verify(envelope, keys.named_by(envelope))
    if receipt.node_id != call.party.id or receipt.provider != call.department.id:
        raise receipts.receipt_invalid("node_id and provider must be the calling node's")
    for field, good in _well_formed(receipt):
        if not good:
            raise receipts.receipt_invalid(f"{field} is missing or contradicts the rest")
    return receipt


def _well_formed(receipt: Receipt) -> Iterable[tuple[str, bool]]:
    parts = 1 + len(receipt.checks)
    commitments = {len(receipt.request_commitment), len(receipt.response_commitment)}
    crashed = receipt.end == SessionEnd.SESSION_END_NODE_CRASHED
    yield "session_id", len(receipt.session_id) == _SESSION_ID_BYTES
    yield "sequence", receipt.sequence >= 1
    yield "end", receipt.end != SessionEnd.SESSION_END_UNSPECIFIED and receipt.end in SessionEnd.values()
    yield "records", receipt.records >= 0
    yield "outcome_bytes", receipt.outcome_bytes == receipt.records * parts
    yield "commitments", commitments == {_HASH_BYTES} or (crashed and commitments == {0})
    yield "tallies", _tallies_agree(receipt, parts) or (crashed and not receipt.tallies)


def _tallies_agree(receipt: Receipt, parts: int) -> bool:
    if not receipt.tallies and receipt.records == 0:
        return True
    sums = [sum(count.count for count in tally.counts) for tally in receipt.tallies]
    positive = all(count.count > 0 for tally in receipt.tallies for count in tally.counts)
    return positive and sums == [receipt.records] * parts


def _fork() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_LOG_FORK,
        "a receipt of this sequence number with another content is stored already",
        field="receipts",
        remedy="the node's history was changed, or two nodes run under one id: stop it and tell the operator",
    )


def _out_of_sequence(expected: int) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_LOG_SEQUENCE,
        "the batch does not follow the last receipt stored for this node",
        field="receipts",
        remedy="deliver from the expected sequence number on",
        details={"expected": str(expected)},
    )
