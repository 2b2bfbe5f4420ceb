"""The first tables: parties, catalogue, applications, grants, tickets, receipts.

Constraints and indexes get their names from the naming convention of the models' metadata.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_URN = sa.String(100)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """From an empty database."""
    _create_parties()
    _create_access()
    _create_tickets()
    _create_receipts()


def _party(column: str, *, index: bool = False) -> "sa.Column[Any]":
    return sa.Column(column, _URN, sa.ForeignKey("parties.urn"), nullable=False, index=index)


def _create_parties() -> None:
    op.create_table(
        "parties",
        sa.Column("urn", _URN, primary_key=True),
        _party("department_urn", index=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("invited_at", _TIME, nullable=False),
    )
    op.create_table(
        "credentials",
        sa.Column("id", _NUMBER, primary_key=True),
        _party("party_urn", index=True),
        sa.Column("thumbprint", sa.String(43), nullable=False, unique=True),
        sa.Column("certificate_chain", sa.Text(), nullable=False),
        sa.Column("not_after", _TIME, nullable=False),
        sa.Column("signing_key", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_at", _TIME, nullable=False),
        sa.Column("replaced_at", _TIME),
    )
    active = sa.text("replaced_at IS NULL")
    op.create_index(
        "uq_credentials_active",
        "credentials",
        ["party_urn"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    op.create_table(
        "invitations",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        _party("party_urn", index=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("csr_hash", sa.LargeBinary()),
        sa.Column("credential_id", _NUMBER, sa.ForeignKey("credentials.id")),
    )


def _create_access() -> None:
    op.create_table(
        "resources",
        sa.Column("code", sa.String(63), primary_key=True),
        _party("provider_urn"),
        _party("node_urn", index=True),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", _TIME, nullable=False),
    )
    op.create_table(
        "applications",
        sa.Column("number", _NUMBER, primary_key=True),
        _party("consumer_urn", index=True),
        sa.Column("resource", sa.String(63), sa.ForeignKey("resources.code"), nullable=False, index=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("mode", sa.Integer(), nullable=False),
        sa.Column("granularity", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("expected_records_per_day", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("refusal_reason", sa.Text(), nullable=False),
        sa.Column("submitted_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME),
        sqlite_autoincrement=True,
    )


def _create_tickets() -> None:
    op.create_table(
        "grants",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("id", sa.String(28), nullable=False, unique=True),
        sa.Column(
            "application_number", _NUMBER, sa.ForeignKey("applications.number"), nullable=False, unique=True
        ),
        _party("node_urn", index=True),
        _party("consumer_urn", index=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("grant_id", sa.String(28), sa.ForeignKey("grants.id"), nullable=False, index=True),
        _party("consumer_urn"),
        sa.Column("thumbprint", sa.String(43), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("issued_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("number", _NUMBER, primary_key=True),
        _party("node_urn"),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.UniqueConstraint("node_urn", "sequence"),
        sqlite_autoincrement=True,
    )
