"""Commands about applications: apply, withdraw, applications."""

from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.leakage import offered
from stayput_client.cli.options import AsJson, Check, HomeOption, InGranularity, InMode, Key, Resource
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput_client.models.applications import Application, DecisionClock


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (apply, withdraw, applications):
        app.command()(command)


def apply(
    context: typer.Context,
    *,
    resource: Resource,
    key: Key,
    purpose: Annotated[str, typer.Option(metavar="TEXT")],
    legal_basis: Annotated[str, typer.Option(metavar="TEXT")],
    matter: Annotated[str, typer.Option(metavar="TEXT")],
    agreement: Annotated[str, typer.Option(metavar="REFERENCE", show_default=False)] = "",
    check: Check = None,
    mode: InMode = None,
    granularity: InGranularity = None,
    volume: Annotated[int, typer.Option(min=0, metavar="NUMBER")] = 0,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Applies for access."""

    async def run() -> "Application":
        from stayput_client.client import Client
        from stayput_client.models.vocabulary import Granularity, Mode

        async with Client.open(home) as client:
            return await client.apply(
                resource=resource,
                key=key,
                checks=check or (),
                mode=Mode[mode.name] if mode else Mode.KEYED,
                granularity=Granularity[granularity.name] if granularity else Granularity.RECORD,
                purpose=purpose,
                legal_basis=legal_basis,
                matter=matter,
                security_agreement=agreement,
                records_per_day=volume,
            )

    filed, screen = interruptible.run(run()), Screen.of(context)
    if as_json:
        screen.json(_json(filed))
        return
    screen.say("apply.done", id=filed.id, state=_state(screen, filed))
    if filed.clock is None:
        if filed.grant_id:
            screen.say("apply.granted", grant=filed.grant_id)
        return
    screen.say("apply.due", due=filed.clock.due_date, clock=_clock(screen, filed.clock))
    if not filed.security_agreement:
        screen.say("apply.no_agreement")


def withdraw(
    context: typer.Context,
    *,
    application: Annotated[str, typer.Argument(metavar="APPLICATION")],
    reason: Annotated[str, typer.Option(metavar="TEXT", show_default=False)] = "",
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Takes an application back."""

    async def run() -> "Application":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.withdraw(application, reason)

    taken_back, screen = interruptible.run(run()), Screen.of(context)
    if as_json:
        screen.json(_json(taken_back))
    else:
        screen.say("withdraw.done", id=taken_back.id, state=_state(screen, taken_back))


def applications(context: typer.Context, *, home: HomeOption = None, as_json: AsJson = False) -> None:
    """Lists applications."""

    async def run() -> "list[Application]":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.applications()

    found, screen = interruptible.run(run()), Screen.of(context)
    if as_json:
        screen.json([_json(one) for one in found])
        return
    names = (
        "id",
        "resource",
        "key",
        "checks",
        "modes",
        "matter",
        "state",
        "submitted",
        "due",
        "clock",
        "answer",
    )
    screen.table([f"column.{name}" for name in names], [_row(screen, one) for one in found])


def _row(screen: Screen, one: "Application") -> list[str]:
    return [
        one.id,
        one.resource,
        one.key,
        ", ".join(one.checks),
        offered(screen, [one.mode], [one.granularity]),
        one.matter,
        _state(screen, one),
        screen.moment(one.submitted_at),
        one.clock.due_date.isoformat() if one.clock else "",
        _clock(screen, one.clock) if one.clock else "",
        one.grant_id or one.refusal_reason or one.withdrawal_reason,
    ]


def _state(screen: Screen, one: "Application") -> str:
    return screen.text(f"state.{one.state.name}")


def _clock(screen: Screen, clock: "DecisionClock") -> str:
    """Days left, who was told, and what cannot be relied on, in words."""
    days = clock.working_days_left
    words = [screen.text("clock.overdue" if clock.overdue else "clock.left", days=abs(days))]
    if clock.urgency.name != "NONE":
        words.append(screen.text(f"urgency.{clock.urgency.name}"))
    if clock.provisional:
        words.append(screen.text("clock.provisional"))
    if clock.overdue and not clock.expiry_provisional:
        words.append(screen.text("clock.expires", date=clock.expiry_date))
    return "; ".join(words)


def _json(one: "Application") -> dict[str, Json]:
    return {
        "id": one.id,
        "resource": one.resource,
        "key": one.key,
        "checks": list(one.checks),
        "mode": one.mode.name,
        "granularity": one.granularity.name,
        "purpose": one.purpose,
        "legal_basis": one.legal_basis,
        "matter": one.matter,
        "security_agreement": one.security_agreement,
        "expected_records_per_day": one.expected_records_per_day,
        "state": one.state.name,
        "refusal_reason": one.refusal_reason,
        "withdrawal_reason": one.withdrawal_reason,
        "grant_id": one.grant_id,
        "submitted_at": one.submitted_at.isoformat(),
        "accepted_at": one.accepted_at.isoformat() if one.accepted_at else None,
        "decided_at": one.decided_at.isoformat() if one.decided_at else None,
        "clock": _clock_json(one.clock) if one.clock else None,
    }


def _clock_json(clock: "DecisionClock") -> dict[str, Json]:
    return {
        "due_date": clock.due_date.isoformat(),
        "working_days_left": clock.working_days_left,
        "overdue": clock.overdue,
        "provisional": clock.provisional,
        "urgency": clock.urgency.name,
        "expiry_date": clock.expiry_date.isoformat(),
        "expiry_provisional": clock.expiry_provisional,
    }
