"""Roles, the way of an application, versions and standings of grants, a catalogue to search, and events.

What a new column means for rows of the revision before stands beside it. The defaults stay in the schema:
SQLite can add a column that must not be empty in no other way without making the whole table anew.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from comparator.store.catalogue import search_columns
from stayput.v1.catalogue_pb2 import Resource

revision: str = "0002"
down_revision: str | None = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_ACTIVE = "1"


def upgrade() -> None:
    """From revision 0001."""
    _add_roles()
    _add_to_applications()
    _add_to_grants()
    _add_search()
    _create_events()
    _index_for_pages()


def _text(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''"))


def _integer(name: str, default: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Integer(), nullable=False, server_default=default)


def _add_roles() -> None:
    """Departments could apply and, with a node, provide."""
    op.add_column("parties", _text("role_names"))
    op.execute("UPDATE parties SET role_names = 'consumer' WHERE urn = department_urn")
    op.execute(
        """UPDATE parties SET role_names = 'consumer provider' WHERE urn = department_urn AND urn IN
        (SELECT department_urn FROM parties WHERE urn <> department_urn)"""
    )


def _add_to_applications() -> None:
    """Applications named no matter and no security agreement, and nobody took them in."""
    for name in ("matter", "security_agreement", "accepted_by", "decided_by", "withdrawal_reason"):
        op.add_column("applications", _text(name))
    op.add_column("applications", sa.Column("accepted_at", _TIME))


def _add_to_grants() -> None:
    """Each grant had one version, and nobody had suspended or revoked it."""
    for column in (
        _integer("version", "1"),
        _integer("provider_state", _ACTIVE),
        _integer("provider_cause", "0"),
        _text("provider_reason"),
        sa.Column("provider_changed_at", _TIME),
        sa.Column("provider_changes", sa.BigInteger(), nullable=False, server_default="0"),
        _integer("platform_state", _ACTIVE),
        _text("platform_reason"),
        sa.Column("platform_changed_at", _TIME),
    ):
        op.add_column("grants", column)
    op.create_table(
        "grant_versions",
        sa.Column("grant_id", sa.String(28), sa.ForeignKey("grants.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
    )
    op.create_table(
        "grant_changes",
        sa.Column("grant_id", sa.String(28), sa.ForeignKey("grants.id"), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
    )
    op.execute(
        """INSERT INTO grant_versions (grant_id, version, envelope, recorded_at)
        SELECT id, 1, envelope, recorded_at FROM grants"""
    )


def _add_search() -> None:
    for column in (
        _integer("category", "0"),
        _integer("sharing", "0"),
        _integer("modes", "0"),
        _text("search_text"),
    ):
        op.add_column("resources", column)
    resources = sa.table(
        "resources",
        sa.column("code", sa.String()),
        sa.column("entry", sa.LargeBinary()),
        sa.column("category", sa.Integer()),
        sa.column("sharing", sa.Integer()),
        sa.column("modes", sa.Integer()),
        sa.column("search_text", sa.Text()),
    )
    connection = op.get_bind()
    for code, entry in connection.execute(sa.select(resources.c.code, resources.c.entry)).all():
        columns = search_columns(Resource.FromString(entry))
        connection.execute(sa.update(resources).where(resources.c.code == code).values(**columns))


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("type", sa.Integer(), nullable=False, index=True),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("party", sa.String(100)),
        sa.Column("resource", sa.String(63)),
        sa.Column("application_number", _NUMBER, index=True),
        sa.Column("grant_id", sa.String(28), index=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )


def _index_for_pages() -> None:
    """A party's pages are read in the order of numbers, without sorting all that it has."""
    for table, column in (
        ("applications", "consumer_urn"),
        ("grants", "node_urn"),
        ("grants", "consumer_urn"),
    ):
        name = f"ix_{table}_{column}"
        op.drop_index(name, table)
        op.create_index(name, table, [column, "number"])
    op.create_index("ix_applications_state", "applications", ["state"])
