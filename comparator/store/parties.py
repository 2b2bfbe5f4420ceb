"""Who was invited and who enrolled: parties, their credentials, their invitations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from comparator.store.models import CredentialRow, InvitationRow, PartyRow, Role
from stayput.identity import Party


class Active(NamedTuple):
    """Whose department an enrolled party is of, and what of its credential is looked at by each call."""

    department_urn: str
    thumbprint: str
    not_after: datetime
    signing_key: bytes


ACTIVE = (
    PartyRow.department_urn,
    CredentialRow.thumbprint,
    CredentialRow.not_after,
    CredentialRow.signing_key,
)
"""The columns of an `Active`."""


class Parties:
    """Verbs over parties within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, party: Party) -> PartyRow | None:
        """The party, if it was ever invited."""
        return self._session.get(PartyRow, party.urn)

    def add(self, party: Party, department: Party, title: str, now: datetime) -> None:
        """Stores a party that was not known; it has no role yet."""
        self._session.add(
            PartyRow(urn=party.urn, department_urn=department.urn, title=title, invited_at=now, role_names="")
        )
        self._session.flush()

    def roles(self, department: Party) -> frozenset[Role]:
        """What a department that was invited may be."""
        return self._session.get_one(PartyRow, department.urn).roles

    def set_roles(self, department: Party, roles: Collection[Role]) -> None:
        """What a department that was invited may be from now on."""
        row = self._session.get_one(PartyRow, department.urn)
        row.role_names = " ".join(role for role in Role if role in roles)
        self._session.flush()

    def all(self) -> Sequence[tuple[PartyRow, CredentialRow | None]]:
        """Every party by URN (departments first), with its active credential if it enrolled."""
        rows = self._session.execute(
            select(PartyRow, CredentialRow)
            .outerjoin(
                CredentialRow,
                (CredentialRow.party_urn == PartyRow.urn) & CredentialRow.replaced_at.is_(None),
            )
            .order_by(PartyRow.urn)
        )
        return [(party, credential) for party, credential in rows]

    def active(self, party: Party) -> Active | None:
        """An enrolled party with the credential that it is known by now."""
        row = self._session.execute(
            select(*ACTIVE)
            .join(CredentialRow, CredentialRow.party_urn == PartyRow.urn)
            .where(PartyRow.urn == party.urn, CredentialRow.replaced_at.is_(None))
        ).one_or_none()
        return None if row is None else Active(*row)

    def signing_keys(self, party: Party) -> Sequence[bytes]:
        """Every signing key that the party was ever enrolled with, the active one first."""
        return self._session.scalars(
            select(CredentialRow.signing_key)
            .where(CredentialRow.party_urn == party.urn)
            .order_by(CredentialRow.id.desc())
        ).all()

    def invite(self, token_hash: bytes, party: Party, now: datetime, expires_at: datetime) -> None:
        """Stores an invitation and withdraws those of the same party that nobody has used."""
        self._session.execute(
            delete(InvitationRow).where(
                InvitationRow.party_urn == party.urn, InvitationRow.csr_hash.is_(None)
            )
        )
        self._session.add(
            InvitationRow(token_hash=token_hash, party_urn=party.urn, created_at=now, expires_at=expires_at)
        )

    def invitation(self, token_hash: bytes) -> InvitationRow | None:
        """The invitation of that token."""
        return self._session.get(InvitationRow, token_hash)

    def credential(self, credential_id: int) -> CredentialRow:
        """A credential that an invitation points to."""
        return self._session.get_one(CredentialRow, credential_id)

    def enrol(self, invitation: InvitationRow, csr_hash: bytes, credential: CredentialRow) -> None:
        """Makes `credential` the active one of its party and binds the invitation to it."""
        self._session.execute(
            update(CredentialRow)
            .where(CredentialRow.party_urn == credential.party_urn, CredentialRow.replaced_at.is_(None))
            .values(replaced_at=credential.enrolled_at)
        )
        self._session.add(credential)
        self._session.flush()
        invitation.csr_hash, invitation.credential_id = csr_hash, credential.id
