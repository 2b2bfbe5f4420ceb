"""Subjects sorted by position on disk, however many there are: sorted runs, and their merge in ranges.

A run is two files, of positions (8 bytes each, little-endian) and of the entries in the same order. Ranges of
positions are chosen from a sample of all runs, so that what one range has in all runs fits into memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.positions import Positions
from provider_node.domain.build.records import Records
from provider_node.store.files import PRIVATE

_Scalar = TypeVar("_Scalar", bound=np.generic)

POSITIONS_SUFFIX: Final = ".positions"
_POSITIONS: Final = np.dtype("<u8")
_RUN_ROWS: Final = 1 << 18
_SAMPLED: Final = 512


class Runs:
    """Writes the runs of one key into a directory of its own, which is there once there is a run."""

    def __init__(self, directory: Path, entry_type: np.dtype[np.void], rows: int = _RUN_ROWS) -> None:
        """A run has `rows` subjects, or as many as the batch that fills it brings."""
        self._directory = directory
        self._type = entry_type
        self._rows = rows
        self._waiting: list[tuple[Positions, Records]] = []
        self._count = 0
        self._number = 0

    def add(self, positions: Positions, entries: Records) -> None:
        """Adds subjects, in any order."""
        self._waiting.append((positions, entries))
        self._count += len(positions)
        if self._count >= self._rows:
            self.finish()

    def finish(self) -> None:
        """Writes what is in memory as a run."""
        if self._count:
            positions = np.concatenate([positions for positions, _ in self._waiting])
            entries = np.concatenate([entries for _, entries in self._waiting])
            self._write(*_joined(positions, entries))
        self._waiting, self._count = [], 0

    def _write(self, positions: Positions, entries: Records) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        run = Run(self._directory / f"{self._number:06}{POSITIONS_SUFFIX}", self._type)
        self._number += 1
        for path in (run.positions, run.entries):
            path.touch(PRIVATE)
        # numpy's own `tofile` does not tell why it fails.
        run.positions.write_bytes(positions.astype(_POSITIONS).tobytes())
        run.entries.write_bytes(entries.tobytes())


@dataclass(frozen=True, slots=True)
class Run:
    """A run on disk, by its file of positions."""

    positions: Path
    entry_type: np.dtype[np.void]

    @property
    def entries(self) -> Path:
        """The file of entries."""
        return self.positions.with_suffix(".entries")

    def sample(self) -> Positions:
        """Every so-manieth position."""
        return np.array(self._mapped()[::_SAMPLED], np.uint64)

    def places(self, bounds: Positions) -> list[int]:
        """How many positions are below each of the bounds."""
        return [int(place) for place in np.searchsorted(self._mapped(), bounds)]

    def part(self, start: int, end: int) -> tuple[Positions, Records]:
        """The positions and entries from one place to another."""
        positions = _read(self.positions, _POSITIONS, start, end)
        return positions.astype(np.uint64), _read(self.entries, self.entry_type, start, end)

    def remove(self) -> None:
        """Removes the files."""
        self.positions.unlink()
        self.entries.unlink()

    def _mapped(self) -> npt.NDArray[np.uint64]:
        return np.memmap(self.positions, _POSITIONS, "r")


def runs_in(directories: Sequence[Path], entry_type: np.dtype[np.void]) -> list[Run]:
    """All runs of those directories, of which some may not be there."""
    return [Run(path, entry_type) for one in directories for path in sorted(one.glob(f"*{POSITIONS_SUFFIX}"))]


def merged_runs(runs: Sequence[Run], rows: int) -> Iterator[tuple[Positions, Records]]:
    """Positions, ascending, and their entries, in parts of at most about so many rows, and one for each run.

    Rows with one position come in one part. The runs are removed.
    """
    samples = np.sort(np.concatenate([np.empty(0, np.uint64), *(run.sample() for run in runs)]))
    bounds = np.unique(samples[:: max(1, rows // _SAMPLED)])[1:]
    places = [[0, *run.places(bounds), _rows(run)] for run in runs]
    for part in range(len(bounds) + 1):
        of_runs = [run.part(*there[part : part + 2]) for run, there in zip(runs, places, strict=True)]
        if of_runs:
            positions = np.concatenate([positions for positions, _ in of_runs])
            entries = np.concatenate([entries for _, entries in of_runs])
            # A stable sort finds the runs and merges them.
            order = np.argsort(positions, kind="stable")
            yield positions[order], _taken(entries, order)
    for run in runs:
        run.remove()


def _joined(positions: Positions, entries: Records) -> tuple[Positions, Records]:
    """Sorted by position; neighbours that are one subject are one, with the checks of either."""
    order = np.argsort(positions, kind="stable")
    positions, entries = positions[order], _taken(entries, order)
    tokens = np.ascontiguousarray(entries["token"]).view(np.uint64).reshape(-1, 2)
    differs = np.ones(len(positions), np.bool_)
    differs[1:] = (positions[1:] != positions[:-1]) | (tokens[1:] != tokens[:-1]).any(axis=1)
    starts = np.flatnonzero(differs)
    if len(starts) == len(positions):
        return positions, entries
    bitmaps = np.bitwise_or.reduceat(entries["bitmap"], starts)
    positions, entries = positions[starts], _taken(entries, starts)
    entries["bitmap"] = bitmaps
    return positions, entries


def _taken(entries: Records, places: npt.NDArray[np.intp]) -> Records:
    return entries.view(f"V{entries.itemsize}")[places].view(entries.dtype)


def _rows(run: Run) -> int:
    return run.positions.stat().st_size // _POSITIONS.itemsize


def _read(path: Path, kind: np.dtype[_Scalar], start: int, end: int) -> npt.NDArray[_Scalar]:
    return np.fromfile(path, kind, end - start, offset=start * kind.itemsize)
