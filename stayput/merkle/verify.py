"""Verification of proofs by the algorithms of RFC 9162, 2.1.3.2 and 2.1.4.2, in its names.

`fn` is the node on the way up and `sn` the last node of its level; where `sn` reaches 0 the root is reached.
Lengths of proofs need no bound of their own: a hash beyond the root ends the verification.

A proof binds hashes and the way from one to the other, not sizes as such: a tree of another size may have the
same way. That a size and a root belong together is what the signature of a checkpoint says (stayput.notes).
"""

from collections.abc import Sequence

from stayput.merkle.hashing import HASH_SIZE, node_hash
from stayput.merkle.head import ProofInvalid, TreeHead


def verify_inclusion(leaf_hash: bytes, index: int, head: TreeHead, proof: Sequence[bytes]) -> bytes:
    """`leaf_hash`, if the proof shows that it is the leaf `index` of that tree; else `ProofInvalid`."""
    if not 0 <= index < head.size:
        raise ProofInvalid("inclusion: the tree has no leaf with this index")
    _check_hash("inclusion: the leaf hash", leaf_hash)
    fn, sn, reached = index, head.size - 1, leaf_hash
    for sibling in proof:
        if sn == 0:
            raise ProofInvalid("inclusion: the proof is too long")
        _check_hash("inclusion: a hash of the proof", sibling)
        if fn & 1 or fn == sn:
            reached = node_hash(sibling, reached)
            fn, sn = _to_right_child(fn, sn)
        else:
            reached = node_hash(reached, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofInvalid("inclusion: the proof is too short")
    if reached != head.root:
        raise ProofInvalid("inclusion: leaf, index and proof do not lead to the root")
    return leaf_hash


def verify_consistency(old: TreeHead, new: TreeHead, proof: Sequence[bytes]) -> TreeHead:
    """`new`, if the proof shows that its tree goes on from that of `old`; else `ProofInvalid`.

    Every tree goes on from the empty one; that and a tree of the same size take an empty proof.
    """
    if old.size > new.size:
        raise ProofInvalid("consistency: the newer tree is smaller than the older one")
    if old.size == new.size and old.root != new.root:
        raise ProofInvalid("consistency: two trees of the same size have different roots")
    if old.size in (0, new.size):
        if proof:
            raise ProofInvalid("consistency: the proof is too long")
        return new
    # A complete old tree is itself the subtree to start from, and its root is not sent.
    path = [old.root, *proof] if old.size.bit_count() == 1 else list(proof)
    old_root, new_root = _climb(old.size, new.size, path)
    if old_root != old.root:
        raise ProofInvalid("consistency: the proof does not lead to the older root")
    if new_root != new.root:
        raise ProofInvalid("consistency: the proof does not lead to the newer root")
    return new


def _climb(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    if not path:
        raise ProofInvalid("consistency: the proof is too short")
    _check_hash("consistency: a hash of the proof", path[0])
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_root = new_root = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofInvalid("consistency: the proof is too long")
        _check_hash("consistency: a hash of the proof", sibling)
        if fn & 1 or fn == sn:
            old_root = node_hash(sibling, old_root)
            new_root = node_hash(sibling, new_root)
            fn, sn = _to_right_child(fn, sn)
        else:
            new_root = node_hash(new_root, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofInvalid("consistency: the proof is too short")
    return old_root, new_root


def _to_right_child(fn: int, sn: int) -> tuple[int, int]:
    # On the right edge a node that is a left child has no sibling and stands for its parent.
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _check_hash(what: str, value: bytes) -> None:
    if len(value) != HASH_SIZE:
        raise ProofInvalid(f"{what} is not {HASH_SIZE} bytes long")
