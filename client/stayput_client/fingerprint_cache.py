"""Fingerprints of the oblivious mode as they are kept on this side, so that each generation is fetched once.

```
fingerprints/<node>/<resource>/<generation, hashed>/
    <granularity>.<key>[.<check>]             whole and verified
    <granularity>.<key>[.<check>].partial     what has come so far
    <session>.receipt.json                    of fetching them
fingerprints/<node>/.<resource>.lock          held by who fetches or removes
```
A file holds fingerprints as the node sends them: 8 bytes each, ascending. It gets its name when all of it has
come and is what the signed description says; so a crash leaves a partial one, and the next fetch goes on.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from stayput.errors import StayputError
from stayput.identity import checked_code
from stayput.oblivious import FINGERPRINT_BYTES
from stayput.v1.contract_pb2 import Granularity, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.home import make_private, write_private
from stayput_client.models.grants import Grant
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import GrantState, Mode
from stayput_client.results import SignedReceipt

_NAME_CHARACTERS: Final = 32
_VERIFIED_KEPT: Final = 1_024


class Generation:
    """The files of one generation of a resource, below `root`. Creating the object touches nothing."""

    def __init__(self, root: Path, description: Description) -> None:
        # What a node calls its generations is its own affair, and no path.
        hashed = hashlib.sha256(description.generation.encode()).hexdigest()[:_NAME_CHARACTERS]
        self._resource = root / checked_code(description.node, "node_id") / description.contract.resource
        self.directory = self._resource / hashed

    def whole(self, of: ObliviousSet) -> Path | None:
        """The file of a set if all is there; verified once in a process, and removed if it is bad."""
        path = self._path(of)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        if _is(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size), of.fingerprints, of.sha256):
            return path
        path.unlink(missing_ok=True)
        return None

    def partial(self, of: ObliviousSet) -> "Partial":
        """What has come of a set, to be gone on with. Only while `locked`."""
        make_private(self.directory)
        return Partial(self._path(of), of)

    def keep_receipt(self, receipt: SignedReceipt) -> None:
        """Puts the receipt of fetching beside what was fetched."""
        path = self.directory / f"{receipt.receipt.session_id.hex()}.receipt.json"
        write_private(path, receipt.to_file().encode())

    def remove_others(self) -> None:
        """Removes all other generations of the resource. Only while `locked`."""
        for other in self._resource.iterdir():
            if other != self.directory:
                shutil.rmtree(other)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps others from writing the resource's files; BlockingIOError while somebody else does."""
        with _locked(self._resource):
            yield

    def _path(self, of: ObliviousSet) -> Path:
        granularity = Granularity.Name(of.granularity).removeprefix("GRANULARITY_").lower()
        return self.directory / ".".join(filter(None, (granularity, of.key, of.check)))


class Partial:
    """A set while it is fetched: `held` fingerprints are there. `with` it."""

    def __init__(self, path: Path, of: ObliviousSet) -> None:
        self._path = path
        self._of = of
        self._growing = path.with_name(f"{path.name}.partial")
        descriptor = os.open(self._growing, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        self.held = min(os.fstat(descriptor).st_size // FINGERPRINT_BYTES, of.fingerprints)
        self._file.truncate(self.held * FINGERPRINT_BYTES)
        self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, fingerprints: bytes) -> None:
        """More of it."""
        self._file.write(fingerprints)
        self.held += len(fingerprints) // FINGERPRINT_BYTES

    def finish(self) -> None:
        """Puts it in its place; if it is not what is described it is gone, and `PROOF_INVALID` raised."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if not _described(self._growing, self._of.fingerprints, self._of.sha256):
            self._growing.unlink()
            raise FingerprintsWrong
        self._growing.replace(self._path)


def forget_ungranted(root: Path, held: Sequence[Grant], nodes: Collection[str] | None) -> None:
    """Removes the files of resources, of `nodes` if given, that no active grant covers in oblivious mode."""
    granted = {
        (one.node, one.resource)
        for one in held
        if one.state is GrantState.ACTIVE and Mode.OBLIVIOUS in one.modes
    }
    for node in _directories(root):
        for resource in _directories(node):
            if (nodes is None or node.name in nodes) and (node.name, resource.name) not in granted:
                _remove(resource)


def _directories(path: Path) -> list[Path]:
    return [one for one in path.iterdir() if one.is_dir()] if path.is_dir() else []


def _remove(resource: Path) -> None:
    try:
        with _locked(resource):
            shutil.rmtree(resource)
    except BlockingIOError:
        # Whoever fetches now has a grant, or is refused; then the next time does it.
        return


@contextmanager
def _locked(resource: Path) -> Iterator[None]:
    make_private(resource.parent)
    with (resource.parent / f".{resource.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@lru_cache(_VERIFIED_KEPT)
def _is(path: Path, stamp: tuple[int, int, int], fingerprints: int, sha256: bytes) -> bool:  # noqa: ARG001 (a changed file has another stamp)
    return _described(path, fingerprints, sha256)


def _described(path: Path, fingerprints: int, sha256: bytes) -> bool:
    # That they ascend is not looked at: a node that signs what does not could as well leave some out.
    with path.open("rb") as file:
        hashed = hashlib.file_digest(file, "sha256").digest()
    return path.stat().st_size == fingerprints * FINGERPRINT_BYTES and hashed == sha256


class FingerprintsWrong(StayputError):
    """`PROOF_INVALID`: what came are not the fingerprints of the node's own description."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_PROOF_INVALID,
            "fingerprints: those that the node sent are not those of its signed description",
            field="fingerprints",
            remedy="nothing was compared; tell the provider and the platform",
        )
