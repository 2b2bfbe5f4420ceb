"""Tables but the log's. Rows of resources, applications and grants stay inside: outside are messages."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from stayput.identity import Kind, Party

# SQLite numbers rows by itself only under the type INTEGER.
NUMBER = BigInteger().with_variant(Integer, "sqlite")
URN = String(100)
EMPTY = text("''")


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC; a naive time is a fault of the program."""
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Back to aware."""
        if value is None or value.tzinfo is not None:
            return value and value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


class Role(StrEnum):
    """What a department may be on the platform; who may call what follows from it."""

    CONSUMER = "consumer"
    PROVIDER = "provider"
    AUDITOR = "auditor"
    OPERATOR = "operator"


def roles_of(names: str) -> frozenset[Role]:
    """The roles whose names these are, separated by blanks."""
    return frozenset(map(Role, names.split()))


class Base(DeclarativeBase):
    """Declares the tables; names of constraints are fixed so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any]]] = {
        datetime: UtcDateTime(),
        bytes: LargeBinary(),
        str: Text(),
        list[str]: JSON(),
    }


class PartyRow(Base):
    """A department or a node that was invited. A department's `department_urn` is its own."""

    __tablename__ = "parties"

    urn: Mapped[str] = mapped_column(URN, primary_key=True)
    department_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"), index=True)
    title: Mapped[str]
    invited_at: Mapped[datetime]
    # Of a department, separated by blanks in the order of `Role`; a node has those of its department.
    role_names: Mapped[str] = mapped_column(server_default=EMPTY)

    @property
    def party(self) -> Party:
        """Whom the row is about."""
        return Party.from_urn(self.urn)

    @property
    def department(self) -> str:
        """Code of the department that it is or belongs to."""
        return Party.from_urn(self.department_urn).id

    @property
    def roles(self) -> frozenset[Role]:
        """What the department may be; nothing for a node."""
        return roles_of(self.role_names)

    @property
    def is_node(self) -> bool:
        """It is a node."""
        return self.party.kind is Kind.NODE


class CredentialRow(Base):
    """A certificate and a signing key that a party was or is known by; the one not replaced is active."""

    __tablename__ = "credentials"

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    party_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"), index=True)
    thumbprint: Mapped[str] = mapped_column(String(43), unique=True)
    certificate_chain: Mapped[str]
    not_after: Mapped[datetime]
    signing_key: Mapped[bytes]
    enrolled_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


class InvitationRow(Base):
    """An invitation, known by its token's SHA-256; once used, bound to a certificate request."""

    __tablename__ = "invitations"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    party_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    csr_hash: Mapped[bytes | None]
    credential_id: Mapped[int | None] = mapped_column(NUMBER, ForeignKey("credentials.id"))


class ResourceRow(Base):
    """A catalogue entry: the message without what the comparator fills in when it answers."""

    __tablename__ = "resources"

    code: Mapped[str] = mapped_column(String(63), primary_key=True)
    provider_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"))
    node_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"), index=True)
    entry: Mapped[bytes]
    published_at: Mapped[datetime]
    # What a search looks at: enumerations by their numbers, modes as a set of bits `1 << mode`.
    category: Mapped[int] = mapped_column(server_default="0")
    sharing: Mapped[int] = mapped_column(server_default="0")
    modes: Mapped[int] = mapped_column(server_default="0")
    search_text: Mapped[str] = mapped_column(server_default=EMPTY)


class ApplicationRow(Base):
    """An application; enumerations by their numbers in the .proto."""

    __tablename__ = "applications"
    __table_args__ = (
        Index("ix_applications_consumer_urn", "consumer_urn", "number"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    consumer_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"))
    resource: Mapped[str] = mapped_column(String(63), ForeignKey("resources.code"), index=True)
    key: Mapped[str]
    checks: Mapped[list[str]]
    mode: Mapped[int]
    granularity: Mapped[int]
    purpose: Mapped[str]
    legal_basis: Mapped[str]
    expected_records_per_day: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[int] = mapped_column(index=True)
    refusal_reason: Mapped[str]
    submitted_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    matter: Mapped[str] = mapped_column(server_default=EMPTY)
    security_agreement: Mapped[str] = mapped_column(server_default=EMPTY)
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str] = mapped_column(server_default=EMPTY)
    decided_by: Mapped[str] = mapped_column(server_default=EMPTY)
    withdrawal_reason: Mapped[str] = mapped_column(server_default=EMPTY)


class GrantRow(Base):
    """The latest version of a signed grant, with what it is looked up by, and its standing."""

    __tablename__ = "grants"
    __table_args__ = (
        Index("ix_grants_node_urn", "node_urn", "number"),
        Index("ix_grants_consumer_urn", "consumer_urn", "number"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    id: Mapped[str] = mapped_column(String(28), unique=True)
    application_number: Mapped[int] = mapped_column(NUMBER, ForeignKey("applications.number"), unique=True)
    node_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"))
    consumer_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"))
    envelope: Mapped[bytes]
    recorded_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default="1")
    provider_state: Mapped[int] = mapped_column(server_default="1")
    provider_cause: Mapped[int] = mapped_column(server_default="0")
    provider_reason: Mapped[str] = mapped_column(server_default=EMPTY)
    provider_changed_at: Mapped[datetime | None]
    # Number of the provider's last change that is recorded.
    provider_changes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    platform_state: Mapped[int] = mapped_column(server_default="1")
    platform_reason: Mapped[str] = mapped_column(server_default=EMPTY)
    platform_changed_at: Mapped[datetime | None]


class GrantVersionRow(Base):
    """A version of a grant as the node signed it."""

    __tablename__ = "grant_versions"

    grant_id: Mapped[str] = mapped_column(String(28), ForeignKey("grants.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    envelope: Mapped[bytes]
    recorded_at: Mapped[datetime]


class GrantChangeRow(Base):
    """A provider's change of a grant's state as the node signed it."""

    __tablename__ = "grant_changes"

    grant_id: Mapped[str] = mapped_column(String(28), ForeignKey("grants.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    envelope: Mapped[bytes]
    recorded_at: Mapped[datetime]


class TicketRow(Base):
    """A ticket that was issued: who, for what, when. The ticket itself is not kept."""

    __tablename__ = "tickets"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(String(28), ForeignKey("grants.id"), index=True)
    consumer_urn: Mapped[str] = mapped_column(URN, ForeignKey("parties.urn"))
    thumbprint: Mapped[str] = mapped_column(String(43))
    operator: Mapped[str]
    purpose: Mapped[str]
    case_number: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class EventRow(Base):
    """Something that happened, as log.proto's Event; a number, code or id is None if it is about none."""

    __tablename__ = "events"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    at: Mapped[datetime]
    type: Mapped[int] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(URN)
    party: Mapped[str | None] = mapped_column(URN)
    resource: Mapped[str | None] = mapped_column(String(63))
    application_number: Mapped[int | None] = mapped_column(NUMBER, index=True)
    grant_id: Mapped[str | None] = mapped_column(String(28), index=True)
    detail: Mapped[str]


# At most one credential of a party is active.
Index(
    "uq_credentials_active",
    CredentialRow.party_urn,
    unique=True,
    sqlite_where=CredentialRow.replaced_at.is_(None),
    postgresql_where=CredentialRow.replaced_at.is_(None),
)
