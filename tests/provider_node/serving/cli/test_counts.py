"""Modes and granularities where a provider decides, and the limits of counts only."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from provider_node.cli.modes import told_granularities, told_leakage, told_modes
from stayput.leakage import PARTIES, STATEMENTS
from stayput.v1.access_pb2 import Application, ApplicationState, Limits
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.provider_node.serving.cli.printed import CHINESE, cells, lines
from tests.provider_node.serving.counting import count_grant
from tests.provider_node.serving.node import GRANT_ID
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess

Text = Callable[[str, str], str]
KEYED, OBLIVIOUS = Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS
RECORD, COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT


def offer_totals(node: NodeProcess) -> None:
    """The resource offers totals from the next start on."""
    (file,) = (node.directory / "resources").glob("*.toml")
    file.write_text('granularities = ["record", "count"]\n' + file.read_text("utf-8"), "utf-8")


async def test_who_learns_what_is_shown_of_what_waits_for_a_decision(
    node_process: NodeProcess, peer: Peer, application: Application, language: str, text: Text
) -> None:
    application.granularity = COUNT
    decided = peer.applications["A-6"]
    decided.mode, decided.state = OBLIVIOUS, ApplicationState.APPLICATION_STATE_WITHDRAWN
    await node_process.start()
    ran = await node_process.run("applications", language=language)
    _, *rows = cells(ran)
    assert [row[8:10] for row in rows] == [
        text("keyed|each record", "密态|逐条").split("|"),
        text("keyed|totals only", "密态|仅汇总").split("|"),
        text("oblivious|each record", "匿踪|逐条").split("|"),
    ]
    told = [line for line in lines(ran) if not set(line) & set("│┃┏━┡├└")]
    first = text(
        "keyed, each record (keyed-record/1), who learns what:",
        "密态，逐条（keyed-record/1），各方获知的信息：",
    )
    second = text(
        "keyed, totals only (keyed-count/1), who learns what:",
        "密态，仅汇总（keyed-count/1），各方获知的信息：",
    )
    assert [told[0], told[4]] == [first, second]
    assert len(told) == 8
    _, learned = STATEMENTS[KEYED, COUNT]
    parties = text("the provider|the consumer|the platform", "提供部门|使用部门|平台").split("|")
    assert told[5:] == [
        f"  {party}{text(': ', '：')}{text(*what)}" for party, what in zip(parties, learned, strict=True)
    ]


def test_whatever_a_later_release_knows_is_shown_by_number() -> None:
    later = 9
    assert told_modes([KEYED, later]) == "keyed, 9"  # type: ignore[list-item]  # a later release's
    assert told_granularities([later]) == "9"  # type: ignore[list-item]  # a later release's
    assert list(told_leakage(KEYED, later)) == []  # type: ignore[arg-type]  # a later release's


@pytest.mark.parametrize("place", STATEMENTS, ids=str)
def test_every_statement_is_told(place: tuple["Mode.ValueType", "Granularity.ValueType"]) -> None:
    assert len(list(told_leakage(*place))) == 1 + len(PARTIES)


async def test_what_the_resource_does_not_offer_is_refused_with_a_remedy(
    node_process: NodeProcess, application: Application, language: str, text: Text
) -> None:
    application.granularity = COUNT
    await node_process.start()
    ran = await node_process.run("approve", "A-7", language=language)
    assert (ran.code, ran.stdout) == (1, "")
    assert "granularity: " in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith(text("hint: refuse it and name what", "提示："))
    await node_process.clean_up()
    offer_totals(node_process)
    await node_process.start()
    assert (await node_process.run("approve", "A-7")).code == 0
    _, row = cells(await node_process.run("grants", language=language))
    assert row[6:8] == text("keyed|totals only", "密态|仅汇总").split("|")
    assert row[-2] == text("totals from 10", "汇总数不低于 10")


@pytest.mark.parametrize(
    ("limits", "english", "chinese"),
    [
        (Limits(count_minimum=1_000), "totals from 1,000", "汇总数不低于 1,000"),
        (
            Limits(noise_epsilon_milli=500),
            "totals from 10, noise of epsilon 0.5",
            "汇总数不低于 10, 加噪 epsilon 0.5",
        ),
        (
            Limits(noise_epsilon_milli=500, noise_budget_milli=4_000),
            "totals from 10, noise of epsilon 0.5, 4 in all",
            "汇总数不低于 10, 加噪 epsilon 0.5，合计 4",
        ),
    ],
)
def test_the_limits_that_matter_are_among_the_conditions(
    limits: Limits, english: str, chinese: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provider_node.cli.grants import _conditions

    monkeypatch.setenv("LC_ALL", language)
    given = count_grant(limits)
    assert _conditions(given) == (chinese if language == CHINESE else english)
    given.modes[:] = [OBLIVIOUS]
    shortest = given.limits.count_minimum
    assert _conditions(given) == (
        f"名单不少于 {shortest:,} 条" if language == CHINESE else f"lists from {shortest:,} records"
    )
    given.granularities[:] = [RECORD]
    assert _conditions(given) == ""


async def test_the_limits_of_a_grant_for_totals_are_shown_and_changed(
    node_process: NodeProcess, language: str, text: Text
) -> None:
    given = count_grant()
    given.valid_until.FromDatetime(datetime.now(UTC).replace(year=datetime.now(UTC).year + 1))
    await node_process.give(given)
    await node_process.start()
    header, row = cells(await node_process.run("limits", GRANT_ID, language=language))
    shown = text(
        "smallest total told|epsilon a session|epsilon in all", "最小汇总数|每次 epsilon|epsilon 总额"
    ).split("|")
    off = text("off", "关闭")
    assert (header[9:12], row[9:12]) == (shown, ["10", off, off])
    changed = ("--count-minimum", "20", "--noise-epsilon", "0.125", "--noise-budget", "2")
    _, row = cells(await node_process.run("limits", GRANT_ID, *changed, language=language))
    assert row[9:12] == ["20", "0.125", "2"]


@pytest.mark.parametrize(
    ("option", "value", "permitted"),
    [
        ("--count-minimum", "off", "2 to 1,000,000"),
        ("--count-minimum", "1", "2 to 1,000,000"),
        ("--noise-epsilon", "10.001", "0.001 to 10"),
        ("--noise-epsilon", "0.0001", "0.001 to 10"),
        ("--noise-budget", "much", "0.001 to 1,000"),
    ],
)
async def test_a_limit_out_of_range_is_a_usage_error(
    node_process: NodeProcess, option: str, value: str, permitted: str
) -> None:
    ran = await node_process.run("amend", GRANT_ID, option, value)
    assert ran.code == 2
    assert option in ran.stderr
    assert permitted in " ".join(ran.stderr.split())
