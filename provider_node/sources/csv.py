"""Delimited text files as a source."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from provider_node.config import CsvSourceConfig
from provider_node.sources.batch import Batch
from provider_node.sources.faults import invalid, name_of, places_of
from provider_node.sources.file_source import FileSource
from stayput.delimited import DelimitedError, read_batches, read_header

_BATCH_ROWS: Final = 50_000


class CsvSource(FileSource):
    """Delimited files, plain or compressed by gzip. A line that is no row is a fault."""

    def __init__(self, config: CsvSourceConfig, columns: Mapping[str, str]) -> None:
        self._dialect = config.dialect
        super().__init__(config.path, columns)

    def _places_of(self, path: Path, columns: Mapping[str, str]) -> dict[str, int]:
        try:
            return places_of(columns, read_header(path, self._dialect), name_of(path))
        except DelimitedError as error:
            raise invalid(str(error)) from None

    def _read(self, path: Path, places: Mapping[str, int]) -> Iterator[Batch]:
        try:
            for batch in read_batches(path, self._dialect, _BATCH_ROWS):
                yield Batch(
                    {name: [row[place] for row in batch.rows] for name, place in places.items()},
                    batch.lines,
                    [(line, fault.name) for line, fault in batch.faults],
                    batch.bytes_read,
                )
        except DelimitedError as error:
            raise invalid(str(error)) from None
