"""One build, from the source to the switch."""

import errno
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import lmdb

from provider_node.config import ResourceConfig, contract_of, granularities_of
from provider_node.domain.build.buckets import merged
from provider_node.domain.build.fingerprinting import Fingerprinting, fingerprinting
from provider_node.domain.build.indexing import Written, verify_index, write_index
from provider_node.domain.build.progress import Progress, Reporter, Stage
from provider_node.domain.build.quarantine import Quarantine
from provider_node.domain.build.ranking import Ranking
from provider_node.domain.build.records import Recorder
from provider_node.domain.build.spool import Spool
from provider_node.domain.oprf_keys import KeyEpoch, OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.sources import CsvSource
from provider_node.store import evaluated
from provider_node.store.directory import INDEX, MANIFEST, QUARANTINE, ResourceDirectory, write_durably
from provider_node.store.manifest import Manifest, Rejects
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Contract, Granularity
from stayput.v1.errors_pb2 import ErrorReason

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BUCKETS: Final = "buckets"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds generations under a node's data directory. `random` gives as many random bytes as asked for."""

    data: Path
    index_key: IndexKey
    oprf_keys: OprfKeys
    software_version: str
    random: Callable[[int], bytes]

    def build(
        self,
        resource: ResourceConfig,
        now: datetime,
        progress: Callable[[Progress], None],
        as_of: datetime | None = None,
    ) -> Manifest:
        """Makes a generation from the source and switches to it. `as_of` is by default the source's time.

        `progress` is called at every stage and batch; what it raises ends the build. Raises `SOURCE_INVALID`,
        `BUILD_RUNNING`, `STORAGE_FULL` or `BUILD_FAILED`. Whatever ends it, what served before serves on.
        """
        directory = ResourceDirectory(self.data, resource.code)
        with _storage_faults(resource.code), directory.building():
            contract = contract_of(resource, directory.salt(self.random))
            source = CsvSource(resource.source, {name: one.column for name, one in resource.fields.items()})
            reporter = Reporter(progress, source.bytes_total)
            generation = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self.random(2).hex()}"
            path = directory.begin(generation)
            try:
                # The day that bounds birth dates must not depend on which zone the node's clock is set to.
                recorder = Recorder(contract, self.index_key, china_date(now))
                epoch, granularities = self._epoch(resource, generation), granularities_of(resource)
                with _beside(directory, path, contract, epoch, granularities) as beside:
                    rejects, written, ranking = _make_index(path, source, recorder, beside, reporter)
                    oblivious = beside.finished(reporter) if beside else None
                manifest = Manifest(
                    generation=generation,
                    contract=contract,
                    as_of=as_of or source.modified_at,
                    built_at=now,
                    rows=reporter.rows,
                    rows_left_out=reporter.rows_left_out,
                    subjects=written.subjects,
                    entries=written.entries,
                    rejects=rejects,
                    software_version=self.software_version,
                    index_key_id=self.index_key.id,
                    rank_salts=tuple(salt.hex() for salt in ranking.salts),
                    index_sha256=_sha256(path / INDEX),
                    oblivious=oblivious,
                )
                write_durably(path / MANIFEST, manifest.to_json())
                reporter.at(Stage.FINISHING)
                directory.finish(generation)
            except BaseException:
                directory.abandon(generation)
                raise
            reporter.at(Stage.SWITCHING)
            directory.switch(generation)
        return manifest

    def _epoch(self, resource: ResourceConfig, generation: str) -> KeyEpoch | None:
        """The OPRF keys of a generation of a resource that offers oblivious mode."""
        if resource.oblivious is None:
            return None
        own = resource.oblivious.new_key_per_generation
        return self.oprf_keys.epoch(resource.code, generation if own else None)


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


def _make_index(
    path: Path, source: CsvSource, recorder: Recorder, beside: Fingerprinting | None, reporter: Reporter
) -> tuple[tuple[Rejects, ...], Written, Ranking]:
    with Spool(path / _BUCKETS, recorder.type) as spool, Quarantine(path / QUARANTINE) as quarantine:
        alive = partial(reporter.at, Stage.READING)
        alive()
        for batch in source.batches():
            recorded = recorder.record(batch)
            spool.add(recorded.records)
            quarantine.add(recorded.rejections)
            if beside is not None:
                beside.add(recorded.elements, alive)
            reporter.read(recorded.rows, recorded.rows_left_out, batch.bytes_read)
    if not reporter.rows:
        # Such an index would answer that nobody is in the register.
        raise StayputError(
            ErrorReason.ERROR_REASON_SOURCE_INVALID,
            f"none of the {reporter.rows_left_out} rows of the source has a usable key",
            field="source.path",
            remedy="check columns, types and encoding in the resource's configuration against the source",
        )
    ranking = recorder.ranking()
    buckets = merged(spool, ranking)
    written = write_index(path / INDEX, beside.passed(buckets) if beside else buckets, reporter)
    verify_index(path / INDEX, written, reporter)
    return quarantine.rejects, written, ranking


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _storage_faults(code: str) -> Iterator[None]:
    """Tells a full disk and other faults of the storage as such."""
    try:
        yield
    except (OSError, lmdb.Error) as error:
        number = error.errno if isinstance(error, OSError) else error.code
        if number in _NO_ROOM:
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
