"""Several processes that do the tasks of a build, and one that hands them out.

A worker is a new interpreter (nothing is inherited of a process that has threads). What it works by, the
index key among it, reaches it through a pipe, never as an argument, in the environment or on disk. Nobody but
the process that hands out holds the other end of a worker's pipe: however that one ends, the worker finds the
pipe closed and ends too.
"""

import gc
import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final, Generic, Self, TypeVar, cast

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_Place = TypeVar("_Place")
_Answer = TypeVar("_Answer")
_SPAWN: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class _Fault:
    """A fault of the storage that a worker met."""

    error: OSError


@dataclass(frozen=True, slots=True)
class _Worker:
    """A worker, and this end of its pipe."""

    process: SpawnProcess
    connection: Connection

    def send(self, task: object) -> None:
        try:
            self.connection.send(task)
        except OSError:
            raise self._dead() from None

    def answer(self) -> object:
        """The answer to the eldest task without one."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            raise self._dead() from None
        if isinstance(answer, _Fault):
            raise answer.error
        return answer

    def end(self, *, now: bool) -> None:
        if now:
            self.process.kill()
        self.connection.close()
        self.process.join()
        self.process.close()

    def _dead(self) -> StayputError:
        self.process.join()
        return StayputError(
            ErrorReason.ERROR_REASON_BUILD_FAILED,
            f"a process of the build ended before its time ({_ending(self.process.exitcode)}); "
            "what was serving goes on",
            remedy="if memory ran out, lower `workers` or `memory_mb` of [build], else see the node's log; "
            "then build again",
        )


class Crew(Generic[_Place]):
    """Does tasks in this process until workers are started, and from then on in these; a context manager.

    This process does its tasks at `place`; `make` makes the place of worker number n, from 1. The workers are
    given tasks in turn, each has one at a time, and the answers come in the order of the tasks.
    """

    def __init__(self, workers: int, place: _Place, make: Callable[[int], _Place]) -> None:
        """Of so many workers; 1 stands for this process alone."""
        self._count = workers if workers > 1 else 0
        self._make = make
        self._place = place
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            worker.end(now=kind is not None)

    def start(self) -> None:
        """Starts the workers, if they are not."""
        if not self._workers:
            self._workers = [self._started(number) for number in range(1, self._count + 1)]

    def answers(self, tasks: Iterable[Callable[[_Place], _Answer]]) -> Iterator[_Answer]:
        """The answers to tasks; a fault of a worker's storage is raised here, and `BUILD_FAILED` if one ends.

        As many tasks as there are workers are under way at a time, and one more is taken from `tasks` before
        it can be given to one.
        """
        waiting: deque[_Worker] = deque()
        for number, task in enumerate(tasks):
            if not self._workers:
                yield task(self._place)
                continue
            full = len(waiting) == len(self._workers)
            answers = [cast(_Answer, waiting.popleft().answer())] if full else []
            # This is the worker that has just answered: it shall not wait for what is made of its answer.
            worker = self._workers[number % len(self._workers)]
            worker.send(task)
            waiting.append(worker)
            yield from answers
        for worker in waiting:
            yield cast(_Answer, worker.answer())

    def everywhere(self, task: Callable[[_Place], object]) -> None:
        """Has a task done once by each process, this one among them."""
        for worker in self._workers:
            worker.send(task)
        task(self._place)
        for worker in self._workers:
            worker.answer()

    def _started(self, number: int) -> _Worker:
        ours, theirs = _SPAWN.Pipe()
        with theirs:
            process = _SPAWN.Process(
                target=_work, args=(theirs, self._make, number), name=f"build-{number}", daemon=True
            )
            process.start()
        return _Worker(process, ours)


def _work(connection: Connection, make: Callable[[int], object], number: int) -> None:
    """Does tasks until the pipe is closed."""
    gc.disable()
    # The process that hands out says when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        place = make(number)
        with suppress(EOFError, ConnectionError):
            while True:
                task = connection.recv()
                try:
                    answer = task(place)
                except OSError as error:
                    answer = _Fault(OSError(error.errno, error.strerror))
                connection.send(answer)
                del task, answer
    except Exception as error:  # noqa: BLE001 (the boundary of a process)
        # Its message could hold a value of the source.
        traceback.print_tb(error.__traceback__)
        sys.stderr.write(f"{type(error).__name__}\n")
        sys.exit(1)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
