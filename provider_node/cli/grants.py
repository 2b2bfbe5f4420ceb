"""`grants`, and what is done to one: `amend`, `renew`, `suspend`, `resume`, `revoke`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from provider_node.cli.modes import told_granularities, told_modes
from provider_node.cli.options import CONFIG, Administrator, Config, Grant, Json, administrator
from provider_node.cli.output import local, print_json, print_table, say, sentence, word
from provider_node.cli.standing import told_standing
from provider_node.cli.terms import (
    Attempts,
    CountMinimum,
    MissRatio,
    MissSample,
    NoiseBudget,
    NoiseEpsilon,
    OpenHours,
    Operator,
    PerDay,
    PerSession,
    SequenceRun,
    SessionsPerMinute,
    Weekdays,
    WithoutCheck,
    hours_from,
    limits_from,
    with_counts,
)
from stayput.v1.access_pb2 import Grant as GrantMessage
from stayput.v1.access_pb2 import GrantState
from stayput.v1.contract_pb2 import Granularity, Mode

if TYPE_CHECKING:
    from stayput.v1.admin_pb2 import AmendGrantRequest, NodeGrant

Reason = Annotated[str, typer.Option(help="What the department will read. 理由，使用部门可见。")]
Days = Annotated[int, typer.Option(min=1, max=1_096, help="Days of validity from now. 自即日起的有效天数。")]
_DEFAULT_DAYS: Final = 365
_SUSPENDED: Final = GrantState.GRANT_STATE_SUSPENDED
_ACTIVE: Final = GrantState.GRANT_STATE_ACTIVE
_REVOKED: Final = GrantState.GRANT_STATE_REVOKED


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (grants, amend, renew, suspend, resume, revoke):
        app.command()(command)


def grants(config: Config = CONFIG, as_json: Json = False) -> None:
    """List the grants that this node signed, newest first (列出已签署的授权)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ListNodeGrantsRequest

    answer = ask(config, lambda node: node.ListNodeGrants(ListNodeGrantsRequest()))
    if as_json:
        print_json(answer)
        return
    headers = ("grant", "version", "consumer", "resource", "key", "checks", "mode", "granularity", "until")
    print_table(
        (*headers, "state", "left_per_day", "conditions", "recorded"), (_row(one) for one in answer.grants)
    )


def _row(one: "NodeGrant") -> tuple[str, ...]:
    grant = one.grant
    return (
        grant.id,
        str(grant.version),
        grant.consumer,
        grant.resource,
        grant.key,
        ", ".join(grant.checks),
        told_modes(grant.modes),
        told_granularities(grant.granularities),
        local(grant.valid_until),
        told_standing(grant, one.standing),
        f"{one.allowance.records_left_today:,} / {grant.limits.records_per_day:,}",
        _conditions(grant),
        word("yes" if one.recorded else "no"),
    )


def _conditions(grant: GrantMessage) -> str:
    from stayput.hours import told

    conditions = list(_of_counts(grant))
    if grant.case_number_required:
        conditions.append(word("case_number"))
    if grant.operators:
        conditions.append(sentence("operators", count=len(grant.operators)))
    if grant.HasField("hours"):
        conditions.append(told(grant.hours))
    return ", ".join(conditions)


def _of_counts(grant: GrantMessage) -> Iterator[str]:
    limits = grant.limits
    if Granularity.GRANULARITY_COUNT not in grant.granularities:
        return
    if Mode.MODE_KEYED not in grant.modes:
        # The node does not know the totals, so it can neither leave out small ones nor add noise.
        yield sentence("lists_from", minimum=limits.count_minimum)
        return
    yield sentence("totals_from", minimum=limits.count_minimum)
    epsilon, budget = limits.noise_epsilon_milli / 1000, limits.noise_budget_milli / 1000
    if epsilon:
        yield sentence("noise_within" if budget else "noise", epsilon=epsilon, budget=budget)


def amend(
    grant: Grant,
    *,
    config: Config = CONFIG,
    days: Annotated[
        int, typer.Option(min=0, max=1_096, help="Days of validity from now; 0: as it is. 有效天数。")
    ] = 0,
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
    without_check: WithoutCheck = None,
    operator: Operator = None,
    any_operator: Annotated[
        bool, typer.Option("--any-operator", help="Anyone may use it. 不限经办人。")
    ] = False,
    hours: OpenHours = None,
    weekdays: Weekdays = None,
    any_hour: Annotated[bool, typer.Option("--any-hour", help="At any time. 不限时段。")] = False,
    case_number: Annotated[bool, typer.Option("--case-number", help="Demand one. 须填案件编号。")] = False,
    no_case_number: Annotated[
        bool, typer.Option("--no-case-number", help="Demand none. 不须案件编号。")
    ] = False,
    agreement: Annotated[
        str, typer.Option(metavar="TEXT", help="Reference of the security agreement. 安全协议编号。")
    ] = "",
) -> None:
    """Sign a new version of a grant; what is not named stays as it is (变更授权，签署新版本)."""
    from stayput.v1.admin_pb2 import AmendGrantRequest

    limits = with_counts(
        limits_from(
            per_session, per_day, sessions_per_minute, attempts, miss_ratio, miss_sample, sequence_run
        ),
        count_minimum,
        noise_epsilon,
        noise_budget,
    )
    request = AmendGrantRequest(
        grant_id=grant,
        valid_days=days,
        limits=limits if limits.ListFields() else None,
        without_checks=without_check,
        hours=hours_from(hours, weekdays),
        case_number_required=_either("--case-number", case_number, "--no-case-number", no_case_number),
        security_agreement=agreement,
    )
    _set_operators(request, operator or [], any_operator)
    _either("--hours", request.HasField("hours"), "--any-hour", any_hour)
    if any_hour:
        request.hours.SetInParent()
    if request == AmendGrantRequest(grant_id=grant):
        raise typer.BadParameter("say what to change")
    _amended(config, request)


def _set_operators(request: "AmendGrantRequest", operators: list[str], anyone: bool) -> None:
    """Sets those named, or that nobody is named."""
    if _either("--operator", bool(operators), "--any-operator", anyone) is not None:
        request.operators.names.extend(operators)
        request.operators.SetInParent()


def _either(option: str, said: bool, opposite: str, opposite_said: bool) -> bool | None:
    """Which of two options was given, if any; both are a usage error."""
    if said and opposite_said:
        raise typer.BadParameter(f"give {option} or {opposite}, not both")
    return said if said or opposite_said else None


def renew(grant: Grant, config: Config = CONFIG, days: Days = _DEFAULT_DAYS) -> None:
    """Let a grant run longer, from now on (续期)."""
    from stayput.v1.admin_pb2 import AmendGrantRequest

    _amended(config, AmendGrantRequest(grant_id=grant, valid_days=days))


def _amended(config: Path, request: "AmendGrantRequest") -> None:
    from provider_node.cli.link import ask

    amended = ask(config, lambda node: node.AmendGrant(request)).grant.grant
    say("amended", grant=amended.id, version=amended.version, until=local(amended.valid_until))


def suspend(grant: Grant, reason: Reason, config: Config = CONFIG, by: Administrator = None) -> None:
    """Stop a grant for now; its sessions end at once (暂停授权，立即生效)."""
    _change(config, grant, _SUSPENDED, reason, by)


def resume(grant: Grant, reason: Reason, config: Config = CONFIG, by: Administrator = None) -> None:
    """Let a suspended grant be used again (恢复授权)."""
    _change(config, grant, _ACTIVE, reason, by)


def revoke(
    grant: Grant,
    reason: Reason,
    config: Config = CONFIG,
    by: Administrator = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. 不再确认。")] = False,
) -> None:
    """End a grant for good; its sessions end at once (撤销授权，不可恢复)."""
    if not yes and sys.stdin.isatty():
        typer.confirm(sentence("confirm_revoke", grant=grant), abort=True)
    _change(config, grant, _REVOKED, reason, by)


def _change(config: Path, grant: str, state: "GrantState.ValueType", reason: str, by: str | None) -> None:
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ChangeGrantRequest

    request = ChangeGrantRequest(grant_id=grant, state=state, reason=reason, administrator=administrator(by))
    changed = ask(config, lambda node: node.ChangeGrant(request)).grant
    say("changed", grant=grant, state=told_standing(changed.grant, changed.standing))
