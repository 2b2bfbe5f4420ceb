"""What each process of a build does, of its own: record batches, and merge and pack entries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from provider_node.config.conditions import Conditions
from provider_node.domain.build.buckets import Packed, packed
from provider_node.domain.build.entries import Heap, HeapWriter, entry_type
from provider_node.domain.build.ranking import Masks
from provider_node.domain.build.records import Elements, Recorder, Rejection
from provider_node.domain.tokens import IndexKey
from provider_node.sources import Batch
from stayput.elements import context
from stayput.v1.contract_pb2 import Contract


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all processes of a build have to know. `today` bounds birth years."""

    contract: Contract
    index_key: IndexKey
    today: date
    conditions: Conditions

    @property
    def contexts(self) -> list[bytes]:
        """That of each key."""
        return [context(self.contract, key.name) for key in self.contract.keys]


class Bench:
    """Works by a recipe, and puts what it records on a heap of its own."""

    def __init__(self, recipe: Recipe, heap: Heap) -> None:
        self.recipe = recipe
        checks = len(recipe.contract.checks)
        self.entry_type = entry_type(checks)
        self.recorder = Recorder(recipe.contract, recipe.index_key, recipe.today, recipe.conditions)
        self.writer = HeapWriter(heap, len(recipe.contract.keys), checks)

    def close(self) -> None:
        """Closes the heap as it is."""
        self.writer.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a batch: how many rows are recorded and how many not, and what was rejected."""

    rows: int
    rows_left_out: int
    rejections: list[Rejection]
    elements: list[Elements]
    bytes_read: int
    file: str


@dataclass(frozen=True, slots=True)
class Record:
    """Records a batch; brings its elements back if they are wanted."""

    batch: Batch = field(repr=False)
    with_elements: bool

    def __call__(self, bench: Bench) -> Outcome:
        """Records it there."""
        recorded = bench.recorder.record(self.batch)
        bench.writer.add(recorded.records)
        return Outcome(
            recorded.rows,
            recorded.rows_left_out,
            recorded.rejections,
            recorded.elements if self.with_elements else [],
            self.batch.bytes_read,
            self.batch.file,
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """Puts on disk what was recorded."""

    def __call__(self, bench: Bench) -> None:
        """Writes what is in memory there."""
        bench.writer.finish()


@dataclass(frozen=True, slots=True)
class Pack:
    """Merges the entries of files, and packs them; `salts` are those of each key's ranks."""

    paths: Sequence[Path]
    salts: Sequence[bytes]

    def __call__(self, bench: Bench) -> Packed:
        """Merges them there."""
        recipe = bench.recipe
        return packed(self.paths, bench.entry_type, Masks(recipe.index_key, recipe.contexts, self.salts))
