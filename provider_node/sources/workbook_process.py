"""Reads one sheet of a workbook in a process of its own, which may be ended by what is in it.

The library holds a whole sheet in memory, and ends its process where that has no room: a small file can ask
for any amount. So it runs apart, under limits. This is started as a file and imports nothing but the
standard library and python_calamine. Each message is a line of JSON:

    in   {"path": text, "sheet": text or null, "bytes": most memory, "seconds": most processor time}
    out  {"header": [text], "lines": how many the sheet has}, or {"fault": word} and the end
    in   [columns wanted, from 0]
    out  {"lines": [number], "columns": [[text, number or boolean]]}, any number of times
    out  {}
"""

import json
import resource
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

_BATCH_ROWS: Final = 50_000
_BATCH_CHARACTERS: Final = 8 << 20
_MOST_CHARACTERS: Final = 4_096
_TOO_LONG: Final = "x" * 513  # no type of field takes it

Cell = str | float | bool


def main() -> None:
    """Answers one request."""
    request = json.loads(sys.stdin.readline())
    for limit, most in (
        (resource.RLIMIT_CORE, 0),  # which would hold records
        (resource.RLIMIT_AS, request["bytes"]),
        (resource.RLIMIT_CPU, request["seconds"]),
    ):
        _, allowed = resource.getrlimit(limit)
        bound = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(limit, (bound, bound))
    sheet = _sheet(request["path"], request["sheet"])
    if isinstance(sheet, str):
        _say({"fault": sheet})
        return
    # Empty rows at the beginning are among them, empty columns are not.
    rows = ((line, row) for line, row in enumerate(sheet.iter_rows(), 1) if any(cell != "" for cell in row))
    _, header = next(rows, (0, None))
    if header is None:
        _say({"fault": "EMPTY"})
        return
    _say({"header": [str(_cell(cell)) for cell in header], "lines": sheet.end[0] + 1})
    places = json.loads(sys.stdin.readline())
    for batch in _batches(rows, places):
        _say(batch)
    _say({})


def _sheet(path: str, name: str | None) -> Any:  # noqa: ANN401 (a sheet of a library loaded here only)
    """The sheet, or why there is none."""
    import python_calamine as library  # noqa: PLC0415 (after the limits are set)

    try:
        workbook = library.load_workbook(path)
        if name is None:
            is_sheet = [one.typ == library.SheetTypeEnum.WorkSheet for one in workbook.sheets_metadata]
            return workbook.get_sheet_by_index(is_sheet.index(True)) if any(is_sheet) else "EMPTY"
        return workbook.get_sheet_by_name(name)
    except library.PasswordError:
        return "PASSWORD"
    except library.WorksheetNotFound:
        return "SHEET"
    except (library.CalamineError, OSError):
        return "DAMAGED"


def _batches(rows: Iterator[tuple[int, Sequence[object]]], places: Sequence[int]) -> Iterator[object]:
    """Numbered rows, column by column."""
    lines: list[int] = []
    columns: list[list[Cell]] = [[] for _ in places]
    size = 0
    for line, row in rows:
        lines.append(line)
        for column, place in zip(columns, places, strict=True):
            cell = _cell(row[place])
            column.append(cell)
            size += len(cell) if isinstance(cell, str) else 0
        if len(lines) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
            yield {"lines": lines, "columns": columns}
            lines, columns, size = [], [[] for _ in places], 0
    if lines:
        yield {"lines": lines, "columns": columns}


def _cell(cell: object) -> Cell:
    """A text, number or boolean; days and times as ISO 8601, without a time that is midnight."""
    match cell:
        case str():
            return cell if len(cell) <= _MOST_CHARACTERS else _TOO_LONG
        case bool() | int() | float():
            return cell
        case datetime():
            return str(cell.date() if cell.time() == time.min else cell)
        case date() | time() | timedelta():
            return str(cell)
        case _:
            return _TOO_LONG


def _say(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
