"""The node's receipts as its state keeps them, read without changing anything.

Reads are short transactions over pages, so that a walk over the whole chain neither holds it in memory nor
keeps the running node from using the space of its file again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import lmdb

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope

RECEIPTS: Final = b"receipts"
META: Final = b"meta"
DELIVERED: Final = b"delivered"
MAP_BYTES: Final = 64 * 2**30  # sparse: what is used is what is on disk
MAX_DATABASES: Final = 32
_GRANTS: Final = b"grants"
_WALK: Final = 500


class KeptReceipt(NamedTuple):
    """A receipt where the node keeps it: under its number, the envelope as bytes, which may be damaged."""

    number: int
    held: bytes


class ReceiptLog:
    """Reads receipts, what the platform has confirmed of them, and the grants that they name."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._receipts = env.open_db(RECEIPTS)
        self._meta = env.open_db(META)
        self._grants = env.open_db(_GRANTS)

    def after(self, number: int, most: int) -> list[KeptReceipt]:
        """At most so many receipts that follow `number`, the oldest first."""
        with self._env.begin() as txn, txn.cursor(self._receipts) as cursor:
            if not cursor.set_range(_key(number + 1)):
                return []
            return [_kept(*item) for item in islice(cursor, most)]

    def before(self, number: int | None, most: int) -> list[KeptReceipt]:
        """At most so many receipts that precede `number`, the newest first; with None the newest of all."""
        with self._env.begin() as txn, txn.cursor(self._receipts) as cursor:
            # Behind the place looked for stands what precedes it; behind the end, the last.
            beyond = number is None or not cursor.set_range(_key(number))
            found = cursor.last() if beyond else cursor.prev()
            return [_kept(*item) for item in islice(cursor.iterprev(), most)] if found else []

    def walk(self, number: int = 0) -> Iterator[KeptReceipt]:
        """All receipts that follow `number`, the oldest first, also those that are made meanwhile."""
        while page := self.after(number, _WALK):
            yield from page
            number = page[-1].number

    def walk_back(self, number: int | None = None) -> Iterator[KeptReceipt]:
        """All receipts that precede `number`, or all that there are at the first step, the newest first."""
        page = self.before(number, _WALK)
        while page:
            yield from page
            page = self.before(page[-1].number, _WALK)

    def last_number(self) -> int:
        """Number of the last receipt; 0 before the first."""
        last = self.before(None, 1)
        return last[0].number if last else 0

    def count(self) -> int:
        """How many receipts are kept."""
        with self._env.begin() as txn:
            return int(txn.stat(self._receipts)["entries"])

    def delivered_through(self) -> int:
        """Number of the last receipt that the platform has confirmed."""
        with self._env.begin() as txn:
            return int.from_bytes(txn.get(DELIVERED, default=b"", db=self._meta), "big")

    def grant(self, grant_id: str) -> Envelope | None:
        """The latest version of the grant, if this node keeps one of that id. Raises `DecodeError`."""
        key = grant_id.encode()
        if not 0 < len(key) <= self._env.max_key_size():
            return None
        with self._env.begin() as txn:
            held = txn.get(key, db=self._grants)
        return None if held is None else Envelope.FromString(held)


@contextmanager
def reading(directory: Path) -> Iterator[ReceiptLog]:
    """The receipts in the state of a node, whether or not one runs on it; nothing can be changed by it.

    Not in the process of the running node: LMDB must not be opened twice. Raises `CONFIGURATION_INVALID` if
    there is no state yet or its files are damaged.
    """
    try:
        env = lmdb.open(str(directory), readonly=True, map_size=MAP_BYTES, max_dbs=MAX_DATABASES)
    except lmdb.Error:
        raise _unreadable(directory) from None
    try:
        try:
            log = ReceiptLog(env)
        except (lmdb.NotFoundError, lmdb.ReadonlyError):
            raise _unreadable(directory) from None
        yield log
    finally:
        env.close()


def _kept(key: bytes, value: bytes) -> KeptReceipt:
    return KeptReceipt(int.from_bytes(key, "big"), bytes(value))


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _unreadable(directory: Path) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
        f"{directory}: there is no node's state, or it is damaged",
        field="node.data",
        remedy="name the right node.toml; run `provider-node status` on a new node; restore a damaged one",
    )
