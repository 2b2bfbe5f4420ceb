"""Oblivious mode: which chunks were charged, and how many evaluated elements each consumer holds.

A chunk is kept by a name of 16 bytes, by day and grant. What a consumer holds is counted by resource, key
epoch and granularity: under one epoch an element can be tested against each generation's fingerprints.
"""

from typing import Final, NamedTuple

import lmdb

from provider_node.store.by_day import prune

CHUNK_NAME_BYTES: Final = 16
_COUNT_BYTES: Final = 8


class Holding(NamedTuple):
    """For what elements are held: they have fingerprints that each generation of the epoch has too."""

    consumer: str
    resource: str
    key_epoch: str
    granularity: int


class Evaluations:
    """Verbs over evaluations in the node's state, for use within its transactions."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._chunks = env.open_db(b"evaluated-chunks")
        self._held = env.open_db(b"held-elements")
        self._fetched = env.open_db(b"fetched-fingerprints")

    def add_chunk(self, txn: lmdb.Transaction, grant_id: str, day: str, name: bytes) -> bool:
        """Notes that the grant was charged for a chunk on `day`; False if it was before, and changes nothing.

        Removes a few chunks of days that are over.
        """
        prune(txn, self._chunks, day)
        added: bool = txn.put(f"{day}/{grant_id}/".encode() + name, b"", db=self._chunks, overwrite=False)
        return added

    def add_held(self, txn: lmdb.Transaction, holding: Holding, elements: int) -> None:
        """The consumer was charged for so many more elements."""
        held = self.held(txn, holding) + elements
        txn.put(_key(holding), held.to_bytes(_COUNT_BYTES, "big"), db=self._held)

    def held(self, txn: lmdb.Transaction, holding: Holding) -> int:
        """Elements that the consumer was charged for."""
        return int.from_bytes(txn.get(_key(holding), default=b"", db=self._held), "big")

    def add_fetched(self, txn: lmdb.Transaction, holding: Holding, generation: str) -> bool:
        """Notes that the consumer fetches the fingerprints of a generation; False if it did before."""
        added: bool = txn.put(
            _key(holding) + f"/{generation}".encode(), b"", db=self._fetched, overwrite=False
        )
        return added


def _key(holding: Holding) -> bytes:
    return "/".join(map(str, holding)).encode()
