"""What becomes of a receipt or an event in the log: the leaf, what it commits to, and what finds it again."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, TypedDict

from stayput import receipts
from stayput.v1.log_pb2 import EntryKind, Event, LogLeaf, Receipt
from stayput.v1.signing_pb2 import Envelope

SALT_BYTES: Final = 16


class Search(TypedDict, total=False):
    """The search columns of `LeafRow`."""

    event_type: int
    event_number: int
    consumer: str | None
    provider: str | None
    resource: str | None
    grant_id: str | None
    operator: str | None
    case_number: str | None
    records: int
    found: int | None
    node_id: str
    node_sequence: int
    session_end: int
    receipt_hash: bytes


OF_EVENTS: Final = ("event_type", "event_number")
"""The search columns that only events have."""
OF_RECEIPTS: Final = (
    "operator",
    "case_number",
    "records",
    "found",
    "node_id",
    "node_sequence",
    "session_end",
    "receipt_hash",
)
"""The search columns that only receipts have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to log: its payload, the leaf so far as the entry itself says it, and the search columns."""

    payload: bytes
    leaf: LogLeaf
    search: Search


def of_receipt(envelope: Envelope, receipt: Receipt) -> Entry:
    """The entry of a receipt, which is the payload of that envelope."""
    return Entry(
        payload=envelope.SerializeToString(deterministic=True),
        leaf=LogLeaf(
            kind=EntryKind.ENTRY_KIND_RECEIPT,
            node_id=receipt.node_id,
            node_sequence=receipt.sequence,
            records=receipt.records,
        ),
        search=Search(
            consumer=receipt.consumer or None,
            provider=receipt.provider or None,
            resource=receipt.resource or None,
            grant_id=receipt.grant_id or None,
            operator=receipt.operator or None,
            case_number=receipt.case_number or None,
            records=receipt.records,
            found=receipts.found(receipt),
            node_id=receipt.node_id,
            node_sequence=receipt.sequence,
            session_end=receipt.end,
            receipt_hash=sha256(envelope.payload).digest(),
        ),
    )


def of_event(event: Event, names: Search) -> Entry:
    """The entry of an event that names these."""
    return Entry(
        payload=event.SerializeToString(deterministic=True),
        leaf=LogLeaf(kind=EntryKind.ENTRY_KIND_EVENT, event_type=event.type),
        search=Search(event_type=event.type, event_number=event.number, **names),
    )


def columns(entry: Entry) -> dict[str, object]:
    """Every search column of an entry; None where it says nothing of the kind."""
    return {**dict.fromkeys(Search.__annotations__), **entry.search}


def placed(entry: Entry, place: int, at: datetime, salt: bytes) -> tuple[bytes, dict[str, object]]:
    """The leaf of an entry at that place of the tree, as it is hashed, and its `LeafRow`."""
    leaf = LogLeaf()
    leaf.CopyFrom(entry.leaf)
    leaf.index = place
    leaf.logged_at.FromDatetime(at.astimezone(UTC))
    leaf.commitment = sha256(salt + entry.payload).digest()
    hashed = leaf.SerializeToString(deterministic=True)
    # Every column, so that many rows can be stored by one statement.
    row = {
        **columns(entry),
        "place": place,
        "leaf": hashed,
        "salt": salt,
        "payload": entry.payload,
        "logged_at": at,
        "kind": leaf.kind,
    }
    return hashed, row


def node_number(level: int, index: int) -> int:
    """The `NodeRow` of a complete subtree."""
    return (2 * index + 1 << level) - 1
