"""One build, from the source to the switch."""

import errno
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import lmdb

from provider_node.config import ResourceConfig, contract_of
from provider_node.domain.build.buckets import Buckets
from provider_node.domain.build.indexing import Written, verify_index, write_index
from provider_node.domain.build.progress import Progress, Reporter, Stage
from provider_node.domain.build.quarantine import Quarantine
from provider_node.domain.build.ranking import Ranking
from provider_node.domain.build.records import Recorder
from provider_node.domain.tokens import IndexKey
from provider_node.sources import CsvSource
from provider_node.store.directory import INDEX, MANIFEST, QUARANTINE, ResourceDirectory, write_durably
from provider_node.store.manifest import Manifest, Rejects
from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BUCKETS: Final = "buckets"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds generations under a node's data directory. `random` gives as many random bytes as asked for."""

    data: Path
    index_key: IndexKey
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
                rejects, written, ranking = _make_index(path, source, recorder, reporter)
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
                )
                write_durably(path / MANIFEST, manifest.model_dump_json(indent=2).encode())
                reporter.at(Stage.FINISHING)
                directory.finish(generation)
            except BaseException:
                directory.abandon(generation)
                raise
            reporter.at(Stage.SWITCHING)
            directory.switch(generation)
        return manifest


def _make_index(
    path: Path, source: CsvSource, recorder: Recorder, reporter: Reporter
) -> tuple[tuple[Rejects, ...], Written, Ranking]:
    buckets = Buckets(path / _BUCKETS, recorder.type)
    with buckets, Quarantine(path / QUARANTINE) as quarantine:
        reporter.at(Stage.READING)
        for batch in source.batches():
            recorded = recorder.record(batch)
            buckets.add(recorded.records)
            quarantine.add(recorded.rejections)
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
    written = write_index(path / INDEX, buckets.merged(ranking), reporter)
    (path / _BUCKETS).rmdir()
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
