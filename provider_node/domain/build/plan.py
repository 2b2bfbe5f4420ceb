"""How a build divides the memory that it may take."""

import os
from dataclasses import dataclass
from typing import Final

from provider_node.config import Build

_MEGABYTE: Final = 1 << 20
# An interpreter with the libraries of a build, and a batch of a source with all that is made of it.
_PROCESS: Final = 60
_BATCH: Final = 80
# What sorting and packing takes of a bucket's own size, and what is made of it where it is appended.
_SORTING: Final = 5
_APPENDING: Final = 10
# What merging a subject of the runs takes: both of its parts, their order and copies.
_SUBJECT_BYTES: Final = 150


@dataclass(frozen=True, slots=True)
class Plan:
    """So many workers (1: none but the process itself), so large a bucket, so many rows of runs at once."""

    workers: int
    bucket_bytes: int
    run_rows: int


def plan(build: Build, cores: int | None = None) -> Plan:
    """What `[build]` says, on so many cores; as many workers at most as the memory allows."""
    wanted = build.workers or cores or os.cpu_count() or 1
    fitting = (build.memory_mb - _PROCESS - _BATCH) // (_PROCESS + _BATCH)
    workers = max(1, min(wanted, fitting))
    free = build.memory_mb - _PROCESS * (workers + 1)
    return Plan(
        workers=workers,
        bucket_bytes=max(1, free * _MEGABYTE // (_SORTING * workers + _APPENDING)),
        run_rows=max(1, free * _MEGABYTE // 2 // _SUBJECT_BYTES),
    )
