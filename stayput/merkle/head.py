"""What a tree is known by to those who do not hold it."""

from dataclasses import dataclass
from typing import Final

from stayput.merkle.hashing import EMPTY_ROOT, HASH_SIZE

# The largest size that a signed 64-bit column or field can hold.
MAX_SIZE: Final = 2**63 - 1


class ProofInvalid(ValueError):
    """A proof does not prove what it should, or a tree head is none; the text says which part failed."""


@dataclass(frozen=True)
class TreeHead:
    """Number of leaves and root (32 bytes) of a tree; `ProofInvalid` if no tree has such a head."""

    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise ProofInvalid("the tree size is out of range")
        if len(self.root) != HASH_SIZE:
            raise ProofInvalid(f"the root is not {HASH_SIZE} bytes long")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ProofInvalid("the root is not that of an empty tree, but the size is 0")
