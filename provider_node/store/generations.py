"""The serving generations of a node's resources."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

from provider_node.store.directory import FINGERPRINTS, INDEX, MANIFEST, ResourceDirectory, damaged
from provider_node.store.fingerprints import FingerprintSet
from provider_node.store.index import Index
from provider_node.store.manifest import Manifest
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

    def __init__(self, data: Path, index_key_id: str) -> None:
        """`data` is the node's data directory; generations built under another index key are refused."""
        self._data = data
        self._index_key_id = index_key_id
        self._open: dict[str, Generation] = {}
        self._lock = threading.Lock()

    def current(self, resource: str) -> Generation | None:
        """The serving generation, or `None` before the first build; `RESOURCE_NOT_READY` if it is damaged.

        Costs one system call while the generation stays the same. Otherwise the new index and fingerprints
        are read once as a whole to compare their hashes, which takes about a second per gigabyte.
        """
        directory = ResourceDirectory(self._data, resource)
        with self._lock:
            while (generation := directory.current()) is not None:
                held = self._open.get(resource)
                if held is not None and held.manifest.generation == generation:
                    return held
                try:
                    opened = self._opened(resource, generation, directory.generation(generation))
                except FileNotFoundError:
                    # Two builds in the meantime would have removed it, and then the link names another one.
                    if directory.current() == generation:
                        raise damaged(resource, "a file of the serving generation is missing") from None
                else:
                    self._open[resource] = opened
                    return opened
            return None

    def _opened(self, resource: str, generation: str, path: Path) -> Generation:
        try:
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except ValidationError:
            raise damaged(
                resource, "the manifest of the serving generation is damaged or of another release"
            ) from None
        if (manifest.generation, manifest.contract.resource) != (generation, resource):
            raise damaged(resource, "the manifest belongs to another generation")
        if manifest.index_key_id != self._index_key_id:
            raise damaged(resource, "the serving generation was built under another index key")
        with (path / INDEX).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != manifest.index_sha256:
                raise damaged(resource, "the index of the serving generation is damaged")
        return Generation(manifest, Index(path / INDEX), _fingerprints(resource, manifest, path))


def _fingerprints(resource: str, manifest: Manifest, path: Path) -> dict[SetName, FingerprintSet]:
    sets = {}
    for place, one in enumerate(manifest.oblivious.offer.sets if manifest.oblivious else ()):
        found = FingerprintSet(path / FINGERPRINTS / str(place))
        if (found.count, found.sha256) != (one.fingerprints, one.sha256):
            raise damaged(resource, "the fingerprints of the serving generation are damaged")
        sets[one.key, one.check, one.granularity] = found
    return sets
