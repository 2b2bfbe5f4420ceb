"""On which terms a grant may be used: by whom, when, and only while provider and platform both say so."""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest

from stayput.china_time import day_ends
from stayput.identity import Party
from stayput.tickets import Ticket
from stayput.v1.access_pb2 import ChangeCause, GrantChange, GrantStanding, GrantState, Hours
from stayput.v1.comparison_pb2 import DescribeRequest
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, asking, call_request, refused
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NOW, LocalNode, grant

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(3)]
ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED


@pytest.fixture
def good_ticket(node: LocalNode) -> Ticket:
    return node.office.ticket(CONSUMER, node.material.consumer, GRANT_ID)


async def compare(node: LocalNode, stub: "ComparisonServiceAsyncStub", ticket: str = "") -> None:
    asked = asking(node.describe(), ticket or node.ticket())
    await stub.CompareRecords(call_request(asked, PEOPLE))


async def withdraw(node: LocalNode, by: str, state: "GrantState.ValueType") -> None:
    """The provider's or the platform's word, as the node stores it."""
    if by == "PROVIDER":
        draft = GrantChange(grant_id=GRANT_ID, state=state, cause=ChangeCause.CHANGE_CAUSE_ADMINISTRATOR)
        await node.state.grants.change(draft, node.material.identity.sign_change)
        return
    word = GrantStanding(grant_id=GRANT_ID, platform_state=state)
    await node.state.grants.set_platform_words([word], all_of_them=False)


async def test_operators_can_be_named(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    given = grant()
    given.operators.extend(["clerk 8", "clerk 9"])
    await node.give(given)
    with refused("OPERATOR_NOT_ALLOWED", "operator"):
        await compare(node, consumer)
    await compare(node, consumer, node.office.issue(replace(good_ticket, operator="clerk 9")))
    assert [receipt.operator for receipt in node.receipts()] == ["clerk 9"]


async def test_hours_can_be_set(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    # The clock stands at 16:15 on a Sunday in China.
    given = grant()
    given.hours.CopyFrom(Hours(opens="08:30", closes="16:15"))
    await node.give(given)
    with refused("OUTSIDE_HOURS") as caught:
        await compare(node, consumer)
    assert caught.value.details == {"hours": "08:30-16:15"}
    given.hours.CopyFrom(Hours(opens="16:15", closes="18:00", weekdays=[7]))
    await node.give(given)
    await compare(node, consumer)
    node.clock.advance(days=1)
    with refused("OUTSIDE_HOURS"):
        await compare(node, consumer)
    assert len(node.receipts()) == 1


async def test_a_session_does_not_outlive_the_hours(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    given = grant()
    given.hours.CopyFrom(Hours(opens="08:30", closes="16:30"))
    await node.give(given)
    stream = Stream(consumer, node.asking())
    await stream.open()
    node.clock.advance(minutes=14)
    await stream.ask(0, PEOPLE)
    node.clock.advance(minutes=1)
    with refused("TICKET_EXPIRED"):
        await stream.send(stream.asking.chunk(1, PEOPLE))
        await stream.read()


@pytest.mark.parametrize("by", ["PROVIDER", "PLATFORM"])
@pytest.mark.parametrize("word", ["SUSPENDED", "REVOKED"])
async def test_a_grant_that_provider_or_platform_withdrew_opens_nothing(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", by: str, word: str
) -> None:
    await withdraw(node, by, GrantState.Value(f"GRANT_STATE_{word}"))
    with refused("GRANT_NOT_ACTIVE", "grant") as caught:
        await compare(node, consumer)
    cause = {"cause": "ADMINISTRATOR"} if by == "PROVIDER" else {}
    assert caught.value.details == {"state": word, "by": by, **cause}
    assert node.receipts() == []


async def test_neither_can_undo_the_others_word(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await withdraw(node, "PROVIDER", SUSPENDED)
    await withdraw(node, "PLATFORM", SUSPENDED)
    await withdraw(node, "PLATFORM", ACTIVE)
    with refused("GRANT_NOT_ACTIVE") as caught:
        await compare(node, consumer)
    assert caught.value.details["by"] == "PROVIDER"
    await withdraw(node, "PLATFORM", SUSPENDED)
    await withdraw(node, "PROVIDER", ACTIVE)
    with refused("GRANT_NOT_ACTIVE") as caught:
        await compare(node, consumer)
    assert caught.value.details["by"] == "PLATFORM"
    await withdraw(node, "PLATFORM", ACTIVE)
    await compare(node, consumer)


async def give_others(node: LocalNode) -> None:
    """More grants: one like the first, one for somebody else, one elsewhere, one not begun, one expired."""
    others = [grant() for _ in range(5)]
    for number, other in enumerate(others, start=2):
        other.id = f"{GRANT_ID[:-1]}{number}"
    others[1].consumer = "water-works"
    others[2].resource = "deaths"
    others[3].valid_from.FromDatetime(NOW + timedelta(seconds=1))
    others[4].valid_until.FromDatetime(NOW)
    for other in others:
        await node.give(other)


async def test_a_description_tells_what_is_left_of_each_grant(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await give_others(node)
    await compare(node, consumer)
    await withdraw(node, "PLATFORM", SUSPENDED)
    answer = await consumer.Describe(DescribeRequest(resource=register.CODE))
    first, second = answer.allowances
    assert (first.grant_id, second.grant_id) == (GRANT_ID, f"{GRANT_ID[:-1]}2")
    assert (first.state, second.state) == (SUSPENDED, ACTIVE)
    assert (first.records_used_today, second.records_used_today) == (3, 0)
    assert first.records_left_today == 5_000_000 - 3
    assert first.limits == grant().limits
    assert first.day_ends.ToDatetime(UTC) == day_ends(NOW)


async def test_and_tells_it_to_nobody_else(node: LocalNode) -> None:
    for urn in ("urn:stayput:department:water-works", f"urn:stayput:node:{CONSUMER.id}"):
        holder = node.material.authority.party(Party.from_urn(urn))
        async with node.called_by(holder) as (stub, _):
            answer = await stub.Describe(DescribeRequest(resource=register.CODE))
        assert list(answer.allowances) == []


async def test_a_receipt_comes_with_what_is_left(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await node.give(grant(per_day=10))
    answer = await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    assert (answer.allowance.grant_id, answer.allowance.records_left_today) == (GRANT_ID, 7)
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.send(stream.asking.chunk(0, PEOPLE, final=True))
    assert not (await stream.read()).HasField("allowance")
    left = (await stream.read()).allowance
    assert (left.records_used_today, left.records_left_today) == (6, 4)
