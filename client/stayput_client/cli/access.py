"""Commands about access: enrol, apply, applications, grants.

As in all modules of commands, what takes time to import is imported by the command that needs it.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli.options import AsJson, Check, HomeOption, Key, Resource
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput_client.models import Application, Grant


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (enrol, apply, applications, grants):
        app.command()(command)


def enrol(
    context: typer.Context,
    *,
    invitation_file: Annotated[Path, typer.Argument(metavar="INVITATION_FILE")],
    home: HomeOption = None,
    renew: Annotated[bool, typer.Option("--renew")] = False,
) -> None:
    """Turns an invitation into this department's identity."""
    from stayput_client.home import Home, default_home
    from stayput_client.joining import join

    place = Home(home or default_home())
    text = invitation_file.read_text("utf-8", errors="replace")
    platform = asyncio.run(join(place, text, datetime.now(UTC), renew=renew))
    Screen.of(context).say("enrol.done", department=platform.department, home=place.path)


def apply(
    context: typer.Context,
    *,
    resource: Resource,
    key: Key,
    purpose: Annotated[str, typer.Option(metavar="TEXT")],
    legal_basis: Annotated[str, typer.Option(metavar="TEXT")],
    check: Check = None,
    volume: Annotated[int, typer.Option(min=0, metavar="NUMBER")] = 0,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Applies for access."""

    async def run() -> "Application":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.apply(
                resource=resource,
                key=key,
                checks=check or (),
                purpose=purpose,
                legal_basis=legal_basis,
                records_per_day=volume,
            )

    filed, screen = asyncio.run(run()), Screen.of(context)
    if as_json:
        screen.json(_application_json(filed))
    else:
        screen.say("apply.done", id=filed.id, state=screen.text(f"state.{filed.state.name}"))


def applications(context: typer.Context, *, home: HomeOption = None, as_json: AsJson = False) -> None:
    """Lists applications."""

    async def run() -> "list[Application]":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.applications()

    found, screen = asyncio.run(run()), Screen.of(context)
    if as_json:
        screen.json([_application_json(one) for one in found])
        return
    screen.table(
        [f"column.{name}" for name in ("id", "resource", "key", "checks", "state", "submitted", "grant")],
        [
            [
                one.id,
                one.resource,
                one.key,
                ", ".join(one.checks),
                screen.text(f"state.{one.state.name}"),
                screen.moment(one.submitted_at),
                one.grant_id or one.refusal_reason,
            ]
            for one in found
        ],
    )


def grants(context: typer.Context, *, home: HomeOption = None, as_json: AsJson = False) -> None:
    """Lists grants."""

    async def run() -> "list[Grant]":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.grants()

    held, screen = asyncio.run(run()), Screen.of(context)
    if as_json:
        screen.json([_grant_json(one) for one in held])
        return
    names = ("id", "resource", "key", "checks", "valid_from", "valid_until", "limits", "case_number", "state")
    screen.table([f"column.{name}" for name in names], [_grant_row(screen, one) for one in held])


def _grant_row(screen: Screen, one: "Grant") -> list[str]:
    return [
        one.id,
        one.resource,
        one.key,
        ", ".join(one.checks),
        screen.moment(one.valid_from),
        screen.moment(one.valid_until),
        f"{one.records_per_session:,} / {one.records_per_day:,}",
        screen.text("case_number.required") if one.case_number_required else "",
        screen.text(f"state.{one.state.name}"),
    ]


def _application_json(one: "Application") -> dict[str, Json]:
    return {
        "id": one.id,
        "resource": one.resource,
        "key": one.key,
        "checks": list(one.checks),
        "mode": one.mode.name,
        "granularity": one.granularity.name,
        "purpose": one.purpose,
        "legal_basis": one.legal_basis,
        "expected_records_per_day": one.expected_records_per_day,
        "state": one.state.name,
        "refusal_reason": one.refusal_reason,
        "grant_id": one.grant_id,
        "submitted_at": one.submitted_at.isoformat(),
        "decided_at": one.decided_at.isoformat() if one.decided_at else None,
    }


def _grant_json(one: "Grant") -> dict[str, Json]:
    return {
        "id": one.id,
        "application_id": one.application_id,
        "provider": one.provider,
        "node": one.node,
        "resource": one.resource,
        "key": one.key,
        "checks": list(one.checks),
        "modes": [mode.name for mode in one.modes],
        "granularities": [granularity.name for granularity in one.granularities],
        "purpose": one.purpose,
        "valid_from": one.valid_from.isoformat(),
        "valid_until": one.valid_until.isoformat(),
        "case_number_required": one.case_number_required,
        "records_per_session": one.records_per_session,
        "records_per_day": one.records_per_day,
        "state": one.state.name,
    }
