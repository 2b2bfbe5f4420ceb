"""Reads a source once and counts; memory is bounded by the number of fields, keys and checks, not of rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from provider_node.config import CheckConfig, ResourceConfig
from provider_node.config.conditions import conditions_of
from provider_node.domain.build.conditions import Evaluation
from provider_node.domain.profile.columns import CheckColumn, ConditionColumn, FieldColumn, KeyColumn
from provider_node.domain.profile.findings import findings
from provider_node.domain.profile.hashing import Hashes, KeyedHashes, Mask, combined
from provider_node.domain.profile.model import Freshness, Profile
from provider_node.sources import Batch, Source, source_of
from stayput.china_time import china_date
from stayput.freshness import is_stale
from stayput.normalise import Field, Reject, normaliser
from stayput.v1.catalogue_pb2 import UpdateFrequency


@dataclass(frozen=True, slots=True)
class Step:
    """How far the reading is; `bytes_total` is 0 if nobody knows."""

    rows: int
    bytes_read: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Run:
    """One profiling. `key` is 32 random bytes for it alone; `now` bounds birth dates and tells what is stale.

    `attempts` is what `attempts_per_subject` would be in a grant, 0 for no limit; `most_rows` are read, all
    if it is `None`. `progress` is called at every batch; what it raises ends the reading.
    """

    attempts: int
    now: datetime
    key: bytes
    progress: Callable[[Step], None]
    most_rows: int | None = None


def profile(resource: ResourceConfig, run: Run) -> Profile:
    """The profile of a resource's source; raises `SOURCE_INVALID`."""
    source = source_of(resource)
    profiler = _Profiler(resource, run)
    first = _First(source.batches(), run.most_rows)
    for batch in first:
        profiler.add(batch)
        run.progress(Step(profiler.rows, batch.bytes_read, source.bytes_total))
    told = profiler.told(_freshness(resource, source, run.now), complete=first.complete)
    return replace(told, findings=findings(told))


class _First:
    """The batches up to a number of rows; `complete` says afterwards whether that was all."""

    def __init__(self, batches: Iterable[Batch], most: int | None) -> None:
        self._batches = batches
        self._most = most
        self.complete = True

    def __iter__(self) -> Iterator[Batch]:
        left = self._most
        for batch in self._batches:
            rows = len(batch.lines)
            if left is not None and rows > left:
                self.complete = False
                if left:
                    yield _cut(batch, left)
                return
            yield batch
            left = None if left is None else left - rows


def _cut(batch: Batch, rows: int) -> Batch:
    lines = batch.lines[:rows]
    return replace(
        batch,
        columns={name: texts[:rows] for name, texts in batch.columns.items()},
        lines=lines,
        faults=[(line, reason) for line, reason in batch.faults if line < lines[-1]],
    )


class _Profiler:
    def __init__(self, resource: ResourceConfig, run: Run) -> None:
        today = china_date(run.now)
        self._resource = resource
        self._run = run
        self._conditions = conditions_of(resource)
        self._normalisers = {
            name: normaliser(Field(name, one.type, tuple(sorted(one.options.items()))), today)
            for name, one in resource.fields.items()
        }
        self._hashes = KeyedHashes(run.key)
        self._fields = {name: FieldColumn(name, one) for name, one in resource.fields.items()}
        self._keys = [KeyColumn(name, one.fields) for name, one in resource.keys.items()]
        self._checks: dict[str, CheckColumn | ConditionColumn] = {
            name: self._check(name, one) for name, one in resource.checks.items()
        }
        self._unreadable: Counter[str] = Counter()
        self._without_key = 0
        self.rows = 0

    def _check(self, name: str, config: CheckConfig) -> CheckColumn | ConditionColumn:
        if config.fields is None:
            return ConditionColumn(name, config.title, config.condition or "")
        return CheckColumn(name, config.title, config.fields, self._keys)

    def add(self, batch: Batch) -> None:
        """Counts a batch."""
        self.rows += len(batch.lines)
        self._unreadable.update(reason for _, reason in batch.faults)
        columns: dict[str, list[str | Reject]] = {}
        hashed: dict[str, tuple[Hashes, Mask]] = {}
        for name, field in self._fields.items():
            column = self._normalisers[name].column(batch.columns[name])
            columns[name], hashed[name] = column, self._hashes.of(column)
            hashes, present = hashed[name]
            field.add(batch.columns[name], column, hashes[present])
        subjects = self._add_keys(hashed)
        self._add_checks(columns, hashed, subjects)

    def _add_keys(self, hashed: Mapping[str, tuple[Hashes, Mask]]) -> list[tuple[Hashes, Mask]]:
        subjects = [_tuples(hashed, key.fields) for key in self._keys]
        for key, (hashes, usable) in zip(self._keys, subjects, strict=True):
            key.add(hashes, usable)
        included = np.logical_or.reduce([usable for _, usable in subjects])
        self._without_key += len(included) - int(np.count_nonzero(included))
        return subjects

    def _add_checks(
        self,
        columns: Mapping[str, Sequence[str | Reject]],
        hashed: Mapping[str, tuple[Hashes, Mask]],
        subjects: Sequence[tuple[Hashes, Mask]],
    ) -> None:
        evaluation = Evaluation(columns, self._conditions.fields)
        for name, check in self._checks.items():
            if isinstance(check, CheckColumn):
                check.add(*_tuples(hashed, check.fields), subjects)
            else:
                truth = evaluation.of(self._conditions.checks[name])
                check.add(truth.known, truth.met)

    def told(self, freshness: Freshness, *, complete: bool) -> Profile:
        """What was counted, without findings."""
        return Profile(
            resource=self._resource.code,
            title=self._resource.title,
            profiled_at=self._run.now,
            complete=complete,
            rows=self.rows,
            unreadable=dict(self._unreadable.most_common()),
            rows_without_key=self._without_key,
            freshness=freshness,
            fields=tuple(field.told() for field in self._fields.values()),
            keys=tuple(key.told() for key in self._keys),
            checks=tuple(check.told(self._run.attempts) for check in self._checks.values()),
        )


def _tuples(hashed: Mapping[str, tuple[Hashes, Mask]], fields: Sequence[str]) -> tuple[Hashes, Mask]:
    """A number for each row's values of these fields, and which rows have all of them."""
    present = np.logical_and.reduce([hashed[field][1] for field in fields])
    return combined([hashed[field][0] for field in fields]), present


def _freshness(resource: ResourceConfig, source: Source, now: datetime) -> Freshness:
    modified_at, stale = source.modified_at, False
    if modified_at is not None:
        as_of = Timestamp()
        as_of.FromDatetime(modified_at)
        frequency = UpdateFrequency.Value(f"UPDATE_FREQUENCY_{resource.update_frequency.upper()}")
        stale = is_stale(frequency, as_of, now)
    return Freshness(resource.update_frequency.value, modified_at, stale)
