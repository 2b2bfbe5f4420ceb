"""`limits`: those of new grants, those of one grant and what is left of them, and changing them."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from provider_node.cli.options import CONFIG, Config, Json
from provider_node.cli.output import print_json, print_table, word
from provider_node.cli.terms import (
    Attempts,
    CountMinimum,
    MissRatio,
    MissSample,
    NoiseBudget,
    NoiseEpsilon,
    PerDay,
    PerSession,
    SequenceRun,
    SessionsPerMinute,
    limits_from,
    with_counts,
)
from stayput.v1.contract_pb2 import Granularity

if TYPE_CHECKING:
    from pathlib import Path

    from stayput.v1.access_pb2 import Limits
    from stayput.v1.admin_pb2 import NodeGrant

_HEADERS: Final = (
    "per_session",
    "per_day",
    "sessions_per_minute",
    "attempts",
    "miss_ratio",
    "miss_sample",
    "sequence_run",
)
_COUNT_HEADERS: Final = ("count_minimum", "noise_epsilon", "noise_budget")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(limits)


def limits(
    grant: Annotated[str | None, typer.Argument(metavar="GRANT", help="Id of a grant. 授权编号。")] = None,
    *,
    config: Config = CONFIG,
    as_json: Json = False,
    per_session: PerSession = None,
    per_day: PerDay = None,
    sessions_per_minute: SessionsPerMinute = None,
    attempts: Attempts = None,
    miss_ratio: MissRatio = None,
    miss_sample: MissSample = None,
    sequence_run: SequenceRun = None,
    count_minimum: CountMinimum = None,
    noise_epsilon: NoiseEpsilon = None,
    noise_budget: NoiseBudget = None,
) -> None:
    """Show the limits of new grants, or show or change those of one (查看或调整限额)."""
    asked = with_counts(
        limits_from(
            per_session, per_day, sessions_per_minute, attempts, miss_ratio, miss_sample, sequence_run
        ),
        count_minimum,
        noise_epsilon,
        noise_budget,
    )
    change = bool(asked.ListFields())
    if grant is None:
        if change:
            raise typer.BadParameter(
                "name the grant to change; those of new grants are in node.toml and the resource's file",
                param_hint="GRANT",
            )
        _show_defaults(config, as_json)
        return
    found = _amended(config, grant, asked) if change else _found(config, grant)
    _show(found, as_json)


def _show_defaults(config: "Path", as_json: bool) -> None:
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ListLimitsRequest

    answer = ask(config, lambda node: node.ListLimits(ListLimitsRequest()))
    if as_json:
        print_json(answer)
        return
    print_table(
        ("resource", *_HEADERS, *_COUNT_HEADERS),
        ((one.resource, *_cells(one.limits), *_count_cells(one.limits)) for one in answer.resources),
    )


def _found(config: "Path", grant_id: str) -> "NodeGrant":
    from provider_node.cli.link import ask
    from stayput.errors import StayputError
    from stayput.v1.admin_pb2 import ListNodeGrantsRequest
    from stayput.v1.errors_pb2 import ErrorReason

    answer = ask(config, lambda node: node.ListNodeGrants(ListNodeGrantsRequest()))
    for one in answer.grants:
        if one.grant.id == grant_id:
            return one
    raise StayputError(
        ErrorReason.ERROR_REASON_GRANT_UNKNOWN,
        "this node signed no grant of this id",
        field="grant_id",
        remedy="see `provider-node grants`",
    )


def _amended(config: "Path", grant_id: str, asked: "Limits") -> "NodeGrant":
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import AmendGrantRequest

    request = AmendGrantRequest(grant_id=grant_id, limits=asked)
    return ask(config, lambda node: node.AmendGrant(request)).grant


def _show(one: "NodeGrant", as_json: bool) -> None:
    if as_json:
        print_json(one)
        return
    allowance, counts = one.allowance, Granularity.GRANULARITY_COUNT in one.grant.granularities
    print_table(
        (
            "grant",
            "version",
            *_HEADERS,
            *(_COUNT_HEADERS if counts else ()),
            "used_today",
            "left_today",
        ),
        (
            (
                one.grant.id,
                str(one.grant.version),
                *_cells(one.grant.limits),
                *(_count_cells(one.grant.limits) if counts else ()),
                f"{allowance.records_used_today:,}",
                f"{allowance.records_left_today:,}",
            ),
        ),
    )


def _cells(limits: "Limits") -> tuple[str, ...]:
    off = word("off")
    return (
        f"{limits.records_per_session:,}",
        f"{limits.records_per_day:,}",
        f"{limits.sessions_per_minute:,}",
        f"{limits.attempts_per_subject:,}" if limits.attempts_per_subject else off,
        f"{limits.miss_permille / 1000:g}" if limits.miss_permille else off,
        f"{limits.miss_sample:,}",
        f"{limits.sequence_run:,}" if limits.sequence_run else off,
    )


def _count_cells(limits: "Limits") -> tuple[str, ...]:
    off = word("off")
    return (
        f"{limits.count_minimum:,}",
        f"{limits.noise_epsilon_milli / 1000:g}" if limits.noise_epsilon_milli else off,
        f"{limits.noise_budget_milli / 1000:g}" if limits.noise_budget_milli else off,
    )
