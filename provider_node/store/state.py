"""The node's durable state in one LMDB environment: grants, session journal, receipts, usage, publication.

Every write is durable (fsync) before the caller goes on; a crash at any point leaves either the old or the
new state. The journal holds, for each open session, its receipt as far as it has got.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import lmdb

from provider_node.store.writer import GroupWriter
from stayput.errors import StayputError
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.v1.access_pb2 import Grant
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

_MAP_BYTES: Final = 64 * 2**30  # sparse: what is used is what is on disk
_DELIVERED: Final = b"delivered"

SignReceipt = Callable[[Receipt], Envelope]
Admit = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant that this node signed, and whether the platform has recorded it."""

    envelope: Envelope
    recorded: bool

    @property
    def grant(self) -> Grant:
        """The grant itself; the envelope is this node's own, so its signature was made here."""
        return Grant.FromString(self.envelope.payload)


class State:
    """The node's state. One instance per process and directory; LMDB must not be opened twice."""

    def __init__(self, directory: Path, map_bytes: int = _MAP_BYTES) -> None:
        """Opens the state, or begins one. Raises `CONFIGURATION_INVALID` if the files are damaged.

        `map_bytes` bounds its size; writes that would exceed it fail with `STORAGE_FULL`.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._env = lmdb.open(str(directory), map_size=map_bytes, max_dbs=8, mode=0o600)
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError):
            raise StayputError(
                ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
                f"{directory}: the node's state is damaged",
                field="node.data",
                remedy="restore the data directory from a backup",
            ) from None
        self._grants = self._env.open_db(b"grants")
        self._recorded = self._env.open_db(b"recorded-grants")
        self._journal = self._env.open_db(b"journal")
        self._receipts = self._env.open_db(b"receipts")
        self._usage = self._env.open_db(b"usage")
        self._published = self._env.open_db(b"published")
        self._meta = self._env.open_db(b"meta")
        self._writer = GroupWriter(self._env)

    def close(self) -> None:
        """Finishes pending writes and closes the files."""
        self._writer.close()
        self._env.close()

    # Grants

    async def put_grant(self, grant_id: str, envelope: Envelope) -> None:
        """Stores a grant that the platform has not recorded yet."""
        payload = envelope.SerializeToString()
        await self._writer.write(lambda txn: txn.put(grant_id.encode(), payload, db=self._grants))

    async def mark_recorded(self, grant_id: str) -> None:
        """The platform has recorded the grant."""
        await self._writer.write(lambda txn: txn.put(grant_id.encode(), b"", db=self._recorded))

    def pending_grants(self) -> list[StoredGrant]:
        """Grants that the platform has not recorded yet, by id."""
        return [stored for stored in self.grants() if not stored.recorded]

    async def drop_grant(self, grant_id: str) -> None:
        """Forgets a grant that the platform would not record."""
        await self._writer.write(lambda txn: txn.delete(grant_id.encode(), db=self._grants))

    def grant(self, grant_id: str) -> StoredGrant | None:
        """The grant of that id, if this node ever signed it."""
        key = grant_id.encode()
        if not 0 < len(key) <= self._env.max_key_size():
            return None
        with self._env.begin() as txn:
            payload = txn.get(key, db=self._grants)
            if payload is None:
                return None
            return self._stored(txn, key, payload)

    def grants(self) -> list[StoredGrant]:
        """All grants, by id (ids begin with the time of signing)."""
        with self._env.begin() as txn, txn.cursor(self._grants) as cursor:
            return [self._stored(txn, key, payload) for key, payload in cursor]

    def _stored(self, txn: lmdb.Transaction, key: bytes, payload: bytes) -> StoredGrant:
        recorded = txn.get(key, db=self._recorded) is not None
        return StoredGrant(Envelope.FromString(payload), recorded)

    # Sessions

    async def open_session(self, draft: Receipt) -> None:
        """Journals a session before its first answer."""
        payload = draft.SerializeToString()
        await self._writer.write(lambda txn: txn.put(draft.session_id, payload, db=self._journal))

    async def answer(self, draft: Receipt, records: int, day: str, admit: Admit) -> None:
        """Journals a chunk's answer and charges its records, before the answer is sent.

        `admit` gets the records used by the grant on `day` so far and raises if `records` more are too many;
        then nothing changes. Sessions of one grant are charged one after the other.
        """
        await self._writer.write(lambda txn: self._charge(txn, draft, records, day, admit))

    async def finish(
        self, draft: Receipt, sign: SignReceipt, records: int, day: str, admit: Admit
    ) -> Envelope:
        """As `answer`, for the last chunk: the receipt is appended in the same commit and returned."""

        def write(txn: lmdb.Transaction) -> Envelope:
            self._charge(txn, draft, records, day, admit)
            return self._append(txn, draft, sign)

        return await self._writer.write(write)

    async def cut(self, draft: Receipt, sign: SignReceipt) -> Envelope:
        """Ends a session without an answer: appends its receipt as `draft` states it."""
        return await self._writer.write(lambda txn: self._append(txn, draft, sign))

    def open_sessions(self) -> list[Receipt]:
        """Drafts of sessions that have no receipt yet; after a crash, those that it cut."""
        with self._env.begin() as txn, txn.cursor(self._journal) as cursor:
            return [Receipt.FromString(payload) for _, payload in cursor]

    def used(self, grant_id: str, day: str) -> int:
        """Records that the grant has had answered on `day` (ISO date)."""
        with self._env.begin() as txn:
            return self._used(txn, _usage_key(grant_id, day))

    def _used(self, txn: lmdb.Transaction, key: bytes) -> int:
        return int.from_bytes(txn.get(key, default=b"", db=self._usage), "big")

    def _charge(self, txn: lmdb.Transaction, draft: Receipt, records: int, day: str, admit: Admit) -> None:
        key = _usage_key(draft.grant_id, day)
        used = self._used(txn, key)
        admit(used)
        txn.put(key, (used + records).to_bytes(8, "big"), db=self._usage)
        txn.put(draft.session_id, draft.SerializeToString(), db=self._journal)

    # Receipts

    def _append(self, txn: lmdb.Transaction, draft: Receipt, sign: SignReceipt) -> Envelope:
        last = _last(txn, self._receipts)
        receipt = Receipt()
        receipt.CopyFrom(draft)
        receipt.sequence = last[0] + 1 if last else 1
        receipt.previous_hash = payload_hash(last[1].payload) if last else FIRST_PREVIOUS_HASH
        envelope = sign(receipt)
        txn.put(_number(receipt.sequence), envelope.SerializeToString(), db=self._receipts, append=True)
        txn.delete(draft.session_id, db=self._journal)
        return envelope

    def receipts_after(self, sequence: int, most: int) -> list[Envelope]:
        """At most so many receipts that follow `sequence`, in order."""
        with self._env.begin() as txn, txn.cursor(self._receipts) as cursor:
            found: Iterator[tuple[bytes, bytes]] = iter(())
            if cursor.set_range(_number(sequence + 1)):
                found = iter(cursor)
            return [Envelope.FromString(payload) for _, payload in islice(found, most)]

    def last_sequence(self) -> int:
        """Number of the last receipt; 0 before the first."""
        with self._env.begin() as txn:
            last = _last(txn, self._receipts)
            return last[0] if last else 0

    def delivered_through(self) -> int:
        """Number of the last receipt that the platform has confirmed."""
        with self._env.begin() as txn:
            return int.from_bytes(txn.get(_DELIVERED, default=b"", db=self._meta), "big")

    def undelivered_since(self) -> datetime | None:
        """When the oldest receipt was made that the platform has not confirmed; None if it has all."""
        oldest = self.receipts_after(self.delivered_through(), 1)
        if not oldest:
            return None
        return Receipt.FromString(oldest[0].payload).finished_at.ToDatetime(UTC)

    async def set_delivered_through(self, sequence: int) -> None:
        """The platform has confirmed everything up to `sequence`."""
        await self._writer.write(lambda txn: txn.put(_DELIVERED, _number(sequence), db=self._meta))

    # Publication

    async def set_published(self, resource: str) -> None:
        """The administrator has put the resource in the catalogue."""
        await self._writer.write(lambda txn: txn.put(resource.encode(), b"", db=self._published))

    def published(self) -> set[str]:
        """Codes of the resources in the catalogue."""
        with self._env.begin() as txn, txn.cursor(self._published) as cursor:
            return {key.decode() for key in cursor.iternext(values=False)}


def _usage_key(grant_id: str, day: str) -> bytes:
    return f"{grant_id}/{day}".encode()


def _number(sequence: int) -> bytes:
    return sequence.to_bytes(8, "big")


def _last(txn: lmdb.Transaction, receipts: lmdb._Database) -> tuple[int, Envelope] | None:
    with txn.cursor(receipts) as cursor:
        if not cursor.last():
            return None
        return int.from_bytes(cursor.key(), "big"), Envelope.FromString(bytes(cursor.value()))
