"""The comparison log as one tree: leaves, stored subtrees, cosignatures, holds and archives.

Receipts become leaves and are stored there alone, events become leaves too. What there is already makes the
beginning of the tree, in the order in which it was stored.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from comparator.store.database import new_salt
from comparator.store.entries import Entry, Search, node_number, of_event, of_receipt, placed
from comparator.store.models import UtcDateTime
from stayput.identity import Party
from stayput.merkle import Frontier, leaf_hash
from stayput.v1.log_pb2 import Event, EventType, Receipt
from stayput.v1.signing_pb2 import Envelope

revision: str = "0003"
down_revision: str | None = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_SEARCHED = (
    "event_type",
    "consumer",
    "provider",
    "resource",
    "grant_id",
    "operator",
    "case_number",
    "records",
)
_BATCH = 1_000
_STORED = sa.text("""
    SELECT 0 AS is_event, number, received_at AS at FROM receipts
    UNION ALL SELECT 1, number, at FROM events ORDER BY at, is_event, number
""").columns(is_event=sa.Integer(), number=_NUMBER, at=UtcDateTime())
_RECEIPTS = sa.text("SELECT number, envelope FROM receipts WHERE number IN :numbers").bindparams(
    sa.bindparam("numbers", expanding=True)
)
_EVENTS = sa.text("""
    SELECT events.*, applications.consumer_urn, resources.code, resources.provider_urn, parties.department_urn
    FROM events
    LEFT JOIN applications ON applications.number = events.application_number
    LEFT JOIN resources ON resources.code = coalesce(events.resource, applications.resource)
    LEFT JOIN parties ON parties.urn = events.party
    WHERE events.number IN :numbers
""").bindparams(sa.bindparam("numbers", expanding=True))


def upgrade() -> None:
    """From revision 0002."""
    _create_leaves()
    _create_tree()
    _create_keeping()
    _fill()
    op.drop_table("receipts")


def _create_leaves() -> None:
    op.create_table(
        "log_leaves",
        sa.Column("place", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("payload", sa.LargeBinary()),
        sa.Column("logged_at", _TIME, nullable=False, index=True),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("event_type", sa.Integer()),
        sa.Column("event_number", _NUMBER),
        sa.Column("consumer", sa.String(63)),
        sa.Column("provider", sa.String(63)),
        sa.Column("resource", sa.String(63)),
        sa.Column("grant_id", sa.String(28)),
        sa.Column("operator", sa.Text()),
        sa.Column("case_number", sa.Text()),
        sa.Column("records", sa.BigInteger()),
        sa.Column("found", sa.BigInteger()),
        sa.Column("node_id", sa.String(63)),
        sa.Column("node_sequence", sa.BigInteger()),
        sa.Column("session_end", sa.Integer()),
        sa.Column("receipt_hash", sa.LargeBinary()),
        sa.UniqueConstraint("event_number"),
    )
    for column in _SEARCHED:
        op.create_index(f"ix_log_leaves_{column}", "log_leaves", [column, "place"])
    op.create_index("ix_log_leaves_receipt", "log_leaves", ["node_id", "node_sequence"], unique=True)


def _create_tree() -> None:
    op.create_table(
        "log_nodes",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "log_cosignatures",
        sa.Column("tree_size", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("witness_urn", sa.String(100), sa.ForeignKey("parties.urn"), primary_key=True),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
    )


def _create_keeping() -> None:
    op.create_table(
        "log_holds",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("lifted_at", _TIME),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_archives",
        sa.Column("first", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("file_hash", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", _TIME, nullable=False),
        sa.Column("removed_at", _TIME),
    )


def _fill() -> None:
    """Logs all receipts and events, batch by batch; each leaf has the time at which the thing was stored."""
    connection = op.get_bind()
    tables = sa.MetaData()
    leaves, nodes = (sa.Table(name, tables, autoload_with=connection) for name in ("log_leaves", "log_nodes"))
    stored = connection.execute(_STORED).all()
    frontier = Frontier()
    for first in range(0, len(stored), _BATCH):
        rows: list[dict[str, object]] = []
        hashes: list[bytes] = []
        for place, (entry, at) in enumerate(_entries(connection, stored[first : first + _BATCH]), first):
            leaf, row = placed(entry, place, at, new_salt())
            hashes.append(leaf_hash(leaf))
            rows.append(row)
        frontier, complete = frontier.append(hashes)
        connection.execute(leaves.insert(), rows)
        connection.execute(
            nodes.insert(),
            [{"number": node_number(level, index), "hash": digest} for level, index, digest in complete],
        )


def _entries(connection: sa.Connection, stored: Sequence[sa.Row[Any]]) -> list[tuple[Entry, datetime]]:
    numbers: tuple[list[int], list[int]] = ([], [])
    for row in stored:
        numbers[row.is_event].append(row.number)
    receipts = {
        number: Envelope.FromString(envelope)
        for number, envelope in connection.execute(_RECEIPTS, {"numbers": numbers[0]})
    }
    events = {row.number: row for row in connection.execute(_EVENTS, {"numbers": numbers[1]})}
    return [
        (_event(events[row.number], row.at) if row.is_event else _receipt(receipts[row.number]), row.at)
        for row in stored
    ]


def _receipt(envelope: Envelope) -> Entry:
    return of_receipt(envelope, Receipt.FromString(envelope.payload))


def _event(row: "sa.Row[Any]", at: datetime) -> Entry:
    event = Event(
        number=row.number,
        type=EventType.ValueType(row.type),
        actor=row.actor,
        party=row.party or "",
        resource=row.resource or "",
        application_id="" if row.application_number is None else f"A-{row.application_number}",
        grant_id=row.grant_id or "",
        detail=row.detail,
    )
    event.at.FromDatetime(at.astimezone(UTC))
    itself = row.party is not None and row.department_urn == row.party
    names = Search(
        consumer=_code(row.consumer_urn or (row.party if itself else None)),
        provider=_code(row.provider_urn or (None if itself else row.department_urn)),
        resource=row.code or row.resource,
        grant_id=row.grant_id,
    )
    return of_event(event, names)


def _code(urn: str | None) -> str | None:
    return None if urn is None else Party.from_urn(urn).id
