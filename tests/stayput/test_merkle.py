"""The published vectors, what a store is asked for, and what is out of range."""

from collections.abc import Sequence

import pytest

from stayput import merkle
from stayput.merkle import Frontier, OutOfRange, Position, ProofInvalid, TreeHead
from tests.vectors.reading import Json, read

VECTORS = read("merkle")
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
ROOTS = [bytes.fromhex(root) for root in (VECTORS["empty_root"], *VECTORS["roots"])]
HEADS = [TreeHead(size, root) for size, root in enumerate(ROOTS)]
SOME_HASH = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


class Store:
    """Nodes as a database keeps them, and the questions it was asked."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        _, complete = Frontier().append(leaf_hashes)
        self.nodes = {(level, index): node for level, index, node in complete}
        self.asked: list[list[Position]] = []

    def __call__(self, positions: Sequence[Position]) -> list[bytes]:
        self.asked.append(list(positions))
        return [self.nodes[position] for position in positions]


STORE = Store(HASHES)


def proof_of(vector: Json) -> list[bytes]:
    return [bytes.fromhex(node) for node in vector["proof"]]


def name_of(vector: Json) -> str:
    return " ".join(str(value) for key, value in vector.items() if key != "proof")


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_roots_are_those_of_the_vectors(size: int) -> None:
    assert Frontier().append(HASHES[:size])[0].head == HEADS[size]
    assert merkle.root(size, STORE) == ROOTS[size]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=name_of)
def test_inclusion_proofs_are_those_of_the_vectors(vector: Json) -> None:
    index, size, proof = vector["index"], vector["size"], proof_of(vector)
    assert merkle.inclusion_proof(index, size, STORE) == proof
    assert merkle.verify_inclusion(HASHES[index], index, HEADS[size], proof) == HASHES[index]


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=name_of)
def test_consistency_proofs_are_those_of_the_vectors(vector: Json) -> None:
    old, size, proof = vector["old_size"], vector["size"], proof_of(vector)
    assert merkle.consistency_proof(old, size, STORE) == proof
    assert merkle.verify_consistency(HEADS[old], HEADS[size], proof) == HEADS[size]


def test_the_example_of_c2sp_merkle_tree() -> None:
    # c2sp.org/merkle-tree, "Example": a tree of 7 entries a to g with the inner nodes h to l.
    a, b, c, d, e, f, g = HASHES[:7]
    h, i, j = merkle.node_hash(a, b), merkle.node_hash(c, d), merkle.node_hash(e, f)
    k, l = merkle.node_hash(h, i), merkle.node_hash(j, g)  # noqa: E741 (the example's letter)
    assert merkle.root(7, STORE) == merkle.node_hash(k, l)
    assert merkle.inclusion_proof(0, 7, STORE) == [b, i, l]
    assert merkle.inclusion_proof(3, 7, STORE) == [c, h, l]
    assert merkle.inclusion_proof(4, 7, STORE) == [f, g, k]
    assert merkle.inclusion_proof(6, 7, STORE) == [j, k]
    assert merkle.consistency_proof(3, 7, STORE) == [c, d, h, l]
    assert merkle.consistency_proof(4, 7, STORE) == [l]
    assert merkle.consistency_proof(6, 7, STORE) == [j, g, k]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=name_of)
def test_what_the_vectors_source_corrupts_in_an_inclusion_is_refused(vector: Json) -> None:
    # corruptInclusionProof of transparency-dev/merkle, proof/verify_test.go.
    index, size, proof = vector["index"], vector["size"], proof_of(vector)
    leaf, root = HASHES[index], ROOTS[size]
    corrupt = [
        (leaf, index - 1, size, root, proof),
        (leaf, index + 1, size, root, proof),
        (leaf, index ^ 2, size, root, proof),
        (leaf, index, size * 2, root, proof),
        (leaf, index, size // 2, root, proof),
        (b"WrongLeaf", index, size, root, proof),
        (leaf, index, size, ROOTS[0], proof),
        (leaf, index, size, SOME_HASH, proof),
        (leaf, index, size, root, [*proof, b""]),
        (leaf, index, size, root, [*proof, root]),
        (leaf, index, size, root, [b"", *proof]),
        (leaf, index, size, root, [root, *proof]),
    ]
    corrupt += [
        (leaf, index, size, root, [*proof[:at], bytes([node[0] ^ 8]) + node[1:], *proof[at + 1 :]])
        for at, node in enumerate(proof)
    ]
    if proof:
        corrupt += [(leaf, index, size, root, proof[:-1])]
        corrupt += [(leaf, index, size, root, [proof[0], SOME_HASH, *proof[1:]])]
    for wrong_leaf, wrong_index, wrong_size, wrong_root, wrong_proof in corrupt:
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(wrong_leaf, wrong_index, TreeHead(wrong_size, wrong_root), wrong_proof)


@pytest.mark.parametrize("vector", VECTORS["consistency"][1:], ids=name_of)
def test_what_the_vectors_source_corrupts_in_a_consistency_is_refused(vector: Json) -> None:
    # corruptConsistencyProof of transparency-dev/merkle, proof/verify_test.go.
    old, new, proof = vector["old_size"], vector["size"], proof_of(vector)
    root1, root2 = ROOTS[old], ROOTS[new]
    corrupt = [
        (old - 1, new, root1, root2, proof),
        (old + 1, new, root1, root2, proof),
        (old ^ 2, new, root1, root2, proof),
        (old, new * 2, root1, root2, proof),
        (old, new // 2, root1, root2, proof),
        (old, new, b"WrongRoot", root2, proof),
        (old, new, root1, b"WrongRoot", proof),
        (old, new, root2, root1, proof),
        (old, new, root1, root2, []),
        (old, new, root1, root2, proof[:-1]),
    ]
    corrupt += [(old, new, root1, root2, [*proof, extra]) for extra in (b"", root1, root2)]
    corrupt += [(old, new, root1, root2, [extra, *proof]) for extra in (b"", root1, root2, proof[0])]
    corrupt += [
        (old, new, root1, root2, [*proof[:at], bytes([node[0] ^ 16]) + node[1:], *proof[at + 1 :]])
        for at, node in enumerate(proof)
    ]
    for old_size, new_size, old_root, new_root, wrong_proof in corrupt:
        with pytest.raises(ProofInvalid):
            merkle.verify_consistency(TreeHead(old_size, old_root), TreeHead(new_size, new_root), wrong_proof)


def test_every_tree_goes_on_from_the_empty_one_and_from_itself() -> None:
    for head in HEADS:
        assert merkle.consistency_proof(0, head.size, STORE) == []
        assert merkle.consistency_proof(head.size, head.size, STORE) == []
        assert merkle.verify_consistency(HEADS[0], head, []) is head
        assert merkle.verify_consistency(head, head, []) is head
        for old in (HEADS[0], head):
            with pytest.raises(ProofInvalid, match="too long"):
                merkle.verify_consistency(old, head, [SOME_HASH])


@pytest.mark.parametrize(
    ("old", "new", "proof", "message"),
    [
        (HEADS[5], HEADS[4], [], "smaller"),
        (HEADS[5], TreeHead(5, SOME_HASH), [], "same size have different roots"),
        (HEADS[5], HEADS[8], [], "too short"),
        (HEADS[4], HEADS[8], [], "too short"),
        (HEADS[4], HEADS[8], [SOME_HASH], "newer root"),
        (TreeHead(4, SOME_HASH), HEADS[8], [merkle.root(4, STORE)], "newer root"),
        (TreeHead(6, SOME_HASH), HEADS[8], merkle.consistency_proof(6, 8, STORE), "older root"),
        (HEADS[4], HEADS[8], [SOME_HASH, SOME_HASH], "too long"),
        (HEADS[6], HEADS[8], [SOME_HASH[1:]], "not 32 bytes"),
        (HEADS[6], HEADS[8], [SOME_HASH, SOME_HASH + b"\0"], "not 32 bytes"),
    ],
)
def test_a_wrong_consistency_is_refused_with_what_failed(
    old: TreeHead, new: TreeHead, proof: list[bytes], message: str
) -> None:
    with pytest.raises(ProofInvalid, match=f"consistency: .*{message}"):
        merkle.verify_consistency(old, new, proof)


@pytest.mark.parametrize(
    ("leaf", "index", "head", "proof", "message"),
    [
        (HASHES[0], 0, HEADS[0], [], "no leaf with this index"),
        (HASHES[0], 1, HEADS[1], [], "no leaf with this index"),
        (HASHES[0], -1, HEADS[8], merkle.inclusion_proof(7, 8, STORE), "no leaf with this index"),
        (LEAVES[3], 3, HEADS[8], merkle.inclusion_proof(3, 8, STORE), "leaf hash is not 32 bytes"),
        (HASHES[3], 3, HEADS[8], [SOME_HASH, b"", SOME_HASH], "hash of the proof is not 32 bytes"),
        (HASHES[3], 3, HEADS[8], [SOME_HASH] * 2, "too short"),
        (HASHES[3], 3, HEADS[8], [SOME_HASH] * 4, "too long"),
        (HASHES[0], 0, HEADS[1], [SOME_HASH], "too long"),
        (HASHES[3], 3, HEADS[8], [SOME_HASH] * 3, "do not lead to the root"),
    ],
)
def test_a_wrong_inclusion_is_refused_with_what_failed(
    leaf: bytes, index: int, head: TreeHead, proof: list[bytes], message: str
) -> None:
    with pytest.raises(ProofInvalid, match=f"inclusion: .*{message}"):
        merkle.verify_inclusion(leaf, index, head, proof)


@pytest.mark.parametrize(
    ("size", "root", "message"),
    [
        (-1, SOME_HASH, "size is out of range"),
        (merkle.MAX_SIZE + 1, SOME_HASH, "size is out of range"),
        (1, SOME_HASH[1:], "not 32 bytes"),
        (1, SOME_HASH + b"\0", "not 32 bytes"),
        (1, b"", "not 32 bytes"),
        (0, SOME_HASH, "empty tree"),
    ],
)
def test_what_is_no_tree_head_is_refused(size: int, root: bytes, message: str) -> None:
    with pytest.raises(ProofInvalid, match=message):
        TreeHead(size, root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (8, 8), (-1, 8), (2**63 - 1, 2**63 - 1)])
def test_a_leaf_that_no_tree_has_gets_no_proof(index: int, size: int) -> None:
    with pytest.raises(OutOfRange, match="no such leaf") as caught:
        merkle.inclusion_proof(index, size, STORE)
    assert caught.value.field == "index"


@pytest.mark.parametrize(("old", "size"), [(1, 0), (8, 7), (-1, 8)])
def test_a_tree_that_goes_back_gets_no_proof(old: int, size: int) -> None:
    with pytest.raises(OutOfRange, match="between 0 and the size") as caught:
        merkle.consistency_proof(old, size, STORE)
    assert caught.value.field == "old_size"


@pytest.mark.parametrize("size", [-1, merkle.MAX_SIZE + 1])
def test_a_size_that_no_tree_has_is_refused(size: int) -> None:
    for ask in (
        lambda: merkle.root(size, STORE),
        lambda: merkle.inclusion_proof(0, size, STORE),
        lambda: merkle.consistency_proof(0, size, STORE),
        lambda: Frontier.load(size, STORE),
        lambda: Frontier(size, ()),
    ):
        with pytest.raises(OutOfRange, match="not the size of a tree") as caught:
            ask()
        assert caught.value.field == "size"


def test_the_store_is_asked_once_and_for_no_node_twice() -> None:
    store = Store([merkle.leaf_hash(bytes([number])) for number in range(100)])
    for size in (1, 2, 37, 63, 64, 99, 100):
        for ask in (
            lambda size=size: merkle.root(size, store),
            lambda size=size: Frontier.load(size, store),
            lambda size=size: merkle.inclusion_proof(size // 2, size, store),
            lambda size=size: merkle.consistency_proof(size // 2, size, store),
        ):
            store.asked.clear()
            ask()
            assert len(store.asked) <= 1
            for positions in store.asked:
                assert positions
                assert len(set(positions)) == len(positions)


def test_a_store_that_lacks_a_node_makes_no_proof() -> None:
    def short(positions: Sequence[Position]) -> list[bytes]:
        return STORE(positions)[:-1]

    for ask in (
        lambda: merkle.root(8, short),
        lambda: merkle.inclusion_proof(3, 8, short),
        lambda: merkle.consistency_proof(3, 8, short),
    ):
        with pytest.raises(LookupError, match="one hash for each node"):
            ask()
    with pytest.raises(ValueError, match="one peak of 32 bytes for each bit"):
        Frontier.load(7, short)


def test_a_frontier_is_a_value_and_goes_on_from_the_store() -> None:
    before = Frontier.load(5, STORE)
    after, complete = before.append(HASHES[5:])
    assert before == Frontier.load(5, STORE) == Frontier().append(HASHES[:5])[0]
    assert after.head == HEADS[8]
    assert complete == [
        (0, 5, HASHES[5]),
        (0, 6, HASHES[6]),
        (0, 7, HASHES[7]),
        (1, 2, STORE.nodes[1, 2]),
        (1, 3, STORE.nodes[1, 3]),
        (2, 1, STORE.nodes[2, 1]),
        (3, 0, ROOTS[8]),
    ]
    assert before.append([]) == (before, [])


@pytest.mark.parametrize("leaf", [b"", SOME_HASH[1:], SOME_HASH + b"\0"])
def test_what_is_no_leaf_hash_is_not_appended(leaf: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier().append([SOME_HASH, leaf])


@pytest.mark.parametrize("peaks", [(), (SOME_HASH,), (SOME_HASH,) * 3, (SOME_HASH, b"")])
def test_a_frontier_has_one_peak_for_each_bit_of_its_size(peaks: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="one peak"):
        Frontier(5, peaks)
