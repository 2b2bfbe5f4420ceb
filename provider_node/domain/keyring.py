"""Rotation: a new key takes the place of one, and that goes on working for as long as anything needs it.

An index key or OPRF root is needed by each generation on disk that was built under it, and by a sealing key's
id sessions are opened for the overlap. Nothing is removed before the overlap is over, so that a build that
had loaded its keys before a rotation can end.
"""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from provider_node.domain.accounts import Clock
from provider_node.domain.keys import DRAWN, GUARDS_FILE, OVERLAP, NodeKeys, guards_secret
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.store.epochs import KeyEntry, Purpose, write_epochs
from provider_node.store.key_use import KeyUse, key_uses, no_build
from stayput.errors import StayputError, field_invalid
from stayput.signing import key_id
from stayput.v1.admin_pb2 import KeyStatus

SIGNING: Final = "signing"
_PRUNE_SECONDS: Final = 3_600.0

_log = structlog.get_logger(__name__)


class Keyring:
    """The keys of a node that can be rotated, on disk and in its rings. Thread-safe.

    Where a node runs, it alone may change them; else whoever holds its run directory.
    """

    def __init__(self, keys: NodeKeys, data: Path) -> None:
        """`data` is the node's data directory. Reads the keys; raises `CONFIGURATION_INVALID`."""
        self._keys = keys
        self._data = data
        self._lock = threading.Lock()
        self.index = keys.index_keys()
        self.oprf = keys.oprf_keys()
        self.sealing = keys.sealing_keys()

    def rotate(self, purpose: str, by: str, now: datetime) -> list[KeyStatus]:
        """Makes a new current key in the name of an administrator; the keys of that purpose as they are then.

        Raises `FIELD_INVALID` for a purpose that is not known, and for `signing`.
        """
        wanted = _purpose(purpose)
        with self._lock:
            epochs = self._keys.epochs().rotated(wanted, now, by)
            store = self._keys.store
            if wanted is Purpose.INDEX and not store.exists(GUARDS_FILE):
                store.write(GUARDS_FILE, guards_secret())
            current = epochs.of(wanted)[-1]
            store.write(current.file(wanted), DRAWN[wanted]())
            write_epochs(store, epochs)
            self._reload()
        return [one for one in self.statuses() if one.purpose == wanted]

    def prune(self, now: datetime) -> list[KeyStatus]:
        """Removes the keys that nothing needs any more; returns which."""
        with self._lock:
            return self._remove_unneeded(now)

    async def run(self, clock: Clock) -> None:
        """Removes keys when nothing needs them any more, for as long as the node runs."""
        while True:
            try:
                for one in await asyncio.to_thread(self.prune, clock()):
                    _log.info("key removed", purpose=one.purpose, epoch=one.epoch, key=one.id)
            except (StayputError, OSError) as error:
                _log.warning("keys not looked through", error=type(error).__name__)
            await asyncio.sleep(_PRUNE_SECONDS)

    def statuses(self) -> list[KeyStatus]:
        """All keys, by purpose and newest first."""
        public = self._keys.signing_key().public_key().public_bytes_raw()
        found = [KeyStatus(purpose=SIGNING, id=key_id(public), epoch=1, current=True)]
        with self._lock:
            epochs, uses = self._keys.epochs(), key_uses(self._data)
            for purpose in Purpose:
                found.extend(self._status(purpose, one, uses) for one in epochs.of(purpose))
        return sorted(found, key=lambda one: (one.purpose, -one.epoch))

    def _remove_unneeded(self, now: datetime) -> list[KeyStatus]:
        with no_build(self._data) as quiet:
            if not quiet:
                return []
            epochs, uses = self._keys.epochs(), key_uses(self._data)
            removed = []
            for purpose in Purpose:
                over = [one for one in epochs.of(purpose) if self._is_over(purpose, one, uses, now)]
                removed += [(self._status(purpose, one, uses), one.file(purpose)) for one in over]
                epochs = epochs.without(purpose, {one.epoch for one in over})
            if removed:
                write_epochs(self._keys.store, epochs)
                self._reload()
                self._keys.store.remove(file for _, file in removed)
        return [status for status, _ in removed]

    def _reload(self) -> None:
        self.index.replace(self._keys.index_keys())
        self.oprf.replace(self._keys.oprf_keys())
        self.sealing.replace(self._keys.sealing_keys())

    def _is_over(self, purpose: Purpose, entry: KeyEntry, uses: list[KeyUse] | None, now: datetime) -> bool:
        if entry.retired_at is None or now < entry.retired_at + OVERLAP:
            return False
        # What cannot be told may need any of them.
        return purpose is Purpose.SEALING or (
            uses is not None and not any(map(self._needs(purpose, entry), uses))
        )

    def _needs(self, purpose: Purpose, entry: KeyEntry) -> Callable[[KeyUse], bool]:
        """Whether a generation needs that index key or OPRF root."""
        if purpose is Purpose.INDEX:
            index = self._keys.index_key(entry).id
            return lambda use: use.index_key_id == index
        root = OprfKeys(self._keys.oprf_root(entry))
        return lambda use: (
            use.key_epoch is not None and root.epoch(use.resource, use.generation).id == use.key_epoch
        )

    def _status(self, purpose: Purpose, entry: KeyEntry, uses: list[KeyUse] | None) -> KeyStatus:
        status = KeyStatus(
            purpose=purpose, id=self._id(purpose, entry), epoch=entry.epoch, current=entry.retired_at is None
        )
        if entry.made_at is not None:
            status.made_at.FromDatetime(entry.made_at)
        if entry.retired_at is not None:
            if purpose is not Purpose.SEALING:
                needs = self._needs(purpose, entry)
                status.needed_by.extend(sorted({use.resource for use in uses or () if needs(use)}))
            until = (entry.retired_at + OVERLAP).astimezone(UTC)
            status.needed_by.append(f"until {until.isoformat(timespec='seconds')}")
        return status

    def _id(self, purpose: Purpose, entry: KeyEntry) -> str:
        match purpose:
            case Purpose.INDEX:
                return self._keys.index_key(entry).id
            case Purpose.OPRF:
                return OprfKeys(self._keys.oprf_root(entry)).id
            case Purpose.SEALING:
                return self._keys.sealing_key(entry).id.hex()


def _purpose(name: str) -> Purpose:
    if name == SIGNING:
        raise field_invalid(
            "purpose",
            "the signing key is certified by enrolment and is not rotated by itself",
            "see `Another signing key` in docs/keys.md",
        )
    try:
        return Purpose(name)
    except ValueError:
        raise field_invalid("purpose", "is not known", f"choose one of {', '.join(Purpose)}") from None
