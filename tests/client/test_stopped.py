"""Being stopped under way, attempts used up, and what is left of the quota."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.limits import complete
from stayput.v1.access_pb2 import GRANT_STATE_ACTIVE, GRANT_STATE_SUSPENDED, Limits
from stayput.v1.comparison_pb2 import Allowance
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client import Client, Comparison, CutShort, Outcome
from tests.client.servicers.faults import Faults
from tests.client.world import LIMITS, RESOURCE, World, resident_id

KEY = "resident_id"
NAMES = ["张三", "张四", "张五", "张六"]
NOT_ACTIVE = ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE
TRIPPED = StayputError(
    NOT_ACTIVE,
    "the grant was suspended",
    field="grant",
    details={"state": "SUSPENDED", "by": "PROVIDER", "cause": "MISS_RATIO"},
)


async def ask(client: Client, records: int = 1, name: str = "张三") -> Comparison:
    asked = [{KEY: resident_id(serial), "name": name} for serial in range(records)]
    return await client.compare(asked, resource=RESOURCE, key=KEY, checks=["name"])


@pytest.fixture
def two_attempts(world: World) -> None:
    world.access.grants.clear()
    world.grant("G-1", limits=complete(Limits(attempts_per_subject=2), LIMITS))


@pytest.mark.usefixtures("two_attempts")
async def test_attempts_end_as_unverifiable_with_their_reason(client: Client) -> None:
    answers = [(await ask(client, name=name)).results[0] for name in [*NAMES, NAMES[0]]]
    assert [one.outcome for one in answers] == [Outcome.MATCH] * 5
    assert [one.checks["name"] for one in answers] == [
        Outcome.MATCH,
        Outcome.MISMATCH,
        Outcome.UNVERIFIABLE,
        Outcome.UNVERIFIABLE,
        Outcome.MATCH,
    ]
    assert [dict(one.reasons) for one in answers] == [
        {},
        {},
        {"name": "ATTEMPTS"},
        {"name": "ATTEMPTS"},
        {},
    ]


@pytest.mark.usefixtures("two_attempts")
async def test_attempts_in_a_list_are_in_its_reasons_and_its_summary(client: Client, tmp_path: Path) -> None:
    lines = [f"{resident_id(0)},{name}" for name in NAMES]
    (tmp_path / "list.csv").write_text("\n".join(["resident_id,name", *lines]), "utf-8")
    out = tmp_path / "out.csv"
    summary = await client.compare_csv(
        tmp_path / "list.csv", out, resource=RESOURCE, key=KEY, checks=["name"]
    )
    assert summary.reasons == {"name: ATTEMPTS": 2}
    assert summary.checks["name"][Outcome.UNVERIFIABLE] == 2
    written = [line.split(",")[2:] for line in out.read_text("utf-8").splitlines()]
    assert written == [
        ["outcome", "outcome_name", "reason"],
        ["MATCH", "MATCH", ""],
        ["MATCH", "MISMATCH", ""],
        ["MATCH", "UNVERIFIABLE", "name: ATTEMPTS"],
        ["MATCH", "UNVERIFIABLE", "name: ATTEMPTS"],
    ]


@pytest.mark.parametrize("records", [1, 1_200], ids=["one call", "stream"])
async def test_attempts_are_no_outcome_of_a_key(world: World, client: Client, records: int) -> None:
    world.node.faults = Faults(outcomes=lambda plain: b"\x12" + plain[1:])
    with pytest.raises(StayputError, match="PROTOCOL_VIOLATION: outcomes"):
        await ask(client, records)


@pytest.mark.parametrize("records", [3, 1_200], ids=["one call", "stream"])
async def test_what_is_left_of_the_quota_is_in_the_summary(
    world: World, client: Client, records: int
) -> None:
    first, second = (await ask(client, records)).summary, (await ask(client, 1)).summary
    assert first.records_left_today == 1_000_000 - records
    assert second.records_left_today == 1_000_000 - records - 1
    assert first.quota_renewed_at is not None
    assert timedelta(0) < first.quota_renewed_at - datetime.now(UTC) <= timedelta(days=1)


async def test_nothing_left_is_told_as_nothing(world: World, client: Client) -> None:
    world.node.used_today["G-1"] = 2_000_000
    assert (await ask(client)).summary.records_left_today == 0


def of_another(allowance: Allowance) -> Allowance:
    allowance.grant_id = "G-9"
    return allowance


def negative(allowance: Allowance) -> Allowance:
    allowance.records_left_today = -1
    return allowance


def without_day(allowance: Allowance) -> Allowance:
    allowance.ClearField("day_ends")
    return allowance


def in_no_year(allowance: Allowance) -> Allowance:
    allowance.day_ends.seconds = 2**62
    return allowance


def of_a_newer_release(allowance: Allowance) -> Allowance:
    allowance.state = 9  # type: ignore[assignment]
    return allowance


@pytest.mark.parametrize("records", [3, 1_200], ids=["one call", "stream"])
@pytest.mark.parametrize(
    ("spoil", "left", "renewed"),
    [
        (lambda _: None, False, False),
        (of_another, False, False),
        (lambda allowance: Allowance(grant_id=allowance.grant_id), False, False),
        (negative, False, True),
        (without_day, True, False),
        (in_no_year, True, False),
        (of_a_newer_release, True, True),
    ],
)
async def test_what_a_node_says_is_left_never_spoils_good_answers(
    world: World,
    client: Client,
    *,
    spoil: Callable[[Allowance], Allowance | None],
    left: bool,
    renewed: bool,
    records: int,
) -> None:
    world.node.faults = Faults(allowance=spoil)
    summary = (await ask(client, records)).summary
    assert summary.receipt is not None
    assert (summary.records_left_today is not None) == left
    assert (summary.quota_renewed_at is not None) == renewed


async def test_without_a_session_nothing_is_said_to_be_left(client: Client) -> None:
    summary = (await client.compare([], resource=RESOURCE, key=KEY)).summary
    assert (summary.records_left_today, summary.quota_renewed_at) == (None, None)


async def test_a_grant_stopped_under_way_keeps_what_was_answered(
    world: World, client: Client, tmp_path: Path
) -> None:
    world.node.chunk_records = 100
    world.node.faults = Faults(refuse_after_chunks=3, refusal=TRIPPED)
    lines = [resident_id(serial) for serial in range(1_000)]
    (tmp_path / "list.csv").write_text("\n".join([KEY, *lines]), "utf-8")
    with pytest.raises(CutShort) as caught:
        await client.compare_csv(tmp_path / "list.csv", tmp_path / "out.csv", resource=RESOURCE, key=KEY)
    assert caught.value.details == {"state": "SUSPENDED", "by": "PROVIDER", "cause": "MISS_RATIO"}
    summary = caught.value.summary
    assert summary.not_answered == 700
    assert (summary.records_left_today, summary.quota_renewed_at) == (None, None)
    assert summary.out_path is not None
    answered = summary.out_path.read_text("utf-8").splitlines()[1:]
    assert sum(line.endswith("NOT_ANSWERED") for line in answered) == 700


async def test_a_grant_suspended_between_two_records_is_refused_and_asked_about_anew(
    world: World, client: Client
) -> None:
    await ask(client)
    world.node.standings["G-1"] = world.standing("G-1")
    world.standing("G-1").provider_state = GRANT_STATE_SUSPENDED
    with pytest.raises(StayputError, match="GRANT_NOT_ACTIVE") as caught:
        await ask(client)
    assert caught.value.details == {"state": "SUSPENDED", "by": "PROVIDER"}
    world.standing("G-1").provider_state = GRANT_STATE_ACTIVE
    await ask(client)
    assert len(world.node.receipts) == 2


async def test_a_node_that_is_catching_up_opens_no_session(world: World, client: Client) -> None:
    world.node.caught_up = False
    with pytest.raises(StayputError, match="CATCHING_UP"):
        await ask(client)
    world.node.caught_up = True
    assert (await ask(client)).receipt is not None
