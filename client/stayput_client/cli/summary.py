"""What `compare` shows of outcomes per record, and what it shows of any comparison."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput_client.results import Summary, Totals


def show_summary(screen: Screen, summary: "Summary", *, as_json: bool) -> None:
    """Shows how often each outcome was given, why, and where output and receipt are."""
    if as_json:
        screen.json(_json(summary))
        return
    from stayput_client.results import Outcome

    rows = [(summary.key_name, summary.key), *summary.checks.items()]
    screen.table(
        ["compare.column.what", *(f"outcome.{outcome}" for outcome in Outcome)],
        [[name, *(f"{counts[outcome]:,}" for outcome in Outcome)] for name, counts in rows],
    )
    show_reasons(screen, summary.reasons)
    show_end(screen, summary, asked=summary.receipt is not None or summary.not_answered > 0)


def show_reasons(screen: Screen, reasons: Mapping[str, int]) -> None:
    """Why records are UNVERIFIABLE or INVALID."""
    if not reasons:
        return
    screen.say("compare.reasons")
    for reason, count in reasons.items():
        why = screen.text(f"why.{reason.rpartition(': ')[2]}")
        screen.say("compare.reason", count=f"{count:,}", reason=reason, why=why)


def show_end(screen: Screen, done: "Summary | Totals", *, asked: bool) -> None:
    """Which data answered, where the files are, what is left, how long it took; `asked` anything at all."""
    screen.say("compare.as_of", as_of=screen.moment(done.as_of), generation=done.generation)
    screen.say("compare.out", path=done.out_path)
    for path in filter(None, (done.receipt_path, *done.further_receipt_paths)):
        screen.say("compare.receipt", path=path)
    if not asked:
        screen.say("compare.no_receipt")
    if done.records_left_today is not None:
        left, until = f"{done.records_left_today:,}", screen.moment(done.quota_renewed_at)
        screen.say("compare.left", left=left, until=until)
    rate = done.records / done.elapsed
    screen.say("compare.speed", records=f"{done.records:,}", elapsed=done.elapsed, rate=rate)


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
        **end_json(summary),
    }


def end_json(done: "Summary | Totals") -> dict[str, Json]:
    """Which data answered, what is left, how long it took, and where the files are."""
    return {
        "generation": done.generation,
        "as_of": done.as_of.isoformat(),
        "records_left_today": done.records_left_today,
        "quota_renewed_at": done.quota_renewed_at.isoformat() if done.quota_renewed_at else None,
        "elapsed_seconds": round(done.elapsed, 3),
        "output": str(done.out_path),
        "receipt": str(done.receipt_path) if done.receipt_path else None,
        "further_receipts": [str(path) for path in done.further_receipt_paths],
    }
