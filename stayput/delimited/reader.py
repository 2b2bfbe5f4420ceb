"""Reading a delimited file from its first row to its last."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stayput.delimited.blocks import MAX_LINE_BYTES, open_file, read_blocks, read_mark
from stayput.delimited.faults import DelimitedError, FileFault, RowFault
from stayput.delimited.records import Batch, Dialect, is_blank, parse_block, read_record, row_fault

_MAX_BATCH_BYTES = 8 << 20
_FIRST_ROW_FAULTS = {
    RowFault.ENCODING: FileFault.FIRST_ROW_ENCODING,
    RowFault.NUL: FileFault.NOT_TEXT,
    RowFault.QUOTING: FileFault.FIRST_ROW_QUOTING,
    RowFault.TOO_LONG: FileFault.FIRST_ROW_TOO_LONG,
}


def read_header(path: Path, dialect: Dialect) -> list[str]:
    """Column names, trimmed of white space. A name may be empty, but no other name may occur twice.

    Raises DelimitedError for a file without a readable first row and OSError for one that cannot be opened.
    """
    with open_file(path) as (content, _):
        return _open(content, path.name, dialect).names


def read_batches(path: Path, dialect: Dialect, batch_rows: int = 10_000) -> Iterator[Batch]:
    """All rows and faults after the header, at most `batch_rows` of both together in a batch.

    A batch also ends after 8 MiB of the file, so that memory stays bounded however wide the rows are.
    Raises DelimitedError and OSError like `read_header`.
    """
    with open_file(path) as (content, stored):
        held, size = Batch([], [], []), 0
        for parsed, block_bytes in _parse(_open(content, path.name, dialect), dialect):
            held.extend(parsed)
            size += block_bytes
            while len(held) >= batch_rows or (size >= _MAX_BATCH_BYTES and len(held)):
                yield replace(held.take(batch_rows), bytes_read=stored.tell())
                size = 0
        if len(held):
            yield replace(held, bytes_read=stored.tell())


class _Opened(NamedTuple):
    names: list[str]
    line: int  # where the rows begin
    blocks: Iterable[tuple[bytes, bool]]


def _open(file: BinaryIO, name: str, dialect: Dialect) -> _Opened:
    """Read the first row; what follows it (without a header: the row too) is left in `blocks`."""
    mark = read_mark(file, name)
    if mark is not None and mark != dialect.encoding:
        raise DelimitedError(name, FileFault.OTHER_MARK, mark, dialect.encoding)
    # Which rows two parties can read must not depend on a limit that is set for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES + 2))
    blocks = read_blocks(file)
    data, line = b"", 1
    for block, last in blocks:
        lines = (data + block).splitlines(keepends=True)
        blank = next((i for i, text in enumerate(lines) if not is_blank(text)), len(lines))
        line += blank
        del lines[:blank]
        data = b"".join(lines)
        record = read_record(lines, 0, dialect, last=last) if lines else None
        if record is None:
            continue
        row = _readable(record.content, name, dialect)
        if not dialect.header:
            return _Opened([str(i + 1) for i in range(len(row))], line, chain([(data, last)], blocks))
        rest = b"".join(lines[record.lines :])
        return _Opened(_names(row, name), line + record.lines, chain([(rest, last)], blocks))
    raise DelimitedError(name, FileFault.EMPTY)


def _readable(content: list[str] | RowFault, name: str, dialect: Dialect) -> list[str]:
    fault: RowFault | None
    if isinstance(content, list):
        fault = row_fault(content, len(content))
        if fault is None:
            return content
    else:
        fault = content
    raise DelimitedError(name, _FIRST_ROW_FAULTS[fault], dialect.encoding)


def _names(row: list[str], name: str) -> list[str]:
    """Names are told by their position, because without a header the first row holds values."""
    names = [cell.strip() for cell in row]
    seen: dict[str, int] = {}
    for place, column in enumerate(names, start=1):
        if column and column in seen:
            raise DelimitedError(name, FileFault.DUPLICATE_COLUMN, seen[column], place)
        seen[column] = place
    return names


def _parse(opened: _Opened, dialect: Dialect) -> Iterator[tuple[Batch, int]]:
    """What each block holds, and the block's size in bytes."""
    columns, line, rest = len(opened.names), opened.line, b""
    for block, last in opened.blocks:
        batch, line, rest = parse_block(rest + block, line, dialect, columns, last=last)
        yield batch, len(block)
