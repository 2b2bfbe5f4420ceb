"""The tree against the RFC's recursive definition, against pymerkle, and against whoever changes a byte."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from stayput import merkle
from stayput.merkle import Frontier, Position, ProofInvalid, StoredNode, TreeHead
from stayput.merkle.positions import consistency_plan, inclusion_plan, peaks

Side = str
SIZES = st.integers(1, 300)
HUGE = st.integers(1, merkle.MAX_SIZE) | st.integers(0, 62).map(lambda bits: 1 << bits)


def split(size: int) -> int:
    """The largest power of two smaller than the size."""
    width = 1
    while width * 2 < size:
        width *= 2
    return width


def mth(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: Sequence[bytes], known: bool) -> list[bytes]:  # noqa: FBT001 (the RFC's flag)
    """SUBPROOF of RFC 9162, 2.1.4.1."""
    if m == len(entries):
        return [] if known else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], known), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def sides(index: int, size: int) -> list[Side]:
    """On which side the sibling lies at each step up from a leaf."""
    if size == 1:
        return []
    k = split(size)
    return [*sides(index, k), "right"] if index < k else [*sides(index - k, size - k), "left"]


def entry(number: int) -> bytes:
    return b"entry %d" % number


def entries_of(size: int) -> list[bytes]:
    return [entry(number) for number in range(size)]


def hashes_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(entry(number)) for number in range(size)]


ALL = {(level, index): node for level, index, node in Frontier().append(hashes_of(700))[1]}


def nodes(positions: Sequence[Position]) -> list[bytes]:
    return [ALL[position] for position in positions]


def head_of(size: int) -> TreeHead:
    return TreeHead(size, merkle.root(size, nodes))


def flipped(value: bytes, at: int) -> bytes:
    bit = at % (len(value) * 8)
    return bytes(byte ^ (1 << bit % 8) if bit // 8 == place else byte for place, byte in enumerate(value))


@pytest.mark.parametrize("size", range(34))
def test_each_small_tree_is_that_of_the_recursive_definition(size: int) -> None:
    entries = entries_of(size)
    assert merkle.root(size, nodes) == mth(entries)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, nodes)
        assert proof == path(index, entries)
        merkle.verify_inclusion(merkle.leaf_hash(entries[index]), index, head_of(size), proof)
    for old in range(1, size + 1):
        proof = merkle.consistency_proof(old, size, nodes)
        assert proof == subproof(old, entries, True)
        merkle.verify_consistency(head_of(old), head_of(size), proof)


@given(st.data())
def test_a_tree_of_any_size_is_that_of_the_recursive_definition(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 700), "size")
    index = data.draw(st.integers(0, size - 1), "index")
    old = data.draw(st.integers(1, size), "old size")
    entries = entries_of(size)
    assert merkle.root(size, nodes) == mth(entries)
    assert merkle.inclusion_proof(index, size, nodes) == path(index, entries)
    assert merkle.consistency_proof(old, size, nodes) == subproof(old, entries, True)


@given(st.lists(st.integers(0, 90), max_size=12))
def test_appending_in_any_portions_stores_the_same_nodes_once(portions: list[int]) -> None:
    frontier, stored = Frontier(), list[StoredNode]()
    leaves = iter(hashes_of(sum(portions)))
    for portion in portions:
        frontier, complete = frontier.append([next(leaves) for _ in range(portion)])
        stored += complete
    size = sum(portions)
    assert frontier.size == size
    assert sorted(stored) == sorted(Frontier().append(hashes_of(size))[1])
    assert len({(level, index) for level, index, _ in stored}) == len(stored)
    kept = {(level, index): node for level, index, node in stored}
    assert frontier == Frontier.load(size, lambda positions: [kept[position] for position in positions])
    assert frontier.head.root == mth(entries_of(size))


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(entries_of(300))
    return tree


@settings(max_examples=150)
@given(st.data())
def test_pymerkle_arrives_at_the_same(oracle: InmemoryTree, data: st.DataObject) -> None:
    size = data.draw(SIZES, "size")
    index = data.draw(st.integers(0, size - 1), "index")
    old = data.draw(st.integers(1, size), "old size")
    head, leaf = head_of(size), ALL[0, index]
    assert oracle.get_root(size) == head.root
    # Its leaves count from 1, and its path begins with the leaf.
    theirs = oracle.prove_inclusion(index + 1, size)
    assert theirs.path == [leaf, *merkle.inclusion_proof(index, size, nodes)]
    theirs.verify(leaf, head.root, index=index + 1, size=size, algorithm="sha256")
    merkle.verify_inclusion(leaf, index, head, theirs.path[1:])
    # Its consistency proofs have another form: each side verifies its own, of the same two roots.
    theirs = oracle.prove_consistency(old, size)
    theirs.verify(head_of(old).root, head.root, prior_size=old, later_size=size, algorithm="sha256")
    merkle.verify_consistency(head_of(old), head, merkle.consistency_proof(old, size, nodes))


@given(HUGE, st.data())
def test_a_proof_of_any_size_is_made_of_complete_subtrees_that_tile_the_tree(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1), "index")
    old = data.draw(st.integers(1, size), "old size")
    parts = [position for group in inclusion_plan(index, size) for position in group]
    assert tiled([(0, index), *parts]) == [(0, size)]
    assert tiled(list(peaks(0, size))) == [(0, size)]
    parts = [position for group in consistency_plan(old, size) for position in group]
    if old.bit_count() == 1:
        parts.append((old.bit_length() - 1, 0))
    assert old == size or tiled(parts) == [(0, size)]
    # Nothing the old tree does not have is needed to arrive at its root.
    assert all(begin >= old or end <= old for begin, end in map(covered, parts))


def covered(position: Position) -> tuple[int, int]:
    level, index = position
    return index << level, (index + 1) << level


def tiled(positions: list[Position]) -> list[tuple[int, int]]:
    """The ranges that the subtrees cover, joined where they meet."""
    ranges: list[tuple[int, int]] = []
    for begin, end in sorted(map(covered, positions)):
        if ranges and ranges[-1][1] == begin:
            begin, _ = ranges.pop()  # noqa: PLW2901 (the joined range begins where the former did)
        ranges.append((begin, end))
    return ranges


@cache
def uniform(size: int) -> bytes:
    """MTH of that many equal leaves."""
    if size == 1:
        return merkle.leaf_hash(b"")
    return merkle.node_hash(uniform(split(size)), uniform(size - split(size)))


@given(HUGE, st.data())
def test_proofs_of_any_size_verify(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1), "index")
    old = data.draw(st.integers(1, size), "old size")

    def equal_leaves(positions: Sequence[Position]) -> list[bytes]:
        return [uniform(1 << level) for level, _ in positions]

    head = TreeHead(size, merkle.root(size, equal_leaves))
    assert head.root == uniform(size)
    merkle.verify_inclusion(
        merkle.leaf_hash(b""), index, head, merkle.inclusion_proof(index, size, equal_leaves)
    )
    proof = merkle.consistency_proof(old, size, equal_leaves)
    merkle.verify_consistency(TreeHead(old, uniform(old)), head, proof)


@given(SIZES, st.data())
def test_a_changed_bit_or_hash_of_an_inclusion_is_noticed(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1), "index")
    leaf, head = ALL[0, index], head_of(size)
    proof = merkle.inclusion_proof(index, size, nodes)
    bit = data.draw(st.integers(0, 255), "bit")
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(flipped(leaf, bit), index, head, proof)
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(leaf, index, TreeHead(size, flipped(head.root, bit)), proof)
    for changed in changes(proof, bit, data):
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(leaf, index, head, changed)


@given(SIZES, st.data())
def test_another_index_or_size_of_an_inclusion_is_noticed(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1), "index")
    leaf, head = ALL[0, index], head_of(size)
    proof = merkle.inclusion_proof(index, size, nodes)
    other = data.draw(st.integers(-2, 1 << 63).filter(lambda value: value != index), "other index")
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(leaf, other, head, proof)
    # A size matters where it changes the way; what binds it otherwise is the checkpoint's signature.
    other = data.draw(st.integers(0, 600).filter(lambda value: value != size), "other size")
    if index < other and sides(index, other) == sides(index, size):
        merkle.verify_inclusion(leaf, index, TreeHead(other, head.root), proof)
    else:
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(leaf, index, TreeHead(other, head.root), proof)


@given(st.integers(2, 300), st.data())
def test_a_changed_bit_or_hash_of_a_consistency_is_noticed(size: int, data: st.DataObject) -> None:
    old = head_of(data.draw(st.integers(1, size - 1), "old size"))
    new = head_of(size)
    proof = merkle.consistency_proof(old.size, size, nodes)
    bit = data.draw(st.integers(0, 255), "bit")
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(TreeHead(old.size, flipped(old.root, bit)), new, proof)
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(old, TreeHead(size, flipped(new.root, bit)), proof)
    for changed in changes(proof, bit, data):
        with pytest.raises(ProofInvalid):
            merkle.verify_consistency(old, new, changed)


def changes(proof: list[bytes], bit: int, data: st.DataObject) -> list[list[bytes]]:
    """A proof with each hash changed, cut, missing or doubled, with two in each other's place, and longer."""
    changed = [[*proof, bytes(32)], [bytes(32), *proof], [*proof, b""]]
    for at, node in enumerate(proof):
        before, after = proof[:at], proof[at + 1 :]
        changed += [[*before, other, *after] for other in (flipped(node, bit), node[1:], node + b"\0", b"")]
        changed += [[*before, *after], [*before, node, node, *after]]
    if len(proof) > 1:
        at = data.draw(st.integers(0, len(proof) - 2), "swapped")
        changed.append([*proof[:at], proof[at + 1], proof[at], *proof[at + 2 :]])
    return changed


@given(st.integers(2, 300), st.data())
def test_a_tree_with_a_changed_past_proves_nothing_to_who_saw_the_old_one(
    size: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, size - 1), "old size")
    changed = data.draw(st.integers(0, old - 1), "changed leaf")
    leaves = hashes_of(size)
    leaves[changed] = merkle.leaf_hash(b"another entry")
    frontier, complete = Frontier().append(leaves)
    kept = {(level, index): node for level, index, node in complete}
    proof = merkle.consistency_proof(old, size, lambda positions: [kept[position] for position in positions])
    with pytest.raises(ProofInvalid, match="consistency: the proof does not lead to the"):
        merkle.verify_consistency(head_of(old), frontier.head, proof)
