"""Auditing: search the log, and verify each entry without believing the platform. Nothing can be changed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from stayput import identity, notes
from stayput.errors import StayputError
from stayput.evidence import (
    BUNDLE_SUFFIX,
    Part,
    Trust,
    VerifiedEntry,
    bundle_to_file,
    evidence_invalid,
    verify_bundle,
)
from stayput.merkle import TreeHead
from stayput.rpc.tls import Credentials, channel
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import LogBundle, LogRecord, SearchLogRequest
from stayput_client.faults import ClientFault
from stayput_client.home import Home, default_home, write_private
from stayput_client.log_calls import LogCalls, opened
from stayput_client.platform import Comparator
from stayput_client.trust import TRUST_FILE, TrustFile
from stayput_client.witness import SplitView, Witness


@dataclass(frozen=True)
class Proof:
    """A bundle as the platform gave it, and what it proves."""

    bundle: LogBundle
    verified: VerifiedEntry

    def write(self, directory: Path, *, force: bool) -> Path:
        """Writes the bundle to `<place>.stayput-bundle.json` in the directory, which is made if need be.

        Without `force` an existing file is not overwritten: `FIELD_INVALID`.
        """
        path = directory / f"{self.verified.entry.leaf.index}{BUNDLE_SUFFIX}"
        if path.exists() and not force:
            reason = ErrorReason.ERROR_REASON_FIELD_INVALID
            raise ClientFault(reason, "out_exists", field="out", file=str(path))
        directory.mkdir(parents=True, exist_ok=True)
        write_private(path, bundle_to_file(self.bundle).encode())
        return path


@dataclass(frozen=True)
class Unseen:
    """Places in the tree at which the platform says that there is no entry which this department may see.

    A consumer or provider may not see those of others. From an auditor or operator they are withheld.
    """

    places: range


class Auditor:
    """A department's connection to the log; `async with Auditor.open() as auditor`.

    Failures are `StayputError`.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        files = home.identity()
        self._credentials = Credentials(*files.tls())
        self._address = files.platform().comparator_address
        self._stack = AsyncExitStack()
        self.trust_file = TrustFile(home.path / TRUST_FILE)

    @classmethod
    def open(cls, home: Path | None = None) -> Self:
        """The auditor with the identity in `home` (`$STAYPUT_HOME`, else `~/.stayput`).

        Raises `CERTIFICATE_REQUIRED` if none is there.
        """
        return cls(Home(home or default_home()))

    async def __aenter__(self) -> Self:
        to_platform = channel(self._address, identity.COMPARATOR_NAME, self._credentials)
        connected = await self._stack.enter_async_context(to_platform)
        self._calls = LogCalls(connected)
        self._comparator = Comparator(connected)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def search(self, wanted: SearchLogRequest, limit: int = 0) -> list[LogRecord]:
        """What the platform finds, newest first; at most `limit`, 0 for all. Not verified.

        Each page is a search, which the log records if an auditor makes it.
        """
        found: list[LogRecord] = []
        async for record in self._calls.search(wanted, limit):
            found.append(record)
            if len(found) == limit:
                break
        return found

    async def entry(self, place: int) -> Proof:
        """One entry with its proof, verified by the trust file.

        Raises `LOG_ENTRY_UNKNOWN`, `EVIDENCE_INVALID`, `CONFIGURATION_INVALID`.
        """
        return await self._entry(place, self.trust_file.load())

    async def follow(self, before: int, seconds: float) -> AsyncIterator[VerifiedEntry | Unseen]:
        """The last `before` entries, then new ones as they come, oldest first; each is verified. Never ends.

        The log is asked every so many seconds, by checkpoint and not by search, which would itself add an
        entry. Witnesses are not waited for; places that are not shown to this department are told. All trees
        that are shown meanwhile, also to prove an entry, must be one: `SplitView` keeps those that are not.
        """
        trust = replace(self.trust_file.load(), least_witnesses=0)
        trees = _Trees(self._home.path, self._calls, trust.log, await self._calls.checkpoint())
        begin, end = max(0, trees.newest.size - before), trees.newest.size
        while True:
            async with aclosing(self._shown(range(begin, end), trust, trees)) as shown:
                async for one in shown:
                    yield one
            await asyncio.sleep(seconds)
            begin, end = end, await trees.grow(await self._calls.checkpoint())

    async def fetch_keys(self) -> Trust:
        """Puts the signing keys of all nodes in the catalogue into the trust file, pinned from then on.

        Raises `PINNED_KEY_CHANGED` if a node shows another key than the one trusted or met before.
        """
        resources = await self._comparator.resources()
        keys = {entry.node_id: entry.signing_key for entry in resources}
        return self.trust_file.pin(keys, self._home.require_pinned)

    def witness(self) -> Witness:
        """A witness with this identity, for the log of the trust file."""
        return Witness(self._home, self._calls, self.trust_file.load().log, _now)

    async def _shown(
        self, places: range, trust: Trust, trees: "_Trees"
    ) -> AsyncGenerator[VerifiedEntry | Unseen, None]:
        unseen = places[:0]
        for place in places:
            try:
                proof = await self._entry(place, trust)
                await trees.add(proof)
            except StayputError as error:
                if error.reason == ErrorReason.ERROR_REASON_LOG_ENTRY_UNKNOWN:
                    unseen = range(unseen.start if unseen else place, place + 1)
                    continue
                # Whatever fails does not hide what was withheld before it.
                if unseen:
                    yield Unseen(unseen)
                raise
            if unseen:
                yield Unseen(unseen)
                unseen = places[:0]
            yield proof.verified
        if unseen:
            yield Unseen(unseen)

    async def _entry(self, place: int, trust: Trust) -> Proof:
        witnesses = [key.name for key in trust.witnesses]
        bundle = await self._calls.bundle(place, witnesses, trust.least_witnesses)
        verified = verify_bundle(bundle, trust)
        if verified.entry.leaf.index != place:
            raise evidence_invalid(Part.PLACE, "the platform gave another entry than was asked for")
        return Proof(bundle, verified)


class _Trees:
    """The trees that a log has signed while it was followed: one line, of which `newest` is the largest.

    Of two that contradict each other both notes are kept in the directory: `SplitView`.
    """

    def __init__(self, directory: Path, calls: LogCalls, log: notes.VerifierKey, first: bytes) -> None:
        self._directory = directory
        self._calls = calls
        self._log = log
        self._note = first
        self.newest = self._last = opened(first, log).checkpoint.head

    async def grow(self, shown: bytes) -> int:
        """The size of the log's tree by its latest checkpoint, which must go on from all that were shown."""
        head = opened(shown, self._log).checkpoint.head
        await self._require(self.newest, head, shown)
        self._note, self.newest = shown, head
        return head.size

    async def add(self, proof: Proof) -> None:
        """Passes if the tree that proves an entry, be it an earlier or a later one, is on the line."""
        shown, head = proof.bundle.checkpoint, proof.verified.checkpoint.checkpoint.head
        if head == self._last:
            return
        older, newer = sorted((self.newest, head), key=lambda one: one.size)
        await self._require(older, newer, shown)
        self._last = head
        if newer is head:
            self._note, self.newest = shown, head

    async def _require(self, older: TreeHead, newer: TreeHead, shown: bytes) -> None:
        try:
            await self._calls.require_consistent(older, newer)
        except StayputError as error:
            if error.reason != ErrorReason.ERROR_REASON_EVIDENCE_INVALID:
                raise
            found = SplitView.keep(self._directory, self._note, shown, error.message, "two_trees")
            raise found from None


def _now() -> datetime:
    return datetime.now(UTC)
