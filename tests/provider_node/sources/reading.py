"""Opening sources as a resource's file declares them, and what all they raise must be."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from provider_node.config import SourceConfig
from provider_node.sources import Batch, Source, open_source
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

SECRET = "11010519491231002X"
"""An identity number for hostile files, which no message may hold."""

_CONFIG: TypeAdapter[SourceConfig] = TypeAdapter(SourceConfig)


def opened(directory: Path, columns: dict[str, str], **table: object) -> Source:
    """The source that `[source]` declares in a file in that directory."""
    return open_source(_CONFIG.validate_python(table, context=directory), columns)


def read(source: Source) -> list[Batch]:
    """All batches of a source."""
    return list(source.batches())


def column(batches: Iterable[Batch], field: str) -> list[str]:
    """A field's values over all batches."""
    return [value for batch in batches for value in batch.columns[field]]


def problem(directory: Path, columns: dict[str, str], **table: object) -> StayputError:
    """What opening or reading the source raises, from which no cause can be had."""
    with pytest.raises(StayputError) as caught:
        read(opened(directory, columns, **table))
    assert caught.value.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID
    assert caught.value.remedy
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in repr(caught.value) + caught.value.remedy
    return caught.value
