"""RecordDecision and ListGrants over mutual TLS: the provider's decisions, and the grants that they leave."""

import asyncio
from collections.abc import Callable

import pytest

from stayput.v1.access_pb2 import (
    Application,
    ApplicationState,
    GetApplicationRequest,
    Grant,
    ListGrantsRequest,
    RecordDecisionRequest,
)
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_GRANTED = ApplicationState.APPLICATION_STATE_GRANTED
_REFUSED = ApplicationState.APPLICATION_STATE_REFUSED
_SUBMITTED = ApplicationState.APPLICATION_STATE_SUBMITTED


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


async def _get(by: Member, application_id: str) -> Application:
    return (await by.access.GetApplication(GetApplicationRequest(id=application_id))).application


async def test_a_grant_is_recorded(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    decided = await documents.decide(node, grant)
    assert (decided.state, decided.grant_id) == (_GRANTED, grant.id)
    assert decided.HasField("decided_at")
    assert await _get(consumer, asked.id) == decided
    for party in (consumer, node):
        (held,) = (await party.access.ListGrants(ListGrantsRequest())).grants
        assert held == documents.signed(grant, node)


async def test_a_refusal_is_recorded(node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    decided = await documents.refuse(node, asked.id, "法律依据不足")
    assert (decided.state, decided.refusal_reason, decided.grant_id) == (_REFUSED, "法律依据不足", "")
    assert await _get(consumer, asked.id) == decided


async def test_the_same_decision_again_changes_nothing(
    platform: Platform, node: Member, consumer: Member
) -> None:
    first, second = await documents.apply(consumer), await documents.apply(consumer)
    grant = documents.grant(first, node, platform.clock())
    granted = await documents.decide(node, grant)
    assert await documents.decide(node, grant) == granted
    turned_down = await documents.refuse(node, second.id, "理由")
    assert await documents.refuse(node, second.id, "理由") == turned_down
    # Also after the node's signing key was replaced: what is recorded is not verified anew.
    renewed = await platform.node("vehicles-1", "traffic-police")
    assert await documents.decide(renewed, grant, by=node) == granted


async def test_another_decision_comes_too_late(platform: Platform, node: Member, consumer: Member) -> None:
    granted, turned_down = await documents.apply(consumer), await documents.apply(consumer)
    await documents.decide(node, documents.grant(granted, node, platform.clock(), 1))
    await documents.refuse(node, turned_down.id, "理由")
    with refused("APPLICATION_DECIDED") as caught:
        await documents.decide(node, documents.grant(granted, node, platform.clock(), 2))
    assert caught.value.details["state"] == "GRANTED"
    with refused("APPLICATION_DECIDED") as caught:
        await documents.refuse(node, granted.id, "理由")
    assert caught.value.details["state"] == "GRANTED"
    with refused("APPLICATION_DECIDED") as caught:
        await documents.refuse(node, turned_down.id, "另一个理由")
    assert caught.value.details["state"] == "REFUSED"
    with refused("APPLICATION_DECIDED") as caught:
        await documents.decide(node, documents.grant(turned_down, node, platform.clock(), 3))
    assert caught.value.details["state"] == "REFUSED"


async def test_of_many_deciders_at_once_one_wins(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    now = platform.clock()
    results = await asyncio.gather(
        *(documents.decide(node, documents.grant(asked, node, now, number)) for number in range(8)),
        *(documents.refuse(node, asked.id, f"理由 {number}") for number in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Application) for result in results) == 1
    stored = await _get(consumer, asked.id)
    assert stored in results
    held = (await consumer.access.ListGrants(ListGrantsRequest())).grants
    assert len(held) == (stored.state == _GRANTED)


async def test_a_grant_signed_by_another_key(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    with refused("GRANT_SIGNATURE_INVALID", "grant"):
        await documents.decide(node, grant, by=consumer)
    forged = documents.signed(grant, node)
    forged.payload += grant.SerializeToString()
    with refused("GRANT_SIGNATURE_INVALID", "grant"):
        await node.access.RecordDecision(RecordDecisionRequest(application_id=asked.id, grant=forged))
    assert (await _get(consumer, asked.id)).state == _SUBMITTED


async def test_a_replaced_signing_key_grants_nothing(
    platform: Platform, node: Member, consumer: Member
) -> None:
    asked = await documents.apply(consumer)
    renewed = await platform.node("vehicles-1", "traffic-police")
    with refused("GRANT_SIGNATURE_INVALID"):
        await documents.decide(renewed, documents.grant(asked, node, platform.clock()), by=node)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("application_id", lambda grant: setattr(grant, "application_id", "A-2")),
        ("consumer", lambda grant: setattr(grant, "consumer", "tax-office")),
        ("resource", lambda grant: setattr(grant, "resource", "deaths")),
        ("key", lambda grant: setattr(grant, "key", "plate")),
        ("checks", lambda grant: grant.checks.append("engine_number")),
        ("modes", lambda grant: grant.modes.append(Mode.MODE_OBLIVIOUS)),
        ("modes", lambda grant: grant.ClearField("modes")),
        ("granularities", lambda grant: grant.granularities.append(Granularity.GRANULARITY_COUNT)),
        ("granularities", lambda grant: grant.ClearField("granularities")),
        ("id", lambda grant: setattr(grant, "id", "G-1")),
        ("provider", lambda grant: setattr(grant, "provider", "tax-office")),
        ("node_id", lambda grant: setattr(grant, "node_id", "vehicles-2")),
        ("valid_until", lambda grant: grant.valid_until.CopyFrom(grant.valid_from)),
        ("valid_until", lambda grant: setattr(grant.valid_until, "seconds", 2**62)),
        ("limits.records_per_session", lambda grant: setattr(grant.limits, "records_per_session", 0)),
        ("limits.records_per_session", lambda grant: setattr(grant.limits, "records_per_session", 10**8 + 1)),
        ("limits.records_per_day", lambda grant: setattr(grant.limits, "records_per_day", 10**9 + 1)),
    ],
)
async def test_a_grant_of_something_else(
    platform: Platform, node: Member, consumer: Member, field: str, change: Callable[[Grant], None]
) -> None:
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    change(grant)
    request = RecordDecisionRequest(application_id=asked.id, grant=documents.signed(grant, node))
    with refused("GRANT_MISMATCH", field):
        await node.access.RecordDecision(request)
    assert (await _get(consumer, asked.id)).state == _SUBMITTED


async def test_a_narrower_grant_is_fine(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    grant.checks.remove("plate")
    assert (await documents.decide(node, grant)).state == _GRANTED


async def test_a_grants_id_is_used_once(platform: Platform, node: Member, consumer: Member) -> None:
    first, second = await documents.apply(consumer), await documents.apply(consumer)
    await documents.decide(node, documents.grant(first, node, platform.clock(), 1))
    with refused("GRANT_MISMATCH", "id"):
        await documents.decide(node, documents.grant(second, node, platform.clock(), 1))


@pytest.mark.parametrize("reason", ["", " ", "理" * 1_001])
async def test_a_refusal_without_a_fit_reason(node: Member, consumer: Member, reason: str) -> None:
    asked = await documents.apply(consumer)
    with refused("FIELD_INVALID", "refusal_reason"):
        await documents.refuse(node, asked.id, reason)


async def test_no_decision_at_all(node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    with refused("FIELD_INVALID", "decision"):
        await node.access.RecordDecision(RecordDecisionRequest(application_id=asked.id))


async def test_pages_of_grants_come_newest_first(platform: Platform, node: Member, consumer: Member) -> None:
    given = []
    for number in range(1, 4):
        asked = await documents.apply(consumer)
        grant = documents.grant(asked, node, platform.clock(), number)
        await documents.decide(node, grant)
        given.append(grant)
    first = await consumer.access.ListGrants(ListGrantsRequest(page_size=2))
    second = await consumer.access.ListGrants(
        ListGrantsRequest(page_size=2, page_token=first.next_page_token)
    )
    listed = [Grant.FromString(envelope.payload) for envelope in (*first.grants, *second.grants)]
    assert listed == given[::-1]
    assert not second.next_page_token
