"""One entry of the log: the leaf, and the payload that it commits to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from hmac import compare_digest
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from stayput import signing
from stayput.evidence.failures import Part, evidence_invalid
from stayput.evidence.receipt import check_receipt, check_statement
from stayput.evidence.trust import Keys, Trust
from stayput.v1.log_pb2 import EntryKind, Event, EventType, LogEntry, LogLeaf, Receipt
from stayput.v1.signing_pb2 import Envelope

SALT_SIZE: Final = 16
_M = TypeVar("_M", bound=Message)


class Signed(Enum):
    """What is known of a signature inside an entry. One that does not verify is an error, not a state."""

    VERIFIED = "verified"
    KEY_UNKNOWN = "key_unknown"
    """It is there, but no key of its signer is trusted."""
    ABSENT = "absent"
    """There is none: an event, a removed payload, or a session that has no statement."""


@dataclass(frozen=True)
class OpenedEntry:
    """A leaf and what it commits to: a receipt or an event, or neither if the payload has been removed.

    That the leaf is in the tree is not said here.
    """

    leaf: LogLeaf
    receipt: Receipt | None = None
    event: Event | None = None
    by_node: Signed = Signed.ABSENT
    by_consumer: Signed = Signed.ABSENT


def open_entry(entry: LogEntry, trust: Trust) -> OpenedEntry:
    """The entry, if all that it says agrees and each signature by a trusted party verifies.

    Raises `EVIDENCE_INVALID`: LEAF, COMMITMENT, PAYLOAD or what says which signature or statement failed.
    """
    leaf = _decoded(LogLeaf(), entry.leaf, Part.LEAF)
    _check_leaf(leaf)
    if not entry.salt and not entry.payload:
        return OpenedEntry(leaf)
    if len(entry.salt) != SALT_SIZE:
        raise evidence_invalid(Part.COMMITMENT, f"the salt is not {SALT_SIZE} bytes long")
    if not compare_digest(sha256(entry.salt + entry.payload).digest(), leaf.commitment):
        raise evidence_invalid(Part.COMMITMENT, "the leaf commits to another salt or payload")
    if leaf.kind == EntryKind.ENTRY_KIND_EVENT:
        return _open_event(leaf, entry.payload)
    return _open_receipt(leaf, entry.payload, trust)


def _check_leaf(leaf: LogLeaf) -> None:
    if leaf.index < 0:
        raise evidence_invalid(Part.PLACE, "is out of range")
    if len(leaf.commitment) != sha256().digest_size:
        raise evidence_invalid(Part.LEAF, "the commitment is missing or malformed")
    if not leaf.HasField("logged_at"):
        raise evidence_invalid(Part.LEAF, "the time is missing")
    of_receipt = bool(leaf.node_id) and leaf.node_sequence >= 1 and leaf.records >= 0
    match leaf.kind:
        case EntryKind.ENTRY_KIND_RECEIPT:
            good = of_receipt and not leaf.event_type
        case EntryKind.ENTRY_KIND_EVENT:
            good = leaf.event_type != EventType.EVENT_TYPE_UNSPECIFIED and not (
                leaf.node_id or leaf.node_sequence or leaf.records
            )
        case _:
            good = False
    if not good:
        raise evidence_invalid(Part.LEAF, "its fields are not those of its kind")


def _open_event(leaf: LogLeaf, payload: bytes) -> OpenedEntry:
    event = _decoded(Event(), payload, Part.PAYLOAD)
    if event.type != leaf.event_type:
        raise evidence_invalid(Part.LEAF, "the event is of another type")
    return OpenedEntry(leaf, event=event)


def _open_receipt(leaf: LogLeaf, payload: bytes, trust: Trust) -> OpenedEntry:
    envelope = _decoded(Envelope(), payload, Part.PAYLOAD)
    if envelope.payload_type != signing.PayloadType.RECEIPT:
        raise evidence_invalid(Part.PAYLOAD, "it is a signed statement of another type")
    # The leaf says which node it is about; that the receipt says the same is checked below.
    keys = _keys_of(trust.nodes, leaf.node_id)
    by_node = _verified(envelope, signing.PayloadType.RECEIPT, keys, Part.RECEIPT_SIGNATURE)
    receipt = _decoded(Receipt(), envelope.payload, Part.RECEIPT)
    check_receipt(receipt)
    said = (receipt.node_id, receipt.sequence, receipt.records)
    if said != (leaf.node_id, leaf.node_sequence, leaf.records):
        raise evidence_invalid(Part.LEAF, "the receipt is of another node, number or size")
    return OpenedEntry(leaf, receipt=receipt, by_node=by_node, by_consumer=_statement(receipt, trust))


def _statement(receipt: Receipt, trust: Trust) -> Signed:
    check_statement(receipt)
    if not receipt.HasField("request"):
        return Signed.ABSENT
    keys = _keys_of(trust.consumers, receipt.consumer)
    return _verified(receipt.request, signing.PayloadType.REQUEST, keys, Part.STATEMENT_SIGNATURE)


def _keys_of(parties: Keys, name: str) -> Sequence[bytes]:
    return parties.get(name, ())


def _verified(envelope: Envelope, kind: signing.PayloadType, keys: Sequence[bytes], part: Part) -> Signed:
    if not keys:
        return Signed.KEY_UNKNOWN
    # A renewed key has another id: the envelope's hint says which of the trusted ones signed.
    hints = {signature.key_id for signature in envelope.signatures}
    key = next((one for one in keys if signing.key_id(one) in hints), keys[0])
    try:
        signing.verify(envelope, kind, key)
    except signing.SignatureInvalid as error:
        raise evidence_invalid(part, str(error)) from None
    return Signed.VERIFIED


def _decoded(message: _M, data: bytes, part: Part) -> _M:
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise evidence_invalid(part, "cannot be decoded") from None
    return message
