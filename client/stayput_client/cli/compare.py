"""The command `compare`."""

import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.options import (
    AsJson,
    Check,
    Column,
    Delimiter,
    Encoding,
    HomeOption,
    InMode,
    Key,
    Resource,
    columns_of,
    delimiter_of,
)
from stayput_client.cli.screen import Screen
from stayput_client.cli.summary import show_summary
from stayput_client.cli.totals import show_totals

if TYPE_CHECKING:
    from stayput_client.list_comparison import ProgressCallback
    from stayput_client.results import Progress, Summary, Totals

    _Run = Callable[[ProgressCallback | None], Coroutine[Any, Any, Summary | Totals]]

CUT_SHORT = 3
ALL_INVALID = 4


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(compare)


def compare(
    context: typer.Context,
    *,
    list_file: Annotated[Path, typer.Argument(metavar="LIST.csv")],
    resource: Resource,
    key: Key,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="OUT.csv", show_default=False)] = None,
    check: Check = None,
    mode: InMode = None,
    count_only: Annotated[bool, typer.Option("--count-only")] = False,
    column: Column = None,
    operator: Annotated[str, typer.Option(metavar="TEXT", show_default=False)] = "",
    purpose: Annotated[str, typer.Option(metavar="TEXT", show_default=False)] = "",
    case_number: Annotated[str, typer.Option(metavar="TEXT", show_default=False)] = "",
    grant: Annotated[str | None, typer.Option(metavar="ID")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = ",",
    force: Annotated[bool, typer.Option("--force")] = False,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Compares a list."""
    from stayput_client.client import Client
    from stayput_client.models.vocabulary import Mode

    screen, columns = Screen.of(context), columns_of(column or [])
    if out is None and not count_only:
        raise typer.BadParameter(screen.text("compare.out_missing"), param_hint="--out")

    async def run(progress: "ProgressCallback | None") -> "Summary | Totals":
        async with Client.open(home) as client:
            asked: Callable[..., Awaitable[Summary | Totals]] = partial(client.count_csv, list_file, out)
            if out is not None and not count_only:
                asked = partial(client.compare_csv, list_file, out)
            return await asked(
                resource=resource,
                key=key,
                checks=check or (),
                mode=Mode[mode.name] if mode else Mode.KEYED,
                columns=columns,
                operator=operator,
                purpose=purpose,
                case_number=case_number,
                grant=grant,
                encoding=encoding,
                delimiter=delimiter_of(delimiter),
                force=force,
                progress=progress,
            )

    _run(screen, run, as_json=as_json)


def _run(screen: Screen, run: "_Run", *, as_json: bool) -> None:
    from stayput_client.results import CutShort, Summary

    try:
        with _progress(screen) as progress:
            done = interruptible.run(run(progress))
    except CutShort as cut:
        show_summary(screen, cut.summary, as_json=as_json)
        screen.failure(cut)
        _tell_cut(screen, cut.summary)
        raise typer.Exit(CUT_SHORT) from None
    if isinstance(done, Summary):
        show_summary(screen, done, as_json=as_json)
    else:
        show_totals(screen, done, as_json=as_json)
    if _all_invalid(done):
        screen.warn("compare.all_invalid")
        raise typer.Exit(ALL_INVALID)


@contextmanager
def _progress(screen: Screen) -> "Iterator[ProgressCallback | None]":
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def report(progress: "Progress") -> None:
            words = screen.text(
                f"compare.progress.{progress.stage}", done=f"{progress.done:,}", total=f"{progress.total:,}"
            )
            bar.update(task, description=words, completed=progress.done, total=progress.total)

        yield report


def _all_invalid(done: "Summary | Totals") -> bool:
    from stayput_client.results import Outcome, Totals

    invalid = done.invalid if isinstance(done, Totals) else done.key[Outcome.INVALID]
    return done.records > 0 and invalid == done.records


def _tell_cut(screen: Screen, summary: "Summary") -> None:
    screen.warn(
        "compare.cut",
        "compare.cut_hint",
        not_answered=summary.not_answered,
        records=summary.records,
        path=summary.out_path,
    )
