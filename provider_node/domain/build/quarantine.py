"""Where to look for what was left out: line numbers, fields and reasons, and nothing of the content."""

import os
from collections import Counter
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

from provider_node.domain.build.records import Rejection
from provider_node.store.manifest import Rejects

MOST_LINES: Final = 100_000


class Quarantine:
    """Writes `line,field,reason` for the first rejections and counts all of them; a context manager.

    An empty field stands for a line that could not be read as a row.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("x", encoding="ascii", newline="")
        self._file.write("line,field,reason\n")
        self._room = MOST_LINES
        self._counts: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    def add(self, rejections: Iterable[Rejection]) -> None:
        """Adds the rejections of a batch, which come later in the source than those added before."""
        ordered = sorted(rejections, key=attrgetter("line", "field"))
        self._counts.update((rejection.field, rejection.reason) for rejection in ordered)
        written = ordered[: self._room]
        self._room -= len(written)
        self._file.writelines(f"{one.line},{one.field},{one.reason}\n" for one in written)

    @property
    def rejects(self) -> tuple[Rejects, ...]:
        """How many for each field and reason, in the order of their names."""
        return tuple(
            Rejects(field=field, reason=reason, count=count)
            for (field, reason), count in sorted(self._counts.items())
        )
