"""`publish`, and deciding applications: `applications`, `approve`, `refuse`, `grants`."""

from typing import TYPE_CHECKING, Annotated

import typer

from provider_node.cli.options import CONFIG, Config, Json, Resource
from provider_node.cli.output import local, print_json, print_table, say, word

if TYPE_CHECKING:
    from stayput.v1.access_pb2 import ApplicationState

Application = Annotated[str, typer.Argument(metavar="APPLICATION", help="Id of the application. 申请编号。")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (publish, applications, approve, refuse, grants):
        app.command()(command)


def publish(resource: Resource, config: Config = CONFIG) -> None:
    """Put a resource in the platform's catalogue (将资源发布到目录)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import PublishRequest

    ask(config, lambda node: node.Publish(PublishRequest(resource=resource)))
    say("published", resource=resource)


def applications(config: Config = CONFIG, as_json: Json = False) -> None:
    """List applications for this node's resources (列出申请)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ListNodeApplicationsRequest

    answer = ask(config, lambda node: node.ListNodeApplications(ListNodeApplicationsRequest()))
    if as_json:
        print_json(answer)
        return
    print_table(
        ("application", "state", "consumer", "resource", "key", "checks", "purpose"),
        (
            (a.id, _state(a.state), a.consumer, a.resource, a.key, ", ".join(a.checks), a.purpose)
            for a in answer.applications
        ),
    )


def _state(state: "ApplicationState.ValueType") -> str:
    from stayput.v1.access_pb2 import ApplicationState

    states = {
        ApplicationState.APPLICATION_STATE_SUBMITTED: "submitted",
        ApplicationState.APPLICATION_STATE_GRANTED: "granted",
        ApplicationState.APPLICATION_STATE_REFUSED: "refused_state",
    }
    return word(states[state]) if state in states else str(state)


def approve(
    application: Application,
    config: Config = CONFIG,
    days: Annotated[int, typer.Option(min=1, max=1_096, help="Days of validity. 有效天数。")] = 365,
    per_session: Annotated[
        int, typer.Option(min=0, max=100_000_000, help="Records in a session; 0: the default. 每次条数。")
    ] = 0,
    per_day: Annotated[
        int, typer.Option(min=0, max=1_000_000_000, help="Records in a day; 0: the default. 每日条数。")
    ] = 0,
    case_number: Annotated[bool, typer.Option("--case-number", help="Demand one. 须填案件编号。")] = False,
) -> None:
    """Grant an application: the node signs the grant (批准申请并由节点签署授权)."""
    from provider_node.cli.link import ask
    from stayput.v1.access_pb2 import Limits
    from stayput.v1.admin_pb2 import ApproveRequest

    request = ApproveRequest(
        application_id=application,
        valid_days=days,
        limits=Limits(records_per_session=per_session, records_per_day=per_day),
        case_number_required=case_number,
    )
    grant = ask(config, lambda node: node.Approve(request)).grant
    say(
        "approved",
        application=application,
        grant=grant.id,
        consumer=grant.consumer,
        resource=grant.resource,
        until=local(grant.valid_until),
    )


def refuse(
    application: Application,
    reason: Annotated[str, typer.Option(help="What the department will read. 拒绝理由。")],
    config: Config = CONFIG,
) -> None:
    """Refuse an application, with the reason (拒绝申请并说明理由)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import RefuseRequest

    request = RefuseRequest(application_id=application, reason=reason)
    ask(config, lambda node: node.Refuse(request))
    say("refused", application=application)


def grants(config: Config = CONFIG, as_json: Json = False) -> None:
    """List the grants that this node signed (列出已签署的授权)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import ListNodeGrantsRequest

    answer = ask(config, lambda node: node.ListNodeGrants(ListNodeGrantsRequest()))
    if as_json:
        print_json(answer)
        return
    print_table(
        ("grant", "consumer", "resource", "key", "checks", "until", "per_day"),
        (
            (
                g.id,
                g.consumer,
                g.resource,
                g.key,
                ", ".join(g.checks),
                local(g.valid_until),
                f"{g.limits.records_per_day:,}",
            )
            for g in answer.grants
        ),
    )
