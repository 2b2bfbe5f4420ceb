"""Tables of the comparison log: leaves with what they commit to, subtrees, cosignatures, holds, archives."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from comparator.store.models import NUMBER, URN, Base


class LeafRow(Base):
    """A leaf. Salt and payload are what it commits to, until they are removed; the rest is for searches.

    A search column is None where the entry says nothing of the kind; departments by their codes. Receipts are
    stored here and nowhere else; an event has its row in `events` too, which `event_number` names.
    """

    __tablename__ = "log_leaves"

    place: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    leaf: Mapped[bytes]
    salt: Mapped[bytes | None]
    payload: Mapped[bytes | None]
    logged_at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[int]
    event_type: Mapped[int | None]
    event_number: Mapped[int | None] = mapped_column(NUMBER, unique=True)
    consumer: Mapped[str | None] = mapped_column(String(63))
    provider: Mapped[str | None] = mapped_column(String(63))
    resource: Mapped[str | None] = mapped_column(String(63))
    grant_id: Mapped[str | None] = mapped_column(String(28))
    operator: Mapped[str | None]
    case_number: Mapped[str | None]
    records: Mapped[int | None] = mapped_column(BigInteger)
    found: Mapped[int | None] = mapped_column(BigInteger)
    node_id: Mapped[str | None] = mapped_column(String(63))
    node_sequence: Mapped[int | None] = mapped_column(BigInteger)
    session_end: Mapped[int | None]
    # SHA-256 of a receipt's own payload, by which a node finds its receipt.
    receipt_hash: Mapped[bytes | None]


# A search is newest first within what it names.
SEARCHED = (
    "event_type",
    "consumer",
    "provider",
    "resource",
    "grant_id",
    "operator",
    "case_number",
    "records",
)
for _column in SEARCHED:
    Index(f"ix_log_leaves_{_column}", getattr(LeafRow, _column), LeafRow.place)
# One receipt has a number, which makes delivery idempotent and a fork impossible.
Index("ix_log_leaves_receipt", LeafRow.node_id, LeafRow.node_sequence, unique=True)


class NodeRow(Base):
    """The hash of a complete subtree (RFC 9162), leaf hashes included, under its number.

    The number of the subtree `index` of `level` is `(2 * index + 1 << level) - 1`: it lies between those of
    its left and its right half. With one number for each, many are found by one look-up in one index.
    """

    __tablename__ = "log_nodes"

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]


class CosignatureRow(Base):
    """A witness's cosignature of a checkpoint, as the line that stands in the note."""

    __tablename__ = "log_cosignatures"

    tree_size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    witness_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"), primary_key=True)
    checkpoint: Mapped[bytes]
    line: Mapped[str]
    received_at: Mapped[datetime]


class HoldRow(Base):
    """A legal hold: entries of the range must not be removed while it is not lifted."""

    __tablename__ = "log_holds"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    placed_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]


class ArchiveRow(Base):
    """An archive that was written: entries `first` to `end` (exclusive), the file's SHA-256, when removed."""

    __tablename__ = "log_archives"

    first: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    end: Mapped[int] = mapped_column(BigInteger)
    file_hash: Mapped[bytes]
    written_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
