"""Group commit: many sessions' small durable writes share one fsync."""

import asyncio
import errno
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, TypeVar

import lmdb

from provider_node.store.files import NO_ROOM
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_T = TypeVar("_T")
_Function = Callable[[lmdb.Transaction], object]
_Job = tuple[_Function, asyncio.AbstractEventLoop, "asyncio.Future[object]"]
_Result = tuple[object, Exception | None]

_MOST_JOBS: Final = 256
# LMDB reports EIO when the system took only a part of what it wrote, as a disk does that is filling up.
_NO_ROOM: Final = NO_ROOM | {errno.EIO}


class GroupWriter:
    """Runs write functions in one thread, as many as wait in one LMDB transaction.

    Each function runs in a nested transaction: one that raises undoes only its own writes. A future resolves
    only after the commit is durable. `write` and `close` belong to the thread of one event loop.
    """

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="state-writer", daemon=True)
        self._thread.start()

    async def write(self, function: Callable[[lmdb.Transaction], _T]) -> _T:
        """What `function` returned, once what it wrote is durable.

        Raises what `function` raised; `STORAGE_FULL` if the disk or the map is full; `SHUTTING_DOWN` after
        `close`. A cancelled caller does not undo the write.
        """
        if self._closed:
            raise StayputError(
                ErrorReason.ERROR_REASON_SHUTTING_DOWN,
                "the node is stopping and writes nothing any more",
                remedy="try again when it is back",
            )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._jobs.put((function, loop, future))  # type: ignore[arg-type]  # a future is invariant in its result
        try:
            return await asyncio.shield(future)
        except lmdb.Error as error:
            raise storage_error(error) from error

    def close(self) -> None:
        """Finishes what waits and ends the thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            jobs: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) == _MOST_JOBS or self._jobs.empty():
                    break
                job = self._jobs.get()
            closing = job is None
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        results: list[_Result]
        try:
            with self._env.begin(write=True) as transaction:
                results = [self._attempt(function, transaction) for function, _, _ in jobs]
        except lmdb.Error as error:
            results = [(None, error)] * len(jobs)
        for (_, loop, future), (result, failure) in zip(jobs, results, strict=True):
            try:
                loop.call_soon_threadsafe(_resolve, future, result, failure)
            except RuntimeError:  # the caller's event loop is gone; what it asked for is done all the same
                continue

    def _attempt(self, function: _Function, parent: lmdb.Transaction) -> _Result:
        try:
            with self._env.begin(write=True, parent=parent) as transaction:
                return function(transaction), None
        except Exception as error:  # noqa: BLE001 (handed to whoever awaits the write)
            return None, error


def _resolve(future: "asyncio.Future[object]", result: object, failure: Exception | None) -> None:
    if failure is not None:
        future.set_exception(failure)
        # Nobody takes it if the caller was cancelled, and that is nothing to warn of.
        future.exception()
    else:
        future.set_result(result)


def storage_error(error: lmdb.Error) -> StayputError:
    """`STORAGE_FULL` for a full disk or map, `INTERNAL` for anything else that LMDB reports."""
    full = isinstance(error, lmdb.MapFullError) or getattr(error, "code", 0) in _NO_ROOM
    return StayputError(
        ErrorReason.ERROR_REASON_STORAGE_FULL if full else ErrorReason.ERROR_REASON_INTERNAL,
        "the node's state could not be written",
        remedy="free disk space at the node, or replace its disk"
        if full
        else "check the node's disk and its log",
    )
