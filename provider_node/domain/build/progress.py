"""How far a build is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """What a build is doing, in this order."""

    READING = "reading"
    INDEXING = "indexing"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    SWITCHING = "switching"


@dataclass(frozen=True, slots=True)
class Progress:
    """Figures so far: rows read, rows of them left out, bytes of the source read and in all."""

    stage: Stage
    rows: int
    rejected: int
    bytes_read: int
    bytes_total: int


class Reporter:
    """Keeps the figures and tells a function about each change."""

    def __init__(self, tell: Callable[[Progress], None], bytes_total: int) -> None:
        self._tell = tell
        self._bytes_total = bytes_total
        self._bytes_read = 0
        self.rows = 0
        self.rows_left_out = 0

    def read(self, rows: int, rows_left_out: int, bytes_read: int) -> None:
        """So many more rows are in the index, so many are not, and the source is read so far."""
        self.rows += rows
        self.rows_left_out += rows_left_out
        self._bytes_read = bytes_read
        self.at(Stage.READING)

    def at(self, stage: Stage) -> None:
        """The build is at this stage, or a little further in it."""
        if stage is not Stage.READING:
            self._bytes_read = self._bytes_total
        self._tell(
            Progress(
                stage, self.rows + self.rows_left_out, self.rows_left_out, self._bytes_read, self._bytes_total
            )
        )
