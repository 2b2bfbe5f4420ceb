"""Counts only: the lists that a grant has been told totals of, as sketches, and the privacy lost by them.

Under a grant's id stands its account, and under the id and a number each list. What is looked at first of a
list stands in its key, so that sketches are only read of those that may be nearly the same as another.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from struct import Struct
from typing import Final

import lmdb

MOST_LISTS: Final = 1_100
"""Lists kept of a grant: one for each day of the longest validity."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""Bytes of all sketches kept of a grant."""
_ACCOUNT: Final = Struct(">IIQQ")
_LIST: Final = Struct(">IQI")


@dataclass(frozen=True, slots=True)
class Account:
    """Of a grant: the number of its last list, how many are kept in how many bytes, and the privacy lost."""

    last: int = 0
    lists: int = 0
    size: int = 0
    spent_milli: int = 0

    def has_room(self, size: int) -> bool:
        """Whether another sketch of that size may be kept."""
        return self.lists < MOST_LISTS and self.size + size <= MOST_BYTES


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list that totals were told of: how many different records it had, and its sketch for a minimum."""

    number: int
    records: int
    minimum: int
    sketch: bytes


class Counts:
    """Verbs over the lists of grants, within transactions of the node's state."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._counts = env.open_db(b"counts")

    def reading(self) -> AbstractContextManager[lmdb.Transaction]:
        """A transaction that only reads, for use outside of one that writes."""
        transaction: lmdb.Transaction = self._env.begin()
        return transaction

    def account(self, txn: lmdb.Transaction, grant_id: str) -> Account:
        """The grant's account, empty before its first list."""
        kept = txn.get(grant_id.encode(), db=self._counts)
        return Account(*_ACCOUNT.unpack(kept)) if kept else Account()

    def near(
        self, txn: lmdb.Transaction, grant_id: str, records: int, within: int, after: int
    ) -> Iterator[KeptList]:
        """The grant's lists whose numbers of records differ from `records` by less than `within`.

        Only those numbered above `after`, in order.
        """
        for key in self._keys(txn, grant_id, after):
            number, had, minimum = _LIST.unpack(key[-_LIST.size :])
            if abs(had - records) < within:
                yield KeptList(number, had, minimum, bytes(txn.get(key, default=b"", db=self._counts)))

    def add(
        self, txn: lmdb.Transaction, grant_id: str, records: int, minimum: int, sketch: bytes, milli: int
    ) -> None:
        """Keeps a list that totals are told of, and the privacy lost by it in thousandths."""
        before = self.account(txn, grant_id)
        after = Account(
            before.last + 1, before.lists + 1, before.size + len(sketch), before.spent_milli + milli
        )
        txn.put(_prefix(grant_id) + _LIST.pack(after.last, records, minimum), sketch, db=self._counts)
        self._put(txn, grant_id, after)

    def make_room(self, txn: lmdb.Transaction, grant_id: str) -> None:
        """Forgets the oldest lists until at most half of those are left that may be kept; nothing else."""
        left = self.account(txn, grant_id)
        for key in self._keys(txn, grant_id, 0):
            if left.lists <= MOST_LISTS // 2 and left.size <= MOST_BYTES // 2:
                return
            size = len(txn.pop(key, db=self._counts) or b"")
            left = replace(left, lists=left.lists - 1, size=left.size - size)
            self._put(txn, grant_id, left)

    def forget(self, txn: lmdb.Transaction, grant_id: str) -> None:
        """Forgets all of a grant that will never be used again."""
        txn.delete(grant_id.encode(), db=self._counts)
        for key in self._keys(txn, grant_id, 0):
            txn.delete(key, db=self._counts)

    def forget_lists(self, txn: lmdb.Transaction, grant_id: str) -> None:
        """Forgets the lists of a grant that has ended; if it is renewed, the privacy lost is as it was."""
        left = self.account(txn, grant_id)
        if left.lists:
            for key in self._keys(txn, grant_id, 0):
                txn.delete(key, db=self._counts)
            self._put(txn, grant_id, replace(left, lists=0, size=0))

    def _put(self, txn: lmdb.Transaction, grant_id: str, account: Account) -> None:
        kept = _ACCOUNT.pack(account.last, account.lists, account.size, account.spent_milli)
        txn.put(grant_id.encode(), kept, db=self._counts)

    def _keys(self, txn: lmdb.Transaction, grant_id: str, after: int) -> list[bytes]:
        """Keys of the grant's lists numbered above `after`."""
        prefix = _prefix(grant_id)
        keys = []
        with txn.cursor(self._counts) as cursor:
            found = cursor.set_range(prefix + (after + 1).to_bytes(4, "big"))
            while found and bytes(cursor.key()).startswith(prefix):
                keys.append(bytes(cursor.key()))
                found = cursor.next()
        return keys


def _prefix(grant_id: str) -> bytes:
    return f"{grant_id}/".encode()
