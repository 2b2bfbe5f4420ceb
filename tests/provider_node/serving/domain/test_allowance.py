"""What is left of a grant today."""

from datetime import UTC, datetime

from provider_node.domain.allowance import allowance
from provider_node.store.grants import StoredGrant
from stayput.limits import DEFAULTS
from stayput.v1.access_pb2 import GrantChange, GrantStanding, GrantState, Limits
from stayput.v1.comparison_pb2 import Allowance
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.county import compare
from tests.provider_node.serving.node import GRANT_ID, NODE, LocalNode, grant

PEOPLE = [register.person(number) for number in range(10)]


def left(node: LocalNode) -> Allowance:
    stored = node.state.grants.get(GRANT_ID)
    assert isinstance(stored, StoredGrant)
    return allowance(node.state, stored, node.clock.now)


async def test_it_counts_the_records_of_the_day_in_china(bare_node: LocalNode) -> None:
    given = grant(per_day=25)
    await bare_node.give(given)
    await compare(bare_node, PEOPLE, (), [], 10)
    found = left(bare_node)
    assert (found.grant_id, found.state) == (GRANT_ID, GrantState.GRANT_STATE_ACTIVE)
    assert (found.records_used_today, found.records_left_today) == (10, 15)
    assert found.day_ends.ToDatetime(UTC) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert found.limits == given.limits
    bare_node.clock.advance(hours=8)
    found = left(bare_node)
    assert (found.records_used_today, found.records_left_today) == (0, 25)
    assert found.day_ends.ToDatetime(UTC) == datetime(2026, 11, 23, 16, tzinfo=UTC)


async def test_limits_that_the_grant_does_not_set_are_the_defaults(bare_node: LocalNode) -> None:
    given = grant()
    given.limits.CopyFrom(Limits(records_per_session=5))
    await bare_node.give(given)
    assert left(bare_node).limits.records_per_session == 5
    assert left(bare_node).records_left_today == DEFAULTS.records_per_day


async def test_a_quota_narrowed_below_what_was_used_leaves_nothing(bare_node: LocalNode) -> None:
    await bare_node.give(grant())
    await compare(bare_node, PEOPLE, (), [], 10)
    await bare_node.give(grant(per_day=4))
    assert (left(bare_node).records_used_today, left(bare_node).records_left_today) == (10, 0)


async def test_it_tells_the_stricter_word_of_provider_and_platform(bare_node: LocalNode) -> None:
    await bare_node.give(grant())
    change = GrantChange(grant_id=GRANT_ID, node_id=NODE.id, state=GrantState.GRANT_STATE_SUSPENDED)
    await bare_node.state.grants.change(change, bare_node.material.identity.sign_change)
    assert left(bare_node).state == GrantState.GRANT_STATE_SUSPENDED
    word = GrantStanding(grant_id=GRANT_ID, platform_state=GrantState.GRANT_STATE_REVOKED)
    await bare_node.state.grants.set_platform_words([word], all_of_them=False)
    assert left(bare_node).state == GrantState.GRANT_STATE_REVOKED


async def test_no_more_sessions_begin_in_a_minute_than_the_grant_allows(bare_node: LocalNode) -> None:
    given = grant()
    given.limits.sessions_per_minute = 2
    await bare_node.give(given)
    clock = bare_node.clock
    await compare(bare_node, PEOPLE, (), [], 10)
    clock.advance(seconds=30)
    await compare(bare_node, PEOPLE, (), [], 10)
    clock.advance(seconds=29)
    with refused("QUOTA_EXCEEDED", "sessions_per_minute") as caught:
        await compare(bare_node, PEOPLE, (), [], 10)
    assert caught.value.details == {"limit": "2", "remaining": "0"}
    clock.advance(seconds=1)
    await compare(bare_node, PEOPLE, (), [], 10)
    await bare_node.sessions.all_closed()
    # The one that was refused has no receipt.
    assert [receipt.records for receipt in bare_node.receipts()] == [10, 10, 10]
