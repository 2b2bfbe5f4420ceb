"""From the batches of a source to the files of an index."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from provider_node.config import Build
from provider_node.domain.build.bench import Bench, Finish, Pack, Recipe, Record
from provider_node.domain.build.buckets import Bucket, parts
from provider_node.domain.build.crew import Crew
from provider_node.domain.build.entries import Heap, entry_type, heaps_in
from provider_node.domain.build.fingerprinting import Fingerprinting
from provider_node.domain.build.indexing import Written, verify_index, write_index
from provider_node.domain.build.pieces import HEAPS, Pieces
from provider_node.domain.build.plan import Plan, plan
from provider_node.domain.build.progress import Reporter, Stage
from provider_node.domain.build.quarantine import Quarantine
from provider_node.domain.build.ranking import rank
from provider_node.domain.build.runs import runs_in
from provider_node.domain.build.spool import Spool
from provider_node.sources import Batch
from provider_node.store.directory import QUARANTINE
from provider_node.store.manifest import Rejects
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

ROWS_BY_ONE: Final = 200_000
"""So many rows are read before workers are started: to start them takes as long as to record some batches."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was rejected, what the masks of each key's ranks are made with, and what was written."""

    rejects: tuple[Rejects, ...]
    salts: list[bytes]
    written: Written


@dataclass(frozen=True, slots=True)
class Making:
    """Makes an index by a recipe in a new generation's directory, as `build` allows.

    `beside` is what is made beside it for oblivious mode.
    """

    recipe: Recipe
    path: Path
    build: Build
    reporter: Reporter
    beside: Fingerprinting | None = None
    rows_by_one: int = ROWS_BY_ONE

    def make(self, batches: Iterable[Batch]) -> Made:
        """The index of all batches, the same whatever their order and however many processes made it.

        Raises `SOURCE_INVALID` if no row has a usable key, `BUILD_FAILED`, or the system's errors of storage.
        """
        return self._made(partial(self._read, batches))

    def assemble(self, pieces: Pieces) -> Made:
        """The index of what pieces have read, the same as one made of the source; raises as `make` does."""
        return self._made(partial(self._taken_over, pieces))

    def record(self, batches: Iterable[Batch]) -> tuple[Rejects, ...]:
        """Reads batches and leaves the heaps in the directory: a piece; what was rejected."""
        with self._crew(plan(self.build)) as crew:
            return self._read(batches, crew)

    def _made(self, fill: Callable[[Crew[Bench]], tuple[Rejects, ...]]) -> Made:
        planned = plan(self.build)
        with self._crew(planned) as crew:
            rejects = fill(crew)
            if not self.reporter.rows:
                raise _nothing_usable(self.reporter.rows_left_out)
            made = Made(rejects, *self._written(crew, planned))
        shutil.rmtree(self.path / HEAPS)
        return made

    @contextmanager
    def _crew(self, planned: Plan) -> Iterator[Crew[Bench]]:
        at = partial(_bench, self.recipe, self.path / HEAPS)
        with closing(at(0)) as bench, Crew(planned.workers, bench, at) as crew:
            yield crew

    def _taken_over(self, pieces: Pieces, crew: Crew[Bench]) -> tuple[Rejects, ...]:
        self.reporter.at(Stage.READING)
        for manifest in pieces.manifests:
            pieces.copy(manifest, self.path / HEAPS)
            self.reporter.read(manifest.rows, manifest.rows_left_out, 0)
        pieces.write_quarantine(self.path / QUARANTINE)
        if self.reporter.rows >= self.rows_by_one:
            crew.start()
        crew.everywhere(Finish())
        return pieces.rejects

    def _read(self, batches: Iterable[Batch], crew: Crew[Bench]) -> tuple[Rejects, ...]:
        reporter = self.reporter
        alive = partial(reporter.at, Stage.READING)
        alive()
        with Quarantine(self.path / QUARANTINE) as quarantine:
            for outcome in crew.answers(self._recording(batches, crew)):
                quarantine.add(outcome.rejections, outcome.file)
                if self.beside is not None:
                    self.beside.add(outcome.elements, alive)
                reporter.read(outcome.rows, outcome.rows_left_out, outcome.bytes_read)
        crew.everywhere(Finish())
        return quarantine.rejects

    def _recording(self, batches: Iterable[Batch], crew: Crew[Bench]) -> Iterator[Record]:
        rows = 0
        for batch in batches:
            if rows >= self.rows_by_one:
                crew.start()
            rows += len(batch.lines)
            yield Record(batch, self.beside is not None)

    def _written(self, crew: Crew[Bench], planned: Plan) -> tuple[list[bytes], Written]:
        heaps = heaps_in(self.path / HEAPS)
        ranked = Heap(self.path / HEAPS / "ranked")
        self.reporter.at(Stage.INDEXING)
        salts = self._ranked(heaps, ranked, planned)
        buckets = self._buckets(crew, [*heaps, ranked], salts, planned)
        if self.beside is not None:
            buckets = self.beside.passed(buckets)
        written = write_index(self.path, buckets, self.build.shard_entries, self.reporter)
        verify_index([self.path / one.file for one in written.shards], written, self.reporter)
        return salts, written

    def _ranked(self, heaps: Sequence[Heap], ranked: Heap, planned: Plan) -> list[bytes]:
        """Moves the subjects that waited for their ranks to one more heap; the salt of each key."""
        recipe, alive = self.recipe, partial(self.reporter.at, Stage.INDEXING)
        kind = entry_type(len(recipe.contract.checks))
        with Spool(ranked.tokens, kind) as spool:
            return [
                rank(
                    runs_in([heap.runs(key) for heap in heaps], kind),
                    spool,
                    partial(recipe.index_key.rank_salt, context),
                    planned.run_rows,
                    alive,
                )
                for key, context in enumerate(recipe.contexts)
            ]

    def _buckets(
        self, crew: Crew[Bench], heaps: Sequence[Heap], salts: Sequence[bytes], planned: Plan
    ) -> Iterator[Bucket]:
        kind = entry_type(len(self.recipe.contract.checks))
        # What was evaluated comes by first byte, and the index beside it has to come in step.
        most = None if self.beside is not None else planned.bucket_bytes
        files = parts([heap.tokens for heap in heaps], kind, most)
        for packed in crew.answers(Pack(paths, salts) for paths in files):
            yield packed.bucket()


def _nothing_usable(rows: int) -> StayputError:
    """Such an index would answer that nobody is in the register."""
    return StayputError(
        ErrorReason.ERROR_REASON_SOURCE_INVALID,
        f"none of the {rows} rows of the source has a usable key",
        field="source.path",
        remedy="check columns, types and encoding in the resource's configuration against the source",
    )


def _bench(recipe: Recipe, heaps: Path, number: int) -> Bench:
    return Bench(recipe, Heap(heaps / f"{number:03}"))
