"""Parquet files as a source."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ParquetFile

from provider_node.config import ParquetSourceConfig
from provider_node.sources.arrow_text import has_text, texts_of
from provider_node.sources.batch import Batch
from provider_node.sources.faults import invalid, name_of, places_of
from provider_node.sources.file_source import FileSource
from stayput.errors import StayputError

_BATCH_ROWS: Final = 50_000
_BATCH_BYTES: Final = 32 << 20
_MOST_BYTES: Final = 1 << 30
"""What a column may take in a batch that turns out larger than its row group's average row foretold."""

_BUFFER_BYTES: Final = 1 << 20

_File: TypeAlias = Any  # pyarrow has no types


class ParquetSource(FileSource):
    """Parquet files, of which only the wanted columns are read. A row's line is its number, from 1."""

    def __init__(self, config: ParquetSourceConfig, columns: Mapping[str, str]) -> None:
        super().__init__(config.path, columns)

    def _places_of(self, path: Path, columns: Mapping[str, str]) -> dict[str, int]:
        with _open(path) as file:
            places = places_of(columns, file.schema_arrow.names, name_of(path))
            for field, place in places.items():
                column = file.schema_arrow.field(place)
                if not has_text(column.type):
                    raise invalid(
                        f"column '{column.name}' of {name_of(path)} is nested or of another type that is no"
                        " text",
                        "export it as text, number or date",
                        f"fields.{field}.column",
                    )
        return places

    def _read(self, path: Path, places: Mapping[str, int]) -> Iterator[Batch]:
        size, read = path.stat().st_size, 0
        with _open(path) as file:
            total = file.metadata.num_rows
            names = {field: file.schema_arrow.names[place] for field, place in places.items()}
            wanted = sorted(set(names.values()))
            for rows in _batches(path, file, wanted):
                texts = {name: texts_of(rows.column(name)) for name in wanted}
                first, read = read + 1, read + rows.num_rows
                yield Batch(
                    {field: texts[name] for field, name in names.items()},
                    list(range(first, read + 1)),
                    [],
                    size * read // max(total, 1),
                )
        if read != total:
            raise _damaged(path)


def _batches(path: Path, file: _File, names: Sequence[str]) -> Iterator[Any]:
    """Record batches of these columns that memory has room for; `SOURCE_INVALID` if it has none."""
    with _open(path, names) as peeked:
        try:
            for group in range(file.num_row_groups):
                rows = _rows_at_once(file, peeked, group, names)
                for batch in file.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
                    _check_size(path, batch)
                    yield batch
        except (MemoryError, pa.ArrowCapacityError):
            raise _too_long(path, names) from None


def _check_size(path: Path, batch: Any) -> None:  # noqa: ANN401 (pyarrow has no types)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.nbytes > _MOST_BYTES:
            raise _too_long(path, [name])


def _rows_at_once(file: _File, peeked: _File, group: int, names: Collection[str]) -> int:
    """How many rows of a row group to take at once.

    A value that is kept once, in a column's dictionary, can stand in every row; so the room for a row is that
    for the longest value of the dictionaries, or for the average row if that is more. `peeked` has
    dictionaries left as they are; reading one row reads them.
    """
    # What the metadata say of a single column is not asked for: damage there ends the process.
    about = file.metadata.row_group(group)
    longest: int = about.total_byte_size // max(about.num_rows, 1)
    for row in peeked.iter_batches(1, row_groups=[group], columns=names, use_threads=False):
        longest = max(longest, *map(_longest, row.columns))
        break
    return min(max(_BATCH_BYTES // max(longest, 1), 1), _BATCH_ROWS)


def _longest(column: Any) -> int:  # noqa: ANN401 (pyarrow has no types)
    """Bytes of the longest value in a column's dictionary; 0 if it has none."""
    if not pa.types.is_dictionary(column.type) or not has_text(column.type):
        return 0
    values = column.dictionary
    if not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        return 0
    return int(pc.max(pc.binary_length(values)).as_py() or 0)


@contextmanager
def _open(path: Path, dictionaries: Collection[str] = ()) -> Iterator[_File]:
    """The file, with these columns' dictionaries left as they are. Raises `SOURCE_INVALID` for damage."""
    try:
        with ParquetFile(
            path,
            read_dictionary=list(dictionaries),
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            # In nanoseconds, as pyarrow has it otherwise, years before 1678 and after 2261 become others.
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        ) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(path) from None


def _too_long(path: Path, names: Sequence[str]) -> StayputError:
    columns = " or ".join(f"'{name}'" for name in names)
    return invalid(
        f"{name_of(path)}: values of column {columns} are too long for memory",
        "export the column without long values, or in smaller row groups",
    )


def _damaged(path: Path) -> StayputError:
    return invalid(
        f"{name_of(path)}: is no Parquet file, or one that is encrypted, damaged or cut short",
        "export or transfer it again",
    )
