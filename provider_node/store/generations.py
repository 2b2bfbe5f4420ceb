"""The serving generations of a node's resources."""

import errno
import threading
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from weakref import WeakValueDictionary

import lmdb
from pydantic import ValidationError

from provider_node.store.directory import FINGERPRINTS, ResourceDirectory, damaged
from provider_node.store.files import sha256_of
from provider_node.store.fingerprints import FingerprintSet
from provider_node.store.index import Index
from provider_node.store.manifest import Manifest, read_manifest
from stayput.v1.contract_pb2 import Granularity

SetName: TypeAlias = "tuple[str, str, Granularity.ValueType]"


@dataclass(frozen=True, slots=True)
class Generation:
    """One immutable build of a resource's index, open.

    `fingerprints` are by key, check (empty for the key itself) and granularity; there are none if it was not
    built for oblivious mode. It is closed when the last reference is gone, and can be read until then even if
    its files were removed.
    """

    manifest: Manifest
    index: Index
    fingerprints: Mapping[SetName, FingerprintSet]


class Generations:
    """Opens each resource's serving generation once and keeps it until another one serves. Thread-safe."""

    def __init__(self, data: Path, index_key_ids: Container[str]) -> None:
        """`data` is the node's data directory; generations built under other index keys are refused."""
        self._data = data
        self._index_key_ids = index_key_ids
        self._open: dict[str, Generation] = {}
        # A session may be on a generation that serves again: LMDB opens a file only once in a process.
        self._indexes: WeakValueDictionary[Path, Index] = WeakValueDictionary()
        # Reading an index as a whole takes long: only its own resource waits for that.
        self._locks: dict[str, threading.Lock] = {}

    def directory(self, resource: str) -> ResourceDirectory:
        """The files of a resource."""
        return ResourceDirectory(self._data, resource)

    def current(self, resource: str) -> Generation | None:
        """The serving generation, or `None` before the first build; `RESOURCE_NOT_READY` if it is damaged.

        Costs one system call while the generation stays the same. Otherwise the new index and fingerprints
        are read once as a whole to compare their hashes, which takes about a second per gigabyte. Who asks
        for the same resource meanwhile waits, nobody else does.
        """
        directory = self.directory(resource)
        if (held := self._held(resource)) is not None:
            return held
        # As one step, `setdefault` gives all threads the same lock.
        with self._locks.setdefault(resource, threading.Lock()):
            while (generation := directory.current()) is not None:
                held = self._open.get(resource)
                if held is not None and held.manifest.generation == generation:
                    return held
                try:
                    opened = self._opened(resource, generation, directory.generation(generation))
                except FileNotFoundError:
                    # Builds in the meantime may have removed it, and then the link names another one.
                    if directory.current() == generation:
                        raise damaged(resource, "a file of the serving generation is missing") from None
                else:
                    self._open[resource] = opened
                    return opened
            return None

    def is_open(self, resource: str) -> bool:
        """Whether `current` would cost no more than a system call."""
        return self._held(resource) is not None

    def _held(self, resource: str) -> Generation | None:
        held = self._open.get(resource)
        serves = held is not None and held.manifest.generation == self.directory(resource).current()
        return held if serves else None

    def manifest(self, resource: str, generation: str, called: str = "") -> Manifest:
        """The manifest of a finished generation.

        Raises `RESOURCE_NOT_READY` if it is damaged, of another release, or built under another index key;
        `FileNotFoundError` if there is none. `called` is what to call the generation.
        """
        called = called or f"generation {generation}"
        try:
            with _readable(resource, called):
                manifest = read_manifest(self.directory(resource).generation(generation))
        except ValidationError:
            raise damaged(resource, f"the manifest of {called} is damaged or of another release") from None
        if (manifest.generation, manifest.contract.resource) != (generation, resource):
            raise damaged(resource, "the manifest belongs to another generation")
        if manifest.index_key_id not in self._index_key_ids:
            raise damaged(resource, f"{called} was built under another index key")
        return manifest

    def verify(self, resource: str, generation: str) -> Manifest:
        """Reads all that a generation serves with and compares its hashes; its manifest.

        Raises `RESOURCE_NOT_READY` if it could not serve.
        """
        called = f"generation {generation}"
        path = self.directory(resource).generation(generation)
        try:
            manifest = self.manifest(resource, generation)
            with _readable(resource, called):
                _check_index(resource, manifest, path, called)
                _fingerprints(resource, manifest, path, called)
        except FileNotFoundError:
            raise damaged(resource, f"a file of {called} is missing") from None
        return manifest

    def _opened(self, resource: str, generation: str, path: Path) -> Generation:
        called = "the serving generation"
        manifest = self.manifest(resource, generation, called)
        with _readable(resource, called):
            _check_index(resource, manifest, path, called)
            fingerprints = _fingerprints(resource, manifest, path, called)
            return Generation(manifest, self._index(path, manifest), fingerprints)

    def _index(self, path: Path, manifest: Manifest) -> Index:
        index = self._indexes.get(path)
        if index is None:
            try:
                index = self._indexes[path] = Index(*(path / name for name in manifest.index_files))
            except lmdb.Error as error:
                if error.code == errno.ENOENT:
                    raise FileNotFoundError(errno.ENOENT, "removed in the meantime") from None
                raise
        return index


@contextmanager
def _readable(resource: str, called: str) -> Iterator[None]:
    """Tells files that cannot be read as damage of the resource; of a missing one, others know more."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, lmdb.Error) as error:
        told = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        raise damaged(resource, f"a file of {called} cannot be read: {told}") from error


def _check_index(resource: str, manifest: Manifest, path: Path, called: str) -> None:
    for name, expected in manifest.index_files.items():
        if sha256_of(path / name) != expected:
            raise damaged(resource, f"the index of {called} is damaged")


def _fingerprints(
    resource: str, manifest: Manifest, path: Path, called: str
) -> dict[SetName, FingerprintSet]:
    sets = {}
    for place, one in enumerate(manifest.oblivious.offer.sets if manifest.oblivious else ()):
        found = FingerprintSet(path / FINGERPRINTS / str(place))
        if (found.count, found.sha256) != (one.fingerprints, one.sha256):
            raise damaged(resource, f"the fingerprints of {called} are damaged")
        sets[one.key, one.check, one.granularity] = found
    return sets
