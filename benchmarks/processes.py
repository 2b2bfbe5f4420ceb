"""What a command takes: time on the clock, of the processors, and memory, over all its processes."""

import resource
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT
from time import perf_counter

import psutil

INTERVAL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Taken:
    """Wall and processor seconds, and the most memory that all processes had at once, in bytes (PSS)."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: Sequence[str], output: Path) -> Taken:
    """Runs a command to its end; what it prints goes to that file.

    Memory is looked at five times a second: of the command's process and all below it, each with its share of
    what it shares with others. Whoever starts a command imports no library that only the command needs:
    a part of it would be counted here. Raises `RuntimeError` with what was printed if the command fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = perf_counter()
    with output.open("wb") as printed:
        process = psutil.Popen(command, stdout=printed, stderr=STDOUT)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory([process, *process.children(recursive=True)]))
            with suppress(psutil.TimeoutExpired):
                process.wait(INTERVAL_SECONDS)
    seconds = perf_counter() - began
    if process.returncode:
        raise RuntimeError(output.read_text("utf-8"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak)


def _memory(processes: Sequence[psutil.Process]) -> int:
    """Bytes of processes, some of which may have ended."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total
