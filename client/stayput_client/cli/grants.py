"""The command `grants`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.leakage import offered
from stayput_client.cli.options import AsJson, HomeOption
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput_client.models.grants import Grant, GrantStop

_OPERATORS_SHOWN = 3


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(grants)


def grants(context: typer.Context, *, home: HomeOption = None, as_json: AsJson = False) -> None:
    """Lists grants."""

    async def run() -> "list[Grant]":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.grants()

    held, screen = interruptible.run(run()), Screen.of(context)
    if as_json:
        screen.json([_json(one) for one in held])
        return
    names = ("id", "resource", "key", "checks", "modes", "state", "valid_until", "limits", "only")
    screen.table([f"column.{name}" for name in names], [_row(screen, one) for one in held])


def _row(screen: Screen, one: "Grant") -> list[str]:
    limits, attempts = one.limits, screen.text("grants.no_limit")
    if limits.attempts_per_subject:
        attempts = f"{limits.attempts_per_subject:,}"
    return [
        one.id,
        one.resource,
        one.key,
        ", ".join(one.checks),
        offered(screen, one.modes, one.granularities),
        _state(screen, one),
        screen.moment(one.valid_until),
        f"{limits.records_per_session:,} / {limits.records_per_day:,} / {attempts}{_of_counts(screen, one)}",
        _only(screen, one),
    ]


def _of_counts(screen: Screen, one: "Grant") -> str:
    """What limits totals, if the grant is for any."""
    if "COUNT" not in {granularity.name for granularity in one.granularities}:
        return ""
    limits = one.limits
    words = "; " + screen.text("grants.count_minimum", minimum=f"{limits.count_minimum:,}")
    if limits.noise_epsilon_milli:
        words += "; " + screen.text("grants.noise", epsilon=limits.noise_epsilon_milli / 1000)
        if limits.noise_budget_milli:
            words += "; " + screen.text("grants.noise_budget", budget=limits.noise_budget_milli / 1000)
    return words


def _state(screen: Screen, one: "Grant") -> str:
    if one.stop is not None:
        return "; ".join(_stop(screen, each) for each in one.stops)
    if one.state.name == "PENDING":
        return screen.text("grants.pending", valid_from=screen.moment(one.valid_from))
    return screen.text(f"state.{one.state.name}")


def _stop(screen: Screen, stop: "GrantStop") -> str:
    """Who stopped it, what made them, since when, and their reason."""
    said = screen.text(f"stop.{stop.state.name}.{stop.by.name}")
    if stop.cause is not None:
        said += f" ({screen.text(f'cause.{stop.cause.name}')})"
    if stop.since is not None:
        said += f", {screen.moment(stop.since)}"
    return f"{said}: {stop.reason}" if stop.reason else said


def _only(screen: Screen, one: "Grant") -> str:
    """By whom, when and for what it may be used, as far as it is limited."""
    words = []
    if 0 < len(one.operators) <= _OPERATORS_SHOWN:
        words.append(screen.text("grants.operators", names=", ".join(one.operators)))
    elif one.operators:
        words.append(screen.text("grants.many_operators", count=len(one.operators)))
    if one.hours is not None:
        words.append(screen.text("grants.hours", hours=one.hours))
    if one.case_number_required:
        words.append(screen.text("grants.case_number"))
    return "; ".join(words)


def _json(one: "Grant") -> dict[str, Json]:
    return {
        "id": one.id,
        "version": one.version,
        "application_id": one.application_id,
        "provider": one.provider,
        "node": one.node,
        "resource": one.resource,
        "key": one.key,
        "checks": list(one.checks),
        "modes": [mode.name for mode in one.modes],
        "granularities": [granularity.name for granularity in one.granularities],
        "purpose": one.purpose,
        "matter": one.matter,
        "security_agreement": one.security_agreement,
        "valid_from": one.valid_from.isoformat(),
        "valid_until": one.valid_until.isoformat(),
        "case_number_required": one.case_number_required,
        "operators": list(one.operators),
        "hours": _hours_json(one),
        "limits": asdict(one.limits),
        "state": one.state.name,
        "state_by": one.state_by.name if one.state_by else None,
        "state_reason": one.state_reason,
        "stops": [_stop_json(stop) for stop in one.stops],
    }


def _hours_json(one: "Grant") -> Json:
    if one.hours is None:
        return None
    return {
        "opens": one.hours.opens,
        "closes": one.hours.closes,
        "weekdays": list(one.hours.weekdays),
    }


def _stop_json(stop: "GrantStop") -> dict[str, Json]:
    return {
        "by": stop.by.name,
        "state": stop.state.name,
        "cause": stop.cause.name if stop.cause else None,
        "reason": stop.reason,
        "since": stop.since.isoformat() if stop.since else None,
    }
