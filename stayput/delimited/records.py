"""Blocks of lines to records: in bulk where a block holds nothing unusual, else record by record.

Both ways give the same rows. The bulk way takes a block only if each of its lines is one record; this is so
if it decodes, holds no NUL, no lone CR, no line that could be too long, and as many rows as lines, each with
the right number of fields.
"""

import csv
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from stayput.delimited.blocks import MAX_LINE_BYTES
from stayput.delimited.faults import RowFault

# Four times the line feeds that a spreadsheet allows in a cell.
MAX_RECORD_LINES = 1_000
_PIECE_BYTES = 1 << 12
_ENCODINGS = ("utf-8", "gb18030")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written. `encoding` is utf-8 (with or without byte-order mark) or gb18030.

    Without a header the columns are named by their position, "1" onwards, as many as the first row has.
    Raises ValueError for an encoding or delimiter that cannot work.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True

    def __post_init__(self) -> None:
        if self.encoding not in _ENCODINGS:
            raise ValueError("encoding: must be utf-8 or gb18030")
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n\0' or self.delimiter.isalnum():
            raise ValueError("delimiter: must be one character, and no letter, digit, quote or line end")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive lines of a file.

    `rows[i]` begins on line `lines[i]`; `faults` are (line, reason). Both ascend by line number and all of a
    batch's lines precede those of the next one, so merging the two gives the order of the file. When it is
    read, `bytes_read` bytes of the file on the disk have been, some of which may belong to the next.
    """

    rows: list[list[str]]
    lines: list[int]
    faults: list[tuple[int, RowFault]]
    bytes_read: int = field(default=0, compare=False)

    def __len__(self) -> int:
        return len(self.rows) + len(self.faults)

    def extend(self, following: "Batch") -> None:
        """Add the lines that come next in the file."""
        self.rows.extend(following.rows)
        self.lines.extend(following.lines)
        self.faults.extend(following.faults)

    def take(self, count: int) -> "Batch":
        """Remove and return the first `count` rows and faults, in the order of their lines."""
        rows, faults = count, 0
        if self.faults:
            order = sorted(chain(self.lines, map(itemgetter(0), self.faults)))
            end = order[count] if count < len(order) else order[-1] + 1
            rows = bisect_left(self.lines, end)
            faults = bisect_left(self.faults, end, key=itemgetter(0))
        taken = Batch(self.rows[:rows], self.lines[:rows], self.faults[:faults])
        del self.rows[:rows], self.lines[:rows], self.faults[:faults]
        return taken


class Record(NamedTuple):
    """What a line begins: a row or why there is none, and how many lines that takes."""

    content: list[str] | RowFault
    lines: int


class Parsed(NamedTuple):
    """What a block holds, the number of the line after it, and the bytes of a record it leaves unfinished."""

    batch: Batch
    next_line: int
    rest: bytes


def parse_block(data: bytes, line: int, dialect: Dialect, columns: int, *, last: bool) -> Parsed:
    """Parse whole lines, the first of which has number `line`; nothing is left over of the `last` block.

    Around an unusual record only a small piece is read record by record.
    """
    rows = bulk_rows(data, dialect, columns)
    if rows is not None:
        return _all_rows(rows, line)
    batch, rest, at, size = Batch([], [], []), b"", 0, _PIECE_BYTES
    while at < len(data):
        end = data.find(b"\n", at + size) + 1 or len(data)
        piece, at = rest + data[at:end], end
        rows = bulk_rows(piece, dialect, columns)
        if rows is None:
            parsed = parse_closely(piece, line, dialect, columns, last=last and at == len(data))
        else:
            parsed = _all_rows(rows, line)
        batch.extend(parsed.batch)
        line, rest = parsed.next_line, parsed.rest
        # An open quote is read again with each piece; doubling keeps that linear.
        size = 2 * size if rest else _PIECE_BYTES
    return Parsed(batch, line, rest)


def _all_rows(rows: list[list[str]], line: int) -> Parsed:
    after = line + len(rows)
    return Parsed(Batch(rows, list(range(line, after)), []), after, b"")


def bulk_rows(data: bytes, dialect: Dialect, columns: int) -> list[list[str]] | None:
    """The rows of a block with one record per line, or None if it needs a closer look."""
    lines = _plain_lines(data, dialect.encoding)
    if lines is None:
        return None
    if b'"' in data:
        try:
            rows = list(csv.reader(lines, delimiter=dialect.delimiter, strict=True))
        except csv.Error:
            return None
    else:
        rows = [line.split(dialect.delimiter) for line in lines]
    return rows if len(rows) == len(lines) and set(map(len, rows)) == {columns} else None


def _plain_lines(data: bytes, encoding: str) -> list[str] | None:
    """The decoded lines without their ends, or None if any could be blank, too long or unreadable."""
    if len(data) > MAX_LINE_BYTES or b"\0" in data:
        return None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            return None
    lines = text.removesuffix("\n").split("\n")
    # In a file of one column an empty line would pass for a row with an empty field.
    return lines if all(lines) else None


def parse_closely(data: bytes, line: int, dialect: Dialect, columns: int, *, last: bool) -> Parsed:
    """As `parse_block`, record by record.

    A row of several lines with the wrong number of fields is taken for a stray quote, like one that is
    never closed: the fault is that of its first line, and reading goes on at the second.
    """
    lines = data.splitlines(keepends=True)
    batch = Batch([], [], [])
    at = 0
    while at < len(lines):
        if is_blank(lines[at]):
            at += 1
            continue
        record = read_record(lines, at, dialect, last=last)
        if record is None:
            break
        content, used = record
        if isinstance(content, list):
            if used > 1 and len(content) != columns:
                content, used = RowFault.QUOTING, 1
            else:
                content = row_fault(content, columns) or content
        if isinstance(content, list):
            batch.rows.append(content)
            batch.lines.append(line + at)
        else:
            batch.faults.append((line + at, content))
        at += used
    return Parsed(batch, line + at, b"".join(lines[at:]))


def read_record(lines: Sequence[bytes], at: int, dialect: Dialect, *, last: bool) -> Record | None:
    """The record that line `at` begins, its characters and their number not yet checked.

    None if it goes on after `lines`, unless these are the last.
    """
    if _is_too_long(lines[at]):
        return Record(RowFault.TOO_LONG, 1)
    reader = csv.reader(_texts(lines, at, dialect.encoding), delimiter=dialect.delimiter, strict=True)
    try:
        row = next(reader)
    except csv.Error:
        if not last and at + reader.line_num == len(lines):
            return None
        return Record(RowFault.QUOTING, 1)
    return Record(row, reader.line_num)


def row_fault(row: list[str], columns: int) -> RowFault | None:
    """What is wrong with the characters of a row or their number; the likeliest cause first."""
    text = "".join(row)
    try:
        text.encode()
    except UnicodeEncodeError:  # the surrogates that stand for undecodable bytes
        return RowFault.ENCODING
    if "\0" in text:
        return RowFault.NUL
    return None if len(row) == columns else RowFault.COLUMNS


def is_blank(line: bytes) -> bool:
    """Whether a line holds nothing but its end."""
    return line in (b"\n", b"\r\n", b"\r")


def _is_too_long(line: bytes) -> bool:
    return len(line) > MAX_LINE_BYTES and len(line.rstrip(b"\r\n")) > MAX_LINE_BYTES


def _texts(lines: Sequence[bytes], at: int, encoding: str) -> Iterator[str]:
    """Lines from `at` on, as far as one record may reach."""
    size = 0
    for place in range(at, min(at + MAX_RECORD_LINES, len(lines))):
        size += len(lines[place])
        if size > MAX_LINE_BYTES + 2:
            return
        yield lines[place].decode(encoding, "surrogateescape")
