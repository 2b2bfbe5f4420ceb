"""Who calls, for many calls in one transaction."""

from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from comparator.store.models import CredentialRow, PartyRow, Role, roles_of
from comparator.store.parties import ACTIVE, Active, Parties
from stayput.identity import Party

_OWNER = aliased(PartyRow)
# Put together once: that takes longer than to ask it.
_ACTIVE = (
    select(PartyRow.urn, _OWNER.role_names, *ACTIVE)
    .join(CredentialRow, CredentialRow.party_urn == PartyRow.urn)
    .join(_OWNER, _OWNER.urn == PartyRow.department_urn)
    .where(PartyRow.urn.in_(bindparam("urns", expanding=True)), CredentialRow.replaced_at.is_(None))
)


class Callers(Parties):
    """Parties in a transaction that changes none of them: those that call are read at once."""

    def __init__(self, session: Session, parties: Collection[Party]) -> None:
        super().__init__(session)
        self._active: dict[str, Active] = {}
        self._roles: dict[str, frozenset[Role]] = {}
        rows = self._session.execute(_ACTIVE, {"urns": list({party.urn for party in parties})})
        for urn, role_names, department_urn, thumbprint, not_after, signing_key in rows:
            self._active[urn] = Active(department_urn, thumbprint, not_after, signing_key)
            if department_urn not in self._roles:
                self._roles[department_urn] = roles_of(role_names)

    def active(self, party: Party) -> Active | None:
        """As of any party; None also for one that is not among those read."""
        return self._active.get(party.urn)

    def roles(self, department: Party) -> frozenset[Role]:
        """As of any department that owns one of those read."""
        return self._roles[department.urn]
