"""Receipts, in each node's own unbroken order. They are stored as leaves and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from comparator.store.entries import of_receipt
from comparator.store.leaves import Leaves
from comparator.store.log_models import LeafRow
from stayput.identity import Party
from stayput.receipts import FIRST_PREVIOUS_HASH
from stayput.v1.log_pb2 import EntryKind, Receipt
from stayput.v1.signing_pb2 import Envelope


@dataclass(frozen=True, slots=True)
class Link:
    """A receipt's place in its node's chain: its number and the SHA-256 of its payload."""

    sequence: int
    payload_hash: bytes


START = Link(0, FIRST_PREVIOUS_HASH)


class Log:
    """Verbs over receipts within one transaction."""

    def __init__(self, session: Session, leaves: Leaves) -> None:
        self._session = session
        self._leaves = leaves

    def head(self, node: Party) -> Link:
        """The node's last receipt; `START` before its first."""
        row = self._session.execute(
            select(LeafRow.node_sequence, LeafRow.receipt_hash)
            .where(LeafRow.node_id == node.id)
            .order_by(LeafRow.node_sequence.desc())
            .limit(1)
        ).one_or_none()
        if row is None:
            return START
        sequence, payload_hash = row
        if sequence is None or payload_hash is None:
            raise LookupError("the leaf of a receipt does not say which")
        return Link(sequence, payload_hash)

    def hashes(self, node: Party, sequences: Sequence[int]) -> Mapping[int, bytes]:
        """Payload hashes, by sequence number, of those of the node's receipts that are stored."""
        rows = self._session.execute(
            select(LeafRow.node_sequence, LeafRow.receipt_hash).where(
                LeafRow.node_id == node.id, LeafRow.node_sequence.in_(sequences)
            )
        )
        return {sequence: digest for sequence, digest in rows if sequence and digest}

    def append(self, receipts: Sequence[tuple[Receipt, Envelope]], now: datetime) -> None:
        """Logs receipts at the end of their node's chain."""
        self._leaves.append([of_receipt(envelope, receipt) for receipt, envelope in receipts], now)

    def all(self) -> Iterator[Envelope]:
        """Every receipt that was not removed, in the order of arrival."""
        query = (
            select(LeafRow.payload)
            .where(LeafRow.kind == EntryKind.ENTRY_KIND_RECEIPT, LeafRow.payload.is_not(None))
            .order_by(LeafRow.place)
            .execution_options(yield_per=1000)
        )
        for payload in self._session.scalars(query):
            if payload:
                yield Envelope.FromString(payload)
