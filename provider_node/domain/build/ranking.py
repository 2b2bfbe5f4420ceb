"""Ranks: the place of each subject in the order of the register's numbers, masked for the index."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.positions import NO_POSITION, Positions
from provider_node.domain.tokens import IndexKey
from provider_node.store.index import NO_RANK, RANK_BYTES, TOKEN_BYTES

Masked = npt.NDArray[np.uint8]


class Ranking:
    """The order of all positions of each key of a resource, and what its ranks are masked with.

    All positions are in memory, 8 bytes a row and key.
    """

    def __init__(
        self, index_key: IndexKey, contexts: Sequence[bytes], positions: Sequence[Sequence[Positions]]
    ) -> None:
        """`contexts` and `positions` are those of each key; positions come in any order and parts."""
        self._orders = [_in_order(parts) for parts in positions]
        self.salts = [
            index_key.rank_salt(context, hashlib.sha256(order.astype("<u8").tobytes()).digest())
            for context, order in zip(contexts, self._orders, strict=True)
        ]
        self._keys = [
            index_key.rank_key(context, salt) for context, salt in zip(contexts, self.salts, strict=True)
        ]

    def masked(self, key: int, tokens: bytes, positions: Positions) -> Masked:
        """The masked ranks, a row of 4 bytes each, of subjects of that key (from 0) by token and position."""
        ranks = np.searchsorted(self._orders[key], positions).astype("<u4")
        ranks[positions == NO_POSITION] = NO_RANK
        masks = np.frombuffer(self._keys[key].tokens(tokens), np.uint8).reshape(-1, TOKEN_BYTES)
        return ranks.view(np.uint8).reshape(-1, RANK_BYTES) ^ masks[:, :RANK_BYTES]


def _in_order(parts: Sequence[Positions]) -> Positions:
    order = np.unique(np.concatenate([np.empty(0, np.uint64), *parts]))
    return order[:-1] if len(order) and order[-1] == NO_POSITION else order
