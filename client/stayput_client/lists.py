"""A clerk's list: how it is written, which of its columns hold which field, and its records in batches."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from stayput.delimited import Batch as Lines
from stayput.delimited import Dialect, detect_encoding, open_file, read_batches, read_header
from stayput.errors import field_invalid
from stayput.v1.contract_pb2 import Field
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.comparing import Batch
from stayput_client.faults import ClientFault

_COUNT_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ClerksList:
    """A delimited file with a header; `marked` if it begins with a byte-order mark."""

    path: Path
    dialect: Dialect
    columns: tuple[str, ...]
    marked: bool

    @staticmethod
    def open(path: Path, encoding: str | None = None, delimiter: str = ",") -> "ClerksList":
        """Looks at the file: its encoding, unless given, its mark and its columns.

        Raises `DelimitedError`, `OSError`, or `FIELD_INVALID` for an encoding or delimiter that cannot work.
        """
        written = encoding.lower() if encoding else detect_encoding(path)
        try:
            dialect = Dialect(written, delimiter)
        except ValueError as error:
            raise field_invalid("list", str(error)) from None
        mark = "\ufeff".encode(dialect.encoding)
        with open_file(path) as file:
            marked = file.content.read(len(mark)) == mark
        return ClerksList(path, dialect, tuple(read_header(path, dialect)), marked)

    def batches(self, places: Mapping[str, int], batch_rows: int) -> Generator[Batch[Lines]]:
        """Lines with the raw values of each field; `places` are the columns of fields."""
        for lines in read_batches(self.path, self.dialect, batch_rows):
            values = {field: [row[place] for row in lines.rows] for field, place in places.items()}
            yield Batch(lines, values)

    def count_lines(self) -> int:
        """Physical lines after the header, quickly: to show progress by, not to rely on."""
        with open_file(self.path) as file:
            blocks = iter(lambda: file.content.read(_COUNT_BYTES), b"")
            return max(sum(block.count(b"\n") for block in blocks) - 1, 1)


def places(fields: Collection[Field], columns: Sequence[str], given: Mapping[str, str]) -> dict[str, int]:
    """The column of each field: the one `given` for it, or the one named like it or its title (any case).

    Raises `FIELD_INVALID` for a field without a column or with several, and for something `given` that
    does not exist.
    """
    for name in given.keys() - {field.name for field in fields}:
        known = ", ".join(field.name for field in fields)
        raise _fault("column_field_unknown", name, known=known)
    found = {field.name: _place(field, columns, given.get(field.name)) for field in fields}
    for name, place in found.items():
        twin = next((other for other, at in found.items() if at == place and other != name), None)
        if twin is not None:
            raise _fault("column_shared", name, other=twin, column=columns[place])
    return found


def _place(field: Field, columns: Sequence[str], given: str | None) -> int:
    if given is not None:
        if given not in columns:
            raise _fault("column_given_missing", field.name, column=given, columns=_listed(columns))
        return columns.index(given)
    names = {name.casefold() for name in (field.name, field.title, field.title_en) if name}
    candidates = [at for at, column in enumerate(columns) if column.casefold() in names]
    if not candidates:
        raise _fault("column_missing", field.name, title=field.title or field.name, columns=_listed(columns))
    if len(candidates) > 1:
        among = _listed([columns[at] for at in candidates])
        raise _fault("column_ambiguous", field.name, columns=among)
    return candidates[0]


def added_columns(checks: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Names of the output's own columns; `FIELD_INVALID` if the list has one of that name already."""
    added = ["outcome", *(f"outcome_{check}" for check in checks), "reason"]
    for name in added:
        if name in columns:
            raise _fault("column_collision", name)
    return added


def in_order(lines: Lines, rows: Sequence[list[str]], faults: Sequence[list[str]]) -> Iterator[list[str]]:
    """Rows and faults of a batch, each as output rows, in the order of the file."""
    if not faults:
        return iter(rows)
    numbered = chain(
        zip(lines.lines, rows, strict=True), zip((at for at, _ in lines.faults), faults, strict=True)
    )
    return (row for _, row in sorted(numbered, key=lambda one: one[0]))


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns)


def _fault(name: str, field: str, **places: str) -> ClientFault:
    return ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, name, field=field, **places)
