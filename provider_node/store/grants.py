"""Grants that this node signed, their standing, and what the platform has to be told of them.

The latest version of a grant is in force. Its standing is what the provider and the platform have said of
it; a change by the provider is signed and numbered. A first version is pending until the platform has
recorded it as the decision on its application; later versions and changes wait in order, as notices. Every
write is durable before the caller goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

import lmdb

from provider_node.store.counts import Counts
from provider_node.store.notice import Notice, NoticeKind
from provider_node.store.writer import GroupWriter
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.grants import active_standing, check_standing, effective_state
from stayput.v1.access_pb2 import Grant, GrantChange, GrantStanding, GrantState
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope

SignChange = Callable[[GrantChange], Envelope]
LISTS_AFTER_END: Final = timedelta(days=30)
"""So long after a grant's end its lists are kept: renewed until then, it is compared with them."""
_NUMBER_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """The latest version of a grant, its standing, and whether the platform knows that it was given."""

    envelope: Envelope
    recorded: bool
    standing: GrantStanding

    @property
    def grant(self) -> Grant:
        """The grant itself; the envelope is this node's own, so its signature was made here."""
        return Grant.FromString(self.envelope.payload)


@dataclass(frozen=True, slots=True)
class PendingGrant:
    """A first version that the platform has not recorded yet, and the administrator who decided so."""

    envelope: Envelope
    administrator: str

    @property
    def grant(self) -> Grant:
        """The grant itself."""
        return Grant.FromString(self.envelope.payload)


class Grants:
    """Verbs over grants in the node's state."""

    def __init__(self, env: lmdb.Environment, writer: GroupWriter) -> None:
        self._env = env
        self._writer = writer
        self._grants = env.open_db(b"grants")
        self._pending = env.open_db(b"pending-grants")
        self._standings = env.open_db(b"standings")
        self._changes = env.open_db(b"grant-changes")
        self._notices = env.open_db(b"notices")
        self._refused = env.open_db(b"refused-notices")
        self._guards = env.open_db(b"guards")
        self._counts = Counts(env)
        self._forgot_on = ""

    # Grants and their versions

    async def put(self, grant_id: str, envelope: Envelope, administrator: str) -> None:
        """Stores the first version of a grant, pending, and the administrator who decided so."""
        key, payload = grant_id.encode(), envelope.SerializeToString()

        def write(txn: lmdb.Transaction) -> None:
            txn.put(key, payload, db=self._grants)
            txn.put(key, administrator.encode(), db=self._pending)

        await self._writer.write(write)

    async def mark_recorded(self, grant_id: str) -> None:
        """The platform has recorded that the grant was given."""
        await self._writer.write(lambda txn: txn.delete(grant_id.encode(), db=self._pending))

    async def drop(self, grant_id: str) -> None:
        """Forgets a grant that the platform would not record, and all that was said of it."""
        await self._writer.write(lambda txn: self._drop(txn, grant_id))

    def _drop(self, txn: lmdb.Transaction, grant_id: str) -> None:
        for database in (self._grants, self._pending, self._standings, self._guards, self._refused):
            txn.delete(grant_id.encode(), db=database)
        self._counts.forget(txn, grant_id)
        for number in range(1, self._changes_of(txn, grant_id) + 1):
            txn.delete(_change_key(GrantChange(grant_id=grant_id, number=number)), db=self._changes)
        for notice in self._notices_after(txn, 0):
            if notice.grant_id == grant_id:
                txn.delete(_notice_key(notice.number), db=self._notices)

    def pending(self) -> list[PendingGrant]:
        """Grants that the platform has not recorded as given yet, by id."""
        with self._env.begin() as txn, txn.cursor(self._pending) as cursor:
            return [PendingGrant(self._envelope(txn, key), bytes(who).decode()) for key, who in cursor]

    def get(self, grant_id: str) -> StoredGrant | None:
        """The grant of that id, if this node ever signed it."""
        key = grant_id.encode()
        if not 0 < len(key) <= self._env.max_key_size():
            return None
        with self._env.begin() as txn:
            payload = txn.get(key, db=self._grants)
            return None if payload is None else self._stored(txn, key, payload)

    def all(self) -> list[StoredGrant]:
        """All grants, by id (ids begin with the time of signing)."""
        with self._env.begin() as txn, txn.cursor(self._grants) as cursor:
            return [self._stored(txn, key, payload) for key, payload in cursor]

    async def amend(self, envelope: Envelope) -> None:
        """Puts a new version in the place of the one before, and notes it for the platform.

        A later end makes room for more lists of which totals are told. Raises `GRANT_VERSION` if another came
        first, `GRANT_NOT_ACTIVE` if provider or platform has revoked the grant: it will never be used again,
        and the platform would not record the version.
        """
        await self._writer.write(lambda txn: self._amend(txn, envelope))

    def _amend(self, txn: lmdb.Transaction, envelope: Envelope) -> None:
        grant = Grant.FromString(envelope.payload)
        key = grant.id.encode()
        before = Grant.FromString(self._envelope(txn, key).payload)
        if grant.version != before.version + 1:
            raise _other_came_first(before.version + 1)
        standing = self._standing(txn, grant.id)
        if effective_state(standing) == GrantState.GRANT_STATE_REVOKED:
            check_standing(standing)
        txn.put(key, envelope.SerializeToString(), db=self._grants)
        if grant.valid_until.ToDatetime() > before.valid_until.ToDatetime():
            self._counts.make_room(txn, grant.id)
        self._note(txn, NoticeKind.VERSION, envelope)

    async def forget_ended(self, now: datetime) -> None:
        """Forgets the lists of grants that ended long before `now`; looks once a day, and after a start."""
        day = china_date(now).isoformat()
        if day != self._forgot_on:
            self._forgot_on = day
            await self._writer.write(lambda txn: self._forget_ended(txn, now - LISTS_AFTER_END))

    def _forget_ended(self, txn: lmdb.Transaction, before: datetime) -> None:
        with txn.cursor(self._grants) as cursor:
            ids = [bytes(key).decode() for key in cursor.iternext(values=False)]
        for grant_id in ids:
            if self._counts.account(txn, grant_id).lists:
                grant = Grant.FromString(self._envelope(txn, grant_id.encode()).payload)
                if grant.valid_until.ToDatetime(UTC) <= before:
                    self._counts.forget_lists(txn, grant_id)

    def _envelope(self, txn: lmdb.Transaction, key: bytes) -> Envelope:
        return Envelope.FromString(bytes(txn.get(key, default=b"", db=self._grants)))

    def _stored(self, txn: lmdb.Transaction, key: bytes, payload: bytes) -> StoredGrant:
        pending = txn.get(key, db=self._pending) is not None
        return StoredGrant(Envelope.FromString(payload), not pending, self._standing(txn, key.decode()))

    # Standings

    async def change(self, draft: GrantChange, sign: SignChange) -> GrantStanding:
        """As `change_in`, in a transaction of its own."""
        return await self._writer.write(lambda txn: self.change_in(txn, draft, sign))

    def change_in(self, txn: lmdb.Transaction, draft: GrantChange, sign: SignChange) -> GrantStanding:
        """Makes the provider's word on a grant what `draft` says, and notes it for the platform.

        Numbers the change and has it signed; nothing happens if the state is that one already. Resuming
        begins the guards' counts anew. Raises `GRANT_NOT_ACTIVE` if the grant is revoked.
        """
        standing = self._standing(txn, draft.grant_id)
        if standing.provider_state == draft.state:
            return standing
        if standing.provider_state == GrantState.GRANT_STATE_REVOKED:
            check_standing(standing)
        change = GrantChange()
        change.CopyFrom(draft)
        change.number = self._changes_of(txn, draft.grant_id) + 1
        envelope = sign(change)
        standing.provider_state, standing.provider_cause = change.state, change.cause
        standing.provider_reason = change.reason
        standing.provider_changed_at.CopyFrom(change.changed_at)
        self._put_standing(txn, standing)
        txn.put(_change_key(change), envelope.SerializeToString(), db=self._changes)
        self._note(txn, NoticeKind.CHANGE, envelope)
        if change.state == GrantState.GRANT_STATE_ACTIVE:
            txn.delete(change.grant_id.encode(), db=self._guards)
        if change.state == GrantState.GRANT_STATE_REVOKED:
            self._counts.forget(txn, change.grant_id)
        return standing

    async def set_platform_words(self, words: Iterable[GrantStanding], *, all_of_them: bool) -> list[str]:
        """Takes over what the platform says of grants; returns the ids of those that may not be used since.

        With `all_of_them` whatever is not named is ACTIVE by the platform's word. What the platform has
        revoked stays revoked. Grants that this node never signed are passed over.
        """
        named = list(words)
        return await self._writer.write(lambda txn: self._set_platform_words(txn, named, all_of_them))

    def _set_platform_words(
        self,
        txn: lmdb.Transaction,
        words: list[GrantStanding],
        all_of_them: bool,  # noqa: FBT001 (as above)
    ) -> list[str]:
        by_grant = {word.grant_id: word for word in words}
        with txn.cursor(self._grants) as cursor:
            ids = [bytes(key).decode() for key in cursor.iternext(values=False)]
        stopped = []
        for grant_id in ids if all_of_them else by_grant.keys() & set(ids):
            standing = self._standing(txn, grant_id)
            word = by_grant.get(grant_id, active_standing(grant_id))
            before = standing.platform_state
            if before in (word.platform_state, GrantState.GRANT_STATE_REVOKED):
                continue
            standing.platform_state = word.platform_state
            standing.platform_reason = word.platform_reason
            standing.platform_changed_at.CopyFrom(word.platform_changed_at)
            self._put_standing(txn, standing)
            if word.platform_state == GrantState.GRANT_STATE_REVOKED:
                self._counts.forget(txn, grant_id)
            if word.platform_state != GrantState.GRANT_STATE_ACTIVE:
                stopped.append(grant_id)
        return stopped

    def require_usable(self, txn: lmdb.Transaction, grant_id: str) -> None:
        """Passes if neither provider nor platform has suspended or revoked the grant; `GRANT_NOT_ACTIVE`."""
        check_standing(self._standing(txn, grant_id))

    def _standing(self, txn: lmdb.Transaction, grant_id: str) -> GrantStanding:
        stored = bytes(txn.get(grant_id.encode(), default=b"", db=self._standings))
        return GrantStanding.FromString(stored) if stored else active_standing(grant_id)

    def _put_standing(self, txn: lmdb.Transaction, standing: GrantStanding) -> None:
        txn.put(standing.grant_id.encode(), standing.SerializeToString(), db=self._standings)

    def _changes_of(self, txn: lmdb.Transaction, grant_id: str) -> int:
        with txn.cursor(self._changes) as cursor:
            number = 0
            while cursor.set_key(_change_key(GrantChange(grant_id=grant_id, number=number + 1))):
                number += 1
            return number

    # Notices to the platform

    def _note(self, txn: lmdb.Transaction, kind: NoticeKind, envelope: Envelope) -> None:
        with txn.cursor(self._notices) as cursor:
            number = int.from_bytes(cursor.key(), "big") + 1 if cursor.last() else 1
        txn.put(_notice_key(number), kind.value + envelope.SerializeToString(), db=self._notices)

    def _notices_after(self, txn: lmdb.Transaction, number: int) -> Iterator[Notice]:
        with txn.cursor(self._notices) as cursor:
            if cursor.set_range(_notice_key(number + 1)):
                for key, value in cursor:
                    held = bytes(value)
                    kind, envelope = NoticeKind(held[:1]), Envelope.FromString(held[1:])
                    yield Notice(int.from_bytes(key, "big"), kind, envelope)

    def notices(self, after: int, most: int) -> list[Notice]:
        """At most so many notices that the platform has not recorded, from the one after that number on."""
        with self._env.begin() as txn:
            return list(islice(self._notices_after(txn, after), most))

    def untold(self) -> set[str]:
        """Ids of the grants of which the platform does not know all: something waits or was refused."""
        with self._env.begin() as txn, txn.cursor(self._refused) as refused:
            told_in_vain = {bytes(key).decode() for key in refused.iternext(values=False)}
            waiting = {notice.grant_id for notice in self._notices_after(txn, 0)}
        return told_in_vain | waiting | {pending.grant.id for pending in self.pending()}

    async def delivered(self, notice: Notice) -> None:
        """The platform knows what the notice says."""
        await self._writer.write(lambda txn: self._settle(txn, notice))

    async def refused(self, notice: Notice) -> None:
        """The platform will never record the notice: it is not sent again, and the grant stays `untold`."""

        def write(txn: lmdb.Transaction) -> None:
            if self._settle(txn, notice):
                txn.put(notice.grant_id.encode(), b"", db=self._refused)

        await self._writer.write(write)

    def _settle(self, txn: lmdb.Transaction, notice: Notice) -> bool:
        # Numbers begin anew when nothing waits: what has this number by now may be another notice.
        key = _notice_key(notice.number)
        stored = bytes(txn.get(key, default=b"", db=self._notices))
        return Envelope.FromString(stored[1:]) == notice.envelope and txn.delete(key, db=self._notices)


def _notice_key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _change_key(change: GrantChange) -> bytes:
    return f"{change.grant_id}/{change.number:0{_NUMBER_DIGITS}}".encode()


def _other_came_first(expected: int) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_VERSION,
        "another version of the grant was signed meanwhile",
        field="version",
        remedy="look at the grant as it is now and try again",
        details={"expected": str(expected)},
    )
