"""Grants as nodes signed them, in all versions, and their standing. Outside, a grant is a RecordedGrant."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from comparator.store.models import GrantChangeRow, GrantRow, GrantVersionRow
from comparator.store.timestamps import timestamp
from stayput.identity import Kind, Party
from stayput.v1.access_pb2 import (
    ChangeCause,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
    RecordedGrant,
)
from stayput.v1.signing_pb2 import Envelope


class Grants:
    """Verbs over grants within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, application: int, grant: Grant, envelope: Envelope, now: datetime) -> None:
        """Keeps the first version of a grant, given on the application of that number."""
        self._session.add(
            GrantRow(
                id=grant.id,
                application_number=application,
                node_urn=Party(Kind.NODE, grant.node_id).urn,
                consumer_urn=Party(Kind.DEPARTMENT, grant.consumer).urn,
                envelope=_stored(envelope),
                recorded_at=now,
            )
        )
        self._session.flush()
        self._keep_version(grant, envelope, now)

    def amend(self, grant: Grant, envelope: Envelope, now: datetime) -> None:
        """Puts a version in the place of the one before, which is kept."""
        row = self._row(grant.id)
        row.envelope, row.version = _stored(envelope), grant.version
        self._keep_version(grant, envelope, now)

    def _keep_version(self, grant: Grant, envelope: Envelope, now: datetime) -> None:
        self._session.add(
            GrantVersionRow(
                grant_id=grant.id, version=grant.version, envelope=_stored(envelope), recorded_at=now
            )
        )
        self._session.flush()

    def get(self, grant_id: str, seen_by: Party | None) -> RecordedGrant | None:
        """The grant, if that department holds it or that node gave it; without a party, anybody's."""
        row = self._session.scalar(select(GrantRow).where(GrantRow.id == grant_id))
        if row is None or (seen_by is not None and seen_by.urn not in (row.consumer_urn, row.node_urn)):
            return None
        return _recorded(row)

    def page(
        self, seen_by: Party | None, before: int | None, limit: int | None
    ) -> list[tuple[int, RecordedGrant]]:
        """Grants that a party holds or gave (all without one), newest first, with the number to page by."""
        query = select(GrantRow).order_by(GrantRow.number.desc()).limit(limit)
        if seen_by is not None:
            department = seen_by.kind is Kind.DEPARTMENT
            mine = GrantRow.consumer_urn if department else GrantRow.node_urn
            query = query.where(mine == seen_by.urn)
        if before is not None:
            query = query.where(GrantRow.number < before)
        return [(row.number, _recorded(row)) for row in self._session.scalars(query)]

    def version(self, grant_id: str, version: int) -> Envelope | None:
        """One version as it was signed."""
        row = self._session.get(GrantVersionRow, (grant_id, version))
        return None if row is None else Envelope.FromString(row.envelope)

    def latest(self, grant_id: str) -> int:
        """Number of the latest version."""
        return self._row(grant_id).version

    def versions(self, grant_id: str) -> list[Envelope]:
        """All versions as they were signed, the first one first."""
        query = select(GrantVersionRow.envelope).where(GrantVersionRow.grant_id == grant_id)
        return [
            Envelope.FromString(stored)
            for stored in self._session.scalars(query.order_by(GrantVersionRow.version))
        ]

    def change(self, grant_id: str, number: int) -> Envelope | None:
        """One of the provider's changes as it was signed."""
        row = self._session.get(GrantChangeRow, (grant_id, number))
        return None if row is None else Envelope.FromString(row.envelope)

    def changes(self, grant_id: str) -> int:
        """How many of the provider's changes of a grant are recorded."""
        return self._row(grant_id).provider_changes

    def record_change(self, change: GrantChange, envelope: Envelope, now: datetime) -> GrantStanding:
        """Keeps the provider's next change, which is its word from now on."""
        self._session.add(
            GrantChangeRow(
                grant_id=change.grant_id, number=change.number, envelope=_stored(envelope), recorded_at=now
            )
        )
        row = self._row(change.grant_id)
        row.provider_changes, row.provider_state = change.number, change.state
        row.provider_cause, row.provider_reason = change.cause, change.reason
        row.provider_changed_at = change.changed_at.ToDatetime(UTC)
        self._session.flush()
        return _standing(row)

    def set_platform_word(
        self, grant_id: str, state: GrantState.ValueType, reason: str, now: datetime
    ) -> GrantStanding:
        """Sets what the platform says of a grant."""
        row = self._row(grant_id)
        row.platform_state, row.platform_reason, row.platform_changed_at = state, reason, now
        self._session.flush()
        return _standing(row)

    def platform_standings(self, node: Party) -> list[GrantStanding]:
        """Standings of that node's grants that the platform has suspended or revoked, oldest grant first."""
        query = select(GrantRow).where(
            GrantRow.node_urn == node.urn, GrantRow.platform_state != GrantState.GRANT_STATE_ACTIVE
        )
        return [_standing(row) for row in self._session.scalars(query.order_by(GrantRow.number))]

    def _row(self, grant_id: str) -> GrantRow:
        return self._session.scalars(select(GrantRow).where(GrantRow.id == grant_id)).one()


def _stored(envelope: Envelope) -> bytes:
    return envelope.SerializeToString(deterministic=True)


def _recorded(row: GrantRow) -> RecordedGrant:
    return RecordedGrant(grant=Envelope.FromString(row.envelope), standing=_standing(row))


def _standing(row: GrantRow) -> GrantStanding:
    return GrantStanding(
        grant_id=row.id,
        provider_state=GrantState.ValueType(row.provider_state),
        provider_cause=ChangeCause.ValueType(row.provider_cause),
        provider_reason=row.provider_reason,
        provider_changed_at=timestamp(row.provider_changed_at),
        platform_state=GrantState.ValueType(row.platform_state),
        platform_reason=row.platform_reason,
        platform_changed_at=timestamp(row.platform_changed_at),
    )
