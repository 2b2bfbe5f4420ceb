"""How far a build is, at a terminal as a bar, elsewhere as a line every few seconds."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from provider_node.cli.output import sentence, word

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stayput.v1.admin_pb2 import BuildResponse

_SECONDS_BETWEEN_LINES: Final = 5.0
_STAGES: Final = {
    "reading": "stage_reading",
    "indexing": "stage_indexing",
    "verifying": "stage_verifying",
    "finishing": "stage_finishing",
    "switching": "stage_switching",
}


class Lines:
    """Writes a line about a build now and then; `clock` gives seconds from any beginning."""

    def __init__(self, resource: str, write: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._resource = resource
        self._write = write
        self._clock = clock
        self._begun = self._written = clock()

    def tell(self, step: "BuildResponse") -> None:
        """The build is as far as that; short ones end before a word is said."""
        now = self._clock()
        if now - self._written < _SECONDS_BETWEEN_LINES:
            return
        self._written = now
        line = sentence(
            "build_line",
            resource=self._resource,
            stage=stage(step),
            rows=step.rows,
            rate=step.rows / (now - self._begun),
            rejected=step.rejected,
        )
        left = seconds_left(step, now - self._begun)
        self._write(line if left is None else line + sentence("build_left", seconds=left))


def stage(step: "BuildResponse") -> str:
    """What the build is doing, in the person's language."""
    return word(_STAGES.get(step.stage, "building"))


def seconds_left(step: "BuildResponse", elapsed: float) -> float | None:
    """How long reading takes yet if it goes on as it did in `elapsed` seconds; `None` if nobody can tell."""
    if step.stage != "reading" or not 0 < step.bytes_read <= step.bytes_total:
        return None
    return elapsed * (step.bytes_total - step.bytes_read) / step.bytes_read


async def show_bar(steps: "AsyncIterator[BuildResponse]") -> None:
    """Shows a bar at the terminal until the build ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} " + word("rows")),
        TextColumn("{task.fields[rate]:,.0f} " + word("rows_per_second")),
        TextColumn("{task.fields[rejected]:,} " + word("left_out")),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task(word("building"), total=None, rows=0, rate=0.0, rejected=0)
        async for step in steps:
            if step.HasField("generation"):
                continue
            bar.update(
                task,
                description=stage(step),
                completed=step.bytes_read,
                total=step.bytes_total or None,
                rows=step.rows,
                rate=step.rows / max(bar.tasks[0].elapsed or 0.0, 0.1),
                rejected=step.rejected,
            )
