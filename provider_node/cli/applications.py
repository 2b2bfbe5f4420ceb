"""Deciding applications: `applications`, `accept`, `approve`, `refuse`."""

from typing import Annotated, Final

import typer

from provider_node.cli.modes import told_granularities, told_leakage, told_modes
from provider_node.cli.options import CONFIG, Administrator, Application, Config, Json, administrator
from provider_node.cli.output import local, print_json, print_table, say, sentence, word
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
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Application as ApplicationMessage
from stayput.v1.access_pb2 import ApplicationState, DecisionClock, DecisionUrgency, Grant

_STATES: Final = {
    ApplicationState.APPLICATION_STATE_SUBMITTED: "submitted",
    ApplicationState.APPLICATION_STATE_ACCEPTED: "accepted_state",
    ApplicationState.APPLICATION_STATE_GRANTED: "granted",
    ApplicationState.APPLICATION_STATE_REFUSED: "refused_state",
    ApplicationState.APPLICATION_STATE_WITHDRAWN: "withdrawn",
    ApplicationState.APPLICATION_STATE_EXPIRED: "expired",
}
_UNDECIDED: Final = (
    ApplicationState.APPLICATION_STATE_SUBMITTED,
    ApplicationState.APPLICATION_STATE_ACCEPTED,
)
_URGENCIES: Final = {
    DecisionUrgency.DECISION_URGENCY_REMINDER: "reminder",
    DecisionUrgency.DECISION_URGENCY_ESCALATED: "escalated",
}


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (applications, accept, approve, refuse):
        app.command()(command)


def applications(config: Config = CONFIG, as_json: Json = False) -> None:
    """List applications for this node's resources, newest first (列出申请及办理时限)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ListNodeApplicationsRequest

    answer = ask(config, lambda node: node.ListNodeApplications(ListNodeApplicationsRequest()))
    if as_json:
        print_json(answer)
        return
    headers = ("application", "state", "due", "clock", "consumer", "resource", "key", "checks", "mode")
    print_table(
        (*headers, "granularity", "matter", "purpose", "agreement"), (_row(a) for a in answer.applications)
    )
    waiting = {(one.mode, one.granularity) for one in answer.applications if one.state in _UNDECIDED}
    for mode, granularity in sorted(waiting):
        for line in told_leakage(mode, granularity):
            typer.echo(line)


def _row(application: ApplicationMessage) -> tuple[str, ...]:
    clock = application.decision_clock
    return (
        application.id,
        word(_STATES[application.state]) if application.state in _STATES else str(application.state),
        clock.due_date,
        told_clock(clock) if application.HasField("decision_clock") else "",
        application.consumer,
        application.resource,
        application.key,
        ", ".join(application.checks),
        told_modes([application.mode]),
        told_granularities([application.granularity]),
        application.matter,
        application.purpose,
        application.security_agreement or word("none"),
    )


def told_clock(clock: DecisionClock) -> str:
    """How much time is left for a decision, who has been told, and whether the date may move."""
    days = clock.working_days_left
    if clock.overdue:
        left = sentence("overdue", days=-days)
    else:
        left = sentence("days_left", days=days) if days else word("due_today")
    notes = [word(_URGENCIES[clock.urgency])] if clock.urgency in _URGENCIES else []
    if clock.provisional:
        notes.append(word("provisional"))
    return ", ".join([left, *notes])


def told_decision(error: StayputError) -> str:
    """Who decided the application before, if the error says so, and how; else nothing."""
    if "decided_by" not in error.details:
        return ""
    names = {ApplicationState.Name(state).removeprefix("APPLICATION_STATE_"): state for state in _STATES}
    state = names.get(error.details.get("state", ""))
    decision = "" if state is None else word(_STATES[state])
    return sentence("decided_by", by=error.details["decided_by"], state=decision)


def accept(application: Application, config: Config = CONFIG, by: Administrator = None) -> None:
    """Take an application in: the department sees that it is dealt with (受理申请)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import AcceptRequest

    request = AcceptRequest(application_id=application, administrator=administrator(by))
    accepted = ask(config, lambda node: node.Accept(request)).application
    say("accepted", application=accepted.id, consumer=accepted.consumer)


def approve(
    application: Application,
    *,
    config: Config = CONFIG,
    by: Administrator = None,
    days: Annotated[int, typer.Option(min=1, max=1_096, help="Days of validity. 有效天数。")] = 365,
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
    case_number: Annotated[bool, typer.Option("--case-number", help="Demand one. 须填案件编号。")] = False,
    agreement: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Security agreement, if not the application's. 安全协议编号。"),
    ] = "",
    without_agreement: Annotated[
        bool, typer.Option("--without-agreement", help="Grant without one. 无安全协议仍予批准。")
    ] = False,
    without_check: WithoutCheck = None,
    operator: Operator = None,
    hours: OpenHours = None,
    weekdays: Weekdays = None,
) -> None:
    """Grant an application: the node signs the grant (批准申请并由节点签署授权)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ApproveRequest

    request = ApproveRequest(
        application_id=application,
        valid_days=days,
        limits=with_counts(
            limits_from(
                per_session, per_day, sessions_per_minute, attempts, miss_ratio, miss_sample, sequence_run
            ),
            count_minimum,
            noise_epsilon,
            noise_budget,
        ),
        case_number_required=case_number,
        administrator=administrator(by),
        security_agreement=agreement,
        without_agreement=without_agreement,
        without_checks=without_check,
        operators=operator,
        hours=hours_from(hours, weekdays),
    )
    _tell_grant(ask(config, lambda node: node.Approve(request)).grant)


def _tell_grant(grant: Grant) -> None:
    say(
        "approved",
        application=grant.application_id,
        grant=grant.id,
        consumer=grant.consumer,
        resource=grant.resource,
        until=local(grant.valid_until),
    )


def refuse(
    application: Application,
    reason: Annotated[str, typer.Option(help="What the department will read. 拒绝理由。")],
    config: Config = CONFIG,
    by: Administrator = None,
) -> None:
    """Refuse an application, with the reason (拒绝申请并说明理由)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import RefuseRequest

    request = RefuseRequest(application_id=application, reason=reason, administrator=administrator(by))
    ask(config, lambda node: node.Refuse(request))
    say("refused", application=application)
