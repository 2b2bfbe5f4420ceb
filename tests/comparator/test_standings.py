"""RecordGrantChange and SetGrantStanding: two words on a grant, neither of which undoes the other."""

from collections.abc import Callable
from typing import Any

import pytest

from comparator.domain.grants import set_standing
from comparator.store.events import PLATFORM, About
from stayput.grants import active_standing
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import (
    ChangeCause,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
    IssueTicketRequest,
    ListGrantsRequest,
    RecordGrantChangeRequest,
)
from stayput.v1.log_pb2 import EventType
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_ACTIVE = GrantState.GRANT_STATE_ACTIVE
_SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
_REVOKED = GrantState.GRANT_STATE_REVOKED
_TRIPPED = EventType.EVENT_TYPE_GRANT_LIMIT_TRIPPED
Draft = Callable[..., GrantChange]


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


@pytest.fixture
async def grant(platform: Platform, node: Member, consumer: Member) -> Grant:
    grant = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, grant)
    return grant


@pytest.fixture
def draft(platform: Platform, grant: Grant) -> Draft:
    """A change of the grant, with anything in it different."""

    def make(word: "GrantState.ValueType", number: int = 1, **changes: object) -> GrantChange:
        change = documents.change(grant, word, platform.clock(), number)
        for name, value in changes.items():
            setattr(change, name, value)
        return change

    return make


async def _standing(by: Member) -> GrantStanding:
    (listed,) = (await by.access.ListGrants(ListGrantsRequest())).grants
    return listed.standing


def _events(platform: Platform, grant: Grant) -> list[tuple[int, str, str]]:
    """Those after the grant was given, oldest first."""
    with platform.database.reading() as store:
        page = store.events.page(None, None, About(grant_id=grant.id))
    return [(event.type, event.actor, event.detail) for event in page[-2::-1]]


async def test_the_providers_word_is_recorded(
    platform: Platform, node: Member, consumer: Member, grant: Grant, draft: Draft
) -> None:
    steps = [draft(_SUSPENDED, 1), draft(_ACTIVE, 2, reason="已说明"), draft(_REVOKED, 3, reason="终止")]
    for change in steps:
        standing = await documents.record(node, change)
        expected = active_standing(grant.id)
        expected.provider_state, expected.provider_cause = change.state, change.cause
        expected.provider_reason = change.reason
        expected.provider_changed_at.CopyFrom(change.changed_at)
        assert standing.provider_changed_at.ToMilliseconds() == change.changed_at.ToMilliseconds()
        standing.provider_changed_at.CopyFrom(change.changed_at)
        assert standing == expected
        assert (await _standing(consumer)).provider_state == change.state
    assert _events(platform, grant) == [
        (EventType.EVENT_TYPE_GRANT_SUSPENDED, node.party.urn, "李四: 年度复核"),
        (EventType.EVENT_TYPE_GRANT_RESUMED, node.party.urn, "李四: 已说明"),
        (EventType.EVENT_TYPE_GRANT_REVOKED, node.party.urn, "李四: 终止"),
    ]
    with platform.database.reading() as store:
        kept = [store.grants.change(grant.id, number) for number in (1, 2, 3)]
    assert kept == [sign(PayloadType.GRANT_CHANGE, each, node.keys.signing) for each in steps]


@pytest.mark.parametrize("cause", ["MISS_RATIO", "SEQUENCE"])
async def test_a_limit_that_tripped_is_told(
    platform: Platform, node: Member, consumer: Member, grant: Grant, draft: Draft, cause: str
) -> None:
    value = ChangeCause.Value(f"CHANGE_CAUSE_{cause}")
    change = draft(_SUSPENDED, cause=value, administrator="", reason="过多未命中")
    await documents.record(node, change)
    assert (await _standing(consumer)).provider_cause == value
    assert _events(platform, grant) == [(_TRIPPED, node.party.urn, f"{cause}: 过多未命中")]
    asked = IssueTicketRequest(grant_id=grant.id, operator="张三", purpose="核对")
    with refused("GRANT_NOT_ACTIVE") as caught:
        await consumer.access.IssueTicket(asked)
    assert caught.value.details["cause"] == cause


async def test_the_same_change_again_changes_nothing(
    platform: Platform, node: Member, grant: Grant, draft: Draft
) -> None:
    first = draft(_SUSPENDED)
    standing = await documents.record(node, first)
    assert await documents.record(node, first) == standing
    renewed = await platform.node("vehicles-1", "traffic-police")
    assert await documents.record(renewed, first, by=node) == standing
    later = await documents.record(renewed, draft(_REVOKED, 2))
    assert await documents.record(renewed, first, by=node) == later
    assert len(_events(platform, grant)) == 2


@pytest.mark.parametrize("number", [-1, 0, 2, 2**62])
async def test_a_change_out_of_order(node: Member, grant: Grant, draft: Draft, number: int) -> None:
    with refused("GRANT_VERSION", "number") as caught:
        await documents.record(node, draft(_SUSPENDED, number))
    assert caught.value.details["expected"] == "1"


async def test_another_change_of_the_same_number(node: Member, grant: Grant, draft: Draft) -> None:
    await documents.record(node, draft(_SUSPENDED))
    with refused("GRANT_VERSION", "number") as caught:
        await documents.record(node, draft(_REVOKED))
    assert caught.value.details["expected"] == "2"


@pytest.mark.parametrize("state", [_ACTIVE, _SUSPENDED, _REVOKED])
async def test_nothing_follows_the_providers_revocation(
    node: Member, consumer: Member, draft: Draft, state: "GrantState.ValueType"
) -> None:
    await documents.record(node, draft(_REVOKED))
    with refused("FIELD_INVALID", "state"):
        await documents.record(node, draft(state, 2))
    assert (await _standing(consumer)).provider_state == _REVOKED


async def test_a_change_changes_the_state(node: Member, draft: Draft) -> None:
    with refused("FIELD_INVALID", "state"):
        await documents.record(node, draft(_ACTIVE))
    await documents.record(node, draft(_SUSPENDED))
    with refused("FIELD_INVALID", "state"):
        await documents.record(node, draft(_SUSPENDED, 2))


async def test_wrong_fields_of_a_change(
    node: Member, consumer: Member, draft: Draft, subtests: pytest.Subtests
) -> None:
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("node_id", "calling node", {"node_id": "secret-2"}),
        ("state", "GRANT_STATE_ACTIVE", {"state": 0}),
        ("state", "GRANT_STATE_ACTIVE", {"state": 9}),
        ("cause", "CHANGE_CAUSE_ADMINISTRATOR", {"cause": 0}),
        ("cause", "CHANGE_CAUSE_ADMINISTRATOR", {"cause": 9}),
        ("cause", "suspended", {"cause": 2, "administrator": "", "state": _REVOKED}),
        ("reason", "1 to 1000", {"reason": ""}),
        ("reason", "1 to 1000", {"reason": "secret" * 167}),
        ("reason", "control", {"reason": "secret\x00"}),
        ("administrator", "1 to 100", {"administrator": ""}),
        ("administrator", "1 to 100", {"administrator": "secret" * 17}),
        ("administrator", "empty", {"cause": 2, "administrator": "secret"}),
    ]
    for field, told, changes in wrong:
        with subtests.test(field=field, told=told):
            change = draft(_SUSPENDED, **changes)
            with refused("FIELD_INVALID", field) as caught:
                await documents.record(node, change)
            text = caught.value.message + caught.value.remedy
            assert told in text
            assert "secret" not in text
    assert (await _standing(consumer)).provider_state == _ACTIVE


async def test_a_change_at_no_time(node: Member, draft: Draft) -> None:
    never, unset = draft(_SUSPENDED), draft(_SUSPENDED)
    never.changed_at.seconds = 2**62
    unset.ClearField("changed_at")
    for change in (never, unset):
        with refused("FIELD_INVALID", "changed_at"):
            await documents.record(node, change)


async def test_only_its_node_changes_a_grant(
    platform: Platform, node: Member, consumer: Member, draft: Draft
) -> None:
    other = await platform.node("tax-1", "tax-office")
    for signer in (node, other):
        with refused("GRANT_UNKNOWN", "grant_id"):
            await documents.record(other, draft(_REVOKED), by=signer)
    with refused("GRANT_SIGNATURE_INVALID", "change"):
        await documents.record(node, draft(_REVOKED), by=consumer)
    # A signature under another type is none.
    as_grant = sign(PayloadType.GRANT, draft(_REVOKED), node.keys.signing)
    for envelope in (as_grant, Envelope(payload=b"\xff")):
        with refused("GRANT_SIGNATURE_INVALID", "change"):
            await node.access.RecordGrantChange(RecordGrantChangeRequest(change=envelope))
    with refused("GRANT_UNKNOWN", "grant_id"):
        await node.access.RecordGrantChange(RecordGrantChangeRequest())
    assert (await _standing(consumer)).provider_state == _ACTIVE


async def test_the_platforms_word_is_its_own(
    platform: Platform, node: Member, consumer: Member, operator: Member, grant: Grant, draft: Draft
) -> None:
    await documents.record(node, draft(_SUSPENDED))
    standing = await documents.set_standing(operator, grant.id, _SUSPENDED)
    assert (standing.platform_state, standing.platform_reason) == (_SUSPENDED, "专项检查")
    assert abs(standing.platform_changed_at.seconds - platform.clock().timestamp()) < 60
    for party in (node, consumer, operator):
        assert await _standing(party) == standing
    await documents.record(node, draft(_ACTIVE, 2))
    assert (await _standing(consumer)).platform_state == _SUSPENDED
    await documents.record(node, draft(_SUSPENDED, 3))
    await documents.set_standing(operator, grant.id, _ACTIVE, "检查结束")
    assert (await _standing(consumer)).provider_state == _SUSPENDED
    await documents.record(node, draft(_REVOKED, 4))
    revoked = await documents.set_standing(operator, grant.id, _REVOKED, "违规使用")
    assert (revoked.provider_state, revoked.platform_state) == (_REVOKED, _REVOKED)
    by_platform = [event for event in _events(platform, grant) if event[1] == operator.party.urn]
    assert by_platform == [
        (EventType.EVENT_TYPE_GRANT_SUSPENDED, operator.party.urn, "专项检查"),
        (EventType.EVENT_TYPE_GRANT_RESUMED, operator.party.urn, "检查结束"),
        (EventType.EVENT_TYPE_GRANT_REVOKED, operator.party.urn, "违规使用"),
    ]


async def test_the_platforms_same_word_again_changes_nothing(
    platform: Platform, operator: Member, grant: Grant
) -> None:
    assert await documents.set_standing(operator, grant.id, _ACTIVE) == active_standing(grant.id)
    assert not _events(platform, grant)
    first = await documents.set_standing(operator, grant.id, _REVOKED, "违规使用")
    assert await documents.set_standing(operator, grant.id, _REVOKED, "另一个理由") == first
    assert len(_events(platform, grant)) == 1


async def test_what_the_platform_has_revoked_stays_revoked(
    operator: Member, consumer: Member, grant: Grant
) -> None:
    await documents.set_standing(operator, grant.id, _REVOKED)
    for state in (_ACTIVE, _SUSPENDED):
        with refused("GRANT_NOT_ACTIVE") as caught:
            await documents.set_standing(operator, grant.id, state)
        assert (caught.value.details["state"], caught.value.details["by"]) == ("REVOKED", "PLATFORM")
    assert (await _standing(consumer)).platform_state == _REVOKED


async def test_wrong_fields_of_a_standing(operator: Member, grant: Grant, subtests: pytest.Subtests) -> None:
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("state", "GRANT_STATE_ACTIVE", {"state": 0}),
        ("state", "GRANT_STATE_ACTIVE", {"state": 9}),
        ("reason", "1 to 1000", {"reason": ""}),
        ("reason", "1 to 1000", {"reason": " "}),
        ("reason", "1 to 1000", {"reason": "secret" * 167}),
        ("reason", "control", {"reason": "secret\x00"}),
    ]
    for field, told, changes in wrong:
        with subtests.test(field=field, told=told):
            asked: dict[str, Any] = {"state": _REVOKED, "reason": "违规使用"} | changes
            with refused("FIELD_INVALID", field) as caught:
                await documents.set_standing(operator, grant.id, asked["state"], asked["reason"])
            text = caught.value.message + caught.value.remedy
            assert told in text
            assert "secret" not in text


@pytest.mark.parametrize("grant_id", ["", "G-" + "9" * 26, "\x00", "A-1"])
async def test_a_standing_of_no_grant(operator: Member, grant: Grant, grant_id: str) -> None:
    with refused("GRANT_UNKNOWN", "grant_id"):
        await documents.set_standing(operator, grant_id, _REVOKED)


async def test_standings_for_a_node_that_watches(
    platform: Platform, node: Member, consumer: Member, grant: Grant
) -> None:
    second = documents.grant(await documents.apply(consumer), node, platform.clock(), 2)
    await documents.decide(node, second)
    with platform.database.writing() as store:
        assert store.grants.platform_standings(node.party) == []
        word = set_standing(store, second.id, _SUSPENDED, "专项检查", PLATFORM, platform.clock())
    other = await platform.node("tax-1", "tax-office")
    with platform.database.reading() as store:
        assert store.grants.platform_standings(node.party) == [word]
        assert store.grants.platform_standings(other.party) == []
    assert _events(platform, second) == [(EventType.EVENT_TYPE_GRANT_SUSPENDED, PLATFORM, "专项检查")]
