"""Copying a generation from the node to a replica's disk.

It is made in `generations/<id>.copying/`, file by file, each from where an earlier try stopped, and gets its
name when every file is what the node says it is. A crash leaves what was copied, and the next try goes on.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final

import structlog

from provider_node.domain.replicas.following import NODE
from provider_node.store.directory import FINGERPRINTS, GENERATION, MANIFEST, ResourceDirectory
from provider_node.store.files import NO_ROOM, PRIVATE, sha256_of, sync_directory
from stayput.errors import StayputError, field_invalid
from stayput.rpc.client import translated
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import GenerationFile, ReadFileRequest, ReadFileResponse, ReplicaResource

if TYPE_CHECKING:
    import grpc.aio

    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

KEPT: Final = 2
"""Generations of a resource on the disk: the one that serves, and the one before or the one being copied."""
_SAME_RELEASE: Final = "run the same release on the node and on its replicas"
_TRIES: Final = 2
_SILENT_SECONDS: Final = 60.0
_COPYING: Final = ".copying"
_REMOVING: Final = ".removing"
_PATH: Final = re.compile(rf"{re.escape(MANIFEST)}|index(-[0-9]{{2,}})?\.mdb|{FINGERPRINTS}/[0-9]+")

_log = structlog.get_logger(__name__)


class Superseded(Exception):
    """What is being copied is not wanted any more."""


class Copying:
    """Brings generations onto the disk."""

    def __init__(
        self, stub: "ReplicaServiceAsyncStub", data: Path, silent_seconds: float = _SILENT_SECONDS
    ) -> None:
        """`data` is the replica's data directory; a node silent for so long in a file is given up."""
        self._stub = stub
        self._data = data
        self._silent_seconds = silent_seconds

    async def bring(self, resource: ReplicaResource, wanted: Callable[[], bool]) -> None:
        """Makes the generation the serving one on this disk; copies it if it is not there whole.

        Generations before it go as far as `KEPT` demands. Raises `Superseded` soon after `wanted` says no;
        `FIELD_INVALID` for files that no generation has, `STORAGE_FULL`, `RESOURCE_NOT_READY` for a file that
        is not what the node says, and what a failed call is. Then what served serves, and it can be tried
        again.
        """
        _check(resource)
        directory = ResourceDirectory(self._data, resource.resource)
        with _storage_faults(resource.resource), directory.locked():
            await asyncio.to_thread(_clean_up, directory, resource.generation)
            if not await asyncio.to_thread(_is_there, directory, resource):
                await self._copy(directory, resource, wanted)
            await asyncio.to_thread(directory.switch, resource.generation)

    def doubt(self, resource: ReplicaResource) -> None:
        """Has each file of a generation that is there looked at again, at the next `bring`."""
        directory = ResourceDirectory(self._data, resource.resource)
        with _storage_faults(resource.resource), directory.locked():
            _doubted(directory, resource.generation)

    async def _copy(
        self, directory: ResourceDirectory, resource: ReplicaResource, wanted: Callable[[], bool]
    ) -> None:
        begun = monotonic()
        path = await asyncio.to_thread(_begun, directory, resource.generation)
        for file in resource.files:
            await self._file(resource, file, path / file.path, wanted)
        await asyncio.to_thread(_finish, directory, resource.generation)
        _log.info(
            "generation copied",
            resource=resource.resource,
            generation=resource.generation,
            bytes=sum(file.size for file in resource.files),
            seconds=round(monotonic() - begun, 3),
        )

    async def _file(
        self, resource: ReplicaResource, file: GenerationFile, path: Path, wanted: Callable[[], bool]
    ) -> None:
        for _ in range(_TRIES):
            await self._received(resource, file, path, wanted)
            if await asyncio.to_thread(_holds, path, file):
                return
            await asyncio.to_thread(path.unlink)
            _log.warning("file came otherwise than announced", resource=resource.resource, file=file.path)
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
            f"{resource.resource}: a file of the new generation is not what the node says that it is",
            field="resource",
            remedy="check the disks of the node and of the replica, and the network between them",
        )

    async def _received(
        self, resource: ReplicaResource, file: GenerationFile, path: Path, wanted: Callable[[], bool]
    ) -> None:
        """The rest of a file, durable; it ends early only with an error."""
        with await asyncio.to_thread(_opened, path) as out:
            while (offset := out.tell()) < file.size:
                await self._more(resource, file, offset, out, wanted)
                if out.tell() == offset:
                    raise StayputError(
                        ErrorReason.ERROR_REASON_SESSION_CUT,
                        f"{resource.resource}: the node sent less of a file than it has",
                        field="resource",
                        remedy="check the disk of the node",
                    )
            await asyncio.to_thread(os.fsync, out.fileno())

    async def _more(
        self,
        resource: ReplicaResource,
        file: GenerationFile,
        offset: int,
        out: BinaryIO,
        wanted: Callable[[], bool],
    ) -> None:
        request = ReadFileRequest(
            resource=resource.resource, generation=resource.generation, path=file.path, offset=offset
        )
        with translated(NODE):
            call = self._stub.ReadFile(request)
            try:
                while out.tell() < file.size and (content := await self._next(call)) is not None:
                    if not wanted():
                        raise Superseded
                    await asyncio.to_thread(_append, out, content)
            finally:
                call.cancel()

    async def _next(
        self, call: "grpc.aio.UnaryStreamCall[ReadFileRequest, ReadFileResponse]"
    ) -> bytes | None:
        try:
            async with asyncio.timeout(self._silent_seconds):
                response = await call.read()
        except TimeoutError:
            raise StayputError(
                ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
                f"the node sent nothing for {self._silent_seconds:g} seconds",
                remedy="check the node and the connection to it",
            ) from None
        return response.content if isinstance(response, ReadFileResponse) else None


def _check(resource: ReplicaResource) -> None:
    """What the node names becomes paths here."""
    if not GENERATION.fullmatch(resource.generation):
        raise field_invalid("resources.generation", "is no id of a generation", _SAME_RELEASE)
    paths = [file.path for file in resource.files]
    if not all(map(_PATH.fullmatch, paths)) or len(set(paths)) != len(paths) or MANIFEST not in paths:
        raise field_invalid("resources.files", "are not those of a generation", _SAME_RELEASE)
    if any(file.size < 0 for file in resource.files):
        raise field_invalid("resources.files.size", "must not be negative", _SAME_RELEASE)


def _is_there(directory: ResourceDirectory, resource: ReplicaResource) -> bool:
    """Whether the generation is on the disk, as far as the manifest and the sizes tell."""
    path = directory.generation(resource.generation)
    return all(
        (path / file.path).is_file()
        and (path / file.path).stat().st_size == file.size
        and (file.path != MANIFEST or _holds(path / file.path, file))
        for file in resource.files
    )


def _clean_up(directory: ResourceDirectory, generation: str) -> None:
    """Removes what copies of other generations, and removals, have left when they were cut short."""
    path = directory.generation(generation + _COPYING)
    for other in path.parent.iterdir():
        if other.name.endswith((_COPYING, _REMOVING)) and other != path:
            shutil.rmtree(other)


def _begun(directory: ResourceDirectory, generation: str) -> Path:
    """Where the generation is copied to, after room has been made."""
    _doubted(directory, generation)
    directory.trim(KEPT - 1)
    path = directory.generation(generation + _COPYING)
    for made in (path, path / FINGERPRINTS):
        made.mkdir(mode=0o700, exist_ok=True)
    return path


def _doubted(directory: ResourceDirectory, generation: str) -> None:
    """A generation that is there, but not as it should be, becomes one that is being copied."""
    path = directory.generation(generation)
    if path.exists():
        partial = directory.generation(generation + _COPYING)
        shutil.rmtree(partial, ignore_errors=True)
        path.rename(partial)


def _opened(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE), "ab")  # noqa: PTH123 (a descriptor; closed by the caller)


def _append(out: BinaryIO, content: bytes) -> None:
    out.write(content)
    out.flush()


def _holds(path: Path, file: GenerationFile) -> bool:
    """Whether a file is what the node says that it is; one that cannot be read is not."""
    try:
        return path.stat().st_size == file.size and bytes.fromhex(sha256_of(path)) == file.sha256
    except OSError:
        return False


def _finish(directory: ResourceDirectory, generation: str) -> None:
    partial = directory.generation(generation + _COPYING)
    sync_directory(partial / FINGERPRINTS)
    sync_directory(partial)
    partial.rename(directory.generation(generation))
    sync_directory(partial.parent)


@contextmanager
def _storage_faults(code: str) -> Iterator[None]:
    """Tells a full disk and other faults of the storage as such."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StayputError(
                ErrorReason.ERROR_REASON_STORAGE_FULL,
                f"{code}: there is no room for the new generation; what was serving goes on",
                field="data",
                remedy="make room under the replica's data directory",
            ) from error
        raise StayputError(
            ErrorReason.ERROR_REASON_BUILD_FAILED,
            f"{code}: the new generation cannot be written; what was serving goes on",
            field="data",
            remedy="check the disk under the replica's data directory and its permissions",
        ) from error
