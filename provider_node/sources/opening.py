"""From a source's configuration to its reader."""

from collections.abc import Mapping

from provider_node.config import (
    CsvSourceConfig,
    DatabaseSourceConfig,
    ExcelSourceConfig,
    ParquetSourceConfig,
    ResourceConfig,
    SourceConfig,
    SqliteSourceConfig,
)
from provider_node.sources.csv import CsvSource
from provider_node.sources.databases import open_database
from provider_node.sources.excel import ExcelSource
from provider_node.sources.faults import require_library
from provider_node.sources.source import Source


def source_of(resource: ResourceConfig) -> Source:
    """The reader of a resource's source, with the column of each of its fields; raises as `open_source`."""
    return open_source(resource.source, {name: one.column for name, one in resource.fields.items()})


def open_source(config: SourceConfig, columns: Mapping[str, str]) -> Source:
    """The reader of that source. `columns` gives the column of each field wanted.

    Raises `SOURCE_INVALID` if the source cannot be reached or has no such column.
    """
    match config:
        case CsvSourceConfig():
            return CsvSource(config, columns)
        case ParquetSourceConfig():
            return _open_parquet(config, columns)
        case ExcelSourceConfig():
            require_library("python_calamine", config.kind)
            return ExcelSource(config, columns)
        case SqliteSourceConfig() | DatabaseSourceConfig():
            return open_database(config, columns)


def _open_parquet(config: ParquetSourceConfig, columns: Mapping[str, str]) -> Source:
    require_library("pyarrow", config.kind)
    from provider_node.sources.parquet import ParquetSource  # noqa: PLC0415 (its library is optional)

    return ParquetSource(config, columns)
