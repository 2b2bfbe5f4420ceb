"""Delimited text files as a source."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from provider_node.config import CsvSourceConfig
from provider_node.sources.batch import Batch
from stayput.delimited import DelimitedError, Dialect, read_batches, read_header
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_BATCH_ROWS: Final = 50_000
_SAMPLED: Final = 64


class CsvSource:
    """One reading of a delimited file. All it raises is `SOURCE_INVALID`, with none of the file's content."""

    def __init__(self, config: CsvSourceConfig, columns: Mapping[str, str]) -> None:
        """Takes the file as it is now. `columns` gives the header of each field wanted.

        Raises if the file or one of the columns is missing.
        """
        self._path: Path = config.path
        self._dialect: Dialect = config.dialect
        self._seen = self._stat()
        self._places = self._places_of(columns)

    @property
    def bytes_total(self) -> int:
        """Size of the file."""
        return self._seen[1]

    @property
    def modified_at(self) -> datetime:
        """When the file was last written."""
        return datetime.fromtimestamp(self._seen[2] // 1_000_000_000, UTC)

    def batches(self) -> Iterator[Batch]:
        """All rows, in the order of the file; raises at the end if the file changed in the meantime.

        `bytes_read` is estimated from samples of the rows.
        """
        bytes_read = 0
        try:
            for batch in read_batches(self._path, self._dialect, _BATCH_ROWS):
                bytes_read = min(bytes_read + self._estimated_bytes(batch.rows), self.bytes_total)
                yield Batch(
                    {name: [row[place] for row in batch.rows] for name, place in self._places.items()},
                    batch.lines,
                    [(line, fault.name) for line, fault in batch.faults],
                    bytes_read,
                )
        except (DelimitedError, OSError) as error:
            raise _invalid(error) from None
        if self._stat() != self._seen:
            raise StayputError(
                ErrorReason.ERROR_REASON_SOURCE_INVALID,
                "source.path: the file changed while it was read",
                field="source.path",
                remedy="write an export under another name, rename it when it is complete, and build again",
            )

    def _stat(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except OSError as error:
            raise _invalid(error) from None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _places_of(self, columns: Mapping[str, str]) -> dict[str, int]:
        try:
            header = read_header(self._path, self._dialect)
        except (DelimitedError, OSError) as error:
            raise _invalid(error) from None
        for field, column in columns.items():
            if column not in header:
                raise _column_missing(field, column, header)
        return {field: header.index(column) for field, column in columns.items()}

    def _estimated_bytes(self, rows: Sequence[Sequence[str]]) -> int:
        sample = rows[::_SAMPLED]
        if not sample:
            return 0
        text = "".join(self._dialect.delimiter.join(row) + "\n" for row in sample)
        return len(text.encode(self._dialect.encoding)) * len(rows) // len(sample)


def _column_missing(field: str, column: str, header: Sequence[str]) -> StayputError:
    # Only a header much like the declared one is shown: without a header the first line is somebody's data.
    close = get_close_matches(column, header, n=1, cutoff=0.6)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return StayputError(
        ErrorReason.ERROR_REASON_SOURCE_INVALID,
        f"fields.{field}.column: none of the {len(header)} columns of the source is named '{column}'{hint}",
        field=f"fields.{field}.column",
        remedy="name a column of the file's header, or check delimiter and encoding",
    )


def _invalid(error: DelimitedError | OSError) -> StayputError:
    problem = f"the file cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
    return StayputError(
        ErrorReason.ERROR_REASON_SOURCE_INVALID,
        f"source.path: {problem}",
        field="source.path",
        remedy="correct the file or [source] of the resource's configuration; then build again",
    )
