"""The node's durable state in one LMDB environment: grants, session journal, receipts, usage, publication.

Grants, usage and attempts have modules of their own; what must be decided together is one transaction here.

Every write is durable (fsync) before the caller goes on; a crash at any point leaves either the old or the
new state. The journal holds, for each open session, its receipt as far as it has got.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import lmdb
import structlog

from provider_node.store.attempts import Attempts
from provider_node.store.counts import Counts
from provider_node.store.evaluations import Evaluations
from provider_node.store.grants import Grants
from provider_node.store.receipt_log import DELIVERED, MAP_BYTES, MAX_DATABASES, META, RECEIPTS, ReceiptLog
from provider_node.store.usage import AdmitSession, Charge, Usage
from provider_node.store.writer import GroupWriter
from stayput.errors import StayputError
from stayput.grants import check_standing
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.v1.access_pb2 import ChangeCause, GrantChange, GrantStanding
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

SignReceipt = Callable[[Receipt], Envelope]

_log = structlog.get_logger(__name__)


class State:
    """The node's state. One instance per process and directory; LMDB must not be opened twice."""

    def __init__(self, directory: Path, map_bytes: int = MAP_BYTES) -> None:
        """Opens the state, or begins one. Raises `CONFIGURATION_INVALID` if the files are damaged.

        `map_bytes` bounds its size; writes that would exceed it fail with `STORAGE_FULL`.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._env = lmdb.open(str(directory), map_size=map_bytes, max_dbs=MAX_DATABASES, mode=0o600)
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError):
            raise StayputError(
                ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
                f"{directory}: the node's state is damaged",
                field="node.data",
                remedy="restore the data directory from a backup",
            ) from None
        self._journal = self._env.open_db(b"journal")
        self._receipts = self._env.open_db(RECEIPTS)
        self._published = self._env.open_db(b"published")
        self._meta = self._env.open_db(META)
        self._writer = GroupWriter(self._env)
        self.receipt_log = ReceiptLog(self._env)
        self.grants = Grants(self._env, self._writer)
        self.attempts = Attempts(self._env)
        self.counts = Counts(self._env)
        self.evaluations = Evaluations(self._env)
        self._usage = Usage(self._env)

    def close(self) -> None:
        """Finishes pending writes and closes the files."""
        self._writer.close()
        self._env.close()

    # Sessions

    async def open_session(self, draft: Receipt, admit: AdmitSession) -> None:
        """Journals a session before its first answer, and counts that it was opened at `started_at`.

        `admit` gets the sessions that the grant has opened in the 60 seconds up to then and raises if one
        more is too many; then nothing changes.
        """
        payload = draft.SerializeToString()

        def write(txn: lmdb.Transaction) -> None:
            self._usage.add_opening(txn, draft.grant_id, draft.started_at.seconds, admit)
            txn.put(draft.session_id, payload, db=self._journal)

        await self._writer.write(write)

    async def answer(self, draft: Receipt, charge: Charge) -> None:
        """Journals a chunk's answer and charges it, before the answer is sent.

        Raises what `charge.settle` and `charge.admit` raise, and `GRANT_NOT_ACTIVE` if the grant is suspended
        or revoked; then nothing changes. The same if `charge.guard` suspends it now, and then only that
        changes. Sessions of one grant are charged one after the other.
        """
        _check(await self._writer.write(lambda txn: self._charge(txn, draft, charge)))

    async def finish(self, draft: Receipt, sign: SignReceipt, charge: Charge) -> Envelope:
        """As `answer`, for the last chunk: the receipt is appended in the same commit and returned."""
        receipt = Envelope()

        def write(txn: lmdb.Transaction) -> GrantStanding | None:
            suspended = self._charge(txn, draft, charge)
            if suspended is None:
                receipt.CopyFrom(self._append(txn, draft, sign))
            return suspended

        _check(await self._writer.write(write))
        return receipt

    async def cut(self, draft: Receipt, sign: SignReceipt) -> Envelope:
        """Ends a session without an answer: appends its receipt as `draft` states it."""
        return await self._writer.write(lambda txn: self._append(txn, draft, sign))

    def open_sessions(self) -> list[Receipt]:
        """Drafts of sessions that have no receipt yet; after a crash, those that it cut."""
        with self._env.begin() as txn, txn.cursor(self._journal) as cursor:
            return [Receipt.FromString(payload) for _, payload in cursor]

    def used(self, grant_id: str, day: str) -> int:
        """Records that the grant has had answered on `day` (ISO date, in China)."""
        with self._env.begin() as txn:
            return self._usage.records(txn, grant_id, day)

    def _charge(self, txn: lmdb.Transaction, draft: Receipt, charge: Charge) -> GrantStanding | None:
        """The grant's standing if its guards suspend it now, which must not be undone by an exception."""
        grant_id = draft.grant_id
        self.grants.require_usable(txn, grant_id)
        used = self._usage.records(txn, grant_id, charge.day)
        before = self._usage.guards(txn, grant_id)
        with self._env.begin(write=True, parent=txn) as settling:
            records = charge.settle(settling, draft)
            charge.admit(used, records)
            verdict = charge.guard(before)
            if isinstance(verdict, GrantChange):
                # What belongs to an answer must not stay when there is none.
                settling.abort()
        if isinstance(verdict, GrantChange):
            return self.grants.change_in(txn, verdict, charge.sign_change)
        self._usage.put_records(txn, grant_id, charge.day, used + records)
        if verdict != before:
            self._usage.put_guards(txn, grant_id, verdict)
        self.attempts.log.append(txn, grant_id, charge.day, charge.attempts)
        txn.put(draft.session_id, draft.SerializeToString(), db=self._journal)
        return None

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
        return [Envelope.FromString(kept.held) for kept in self.receipt_log.after(sequence, most)]

    def last_sequence(self) -> int:
        """Number of the last receipt; 0 before the first."""
        return self.receipt_log.last_number()

    def delivered_through(self) -> int:
        """Number of the last receipt that the platform has confirmed."""
        return self.receipt_log.delivered_through()

    def undelivered_since(self) -> datetime | None:
        """When the oldest receipt was made that the platform has not confirmed; None if it has all."""
        oldest = self.receipts_after(self.delivered_through(), 1)
        if not oldest:
            return None
        return Receipt.FromString(oldest[0].payload).finished_at.ToDatetime(UTC)

    async def set_delivered_through(self, sequence: int) -> None:
        """The platform has confirmed everything up to `sequence`."""
        await self._writer.write(lambda txn: txn.put(DELIVERED, _number(sequence), db=self._meta))

    # Publication

    async def set_published(self, resource: str) -> None:
        """The administrator has put the resource in the catalogue."""
        await self._writer.write(lambda txn: txn.put(resource.encode(), b"", db=self._published))

    def published(self) -> set[str]:
        """Codes of the resources in the catalogue."""
        with self._env.begin() as txn, txn.cursor(self._published) as cursor:
            return {key.decode() for key in cursor.iternext(values=False)}


def _check(suspended: GrantStanding | None) -> None:
    """Raises `GRANT_NOT_ACTIVE` if the guards have just suspended the grant."""
    if suspended is None:
        return
    cause = ChangeCause.Name(suspended.provider_cause).removeprefix("CHANGE_CAUSE_")
    _log.warning("grant suspended by its guards", grant=suspended.grant_id, cause=cause)
    check_standing(suspended)


def _number(sequence: int) -> bytes:
    return sequence.to_bytes(8, "big")


def _last(txn: lmdb.Transaction, receipts: lmdb._Database) -> tuple[int, Envelope] | None:
    with txn.cursor(receipts) as cursor:
        if not cursor.last():
            return None
        return int.from_bytes(cursor.key(), "big"), Envelope.FromString(bytes(cursor.value()))
