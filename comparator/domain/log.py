"""The comparison log: receipts are taken only from the node that made them, in its own unbroken order."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from comparator.domain import statements
from comparator.domain.grants import GRANT_ID
from comparator.domain.policy import Call
from comparator.domain.signers import SigningKeys
from comparator.store.events import PLATFORM, About
from comparator.store.log import Link
from stayput import receipts
from stayput.errors import StayputError, field_invalid
from stayput.identity import CODE
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType, Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope

LARGEST_BATCH = 1_000
_SESSION_ID_BYTES = 16
# Of operator and case number, as of a ticket's.
_LONGEST_TEXT = 100
_HASH_BYTES = 32
_Signed: TypeAlias = tuple[Receipt, Envelope]


class _ChainBroken(Exception):
    """A batch does not go on where the node's chain ends: what is told to the node, and what is logged."""

    def __init__(self, refusal: StayputError, cause: str) -> None:
        super().__init__(cause)
        self.refusal = refusal
        self.cause = cause


def append(call: Call, envelopes: Sequence[Envelope]) -> int | StayputError:
    """Stores a batch, all of it or nothing, and returns the number of the node's last receipt.

    What is stored already with the same content is passed over. Raises `FIELD_INVALID` or `RECEIPT_INVALID`.
    That the chain has a gap or a fork is an event, which has to outlive the refusal: `LOG_SEQUENCE`,
    `LOG_FORK` or `RECEIPT_INVALID` is returned then, to be raised when the transaction is durable.
    """
    if not 1 <= len(envelopes) <= LARGEST_BATCH:
        raise field_invalid("receipts", f"must hold 1 to {LARGEST_BATCH}")
    keys = SigningKeys(call)
    batch = [(_verified(call, envelope, keys), envelope) for envelope in envelopes]
    statements.check(call, [receipt for receipt, _ in batch])
    try:
        head, fresh = _following(call, batch)
    except _ChainBroken as broken:
        _report(call, broken.cause)
        return broken.refusal
    call.store.log.append(fresh, call.now)
    return head.sequence


def _following(call: Call, batch: Sequence[_Signed]) -> tuple[Link, Sequence[_Signed]]:
    """The end of the chain with the batch, and what of it is not stored yet."""
    known = dict(call.store.log.hashes(call.party, [receipt.sequence for receipt, _ in batch]))
    head = call.store.log.head(call.party)
    fresh: list[_Signed] = []
    for receipt, envelope in batch:
        link = Link(receipt.sequence, receipts.payload_hash(envelope.payload))
        if link.sequence <= head.sequence:
            if known[link.sequence] != link.payload_hash:
                raise _ChainBroken(_fork(), f"fork: another receipt {link.sequence} than the one stored")
            continue
        if link.sequence != head.sequence + 1:
            missing = head.sequence + 1
            raise _ChainBroken(_out_of_sequence(missing), f"gap: receipt {missing} is missing")
        if receipt.previous_hash != head.payload_hash:
            raise _ChainBroken(
                receipts.receipt_invalid("previous_hash is not the hash of the receipt before"),
                f"fork: receipt {link.sequence} does not follow the one stored before it",
            )
        fresh.append((receipt, envelope))
        known[link.sequence] = link.payload_hash
        head = link
    return head, fresh


def _report(call: Call, cause: str) -> None:
    """Stores the event, once: a node repeats what was refused until somebody mends it."""
    kind, node = EventType.EVENT_TYPE_CHAIN_BROKEN, call.party.urn
    if not call.store.events.stored(kind, node, cause):
        call.store.events.add(kind, PLATFORM, call.now, About(party=node), cause)


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
    yield "consumer", CODE.fullmatch(receipt.consumer) is not None
    yield "resource", CODE.fullmatch(receipt.resource) is not None
    yield "grant_id", GRANT_ID.fullmatch(receipt.grant_id) is not None
    yield "operator", _searchable(receipt.operator)
    yield "case_number", _searchable(receipt.case_number)
    yield "session_id", len(receipt.session_id) == _SESSION_ID_BYTES
    yield "sequence", receipt.sequence >= 1
    yield "end", receipt.end != SessionEnd.SESSION_END_UNSPECIFIED and receipt.end in SessionEnd.values()
    yield "records", receipt.records >= 0
    yield "outcome_bytes", receipt.outcome_bytes == receipt.records * parts
    yield "commitments", commitments == {_HASH_BYTES} or (crashed and commitments == {0})
    yield "tallies", _tallies_agree(receipt, parts) or (crashed and not receipt.tallies)


def _searchable(text: str) -> bool:
    """A ticket says no more, and an index takes no more."""
    return len(text) <= _LONGEST_TEXT and text.isprintable()


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
