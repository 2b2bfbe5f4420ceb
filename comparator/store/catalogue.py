"""Catalogue entries, each kept as its message; what the comparator knows better is filled in on reading."""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from comparator.store.models import CredentialRow, ResourceRow
from stayput.identity import Kind, Party
from stayput.v1.catalogue_pb2 import Resource

_BEFORE_CODE = Party(Kind.DEPARTMENT, "").urn


@dataclass(frozen=True, slots=True)
class Search:
    """What a resource must be like to be found; what is empty or None leaves it open.

    All words (as `folded` leaves them) and all modes, one of the categories, one of the sharing types.
    """

    words: frozenset[str] = frozenset()
    categories: frozenset[int] = frozenset()
    sharings: frozenset[int] = frozenset()
    provider: Party | None = None
    modes: frozenset[int] = frozenset()


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
        columns = search_columns(resource)
        row.category, row.sharing = columns["category"], columns["sharing"]
        row.modes, row.search_text = columns["modes"], columns["search_text"]
        self._session.flush()

    def get(self, code: str) -> Resource | None:
        """One entry, with provider, node and the node's present signing key."""
        found = self._read(_entries().where(ResourceRow.code == code))
        return found[0] if found else None

    def page(self, search: Search, after: str, limit: int | None) -> list[Resource]:
        """What the search finds in the order of codes, beginning after `after`; all of it without a limit."""
        query = _entries().where(ResourceRow.code > after).order_by(ResourceRow.code).limit(limit)
        for word in search.words:
            query = query.where(_holds(word))
        for column, numbers in (
            (ResourceRow.category, search.categories),
            (ResourceRow.sharing, search.sharings),
        ):
            if numbers:
                query = query.where(column.in_(numbers))
        if search.provider is not None:
            query = query.where(ResourceRow.provider_urn == search.provider.urn)
        if search.modes:
            bits = _bits(search.modes)
            query = query.where(ResourceRow.modes.bitwise_and(bits) == bits)
        return self._read(query)

    def _read(self, query: Select[ResourceRow, bytes]) -> list[Resource]:
        return [_filled(row, key) for row, key in self._session.execute(query)]


class SearchColumns(TypedDict):
    """What a search of the catalogue looks at, beside code and provider."""

    category: int
    sharing: int
    modes: int
    search_text: str


def search_columns(entry: Resource) -> SearchColumns:
    """The columns for an entry; the text is without case (NFKC, casefold), one piece a line."""
    pieces = [entry.code, entry.title, entry.title_en, entry.conditions, entry.legal_basis]
    for field in entry.fields:
        pieces += (field.name, field.title, field.title_en)
    pieces += [*(key.name for key in entry.keys), *(check.name for check in entry.checks)]
    return {
        "category": entry.category,
        "sharing": entry.sharing,
        "modes": _bits(entry.modes),
        "search_text": folded("\n".join(filter(None, pieces))),
    }


def _bits(modes: Iterable[int]) -> int:
    return sum({1 << mode for mode in modes})


def _holds(word: str) -> ColumnElement[bool]:
    """The word occurs in what is searched, or in the provider's code, wildcards being nothing special."""
    code = func.substr(ResourceRow.provider_urn, len(_BEFORE_CODE) + 1)
    return ResourceRow.search_text.contains(word, autoescape=True) | code.contains(word, autoescape=True)


def folded(text: str) -> str:
    """Text by which two people who mean the same find the same: without case and width."""
    return unicodedata.normalize("NFKC", text).casefold()


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
