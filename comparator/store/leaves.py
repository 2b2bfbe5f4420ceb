"""The log's tree: leaves appended in the transaction that stores what they are about, and stored subtrees.

Writers take turns, so the next place is the tree's size as this transaction sees it.
"""

# SQLAlchemy 2.0 and 2.1 differ in what Select takes; unevaluated, either reads it.
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from comparator.store import entries
from comparator.store.bulk import insert_rows
from comparator.store.entries import Entry
from comparator.store.log_models import CosignatureRow, LeafRow, NodeRow
from comparator.store.models import Base
from stayput import merkle
from stayput.identity import Party
from stayput.merkle import Frontier, Position, TreeHead

# Put together once: that takes longer than to ask it.
_LAST = select(LeafRow.place, LeafRow.logged_at).order_by(LeafRow.place.desc()).limit(1)
_NODES = Base.metadata.tables[NodeRow.__tablename__]
_STORED = select(_NODES.c.number, _NODES.c.hash)
_HASHES = {
    "sqlite": _STORED.where(_NODES.c.number.in_(bindparam("numbers", expanding=True))),
    # As one parameter: a statement of its own for each length would have to be planned each time.
    "postgresql": _STORED.where(_NODES.c.number == func.any(bindparam("numbers", type_=ARRAY(BigInteger)))),
}


class Leaves:
    """Verbs over the tree within one transaction."""

    def __init__(self, session: Session, new_salt: Callable[[], bytes]) -> None:
        self._session = session
        self._new_salt = new_salt
        self._frontier: Frontier | None = None
        self._latest: datetime

    def append(self, added: Sequence[Entry], at: datetime) -> int:
        """Logs entries at the end of the tree, in that order, and returns the place of the first."""
        frontier = self._loaded()
        # Times rise with places, also where a clock was set back: searches and retention rely on it.
        self._latest = at = max(at, self._latest)
        placed = [
            entries.placed(entry, place, at, self._new_salt())
            for place, entry in enumerate(added, start=frontier.size)
        ]
        self._frontier, complete = frontier.append([merkle.leaf_hash(leaf) for leaf, _ in placed])
        if placed:
            insert_rows(self._session, LeafRow, [row for _, row in placed])
            insert_rows(
                self._session,
                NodeRow,
                [
                    {"number": entries.node_number(level, index), "hash": digest}
                    for level, index, digest in complete
                ],
            )
        return frontier.size

    def size(self) -> int:
        """How many leaves there are."""
        return self._end()[0]

    def head(self, size: int) -> TreeHead:
        """The head that the tree had at a size which it has reached."""
        return TreeHead(size, merkle.root(size, self.nodes))

    def inclusion(self, place: int, size: int) -> list[bytes]:
        """The proof that a leaf is in the tree of that size."""
        return merkle.inclusion_proof(place, size, self.nodes)

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """The proof that the tree of one size is the beginning of that of another."""
        return merkle.consistency_proof(old_size, size, self.nodes)

    def nodes(self, positions: Sequence[Position]) -> list[bytes]:
        """The hashes stored at these positions, in their order."""
        numbers = [entries.node_number(level, index) for level, index in positions]
        connection = self._session.connection()
        rows = connection.execute(_HASHES[connection.dialect.name], {"numbers": numbers}).all()
        stored: dict[int, bytes] = dict(rows)
        return [stored[number] for number in numbers]

    def at(self, place: int) -> LeafRow | None:
        """The leaf of that place."""
        return self._session.get(LeafRow, place)

    def of_receipt(self, node: Party, sequence: int) -> LeafRow | None:
        """The leaf of a node's receipt."""
        return self._session.scalar(
            select(LeafRow).where(LeafRow.node_id == node.id, LeafRow.node_sequence == sequence)
        )

    def cosigned_beyond(self, place: int) -> int | None:
        """Size of the newest cosigned checkpoint whose tree holds that place."""
        return self._session.scalar(
            select(func.max(CosignatureRow.tree_size)).where(CosignatureRow.tree_size > place)
        )

    def cosigned_by(self, place: int, witnesses: Sequence[str], least: int) -> int | None:
        """Size of the newest checkpoint beyond that place that `least` of these witnesses have cosigned.

        `least` is 1 or more. If none has so many of them, the newest of those with most; None without any.
        """
        # Read backwards in the primary key, this ends at the first size that has enough.
        counted = (
            select(CosignatureRow.tree_size, func.count().label("cosigned"))
            .where(CosignatureRow.tree_size > place, CosignatureRow.witness_urn.in_(witnesses))
            .group_by(CosignatureRow.tree_size)
        )
        newest = counted.order_by(CosignatureRow.tree_size.desc()).limit(1)
        found: int | None = self._session.scalar(newest.having(func.count() >= least))
        if found is not None or least == 1:
            return found
        most = self._session.scalar(select(func.max(counted.subquery().c.cosigned)))
        return None if most is None else self._session.scalar(newest.having(func.count() >= most))

    def cosigned_through(self, size: int) -> int | None:
        """The largest cosigned size that is not beyond that one."""
        return self._session.scalar(
            select(func.max(CosignatureRow.tree_size)).where(CosignatureRow.tree_size <= size)
        )

    def cosigners(self, size: int, most: int) -> list[tuple[str, datetime]]:
        """Who has cosigned the checkpoint of that size, by URN, and when that came; at most so many."""
        query = select(CosignatureRow.witness_urn, CosignatureRow.received_at)
        query = query.where(CosignatureRow.tree_size == size).order_by(CosignatureRow.witness_urn)
        return [(urn, at) for urn, at in self._session.execute(query.limit(most))]

    def cosignatures(self, size: int, first: Sequence[str], most: int) -> list[str]:
        """The lines of at most so many cosignatures of the checkpoint of that size.

        Those of the witnesses in `first` go before the others; else they are in the order of the witnesses.
        """
        query = select(CosignatureRow.line).where(CosignatureRow.tree_size == size)
        if first:
            query = query.order_by(CosignatureRow.witness_urn.in_(first).desc())
        return list(self._session.scalars(query.order_by(CosignatureRow.witness_urn).limit(most)))

    def cosign(self, size: int, witness: Party, checkpoint: bytes, line: str, now: datetime) -> None:
        """Keeps a witness's cosignature of the checkpoint of that size; of several by one the last counts."""
        row = CosignatureRow(
            tree_size=size, witness_urn=witness.urn, checkpoint=checkpoint, line=line, received_at=now
        )
        known = self._session.get(CosignatureRow, (size, witness.urn))
        if known is None or known.line != line:
            self._session.merge(row)
            self._session.flush()

    def _loaded(self) -> Frontier:
        if self._frontier is None:
            size, self._latest = self._end()
            self._frontier = Frontier.load(size, self.nodes)
        return self._frontier

    def _end(self) -> tuple[int, datetime]:
        """How many leaves there are, and when the last one was logged."""
        last = self._session.execute(_LAST).one_or_none()
        return (0, datetime.min.replace(tzinfo=UTC)) if last is None else (last[0] + 1, last[1])
