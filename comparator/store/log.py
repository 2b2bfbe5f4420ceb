"""Receipts, in each node's own unbroken order. They are stored as leaves and nowhere else."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, aliased

from comparator.store.entries import of_receipt
from comparator.store.leaves import Leaves
from comparator.store.log_models import LeafRow
from comparator.store.models import CredentialRow, PartyRow
from stayput.identity import Kind, Party
from stayput.receipts import FIRST_PREVIOUS_HASH
from stayput.v1.log_pb2 import EntryKind, Receipt
from stayput.v1.signing_pb2 import Envelope


@dataclass(frozen=True, slots=True)
class Link:
    """A receipt's place in its node's chain: its number and the SHA-256 of its payload."""

    sequence: int
    payload_hash: bytes


START = Link(0, FIRST_PREVIOUS_HASH)
# Characters of a node's URN before its id.
_BEFORE_ID = len(Party(Kind.NODE, "").urn)
# Put together once: that takes longer than to ask it.
_KEYS = select(CredentialRow.party_urn, CredentialRow.signing_key).where(
    CredentialRow.party_urn.in_(bindparam("urns", expanding=True))
)
_OWN = aliased(LeafRow)
_ENDS = (
    select(PartyRow.urn, LeafRow.node_sequence, LeafRow.receipt_hash)
    .join(
        LeafRow,
        LeafRow.place
        == select(_OWN.place)
        .where(_OWN.node_id == func.substr(PartyRow.urn, _BEFORE_ID + 1))
        .order_by(_OWN.node_sequence.desc())
        .limit(1)
        .scalar_subquery(),
    )
    .where(PartyRow.urn.in_(bindparam("urns", expanding=True)))
)


class Chains:
    """Nodes' chains as they stand in a transaction, with what is about to be stored in it."""

    def __init__(self, log: "Log", stored: Mapping[Party, Link]) -> None:
        """`stored` are their ends."""
        self._log = log
        self._stored = stored
        self._added: dict[Party, list[Link]] = {}

    def head(self, node: Party) -> Link:
        """The node's last receipt; `START` before its first."""
        added = self._added.get(node)
        return added[-1] if added else self._stored[node]

    def hashes(self, node: Party, sequences: Sequence[int]) -> Mapping[int, bytes]:
        """Payload hashes, by sequence number, of those of the node's receipts that the chain has."""
        stored = [one for one in sequences if one <= self._stored[node].sequence]
        added = {link.sequence: link.payload_hash for link in self._added.get(node, ())}
        return {**(self._log.hashes(node, stored) if stored else {}), **added}

    def extend(self, node: Party, links: Sequence[Link]) -> None:
        """The chain goes on with these."""
        self._added.setdefault(node, []).extend(links)


class Log:
    """Verbs over receipts within one transaction."""

    def __init__(self, session: Session, leaves: Leaves) -> None:
        self._session = session
        self._leaves = leaves

    def chains(self, nodes: Collection[Party]) -> Chains:
        """The chains of these nodes, each of which was invited."""
        rows = self._session.execute(_ENDS, {"urns": [node.urn for node in nodes]})
        links = {urn: _link(sequence, digest) for urn, sequence, digest in rows}
        return Chains(self, {node: links.get(node.urn, START) for node in nodes})

    def signing_keys(self, parties: Collection[Party]) -> Mapping[Party, frozenset[bytes]]:
        """Every signing key that each of these was ever enrolled with."""
        keys: dict[str, set[bytes]] = {party.urn: set() for party in parties}
        rows = self._session.execute(_KEYS, {"urns": list(keys)})
        for urn, key in rows:
            keys[urn].add(key)
        return {party: frozenset(keys[party.urn]) for party in parties}

    def head(self, node: Party) -> Link:
        """The node's last receipt; `START` before its first."""
        row = self._session.execute(
            select(LeafRow.node_sequence, LeafRow.receipt_hash)
            .where(LeafRow.node_id == node.id)
            .order_by(LeafRow.node_sequence.desc())
            .limit(1)
        ).one_or_none()
        return START if row is None else _link(*row)

    def hashes(self, node: Party, sequences: Sequence[int]) -> Mapping[int, bytes]:
        """Payload hashes, by sequence number, of those of the node's receipts that are stored."""
        rows = self._session.execute(
            select(LeafRow.node_sequence, LeafRow.receipt_hash).where(
                LeafRow.node_id == node.id, LeafRow.node_sequence.in_(sequences)
            )
        )
        return {sequence: digest for sequence, digest in rows if sequence and digest}

    def append(self, receipts: Sequence[tuple[Receipt, Envelope]], now: datetime) -> None:
        """Logs receipts at the end of their node's chain."""
        self._leaves.append([of_receipt(envelope, receipt) for receipt, envelope in receipts], now)

    def all(self) -> Iterator[Envelope]:
        """Every receipt that was not removed, in the order of arrival."""
        query = (
            select(LeafRow.payload)
            .where(LeafRow.kind == EntryKind.ENTRY_KIND_RECEIPT, LeafRow.payload.is_not(None))
            .order_by(LeafRow.place)
            .execution_options(yield_per=1000)
        )
        for payload in self._session.scalars(query):
            if payload:
                yield Envelope.FromString(payload)


def _link(sequence: int | None, payload_hash: bytes | None) -> Link:
    if sequence is None or payload_hash is None:
        raise LookupError("the leaf of a receipt does not say which")
    return Link(sequence, payload_hash)
