"""Ranks: the place of each subject in the order of the register's numbers, masked for the index."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.positions import Positions
from provider_node.domain.build.records import Records
from provider_node.domain.build.runs import Run, merged_runs
from provider_node.domain.build.spool import Spool
from provider_node.domain.tokens import IndexKey
from provider_node.store.index import RANK_BYTES, TOKEN_BYTES

Ranks = npt.NDArray[np.uint32]
Masked = npt.NDArray[np.uint8]


class Masks:
    """What the ranks of each key of a resource are masked with."""

    def __init__(self, index_key: IndexKey, contexts: Sequence[bytes], salts: Sequence[bytes]) -> None:
        """`contexts` and `salts` are those of each key."""
        self._keys = [
            index_key.rank_key(context, salt) for context, salt in zip(contexts, salts, strict=True)
        ]

    def masked(self, key: int, tokens: bytes, ranks: Ranks) -> Masked:
        """The masked ranks, a row of 4 bytes each, of subjects of that key (from 0) by token and rank."""
        masks = np.frombuffer(self._keys[key].tokens(tokens), np.uint8).reshape(-1, TOKEN_BYTES)
        return ranks.astype("<u4").view(np.uint8).reshape(-1, RANK_BYTES) ^ masks[:, :RANK_BYTES]


def rank(
    runs: Sequence[Run], spool: Spool, salt_of: Callable[[bytes], bytes], rows: int, alive: Callable[[], None]
) -> bytes:
    """Ranks one key's subjects and moves them to a spool; the salt, which `salt_of` makes of a hash.

    The hash is that of the distinct positions in order. So many rows are in memory at once; `alive` is called
    now and then.
    """
    positions_hash, below = hashlib.sha256(), 0
    for positions, entries in merged_runs(runs, rows):
        fresh = np.ones(len(positions), np.bool_)
        fresh[1:] = positions[1:] != positions[:-1]
        _add(spool, entries, below + np.cumsum(fresh) - 1)
        positions_hash.update(_bytes(positions[fresh]))
        below += int(np.count_nonzero(fresh))
        alive()
    return salt_of(positions_hash.digest())


def _add(spool: Spool, entries: Records, ranks: npt.NDArray[np.int64]) -> None:
    entries["rank"] = ranks
    spool.add(entries)


def _bytes(positions: Positions) -> bytes:
    return positions.astype("<u8").tobytes()
