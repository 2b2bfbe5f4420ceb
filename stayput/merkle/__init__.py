"""The Merkle tree of RFC 9162, section 2 (SHA-256), over stored subtree hashes.

A tree of any size is made of complete subtrees, and a complete subtree never changes. Each gets a position:
level 0 holds the leaf hashes, and the node `(level, index)` covers the leaves from `index << level` up to
`(index + 1) << level`. What is appended yields the nodes that became complete, to be stored; the root and the
proofs of any earlier size come from stored nodes alone, at most about two for each level.

The side that keeps a log holds a `Frontier`, appends to it and answers with `inclusion_proof` and
`consistency_proof`, which ask for all the nodes they need in one call. The side that checks one has
`TreeHead`s it trusts, `verify_inclusion` and `verify_consistency`, which raise `ProofInvalid` or return what
they have verified.
"""

from stayput.merkle.frontier import Frontier, StoredNode
from stayput.merkle.hashing import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash
from stayput.merkle.head import MAX_SIZE, ProofInvalid, TreeHead
from stayput.merkle.positions import OutOfRange, Position
from stayput.merkle.proofs import Nodes, consistency_proof, inclusion_proof, root
from stayput.merkle.verify import verify_consistency, verify_inclusion

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "MAX_SIZE",
    "Frontier",
    "Nodes",
    "OutOfRange",
    "Position",
    "ProofInvalid",
    "StoredNode",
    "TreeHead",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root",
    "verify_consistency",
    "verify_inclusion",
]
