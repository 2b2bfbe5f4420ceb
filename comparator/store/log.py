"""Receipts, in each node's own unbroken order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from comparator.store.models import ReceiptRow
from stayput.identity import Party
from stayput.receipts import FIRST_PREVIOUS_HASH
from stayput.v1.signing_pb2 import Envelope


@dataclass(frozen=True, slots=True)
class Link:
    """A receipt's place in its node's chain: its number and the SHA-256 of its payload."""

    sequence: int
    payload_hash: bytes


START = Link(0, FIRST_PREVIOUS_HASH)


class Log:
    """Verbs over receipts within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def head(self, node: Party) -> Link:
        """The node's last receipt; `START` before its first."""
        row = self._session.execute(
            select(ReceiptRow.sequence, ReceiptRow.payload_hash)
            .where(ReceiptRow.node_urn == node.urn)
            .order_by(ReceiptRow.sequence.desc())
            .limit(1)
        ).one_or_none()
        return Link(row[0], row[1]) if row else START

    def hashes(self, node: Party, sequences: Sequence[int]) -> Mapping[int, bytes]:
        """Payload hashes, by sequence number, of those of the node's receipts that are stored."""
        rows = self._session.execute(
            select(ReceiptRow.sequence, ReceiptRow.payload_hash).where(
                ReceiptRow.node_urn == node.urn, ReceiptRow.sequence.in_(sequences)
            )
        )
        return dict(rows.all())

    def append(self, node: Party, receipts: Sequence[tuple[Link, Envelope]], now: datetime) -> None:
        """Stores receipts at the end of the node's chain."""
        self._session.add_all(
            ReceiptRow(
                node_urn=node.urn,
                sequence=link.sequence,
                payload_hash=link.payload_hash,
                envelope=envelope.SerializeToString(deterministic=True),
                received_at=now,
            )
            for link, envelope in receipts
        )
        self._session.flush()

    def all(self) -> Iterator[Envelope]:
        """Every receipt, in the order of arrival."""
        query = select(ReceiptRow.envelope).order_by(ReceiptRow.number).execution_options(yield_per=1000)
        for stored in self._session.scalars(query):
            yield Envelope.FromString(stored)
