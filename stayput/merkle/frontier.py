"""Appending to a tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import repeat
from typing import Self, TypeAlias

from stayput.merkle.hashing import EMPTY_ROOT, HASH_SIZE, NODE_PREFIX, fold
from stayput.merkle.head import TreeHead
from stayput.merkle.positions import check_size, peaks
from stayput.merkle.proofs import Nodes

StoredNode: TypeAlias = tuple[int, int, bytes]  # level, index and hash


@dataclass(frozen=True)
class Frontier:
    """A tree as far as appending needs it: its size and its largest complete subtrees, largest first.

    It is a value: when a commit fails, the frontier from before goes on being the right one.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        check_size(self.size)
        if len(self.peaks) != self.size.bit_count() or any(len(peak) != HASH_SIZE for peak in self.peaks):
            raise ValueError(
                f"a tree of this size has one peak of {HASH_SIZE} bytes for each bit of the size"
            )

    @classmethod
    def load(cls, size: int, nodes: Nodes) -> Self:
        """The frontier of a stored tree; asks `nodes` at most once. Raises `OutOfRange`."""
        check_size(size)
        return cls(size, tuple(nodes(peaks(0, size)))) if size else cls()

    @property
    def head(self) -> TreeHead:
        """Size and root."""
        return TreeHead(self.size, fold(self.peaks) if self.peaks else EMPTY_ROOT)

    def append(self, leaf_hashes: Sequence[bytes]) -> tuple[Self, list[StoredNode]]:
        """The frontier with these leaves at the end, and the nodes that became complete, leaves included.

        The nodes come level by level, each with rising index.
        """
        if not set(map(len, leaf_hashes)) <= {HASH_SIZE}:
            raise ValueError(f"a leaf hash has {HASH_SIZE} bytes")
        size = self.size + len(leaf_hashes)
        edge = {level: peak for (level, _), peak in zip(peaks(0, self.size), self.peaks, strict=True)}
        complete: list[StoredNode] = []
        level, first, row = 0, self.size, list(leaf_hashes)
        while row:
            complete.extend(zip(repeat(level), range(first, first + len(row)), row, strict=False))
            if first & 1:
                row = [edge[level], *row]
            edge[level] = row[-1]
            row = [sha256(NODE_PREFIX + left + right).digest() for left, right in _pairs(row)]
            level, first = level + 1, first >> 1
        return type(self)(size, tuple(edge[level] for level, _ in peaks(0, size))), complete


def _pairs(row: list[bytes]) -> "zip[tuple[bytes, bytes]]":
    # The last of an odd number waits for its right sibling.
    return zip(row[::2], row[1::2], strict=False)
