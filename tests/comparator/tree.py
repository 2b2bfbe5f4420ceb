"""The log's tree computed anew from all its leaves, for comparison with what is stored of it."""

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from comparator.store.database import Database
from comparator.store.entries import node_number
from comparator.store.log_models import LeafRow, NodeRow
from stayput.merkle import Frontier, TreeHead, leaf_hash, verify_inclusion
from stayput.v1.log_pb2 import LogLeaf


def leaves(database: Database) -> Sequence[LeafRow]:
    """All of them, by place."""
    with Session(database.engine) as session:
        return session.scalars(select(LeafRow).order_by(LeafRow.place)).all()


def verified_tree(database: Database) -> TreeHead:
    """The head, if leaves, commitments, stored subtrees and every entry's proof agree with one another."""
    rows = leaves(database)
    assert [row.place for row in rows] == list(range(len(rows)))
    frontier, complete = Frontier().append([leaf_hash(row.leaf) for row in rows])
    with Session(database.engine) as session:
        stored = dict(session.execute(select(NodeRow.number, NodeRow.hash)).all())
    assert stored == {node_number(level, index): digest for level, index, digest in complete}
    for row in rows:
        leaf = LogLeaf.FromString(row.leaf)
        assert leaf.index == row.place
        assert row.salt is not None
        assert row.payload is not None
        assert leaf.commitment == sha256(row.salt + row.payload).digest()
    with database.reading() as store:
        assert store.leaves.head(len(rows)) == frontier.head
        for row in rows:
            proof = store.leaves.inclusion(row.place, len(rows))
            verify_inclusion(leaf_hash(row.leaf), row.place, frontier.head, proof)
    return frontier.head
