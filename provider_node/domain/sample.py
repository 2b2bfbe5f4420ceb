"""The first rows of a source, looked at as a build would look at them."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from provider_node.config import ResourceConfig, contract_of
from provider_node.config.conditions import conditions_of
from provider_node.domain.build.records import Recorder
from provider_node.domain.tokens import IndexKey
from provider_node.sources import Batch, source_of
from stayput.contract import SALT_BYTES
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

MOST_ROWS: Final = 10_000
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Sample:
    """How many rows and lines were looked at, and how many were left out by field and reason.

    The field is empty for what could not be read as a row.
    """

    rows: int
    rejects: Counter[tuple[str, str]]


def sample(resource: ResourceConfig, today: date, most: int = MOST_ROWS) -> Sample:
    """Reads at most so many rows of the resource's source; `today` bounds birth years.

    Raises `SOURCE_INVALID` if the source cannot be read, lacks a column, or has no usable key in these rows.
    """
    # What is recorded is thrown away, and so is the key that it is recorded under.
    contract, key = contract_of(resource, bytes(SALT_BYTES)), IndexKey(secrets.token_bytes(_KEY_BYTES))
    recorder = Recorder(contract, key, today, conditions_of(resource))
    rows = usable = 0
    rejects: Counter[tuple[str, str]] = Counter()
    for batch in _first(resource, most):
        recorded = recorder.record(batch)
        rows += recorded.rows + recorded.rows_left_out
        usable += recorded.rows
        rejects.update((one.field, one.reason) for one in recorded.rejections)
    if not usable:
        raise StayputError(
            ErrorReason.ERROR_REASON_SOURCE_INVALID,
            f"none of the first {rows} rows of the source has a usable key",
            field="source",
            remedy="check columns, types and encoding in the definition against the source",
        )
    return Sample(rows, rejects)


def _first(resource: ResourceConfig, most: int) -> Iterator[Batch]:
    source = source_of(resource)
    # Closed here and now, so that no file or connection stays open.
    with closing(iter(source.batches())) as batches:  # type: ignore[type-var]  # all are generators
        for batch in batches:
            cut = _cut(batch, most)
            yield cut
            most -= len(cut.lines) + len(cut.faults)
            if most <= 0:
                return


def _cut(batch: Batch, most: int) -> Batch:
    """The first rows of a batch, with what could not be read before the last of them."""
    if len(batch.lines) <= most:
        return batch
    last = batch.lines[most - 1]
    return replace(
        batch,
        columns={name: column[:most] for name, column in batch.columns.items()},
        lines=batch.lines[:most],
        faults=[fault for fault in batch.faults if fault[0] <= last],
    )
