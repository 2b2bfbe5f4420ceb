"""What `compare --count-only` shows."""

from typing import TYPE_CHECKING

from stayput_client.cli.screen import Json, Screen
from stayput_client.cli.summary import end_json, show_end, show_reasons

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stayput_client.results import Outcome, Totals


def show_totals(screen: Screen, totals: "Totals", *, as_json: bool) -> None:
    """Shows totals: what is told, what is not and why, and where the receipt is."""
    if as_json:
        screen.json(_json(totals))
        return
    screen.table(
        ["compare.column.what", "outcome.MATCH", "outcome.MISMATCH", "outcome.NOT_FOUND"],
        [
            _row(screen, name, counts)
            for name, counts in ((totals.key_name, totals.key), *totals.checks.items())
        ],
    )
    screen.say(
        "totals.records",
        records=f"{totals.records:,}",
        different=f"{totals.distinct_records:,}",
        invalid=f"{totals.invalid:,}",
    )
    _show_limits(screen, totals)
    show_reasons(screen, totals.reasons)
    show_end(screen, totals, asked=totals.receipt is not None)


def _row(screen: Screen, name: str, counts: "Mapping[Outcome, int | None]") -> list[str]:
    """A number, `not told` for what the column has and is not told, nothing for what it does not have."""
    shown = {
        outcome.value: screen.text("totals.not_told") if count is None else f"{count:,}"
        for outcome, count in counts.items()
    }
    return [name, *(shown.get(outcome, "") for outcome in ("MATCH", "MISMATCH", "NOT_FOUND"))]


def _show_limits(screen: Screen, totals: "Totals") -> None:
    if totals.mode.name == "OBLIVIOUS":
        screen.say("totals.oblivious")
        return
    screen.say("totals.minimum", minimum=f"{totals.minimum:,}")
    if totals.noise_epsilon_milli:
        screen.say("totals.noise", epsilon=totals.noise_epsilon_milli / 1000)


def _json(totals: "Totals") -> dict[str, Json]:
    return {
        "resource": totals.resource,
        "key": totals.key_name,
        "mode": totals.mode.name,
        "records": totals.records,
        "invalid": totals.invalid,
        "distinct_records": totals.distinct_records,
        "key_totals": {outcome.value: count for outcome, count in totals.key.items()},
        "check_totals": {
            name: {outcome.value: count for outcome, count in counts.items()}
            for name, counts in totals.checks.items()
        },
        "reasons": dict(totals.reasons),
        "minimum": totals.minimum,
        "noise_epsilon_milli": totals.noise_epsilon_milli,
        **end_json(totals),
    }
