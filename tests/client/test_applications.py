"""Applications through the SDK: filed, listed with the clock of their decision, and taken back."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from stayput.errors import StayputError
from stayput.v1 import access_pb2
from stayput.v1.access_pb2 import Application as Message
from stayput_client import Application, ApplicationState, Client, DecisionUrgency
from tests.client.world import MATTER, PURPOSE, RESOURCE, World

KEY = "resident_id"


async def apply(client: Client) -> Application:
    return await client.apply(
        resource=RESOURCE,
        key=KEY,
        checks=["name"],
        purpose=PURPOSE,
        legal_basis="办法",
        matter=MATTER,
        security_agreement="协议 12 号",
        records_per_day=500,
    )


async def test_an_application_carries_all_that_it_says(world: World, client: Client) -> None:
    filed = await apply(client)
    assert (filed.id, filed.state, filed.expected_records_per_day) == ("A-1", ApplicationState.SUBMITTED, 500)
    assert (filed.matter, filed.security_agreement) == (MATTER, "协议 12 号")
    (received,) = world.access.applications
    assert (received.matter, received.security_agreement, received.consumer) == (
        MATTER,
        "协议 12 号",
        "civil-affairs",
    )
    bare = await client.apply(resource=RESOURCE, key=KEY, purpose=PURPOSE, legal_basis="办法", matter=MATTER)
    assert (bare.security_agreement, bare.checks, bare.expected_records_per_day) == ("", (), 0)


async def test_the_clock_of_a_decision_is_told_while_it_is_awaited(world: World, client: Client) -> None:
    filed = await apply(client)
    assert filed.clock is not None
    assert (filed.clock.due_date, filed.clock.working_days_left) == (date(2026, 11, 27), 5)
    assert (filed.clock.overdue, filed.clock.provisional) == (False, False)
    assert (filed.clock.urgency, filed.clock.expiry_date) == (DecisionUrgency.NONE, date(2026, 12, 18))
    message = world.access.applications[0]
    message.state = access_pb2.APPLICATION_STATE_ACCEPTED
    message.accepted_at.FromDatetime(datetime(2026, 11, 23, 2, tzinfo=UTC))
    clock = message.decision_clock
    clock.working_days_left, clock.overdue = -3, True
    clock.urgency = access_pb2.DECISION_URGENCY_ESCALATED
    clock.provisional = clock.expiry_provisional = True
    (late,) = await client.applications()
    assert late.state is ApplicationState.ACCEPTED
    assert late.accepted_at == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert late.clock is not None
    assert (late.clock.working_days_left, late.clock.overdue) == (-3, True)
    assert late.clock.urgency is DecisionUrgency.ESCALATED
    assert (late.clock.provisional, late.clock.expiry_provisional) == (True, True)


@pytest.mark.parametrize("state", ApplicationState)
async def test_every_state_is_listed(world: World, client: Client, state: ApplicationState) -> None:
    await apply(client)
    message = world.access.applications[0]
    message.state = state.value
    message.refusal_reason, message.grant_id = "依据不足", "G-1"
    message.decided_at.FromDatetime(datetime(2026, 11, 21, tzinfo=UTC))
    message.ClearField("decision_clock")
    await apply(client)
    newest, decided = await client.applications()
    assert (newest.id, newest.decided_at, newest.accepted_at) == ("A-2", None, None)
    assert (decided.state, decided.refusal_reason, decided.grant_id) == (state, "依据不足", "G-1")
    assert (decided.decided_at, decided.clock) == (datetime(2026, 11, 21, tzinfo=UTC), None)


async def test_an_application_is_taken_back_with_its_reason_once_or_twice(
    world: World, client: Client
) -> None:
    await apply(client)
    taken = await client.withdraw("A-1", "不再需要")
    assert (taken.state, taken.withdrawal_reason, taken.clock) == (
        ApplicationState.WITHDRAWN,
        "不再需要",
        None,
    )
    assert await client.withdraw("A-1") == taken
    assert await client.applications() == [taken]


@pytest.mark.parametrize("state", ["GRANTED", "REFUSED", "EXPIRED"])
async def test_what_is_decided_cannot_be_taken_back(world: World, client: Client, state: str) -> None:
    await apply(client)
    world.access.applications[0].state = access_pb2.ApplicationState.Value(f"APPLICATION_STATE_{state}")
    with pytest.raises(StayputError, match="APPLICATION_DECIDED") as caught:
        await client.withdraw("A-1")
    assert caught.value.details == {"state": state}


async def test_an_application_that_is_not_there_cannot_be_taken_back(client: Client) -> None:
    with pytest.raises(StayputError, match="APPLICATION_UNKNOWN"):
        await client.withdraw("A-9")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda a: setattr(a, "state", 9), "UNSUPPORTED: state: "),
        (lambda a: setattr(a.decision_clock, "urgency", 9), "UNSUPPORTED: decision_clock.urgency: "),
        (
            lambda a: setattr(a.decision_clock, "due_date", "2026-02-30"),
            "PROTOCOL_VIOLATION: decision_clock.due_date: ",
        ),
        (
            lambda a: setattr(a.decision_clock, "due_date", "20261127"),
            "PROTOCOL_VIOLATION: decision_clock.due_date: ",
        ),
        (
            lambda a: a.decision_clock.ClearField("expiry_date"),
            "PROTOCOL_VIOLATION: decision_clock.expiry_date: ",
        ),
    ],
)
async def test_what_a_platform_cannot_mean_is_an_error(
    world: World, client: Client, change: Callable[[Message], object], complaint: str
) -> None:
    await apply(client)
    change(world.access.applications[0])
    with pytest.raises(StayputError, match=complaint) as caught:
        await client.applications()
    assert caught.value.remedy
