"""Which complete subtrees make up a root or a proof: positions only, no hashes.

A plan is one tuple of positions for each hash of the proof. Most have one position; the subtree at the right
edge of the tree need not be complete and is made of several, largest first.
"""

from typing import TypeAlias

from stayput.merkle.head import MAX_SIZE

Position: TypeAlias = tuple[int, int]  # level and index
Plan: TypeAlias = list[tuple[Position, ...]]


class OutOfRange(ValueError):
    """A proof was asked for that no tree has; `field` is `index`, `size` or `old_size`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def check_size(size: int) -> None:
    """`OutOfRange` unless a tree can have that size."""
    if not 0 <= size <= MAX_SIZE:
        raise OutOfRange("size", "not the size of a tree")


def peaks(begin: int, end: int) -> tuple[Position, ...]:
    """The complete subtrees over the leaves from `begin` up to `end`, largest first.

    `begin` has to be where a subtree of at least `end - begin` leaves begins.
    """
    found, width = [], end - begin
    for level in range(width.bit_length() - 1, -1, -1):
        if width & (1 << level):
            found.append((level, begin >> level))
            begin += 1 << level
    return tuple(found)


def inclusion_plan(index: int, size: int) -> Plan:
    """What an inclusion proof is made of: PATH of RFC 9162, 2.1.3.1."""
    check_size(size)
    if not 0 <= index < size:
        raise OutOfRange("index", "the tree has no such leaf")
    return _siblings(0, index, size)


def consistency_plan(old_size: int, size: int) -> Plan:
    """What a consistency proof is made of: PROOF of RFC 9162, 2.1.4.1.

    Empty if one tree is the other, and from the empty tree, which is the beginning of every tree.
    """
    check_size(size)
    if not 0 <= old_size <= size:
        raise OutOfRange("old_size", "has to lie between 0 and the size of the newer tree")
    if old_size in (0, size):
        return []
    # The way starts at the smallest of the old tree's peaks: the others are among the siblings on the way.
    level = (old_size & -old_size).bit_length() - 1
    start = (level, (old_size >> level) - 1)
    siblings = _siblings(*start, size)
    # A complete old tree is that peak, and the verifier has its root.
    return siblings if old_size.bit_count() == 1 else [(start,), *siblings]


def _siblings(level: int, index: int, size: int) -> Plan:
    """The siblings on the way from a complete subtree up to the root."""
    last_covered = ((index + 1) << level) - 1
    # From this level up the way follows the right edge of the tree, where only left siblings exist.
    edge = (last_covered ^ (size - 1)).bit_length()
    plan: Plan = [((at, (last_covered >> at) ^ 1),) for at in range(level, edge - 1)]
    if edge > level:
        begin = ((last_covered >> (edge - 1)) ^ 1) << (edge - 1)
        plan.append(peaks(begin, size))
    for at in range(edge, last_covered.bit_length()):
        if last_covered & (1 << at):
            plan.append(((at, (last_covered >> at) - 1),))
    return plan
