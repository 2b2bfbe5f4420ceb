"""What a source delivers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive rows, column by column, and the places where no row could be read.

    `columns` holds a text for every row by name of field; `lines` where each row is in the source, ascending;
    `faults` the (line, reason) of what could not be read; `bytes_read` how far into the source this reaches.
    `file` names the file that the lines are of, if the source has several.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    faults: list[tuple[int, str]]
    bytes_read: int
    file: str = ""
