"""The command `compare`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.options import (
    AsJson,
    Check,
    Column,
    Delimiter,
    Encoding,
    HomeOption,
    Key,
    Resource,
    columns_of,
    delimiter_of,
)
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput_client.list_comparison import ProgressCallback
    from stayput_client.results import Progress, Summary

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
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT.csv")],
    check: Check = None,
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
    from stayput_client.results import CutShort

    screen, columns = Screen.of(context), columns_of(column or [])

    async def run(progress: "ProgressCallback | None") -> "Summary":
        async with Client.open(home) as client:
            return await client.compare_csv(
                list_file,
                out,
                resource=resource,
                key=key,
                checks=check or (),
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

    try:
        with _progress(screen) as progress:
            summary = interruptible.run(run(progress))
    except CutShort as cut:
        _show(screen, cut.summary, as_json=as_json)
        screen.failure(cut)
        _tell_cut(screen, cut.summary)
        raise typer.Exit(CUT_SHORT) from None
    _show(screen, summary, as_json=as_json)
    if _all_invalid(summary):
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
        task = bar.add_task(screen.text("compare.progress"))

        def report(progress: "Progress") -> None:
            bar.update(task, completed=progress.done, total=progress.total)

        yield report


def _all_invalid(summary: "Summary") -> bool:
    from stayput_client.results import Outcome

    return summary.records > 0 and summary.key[Outcome.INVALID] == summary.records


def _tell_cut(screen: Screen, summary: "Summary") -> None:
    screen.warn(
        "compare.cut",
        "compare.cut_hint",
        not_answered=summary.not_answered,
        records=summary.records,
        path=summary.out_path,
    )


def _show(screen: Screen, summary: "Summary", *, as_json: bool) -> None:
    if as_json:
        screen.json(_json(summary))
        return
    from stayput_client.results import Outcome

    rows = [(summary.key_name, summary.key), *summary.checks.items()]
    screen.table(
        ["compare.column.what", *(f"outcome.{outcome}" for outcome in Outcome)],
        [[name, *(f"{counts[outcome]:,}" for outcome in Outcome)] for name, counts in rows],
    )
    _show_reasons(screen, summary)
    screen.say("compare.as_of", as_of=screen.moment(summary.as_of), generation=summary.generation)
    screen.say("compare.out", path=summary.out_path)
    if summary.receipt_path:
        screen.say("compare.receipt", path=summary.receipt_path)
    elif summary.not_answered == 0 and summary.receipt is None:
        screen.say("compare.no_receipt")
    if summary.records_left_today is not None:
        left, until = f"{summary.records_left_today:,}", screen.moment(summary.quota_renewed_at)
        screen.say("compare.left", left=left, until=until)
    rate = summary.records / summary.elapsed
    screen.say("compare.speed", records=f"{summary.records:,}", elapsed=summary.elapsed, rate=rate)


def _show_reasons(screen: Screen, summary: "Summary") -> None:
    if not summary.reasons:
        return
    screen.say("compare.reasons")
    for reason, count in summary.reasons.items():
        why = screen.text(f"why.{reason.rpartition(': ')[2]}")
        screen.say("compare.reason", count=f"{count:,}", reason=reason, why=why)


def _json(summary: "Summary") -> dict[str, Json]:
    return {
        "resource": summary.resource,
        "key": summary.key_name,
        "records": summary.records,
        "key_outcomes": {outcome.value: count for outcome, count in summary.key.items()},
        "check_outcomes": {
            name: {outcome.value: count for outcome, count in counts.items()}
            for name, counts in summary.checks.items()
        },
        "reasons": dict(summary.reasons),
        "not_answered": summary.not_answered,
        "generation": summary.generation,
        "as_of": summary.as_of.isoformat(),
        "records_left_today": summary.records_left_today,
        "quota_renewed_at": summary.quota_renewed_at.isoformat() if summary.quota_renewed_at else None,
        "elapsed_seconds": round(summary.elapsed, 3),
        "output": str(summary.out_path),
        "receipt": str(summary.receipt_path) if summary.receipt_path else None,
    }
