"""Commands about what can be compared: catalogue, describe."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from stayput.language import Language
from stayput_client.cli import interruptible
from stayput_client.cli.leakage import leakage_json, offered, show_leakage
from stayput_client.cli.options import AsJson, HomeOption, ModeName
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput.v1.contract_pb2 import Check, ObliviousOffer
    from stayput_client.models.resources import Allowance, Description, ResourceSummary


# As in stayput_client.cli.options.
class _Category(StrEnum):
    BASE = "base"
    THEME = "theme"
    DEPARTMENT = "department"


class _Sharing(StrEnum):
    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not-shared"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (catalogue, describe):
        app.command()(command)


def catalogue(
    context: typer.Context,
    *,
    query: Annotated[str, typer.Argument(metavar="QUERY", show_default=False)] = "",
    category: Annotated[list[_Category] | None, typer.Option("--category")] = None,
    sharing: Annotated[list[_Sharing] | None, typer.Option("--sharing")] = None,
    provider: Annotated[str, typer.Option("--provider", metavar="CODE", show_default=False)] = "",
    mode: Annotated[list[ModeName] | None, typer.Option("--mode")] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Lists the catalogue."""
    from stayput_client.models.vocabulary import Category, Mode, Sharing

    async def run() -> "list[ResourceSummary]":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.catalogue(
                query,
                categories=[Category[one.name] for one in category or ()],
                sharings=[Sharing[one.name] for one in sharing or ()],
                provider=provider,
                modes=[Mode[one.name] for one in mode or ()],
            )

    found, screen = interruptible.run(run()), Screen.of(context)
    if as_json:
        screen.json([_summary_json(screen, one) for one in found])
        return
    names = ("code", "title", "provider", "category", "sharing", "keys", "checks", "modes", "as_of", "stale")
    screen.table([f"column.{name}" for name in names], [_summary_row(screen, one) for one in found])


def _summary_row(screen: Screen, one: "ResourceSummary") -> list[str]:
    return [
        one.code,
        _title(screen, one),
        one.provider,
        screen.text(f"category.{one.category.name}"),
        screen.text(f"sharing.{one.sharing.name}"),
        ", ".join(one.keys),
        ", ".join(one.checks),
        offered(screen, one.modes, one.granularities),
        screen.moment(one.as_of),
        screen.text("yes" if one.stale else "no"),
    ]


def _title(screen: Screen, one: "ResourceSummary | Description") -> str:
    return one.title if screen.language is Language.CHINESE else one.title_en or one.title


def describe(
    context: typer.Context,
    *,
    resource: Annotated[str, typer.Argument(metavar="RESOURCE")],
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Describes a resource."""

    async def run() -> "Description":
        from stayput_client.client import Client

        async with Client.open(home) as client:
            return await client.describe(resource)

    description, screen = interruptible.run(run()), Screen.of(context)
    if as_json:
        screen.json(_description_json(screen, description))
    else:
        _show_description(screen, description)


def _show_description(screen: Screen, one: "Description") -> None:
    contract = one.contract
    typer.echo(f"{contract.resource}  {_title(screen, one)}")
    addresses = ", ".join((one.address, *one.replica_addresses))
    screen.say("describe.node", node=one.node, address=addresses, provider=one.provider)
    screen.say("describe.generation", generation=one.generation, as_of=screen.moment(one.as_of))
    roles = [("key", key.name, ", ".join(key.fields)) for key in contract.keys]
    roles += [("check", check.name, _asked(screen, check)) for check in contract.checks]
    screen.table(
        ["column.role", "column.asked_by", "column.fields"],
        [[screen.text(f"role.{role}"), name, asked] for role, name, asked in roles],
    )
    screen.table(
        ["column.field", "column.type", "column.accepted"],
        [
            [field.name, field.type, ", ".join(filter(None, (field.name, field.title, field.title_en)))]
            for field in contract.fields
        ],
    )
    _show_oblivious(screen, one)
    for leakage in one.leakages:
        show_leakage(screen, leakage)
    _show_allowances(screen, one.allowances)


def _asked(screen: Screen, check: "Check") -> str:
    asked = check.condition or ", ".join(check.fields)
    title = check.title if screen.language is Language.CHINESE else check.title_en or check.title
    return screen.text("describe.check", title=title, asked=asked) if title else asked


def _show_oblivious(screen: Screen, one: "Description") -> None:
    offer = one.oblivious
    if offer is None:
        return
    from stayput_client.models.vocabulary import Granularity

    screen.say("describe.oblivious", suite=offer.suite, key_epoch=offer.key_epoch)
    if offer.new_key_per_generation:
        screen.say("describe.new_keys")
    screen.table(
        ["column.key", "column.check", "column.granularity", "column.fingerprints"],
        [
            [
                each.key,
                each.check or screen.text("none"),
                screen.text(f"granularity.{Granularity(each.granularity).name}"),
                f"{each.fingerprints:,}",
            ]
            for each in offer.sets
        ],
    )


def _show_allowances(screen: Screen, allowances: "tuple[Allowance, ...]") -> None:
    if not allowances:
        screen.say("describe.no_grant")
        return
    screen.say("describe.left")
    names = ("grant", "state", "used_today", "left_today", "day_ends")
    screen.table(
        [f"column.{name}" for name in names],
        [
            [
                one.grant_id,
                screen.text(f"state.{one.state.name}"),
                f"{one.records_used_today:,}",
                f"{one.records_left_today:,}",
                screen.moment(one.day_ends),
            ]
            for one in allowances
        ],
    )


def _summary_json(screen: Screen, one: "ResourceSummary") -> dict[str, Json]:
    return {
        "code": one.code,
        "title": one.title,
        "title_en": one.title_en,
        "provider": one.provider,
        "node": one.node,
        "category": one.category.name,
        "sharing": one.sharing.name,
        "conditions": one.conditions,
        "legal_basis": one.legal_basis,
        "update_frequency": one.update_frequency.name,
        "keys": {name: list(fields) for name, fields in one.keys.items()},
        "checks": {name: list(fields) for name, fields in one.checks.items()},
        "check_conditions": dict(one.check_conditions),
        "modes": [mode.name for mode in one.modes],
        "granularities": [granularity.name for granularity in one.granularities],
        "key_epoch": one.key_epoch,
        "leakages": [leakage_json(screen, leakage) for leakage in one.leakages],
        "generation": one.generation,
        "as_of": one.as_of.isoformat() if one.as_of else None,
        "stale": one.stale,
    }


def _description_json(screen: Screen, one: "Description") -> dict[str, Json]:
    contract = one.contract
    return {
        "resource": contract.resource,
        "title": one.title,
        "title_en": one.title_en,
        "provider": one.provider,
        "node": one.node,
        "address": one.address,
        "replica_addresses": list(one.replica_addresses),
        "generation": one.generation,
        "as_of": one.as_of.isoformat(),
        "profile": contract.profile,
        "suite": contract.suite,
        "fields": [
            {"name": field.name, "type": field.type, "title": field.title, "title_en": field.title_en}
            for field in contract.fields
        ],
        "keys": {key.name: list(key.fields) for key in contract.keys},
        "checks": {check.name: list(check.fields) for check in contract.checks},
        "check_conditions": {check.name: check.condition for check in contract.checks if check.condition},
        "check_titles": {
            check.name: {"title": check.title, "title_en": check.title_en} for check in contract.checks
        },
        "modes": [mode.name for mode in one.modes],
        "granularities": [granularity.name for granularity in one.granularities],
        "oblivious": _offer_json(one.oblivious) if one.oblivious else None,
        "leakages": [leakage_json(screen, leakage) for leakage in one.leakages],
        "chunk_records": one.chunk_records,
        "allowances": [_allowance_json(allowance) for allowance in one.allowances],
    }


def _offer_json(offer: "ObliviousOffer") -> dict[str, Json]:
    from stayput_client.models.vocabulary import Granularity

    return {
        "suite": offer.suite,
        "key_epoch": offer.key_epoch,
        "new_key_per_generation": offer.new_key_per_generation,
        "sets": [
            {
                "key": one.key,
                "check": one.check or None,
                "granularity": Granularity(one.granularity).name,
                "fingerprints": one.fingerprints,
                "public_key": one.public_key.hex(),
                "sha256": one.sha256.hex(),
            }
            for one in offer.sets
        ],
    }


def _allowance_json(one: "Allowance") -> dict[str, Json]:
    return {
        "grant": one.grant_id,
        "state": one.state.name,
        "limits": asdict(one.limits),
        "records_used_today": one.records_used_today,
        "records_left_today": one.records_left_today,
        "day_ends": one.day_ends.isoformat(),
    }
