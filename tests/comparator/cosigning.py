"""Cosignatures put straight into the store: of any size that the tree has reached, by as many as wanted."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from comparator.domain import checkpoints
from comparator.store.database import Database
from comparator.store.models import PartyRow
from stayput.identity import Party, department
from stayput.notes import Cosigner, Note, NoteSigner

NOW = datetime(2026, 1, 2, tzinfo=UTC)
_SECONDS = int(NOW.timestamp())


def known(database: Database, *codes: str) -> list[Party]:
    """Departments of these codes, invited."""
    parties = [department(code) for code in codes]
    rows = [
        {"urn": party.urn, "department_urn": party.urn, "title": "某部门", "invited_at": NOW}
        for party in parties
    ]
    with database.connected() as connection:
        connection.execute(insert(PartyRow), rows)
    return parties


def cosign(database: Database, log: NoteSigner, size: int, *cosigners: Cosigner) -> None:
    """Keeps their cosignatures of the checkpoint of that size. Their names are URNs of known parties."""
    with database.writing() as store:
        checkpoint = checkpoints.at(store.leaves, log, size)
        body = Note.parse(checkpoint).body
        for each in cosigners:
            line = str(each.cosign(body, _SECONDS))
            store.leaves.cosign(size, Party.from_urn(each.name), checkpoint, line, NOW)


def crowd(database: Database, log: NoteSigner, size: int, count: int) -> list[Cosigner]:
    """So many departments that have all cosigned that size, in the order of their URNs."""
    parties = known(database, *(f"crowd-{number:03d}" for number in range(count)))
    cosigners = [Cosigner(party.urn, Ed25519PrivateKey.generate()) for party in parties]
    cosign(database, log, size, *cosigners)
    return cosigners
