"""Deciding applications: what is shown of them, and what approving, accepting and refusing do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.json_format import ParseDict

from stayput.limits import DEFAULTS
from stayput.v1.access_pb2 import Application, ApplicationState, DecisionUrgency, Hours, Limits
from stayput.v1.admin_pb2 import ListNodeGrantsResponse, NodeGrant
from tests.provider_node.serving import register
from tests.provider_node.serving.cli.printed import applied, cells, lines
from tests.provider_node.serving.node import CONSUMER
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess

Text = Callable[[str, str], str]
RESOURCE_FILE = f"resources/{register.CODE}.toml"


async def the_grant(node: NodeProcess) -> NodeGrant:
    """The one that the node gave."""
    ran = await node.run("grants", "--json")
    (one,) = ParseDict(json.loads(ran.stdout), ListNodeGrantsResponse()).grants
    return one


async def test_applications_are_shown_with_their_clock(
    node_process: NodeProcess, peer: Peer, application: Application, language: str, text: Text
) -> None:
    late = peer.applications["A-8"]
    late.decision_clock.working_days_left, late.decision_clock.overdue = -2, True
    late.decision_clock.urgency = DecisionUrgency.DECISION_URGENCY_ESCALATED
    late.security_agreement = ""
    decided = peer.applications["A-6"]
    decided.state = ApplicationState.APPLICATION_STATE_WITHDRAWN
    decided.ClearField("decision_clock")
    await node_process.start()
    header, *rows = cells(await node_process.run("applications", language=language))
    assert header == text(
        "application|state|due|time left|consumer|resource|key|checks|mode|granularity|matter|purpose|"
        "security agreement",
        "申请|状态|办理期限|剩余时间|使用部门|资源|比对键|核验项|比对方式|粒度|办理事项|用途|安全协议",
    ).split("|")
    # What another department wrote is shown as it is, but cannot steer the terminal.
    scope = [CONSUMER.id, register.CODE, register.KEY, ", ".join(register.CHECKS)]
    how = text("keyed|each record", "密态|逐条").split("|")
    asked = [*scope, *how, "最低生活保障　审核确认", "核对[/bold]\N{REPLACEMENT CHARACTER}[31m"]
    agreement = "民政-公安〔2026〕3号"
    waiting = text("submitted", "待受理")
    overdue = text("OVERDUE, working days: 2, escalated to the platform", "已逾期，工作日：2, 已上报平台")
    left = text("working days left: 1, reminded", "剩余工作日：1, 已提醒")
    assert rows == [
        ["A-8", waiting, "2026-11-27", overdue, *asked, text("none", "无")],
        ["A-7", waiting, "2026-11-27", left, *asked, agreement],
        ["A-6", text("withdrawn", "已撤回"), "", "", *asked, agreement],
    ]


@pytest.mark.parametrize(
    ("state", "english", "chinese"),
    [
        ("SUBMITTED", "submitted", "待受理"),
        ("ACCEPTED", "accepted", "已受理"),
        ("GRANTED", "granted", "已批准"),
        ("REFUSED", "refused", "已拒绝"),
        ("WITHDRAWN", "withdrawn", "已撤回"),
        ("EXPIRED", "expired", "已过期"),
    ],
)
def test_every_state_has_a_word(
    state: str, english: str, chinese: str, text: Text, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provider_node.cli.applications import _row

    monkeypatch.setenv("LC_ALL", language)
    shown = applied(1)
    shown.state = ApplicationState.Value(f"APPLICATION_STATE_{state}")
    assert _row(shown)[1] == text(english, chinese)


async def test_accepting_approving_and_refusing(
    node_process: NodeProcess, peer: Peer, application: Application, language: str, text: Text
) -> None:
    await node_process.start()
    ran = await node_process.run("accept", "A-7", "--as", "李娜", language=language)
    assert lines(ran) == [
        text(
            "application A-7 of civil-affairs accepted; it awaits approval or refusal",
            "已受理 civil-affairs 的申请 A-7，待批准或拒绝",
        )
    ]
    assert application.state == ApplicationState.APPLICATION_STATE_ACCEPTED
    assert application.accepted_by == "李娜"
    ran = await node_process.run("approve", "A-7", "--days", "30", "--as", "王建国", language=language)
    (line,) = lines(ran)
    assert application.decided_by == "王建国"
    assert line.startswith(
        text(
            f"application A-7 granted: {application.grant_id} for civil-affairs on vehicle-owners",
            f"申请 A-7 已批准：授权 {application.grant_id}，使用部门 civil-affairs，资源 vehicle-owners",
        )
    )
    ran = await node_process.run("refuse", "A-8", "--reason", "材料不全", "--as", "李娜", language=language)
    assert lines(ran) == [text("application A-8 refused", "申请 A-8 已拒绝")]
    refused = peer.applications["A-8"]
    assert (refused.refusal_reason, refused.decided_by) == ("材料不全", "李娜")
    _, *rows = cells(await node_process.run("applications", language=language))
    states = [text("refused", "已拒绝"), text("granted", "已批准"), text("submitted", "待受理")]
    assert [row[1] for row in rows] == states


async def test_every_term_of_an_approval_is_in_the_grant(
    node_process: NodeProcess, application: Application
) -> None:
    await node_process.start()
    before = datetime.now(UTC).replace(microsecond=0)
    ran = await node_process.run(
        "approve", "A-7", "--as", "王建国", "--days", "30", "--per-session", "100", "--per-day", "1000",
        "--sessions-per-minute", "7", "--attempts", "off", "--miss-ratio", "0.25", "--miss-sample", "40",
        "--sequence-run", "off", "--case-number", "--agreement", "安协〔2026〕9号", "--without-check",
        register.CHECKS[-1], "--operator", "li.na", "--operator", "王敏", "--hours", "08:30-18:00",
        "--weekdays", "1-5", "--count-minimum", "25", "--noise-epsilon", "0.5", "--noise-budget", "4",
    )  # fmt: skip
    assert ran.code == 0, ran.stderr
    grant = (await the_grant(node_process)).grant
    until = grant.valid_until.ToDatetime(UTC)
    assert before + timedelta(days=30) <= until <= datetime.now(UTC) + timedelta(days=30)
    assert grant.limits == Limits(
        records_per_session=100,
        records_per_day=1_000,
        sessions_per_minute=7,
        attempts_per_subject=0,
        miss_permille=250,
        miss_sample=40,
        sequence_run=0,
        count_minimum=25,
        noise_epsilon_milli=500,
        noise_budget_milli=4_000,
    )
    assert list(grant.checks) == list(register.CHECKS[:-1])
    assert list(grant.operators) == ["li.na", "王敏"]
    assert grant.hours == Hours(opens="08:30", closes="18:00", weekdays=[1, 2, 3, 4, 5])
    assert (grant.case_number_required, grant.security_agreement) == (True, "安协〔2026〕9号")


async def test_without_a_term_the_grant_has_the_defaults(
    node_process: NodeProcess, application: Application
) -> None:
    await node_process.start()
    assert (await node_process.run("approve", "A-7")).code == 0
    grant = (await the_grant(node_process)).grant
    assert grant.limits == DEFAULTS
    assert list(grant.checks) == list(application.checks)
    assert (list(grant.operators), grant.HasField("hours"), grant.case_number_required) == ([], False, False)
    assert grant.security_agreement == application.security_agreement
    # Nobody was named, so it was whoever is logged in.
    assert application.decided_by


async def test_no_grant_without_an_agreement_unless_both_say_so(
    node_process: NodeProcess, peer: Peer, application: Application, language: str, text: Text
) -> None:
    application.security_agreement = ""
    await node_process.start()
    ran = await node_process.run("approve", "A-7", "--without-agreement", language=language)
    assert (ran.code, ran.stdout) == (1, "")
    assert "security_agreement: " in ran.stderr
    assert ran.stderr.startswith(text("error: ", "错误："))
    await node_process.clean_up()
    node_process.configure(f'comparator = "{peer.address}"\n[policy]\nrequire_security_agreement = false\n')
    await node_process.start()
    assert (await node_process.run("approve", "A-7")).code == 1
    assert (await node_process.run("approve", "A-7", "--without-agreement")).code == 0
    assert (await the_grant(node_process)).grant.security_agreement == ""


async def test_the_second_to_decide_is_told_who_was_first(
    node_process: NodeProcess, application: Application, language: str, text: Text
) -> None:
    await node_process.start()
    lines(await node_process.run("refuse", "A-7", "--reason", "材料不全", "--as", "李娜"))
    # Whatever the platform says of it, it cannot steer the terminal.
    application.decided_by = "李娜\x1b[31m"
    ran = await node_process.run("approve", "A-7", "--as", "王建国", language=language)
    assert ran.code == 1
    assert ran.stderr.splitlines()[-1] == text(
        "decided by 李娜\N{REPLACEMENT CHARACTER}[31m: refused",
        "已由 李娜\N{REPLACEMENT CHARACTER}[31m 办结：已拒绝",
    )
