"""The two hashes of RFC 9162, 2.1.1; their prefixes keep a leaf from ever passing for an inner node."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
NODE_PREFIX: Final = b"\x01"
_LEAF_PREFIX: Final = b"\x00"


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf with that content, 32 bytes."""
    return sha256(_LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of the node over two subtrees, 32 bytes."""
    return sha256(NODE_PREFIX + left + right).digest()


def fold(peaks: Sequence[bytes]) -> bytes:
    """Hash over one or more complete subtrees that lie side by side, the largest at the left."""
    *others, covered = peaks
    for left in reversed(others):
        covered = node_hash(left, covered)
    return covered
