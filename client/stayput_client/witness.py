"""A witness: it cosigns a checkpoint only if the tree goes on from the last one that it has seen.

What it has seen is kept in witness.json of the home directory and is durable before anything is cosigned: a
witness that was killed can at worst repeat itself, never forget. Source: c2sp.org/tlog-witness.
"""

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from stayput import identity, notes
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault
from stayput_client.home import Home, damaged, write_private
from stayput_client.log_calls import LogCalls, opened

_STATE: Final = "witness.json"


class SplitView(ClientFault):
    """`EVIDENCE_INVALID`: the log has shown two trees of which neither continues the other.

    `kept` and `shown` are the files that hold both checkpoints as the log signed them. `name` is that of the
    texts.
    """

    def __init__(self, kept: Path, shown: Path, problem: str, name: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_EVIDENCE_INVALID,
            name,
            field="consistency",
            kept=str(kept),
            shown=str(shown),
            problem=problem,
        )
        self.kept = kept
        self.shown = shown

    @classmethod
    def keep(cls, directory: Path, kept: bytes, shown: bytes, problem: str, name: str) -> Self:
        """The failure, when both notes are durable in files of that directory."""
        digest = hashlib.sha256(kept + shown).hexdigest()[:16]
        files = [directory / f"split-view-{digest}-{which}.note" for which in ("kept", "shown")]
        for file, note in zip(files, (kept, shown), strict=True):
            write_private(file, note)
        _sync_directory(directory)
        return cls(files[0], files[1], problem, name)


def cosigner(home: Home) -> notes.Cosigner:
    """Cosigns with the department's signing key under the department's URN."""
    files = home.identity()
    name = identity.department(files.platform().department).urn
    return notes.Cosigner(name, files.signing_key())


class Witness:
    """Watches one log for one home directory; `clock` gives the time of cosignatures (aware)."""

    def __init__(
        self, home: Home, calls: LogCalls, log: notes.VerifierKey, clock: Callable[[], datetime]
    ) -> None:
        self._path = home.path / _STATE
        self._calls = calls
        self._log = log
        self._clock = clock
        self._cosigner = cosigner(home)

    async def observe(self) -> notes.Checkpoint:
        """Fetches the latest checkpoint, verifies it against the one kept, keeps it, cosigns it, hands it in.

        Raises `EVIDENCE_INVALID` if the log has not signed it, and `SplitView` if it is not consistent; then
        nothing is kept or cosigned.
        """
        async with self._alone():
            shown = await self._calls.checkpoint()
            checkpoint = opened(shown, self._log).checkpoint
            await self._require_consistent(checkpoint, shown)
            self._keep(shown)
            await self._calls.cosign(self._cosigned(shown))
            return checkpoint

    async def _require_consistent(self, checkpoint: notes.Checkpoint, shown: bytes) -> None:
        kept = self._kept()
        if kept is None:
            return
        try:
            await self._calls.require_consistent(opened(kept, self._log).checkpoint.head, checkpoint.head)
        except StayputError as error:
            if error.reason != ErrorReason.ERROR_REASON_EVIDENCE_INVALID:
                raise
            found = SplitView.keep(self._path.parent, kept, shown, error.message, "split_view")
            raise found from None

    def _cosigned(self, shown: bytes) -> bytes:
        """The note with the log's own signature and this witness's."""
        note = notes.Note.parse(shown)
        own = (self._log.name, self._log.key_id)
        by_log = tuple(one for one in note.signatures if (one.name, one.key_id) == own)
        signature = self._cosigner.cosign(note.body, int(self._clock().timestamp()))
        return bytes(notes.Note(note.body, by_log).with_signature(signature))

    def _kept(self) -> bytes | None:
        try:
            stored = json.loads(self._path.read_bytes())
            kept: bytes = stored["checkpoint"].encode()
            notes.open_checkpoint(kept, self._log)
        except FileNotFoundError:
            return None
        # Going on without it would be to forget what was seen.
        except (ValueError, KeyError, TypeError, AttributeError):
            raise damaged(self._path) from None
        return kept

    def _keep(self, checkpoint: bytes) -> None:
        write_private(self._path, json.dumps({"checkpoint": checkpoint.decode()}, indent=2).encode())
        _sync_directory(self._path.parent)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        # Two processes that both go on from the same checkpoint could cosign both sides of a split view.
        with self._path.with_name(f".{_STATE}.lock").open("ab") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield


def _sync_directory(directory: Path) -> None:
    # A rename is durable when the directory is.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
