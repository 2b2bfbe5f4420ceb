"""Times and days that a replica says: what its node remembers by them goes by the node's own clock."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from provider_node.domain.opening import LONGEST_SESSION
from provider_node.domain.replicas import messages
from provider_node.store.state import State
from stayput.v1.access_pb2 import Limits
from stayput.v1.log_pb2 import SessionEnd
from stayput.v1.replica_pb2 import AccountRequest, BeginSession
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.dishonest import Dishonest, charge, reserving
from tests.provider_node.serving.node import GRANT_ID, NOW, Clock, Material, grant
from tests.provider_node.serving.replicated import REPLICA, ReplicatedNode

MIDNIGHT = datetime(2026, 11, 22, 16, tzinfo=UTC)
"""In China."""
TODAY, TOMORROW = "2026-11-22", "2026-11-23"


@pytest.fixture
async def node(material: Material, state: State, clock: Clock) -> AsyncIterator[ReplicatedNode]:
    made = ReplicatedNode(material, state, clock)
    given = grant(per_session=10, guards=Limits(attempts_per_subject=1))
    given.limits.sessions_per_minute = 1
    await made.give(given)
    async with made.listening():
        yield made


def at(replica: Dishonest, now: datetime) -> None:
    """Sets the clocks of both sides, and has a session asked for that is of that time."""
    replica.node.clock.now = now
    replica.asked = replica.node.asking().open


# When a session begins.


@pytest.mark.parametrize("seconds", [-31, 31, 3_600])
async def test_a_replica_whose_clock_is_another_opens_no_session(replica: Dishonest, seconds: int) -> None:
    draft = await replica.admitted()
    draft.started_at.FromDatetime(NOW + timedelta(seconds=seconds))
    error = await replica.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert (error.reason_name, error.field) == ("CATCHING_UP", "draft.started_at")
    assert "set the clocks of node and replica" in error.remedy
    assert replica.node.state.open_sessions() == []


@pytest.mark.parametrize("seconds", [-30, 0, 30])
async def test_a_session_begins_by_the_nodes_clock(replica: Dishonest, seconds: int) -> None:
    draft = await replica.admitted()
    draft.started_at.FromDatetime(NOW + timedelta(seconds=seconds))
    assert (await replica.begun(draft)).started_at.ToDatetime(UTC) == NOW


async def test_a_replica_cannot_begin_the_count_of_sessions_anew(node: ReplicatedNode) -> None:
    sessions = [Dishonest(node) for _ in range(3)]
    first, second, third = sessions
    draft = await third.admitted()
    node.clock.advance(minutes=5)
    for one in (first, second):
        one.asked = node.asking().open
    await first.begun()
    # It was admitted long ago, and says so: that it begins now is what counts.
    error = await third.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert (error.reason_name, error.field) == ("QUOTA_EXCEEDED", "sessions_per_minute")
    draft = await second.admitted()
    error = await second.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert error.field == "sessions_per_minute"
    for one in sessions:
        one.call.cancel()


# When an answer is begun.


@pytest.mark.parametrize("seconds", [-31, 31])
async def test_an_answer_is_begun_after_the_one_before_and_before_now(
    replica: Dishonest, seconds: int
) -> None:
    draft = await replica.begun()
    made = charge(draft)
    made.begun_at.FromDatetime(NOW + timedelta(seconds=seconds))
    error = await replica.refused(AccountRequest(charge=made))
    assert (error.reason_name, error.field) == ("CATCHING_UP", "charge.begun_at")
    # However long it took to be made.
    replica.node.clock.advance(minutes=2)
    assert (await replica.says(AccountRequest(charge=charge(draft)))).HasField("done")
    assert replica.node.state.used(GRANT_ID, TODAY) == 1


async def test_what_is_no_time_is_refused(replica: Dishonest) -> None:
    made = charge(await replica.begun())
    made.begun_at.nanos = -1
    assert (await replica.refused(AccountRequest(charge=made))).field == "charge.begun_at"


async def test_an_answer_that_was_begun_before_midnight_is_charged_to_that_day(replica: Dishonest) -> None:
    at(replica, MIDNIGHT - timedelta(seconds=5))
    draft = await replica.begun()
    replica.node.clock.now = MIDNIGHT + timedelta(seconds=10)
    assert (await replica.says(AccountRequest(reserve=reserving(1, TODAY)))).HasField("reserved")
    assert (await replica.says(AccountRequest(charge=charge(draft)))).HasField("done")
    used = [replica.node.state.used(GRANT_ID, day) for day in (TODAY, TOMORROW)]
    assert used == [1, 0]


async def test_a_replica_may_be_ahead_at_midnight(replica: Dishonest) -> None:
    at(replica, MIDNIGHT - timedelta(seconds=20))
    made = charge(await replica.begun())
    made.begun_at.FromDatetime(MIDNIGHT)
    assert (await replica.says(AccountRequest(reserve=reserving(1, TOMORROW)))).HasField("reserved")
    assert (await replica.says(AccountRequest(charge=made))).HasField("done")


@pytest.mark.parametrize(("seconds", "in_time"), [(30, True), (31, False)])
async def test_no_answer_is_begun_after_the_sessions_time(
    replica: Dishonest, seconds: int, *, in_time: bool
) -> None:
    made = charge(await replica.begun())
    replica.node.clock.now = begun_at = NOW + LONGEST_SESSION + timedelta(seconds=seconds)
    made.begun_at.FromDatetime(begun_at)
    response = await replica.says(AccountRequest(charge=made))
    assert response.WhichOneof("message") == ("done" if in_time else "failed")
    if not in_time:
        assert messages.failure_received(response.failed).reason_name == "TICKET_EXPIRED"


async def test_an_answer_may_take_long(replica: Dishonest) -> None:
    draft = await replica.begun()
    replica.node.clock.advance(minutes=119)
    assert (await replica.says(AccountRequest(charge=charge(draft)))).HasField("done")


async def test_a_session_that_its_replica_does_not_end_gets_its_receipt(replica: Dishonest) -> None:
    draft = await replica.admitted()
    # By the time that it is begun, its time is over.
    replica.node.may_serve = lambda _draft: replica.node.clock.advance(hours=2)
    await replica.begun(draft)
    with refused("TICKET_EXPIRED"):
        await replica.hears()
    await replica.node.desk.under_way.all_closed()
    (receipt,) = replica.node.receipts()
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_NODE_CRASHED, 0)
    assert replica.node.keeper is not None
    assert (replica.node.keeper.open_sessions(REPLICA.id), replica.node.keeper.session_ids) == (0, set())


# For which day attempts are reserved, and of how many.


@pytest.mark.parametrize(
    "day", ["", "today", "2026-11-20", "2026-11-21", TOMORROW, "9999-12-31", TODAY + "/x"]
)
async def test_attempts_are_reserved_for_a_day_of_the_session(replica: Dishonest, day: str) -> None:
    await replica.begun()
    assert (await replica.refused(AccountRequest(reserve=reserving(1, day)))).field == "reserve.day"


async def test_attempts_are_charged_on_the_day_for_which_they_were_reserved(replica: Dishonest) -> None:
    at(replica, MIDNIGHT - timedelta(seconds=5))
    draft = await replica.begun()
    replica.node.clock.now = MIDNIGHT + timedelta(seconds=10)
    assert (await replica.says(AccountRequest(reserve=reserving(1, TOMORROW)))).HasField("reserved")
    assert (await replica.refused(AccountRequest(charge=charge(draft)))).field == "charge.begun_at"


async def test_attempts_are_at_no_more_subjects_than_the_session_has_room_for(replica: Dishonest) -> None:
    draft = await replica.begun()
    draft = (await replica.says(AccountRequest(charge=charge(draft, 4)))).done.draft
    error = await replica.refused(AccountRequest(reserve=reserving(7)))
    assert (error.reason_name, error.field) == ("QUOTA_EXCEEDED", "records_per_session")
    assert error.details == {"limit": "10", "remaining": "6"}
    assert (await replica.says(AccountRequest(reserve=reserving(6)))).HasField("reserved")


async def test_an_answer_costs_at_least_the_subjects_that_it_is_about(replica: Dishonest) -> None:
    draft = await replica.begun()
    await replica.says(AccountRequest(reserve=reserving(5)))
    assert (await replica.refused(AccountRequest(charge=charge(draft, 4)))).field == "charge.cost"
    # Nothing is held after a refusal.
    reserved = (await replica.says(AccountRequest(reserve=reserving(5)))).reserved
    assert reserved.refused == bytes(5)
    assert (await replica.says(AccountRequest(charge=charge(draft, 5)))).HasField("done")
