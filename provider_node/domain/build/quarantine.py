"""Where to look for what was left out: line numbers, fields and reasons, and nothing of the content."""

import csv
import os
from collections import Counter
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

from provider_node.domain.build.records import Rejection
from provider_node.store.files import PRIVATE
from provider_node.store.manifest import Rejects

MOST_LINES: Final = 100_000


class Quarantine:
    """Writes `line,field,reason` for the first rejections and counts all of them; a context manager.

    An empty field stands for a line that could not be read as a row. If the source has several files, each
    line begins with the name of its file.
    """

    def __init__(self, path: Path) -> None:
        path.touch(PRIVATE, exist_ok=False)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._of_files: bool | None = None
        self._room = MOST_LINES
        self._counts: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._begin("")
                self._file.flush()
                os.fsync(self._file.fileno())

    def add(self, rejections: Iterable[Rejection], file: str = "") -> None:
        """Adds the rejections of a batch, which come later in the source than those added before.

        `file` is that of the batch; either all batches have one or none.
        """
        of_file = [file] if self._begin(file) else []
        ordered = sorted(rejections, key=attrgetter("line", "field"))
        self._counts.update((rejection.field, rejection.reason) for rejection in ordered)
        written = ordered[: self._room]
        self._room -= len(written)
        self._writer.writerows([*of_file, one.line, one.field, one.reason] for one in written)

    def _begin(self, file: str) -> bool:
        """Whether lines have the names of files; writes the header once that is known."""
        if self._of_files is None:
            self._of_files = bool(file)
            self._file.write(f"{'file,' * self._of_files}line,field,reason\n")
        return self._of_files

    @property
    def rejects(self) -> tuple[Rejects, ...]:
        """How many for each field and reason, in the order of their names."""
        return tuple(
            Rejects(field=field, reason=reason, count=count)
            for (field, reason), count in sorted(self._counts.items())
        )
