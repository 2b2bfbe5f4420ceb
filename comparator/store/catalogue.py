"""Catalogue entries, each kept as its message; what the comparator knows better is filled in on reading."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from comparator.store.models import CredentialRow, ResourceRow
from stayput.identity import Party
from stayput.v1.catalogue_pb2 import Resource


class Catalogue:
    """Verbs over resources within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, resource: Resource, provider: Party, node: Party, now: datetime) -> None:
        """Stores the entry, over the one of the same code if there is one."""
        entry = resource.SerializeToString(deterministic=True)
        row = self._session.get(ResourceRow, resource.code)
        if row is None:
            row = ResourceRow(code=resource.code)
            self._session.add(row)
        row.provider_urn, row.node_urn, row.entry, row.published_at = provider.urn, node.urn, entry, now
        self._session.flush()

    def provider(self, code: str) -> Party | None:
        """The department that publishes the code, if one does."""
        urn = self._session.scalar(select(ResourceRow.provider_urn).where(ResourceRow.code == code))
        return Party.from_urn(urn) if urn else None

    def get(self, code: str) -> Resource | None:
        """One entry, with provider, node and the node's present signing key."""
        found = self._read(_entries().where(ResourceRow.code == code))
        return found[0] if found else None

    def page(self, after: str, limit: int | None) -> list[Resource]:
        """Entries in the order of their codes, beginning after `after`; all of them without a limit."""
        return self._read(_entries().where(ResourceRow.code > after).order_by(ResourceRow.code).limit(limit))

    def _read(self, query: Select[ResourceRow, bytes]) -> list[Resource]:
        return [_filled(row, key) for row, key in self._session.execute(query)]


def _entries() -> Select[ResourceRow, bytes]:
    return select(ResourceRow, CredentialRow.signing_key).join(
        CredentialRow,
        (CredentialRow.party_urn == ResourceRow.node_urn) & CredentialRow.replaced_at.is_(None),
    )


def _filled(row: ResourceRow, signing_key: bytes) -> Resource:
    resource = Resource.FromString(row.entry)
    resource.provider = Party.from_urn(row.provider_urn).id
    resource.node_id = Party.from_urn(row.node_urn).id
    resource.signing_key = signing_key
    return resource
