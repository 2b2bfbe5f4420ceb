"""The files that a replica needs of a generation: which they are, and what is in them.

What was left out of the register, why a generation is held back, and what the evaluations were are none of
them: they stay with the node.
"""

import asyncio
import os
import weakref
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from provider_node.domain.resources import Resources
from provider_node.store.directory import FINGERPRINTS, MANIFEST
from provider_node.store.files import sha256_of
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.errors import StayputError, field_invalid
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import GenerationFile

PIECE_BYTES: Final = 1 << 20


def files_of(directory: Path, manifest: Manifest) -> list[GenerationFile]:
    """The files of the generation in a directory, the manifest first; `FileNotFoundError` if one is missing.

    The manifest says what the others hold: none of them is read.
    """
    hashes = {MANIFEST: bytes.fromhex(sha256_of(directory / MANIFEST)), **_hashes(manifest)}
    return [
        GenerationFile(path=path, size=(directory / path).stat().st_size, sha256=sha256)
        for path, sha256 in hashes.items()
    ]


class ReadableFiles:
    """What replicas may read of the generations on this node's disk."""

    def __init__(self, resources: Resources, generations: Generations) -> None:
        self._resources = resources
        self._generations = generations

    async def read(
        self, resource: str, generation: str, path: str, offset: int
    ) -> AsyncGenerator[bytes, None]:
        """What a file holds from a place on, in pieces of 1 MiB at most; nothing if that is its end.

        Goes on to the end also if the generation is removed meanwhile. Raises `GENERATION_UNKNOWN` for one
        that is not on disk or is held back, `RESOURCE_NOT_READY` for one that cannot serve, and
        `FIELD_INVALID` for a path that is not listed or a place that is not in the file.
        """
        file = await asyncio.to_thread(self._opened, resource, generation, path)
        if not 0 <= offset <= file.size:
            raise field_invalid("offset", "must be from 0 to the size of the file", "copy the file anew")
        while piece := await asyncio.to_thread(file.read, offset):
            yield piece
            offset += len(piece)

    def _opened(self, resource: str, generation: str, path: str) -> "_OpenFile":
        directory = self._generations.directory(resource)
        if resource not in self._resources.codes() or generation not in directory.finished():
            raise _unknown()
        # A crash may have left the note beside one that serves.
        if directory.held(generation) and directory.current() != generation:
            raise _unknown()
        try:
            manifest = self._generations.manifest(resource, generation)
            if path != MANIFEST and path not in _hashes(manifest):
                raise field_invalid("path", "is not that of a file that was listed", "ask for one of those")
            return _OpenFile(directory.generation(generation) / path)
        except FileNotFoundError:
            raise _unknown() from None


class _OpenFile:
    """A file, open until the object is gone."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int) -> bytes:
        return os.pread(self._descriptor, PIECE_BYTES, offset)


def _hashes(manifest: Manifest) -> dict[str, bytes]:
    """The files that a manifest tells the hashes of, by path, as far as they are needed to serve."""
    index = {name: bytes.fromhex(sha256) for name, sha256 in manifest.index_files.items()}
    sets = manifest.oblivious.offer.sets if manifest.oblivious is not None else ()
    return index | {f"{FINGERPRINTS}/{place}": one.sha256 for place, one in enumerate(sets)}


def _unknown() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_GENERATION_UNKNOWN,
        "the resource has no such generation that may serve on this node's disk",
        field="generation",
        remedy="take the one that serves now",
    )
