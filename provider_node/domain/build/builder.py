"""One build, from the source to the switch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import lmdb

from provider_node.config import Build, ResourceConfig, contract_of, granularities_of
from provider_node.config.conditions import conditions_of
from provider_node.domain import bounds
from provider_node.domain.build.bench import Recipe
from provider_node.domain.build.fingerprinting import Fingerprinting, fingerprinting
from provider_node.domain.build.making import ROWS_BY_ONE, Made, Making
from provider_node.domain.build.pieces import Pieces, check_keyed_only, pieces_of
from provider_node.domain.build.progress import Progress, Reporter, Stage
from provider_node.domain.oprf_keys import KeyEpoch, OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.sources import Source, source_of
from provider_node.store import evaluated
from provider_node.store.directory import MANIFEST, ResourceDirectory
from provider_node.store.files import NO_ROOM, write_durably
from provider_node.store.manifest import Manifest, Oblivious, hash_of
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Contract, Granularity
from stayput.v1.errors_pb2 import ErrorReason


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds generations under a node's data directory.

    `random` gives as many random bytes as asked for; `limits` is what a build may take of the machine, and
    `rows_by_one` how many rows it reads before it starts workers.
    """

    data: Path
    index_key: IndexKey
    oprf_keys: OprfKeys
    software_version: str
    random: Callable[[int], bytes]
    limits: Build = field(default_factory=Build)
    rows_by_one: int = ROWS_BY_ONE

    def build(
        self,
        resource: ResourceConfig,
        now: datetime,
        progress: Callable[[Progress], None],
        as_of: datetime | None = None,
        *,
        accept_bounds: bool = False,
        pieces: Sequence[Path] = (),
    ) -> Manifest:
        """Makes a generation from the source and switches to it. `as_of` is by default the source's time.

        With directories of `pieces` it is made of these, which were made of the source before.

        `progress` is called at every stage and batch; what it raises ends the build. Raises `SOURCE_INVALID`,
        `BUILD_RUNNING`, `STORAGE_FULL` or `BUILD_FAILED`, and unless they shall not count `BOUNDS_EXCEEDED`,
        which leaves a finished generation. Whatever ends it, what served before serves on.
        """
        if pieces:
            check_keyed_only(resource)
        directory = ResourceDirectory(self.data, resource.code)
        with storage_faults(resource.code), directory.building(resource.generations.keep):
            contract = contract_of(resource, directory.salt(self.random))
            source = pieces_of(pieces, contract, self.index_key) if pieces else source_of(resource)
            reporter = Reporter(progress, source.bytes_total)
            generation = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self.random(2).hex()}"
            path = directory.begin(generation)
            try:
                epoch, granularities = self._epoch(resource, generation), granularities_of(resource)
                with _beside(directory, path, contract, epoch, granularities) as beside:
                    recipe = recipe_of(resource, contract, self.index_key, now)
                    made = _made(
                        Making(recipe, path, self.limits, reporter, beside, self.rows_by_one), source
                    )
                    oblivious = beside.finished(reporter) if beside else None
                came = as_of or source.modified_at or now
                manifest = self._manifest(generation, contract, came, now, reporter, made, oblivious)
                write_durably(path / MANIFEST, manifest.to_json())
                held_back = bounds.held_back(directory, resource.generations, manifest, accept=accept_bounds)
                reporter.at(Stage.FINISHING)
                directory.finish(generation)
            except BaseException:
                directory.abandon(generation)
                raise
            if held_back is not None:
                raise held_back
            reporter.at(Stage.SWITCHING)
            directory.switch(generation)
            directory.trim(resource.generations.keep)
        return manifest

    def _manifest(
        self,
        generation: str,
        contract: Contract,
        as_of: datetime,
        now: datetime,
        reporter: Reporter,
        made: Made,
        oblivious: Oblivious | None,
    ) -> Manifest:
        return Manifest(
            generation=generation,
            contract=contract,
            as_of=as_of,
            built_at=now,
            rows=reporter.rows,
            rows_left_out=reporter.rows_left_out,
            subjects=made.written.subjects,
            entries=made.written.entries,
            rejects=made.rejects,
            software_version=self.software_version,
            index_key_id=self.index_key.id,
            rank_salts=tuple(salt.hex() for salt in made.salts),
            index_sha256=hash_of(made.written.shards),
            shards=made.written.several,
            oblivious=oblivious,
        )

    def _epoch(self, resource: ResourceConfig, generation: str) -> KeyEpoch | None:
        """The OPRF keys of a generation of a resource that offers oblivious mode."""
        if resource.oblivious is None:
            return None
        own = resource.oblivious.new_key_per_generation
        return self.oprf_keys.epoch(resource.code, generation if own else None)


def recipe_of(resource: ResourceConfig, contract: Contract, index_key: IndexKey, now: datetime) -> Recipe:
    """What a resource is recorded by at that time."""
    # The day that bounds birth dates must not depend on which zone the node's clock is set to.
    return Recipe(contract, index_key, china_date(now), conditions_of(resource))


def _made(making: Making, source: Source | Pieces) -> Made:
    return making.assemble(source) if isinstance(source, Pieces) else making.make(source.batches())


def _beside(
    directory: ResourceDirectory,
    path: Path,
    contract: Contract,
    epoch: KeyEpoch | None,
    granularities: Sequence["Granularity.ValueType"],
) -> AbstractContextManager[Fingerprinting | None]:
    """What is made beside the index, for oblivious mode."""
    if epoch is None:
        return nullcontext()
    earlier = evaluated.serving(directory, epoch.id)
    return fingerprinting(path, contract, epoch, granularities, earlier)


@contextmanager
def storage_faults(code: str) -> Iterator[None]:
    """Tells a full disk and other faults of the storage as such."""
    try:
        yield
    except (OSError, lmdb.Error) as error:
        number = error.errno if isinstance(error, OSError) else error.code
        if number in NO_ROOM:
            raise StayputError(
                ErrorReason.ERROR_REASON_STORAGE_FULL,
                f"{code}: there is no room for the new generation; what was serving goes on",
                remedy="make room under the node's data directory, then build again",
            ) from error
        raise StayputError(
            ErrorReason.ERROR_REASON_BUILD_FAILED,
            f"{code}: the new generation cannot be written; what was serving goes on",
            remedy="check the disk under the node's data directory and its permissions; then build again",
        ) from error
