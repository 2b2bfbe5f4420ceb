"""Grants through the SDK: what they permit, their state, and platforms that do not say or lie."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from stayput.errors import StayputError
from stayput.v1.access_pb2 import (
    CHANGE_CAUSE_ADMINISTRATOR,
    CHANGE_CAUSE_MISS_RATIO,
    GRANT_STATE_REVOKED,
    GRANT_STATE_SUSPENDED,
    Limits,
    RecordedGrant,
)
from stayput.v1.access_pb2 import Hours as HoursMessage
from stayput_client import ChangeCause, Client, GrantState, Hours, SaidBy
from tests.client.world import LIMITS, MATTER, PURPOSE, RESOURCE, World, resident_id

KEY = "resident_id"
THEN = datetime(2026, 11, 20, 8, tzinfo=UTC)


def hours_from_now(hours: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(hours=hours))
    return stamp


async def test_a_grant_says_all_that_its_node_signed(world: World, client: Client) -> None:
    world.access.grants.clear()
    world.grant(
        "G-2",
        version=3,
        security_agreement="协议 12 号",
        operators=["甲", "乙"],
        hours=HoursMessage(opens="08:30", closes="24:00", weekdays=[5, 1]),
        case_number_required=True,
    )
    (grant,) = await client.grants()
    assert (grant.id, grant.version, grant.state) == ("G-2", 3, GrantState.ACTIVE)
    assert (grant.matter, grant.security_agreement, grant.purpose) == (MATTER, "协议 12 号", PURPOSE)
    assert (grant.operators, grant.case_number_required) == (("甲", "乙"), True)
    assert grant.hours == Hours("08:30", "24:00", (1, 5))
    assert str(grant.hours) == "08:30-24:00 1,5"
    for descriptor, value in LIMITS.ListFields():
        assert getattr(grant.limits, descriptor.name) == value
    assert (grant.stops, grant.state_by, grant.state_reason) == ((), None, "")


async def test_validity_and_signature_make_a_state(world: World, client: Client) -> None:
    world.grant("G-2", valid_until=hours_from_now(-1))
    world.grant("G-3", valid_from=hours_from_now(1))
    world.grant("G-4", node_id="deaths-1")
    world.grant("G-5")
    signed, purpose = world.access.grants[0].grant, PURPOSE.encode()
    signed.payload = signed.payload.replace(purpose, b"x" * len(purpose))
    states = {grant.id: grant.state for grant in await client.grants()}
    assert states == {
        "G-5": GrantState.UNVERIFIED,
        "G-4": GrantState.UNVERIFIED,
        "G-3": GrantState.PENDING,
        "G-2": GrantState.EXPIRED,
        "G-1": GrantState.ACTIVE,
    }


async def test_the_provider_s_word_and_the_platform_s(world: World, client: Client) -> None:
    standing = world.standing("G-1")
    standing.provider_state, standing.provider_cause = GRANT_STATE_SUSPENDED, CHANGE_CAUSE_MISS_RATIO
    standing.provider_reason = "库中无的过多"
    standing.provider_changed_at.FromDatetime(THEN)
    (grant,) = await client.grants()
    assert (grant.state, grant.state_by) == (GrantState.SUSPENDED, SaidBy.PROVIDER)
    assert grant.state_reason == "库中无的过多"
    (stop,) = grant.stops
    assert (stop.cause, stop.since) == (ChangeCause.MISS_RATIO, THEN)
    standing.platform_state, standing.platform_reason = GRANT_STATE_SUSPENDED, "核查"
    (grant,) = await client.grants()
    assert [one.by for one in grant.stops] == [SaidBy.PROVIDER, SaidBy.PLATFORM]
    standing.platform_state = GRANT_STATE_REVOKED
    (grant,) = await client.grants()
    assert (grant.state, grant.state_by, grant.state_reason) == (GrantState.REVOKED, SaidBy.PLATFORM, "核查")
    assert [(one.by, one.state) for one in grant.stops] == [
        (SaidBy.PLATFORM, GrantState.REVOKED),
        (SaidBy.PROVIDER, GrantState.SUSPENDED),
    ]


@pytest.mark.parametrize(
    ("word", "validity", "state"),
    [
        (GRANT_STATE_SUSPENDED, {"valid_from": 1}, GrantState.SUSPENDED),
        (GRANT_STATE_SUSPENDED, {"valid_until": -1}, GrantState.EXPIRED),
        (GRANT_STATE_REVOKED, {"valid_from": 1}, GrantState.REVOKED),
        (GRANT_STATE_REVOKED, {"valid_until": -1}, GrantState.REVOKED),
    ],
)
async def test_the_state_is_what_the_department_can_do_least_about(
    world: World, client: Client, word: int, validity: dict[str, int], state: GrantState
) -> None:
    world.grant("G-2", **{name: hours_from_now(hours) for name, hours in validity.items()})
    world.standing("G-2").provider_state = word  # type: ignore[assignment]
    grant = (await client.grants())[0]
    assert (grant.state, bool(grant.state_by)) == (state, state is not GrantState.EXPIRED)


def revoke_another(recorded: RecordedGrant) -> None:
    recorded.standing.grant_id = "G-9"


@pytest.mark.parametrize(
    ("lie", "complaint"),
    [
        (lambda r: r.ClearField("standing"), "PROTOCOL_VIOLATION: standing: "),
        (revoke_another, "PROTOCOL_VIOLATION: the platform states of another grant"),
        (
            lambda r: r.standing.ClearField("provider_state"),
            "PROTOCOL_VIOLATION: standing.provider_state: ",
        ),
        (
            lambda r: r.standing.ClearField("platform_state"),
            "PROTOCOL_VIOLATION: standing.platform_state: ",
        ),
        (lambda r: setattr(r.standing, "provider_state", 9), "UNSUPPORTED: standing.provider_state: "),
        (lambda r: setattr(r.standing, "platform_state", 9), "UNSUPPORTED: standing.platform_state: "),
        (lambda r: setattr(r.standing, "provider_cause", 9), "UNSUPPORTED: standing.provider_cause: "),
        (lambda r: r.ClearField("grant"), "PROTOCOL_VIOLATION: the platform states of another grant"),
        (lambda r: setattr(r.grant, "payload", b"\xff"), "GRANT_SIGNATURE_INVALID"),
    ],
)
async def test_a_platform_that_does_not_say_whether_a_grant_may_be_used_is_found_out(
    world: World, client: Client, lie: Callable[[RecordedGrant], object], complaint: str
) -> None:
    lie(world.access.grants[0])
    with pytest.raises(StayputError, match=complaint) as caught:
        await client.grants()
    assert caught.value.remedy
    with pytest.raises(StayputError, match=complaint):
        await client.compare([{KEY: resident_id(0)}], resource=RESOURCE, key=KEY)
    assert (world.access.tickets, world.node.receipts) == (0, [])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"limits": Limits(records_per_day=5)}, "PROTOCOL_VIOLATION: grant.limits: "),
        ({"hours": HoursMessage(opens="8:30", closes="18:00")}, "PROTOCOL_VIOLATION: grant.hours: "),
        ({"hours": HoursMessage(opens="18:00", closes="08:00")}, "PROTOCOL_VIOLATION: grant.hours: "),
        ({"valid_until": Timestamp(seconds=2**62)}, "PROTOCOL_VIOLATION: time: "),
        ({"modes": [7]}, "UNSUPPORTED: mode: "),
    ],
)
async def test_what_a_node_cannot_have_meant_is_an_error(
    world: World, client: Client, changes: dict[str, object], complaint: str
) -> None:
    world.grant("G-2", **changes)
    with pytest.raises(StayputError, match=complaint):
        await client.grants()


async def test_an_administrator_s_cause_is_told_as_such(world: World, client: Client) -> None:
    standing = world.standing("G-1")
    standing.provider_state, standing.provider_cause = GRANT_STATE_REVOKED, CHANGE_CAUSE_ADMINISTRATOR
    (grant,) = await client.grants()
    assert grant.stop is not None
    assert (grant.stop.cause, grant.stop.since, grant.state) == (
        ChangeCause.ADMINISTRATOR,
        None,
        GrantState.REVOKED,
    )
