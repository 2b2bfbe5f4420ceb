"""ListGrants and RecordGrantVersion over mutual TLS: who sees which grants, what a new version may change."""

from collections.abc import Callable

import pytest

from comparator.store.events import About
from stayput.grants import active_standing
from stayput.v1.access_pb2 import (
    Grant,
    GrantState,
    ListGrantsRequest,
    RecordedGrant,
    RecordGrantVersionRequest,
)
from stayput.v1.log_pb2 import EventType
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
_REVOKED = GrantState.GRANT_STATE_REVOKED


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


@pytest.fixture
async def grant(platform: Platform, node: Member, consumer: Member) -> Grant:
    grant = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, grant)
    return grant


async def _listed(by: Member) -> list[RecordedGrant]:
    return list((await by.access.ListGrants(ListGrantsRequest())).grants)


async def test_each_sees_its_own_and_who_oversees_all(
    platform: Platform, node: Member, consumer: Member, grant: Grant, auditor: Member, operator: Member
) -> None:
    other_node = await platform.node("tax-1", "tax-office")
    await documents.publish(other_node, documents.resource("taxpayers"))
    stranger = await platform.department("water-works")
    asked = await documents.apply(stranger, documents.application("taxpayers"))
    second = documents.grant(asked, other_node, platform.clock(), 2)
    await documents.decide(other_node, second)
    first_one = RecordedGrant(grant=documents.signed(grant, node), standing=active_standing(grant.id))
    other_one = RecordedGrant(grant=documents.signed(second, other_node), standing=active_standing(second.id))
    for party in (node, consumer):
        assert await _listed(party) == [first_one]
    for party in (other_node, stranger):
        assert await _listed(party) == [other_one]
    for party in (auditor, operator):
        assert await _listed(party) == [other_one, first_one]


async def test_pages_of_grants_come_newest_first(
    platform: Platform, node: Member, consumer: Member, auditor: Member
) -> None:
    given = []
    for number in range(1, 4):
        asked = await documents.apply(consumer)
        given.append(documents.grant(asked, node, platform.clock(), number))
        await documents.decide(node, given[-1])
    for party in (consumer, node, auditor):
        first = await party.access.ListGrants(ListGrantsRequest(page_size=2))
        token = first.next_page_token
        second = await party.access.ListGrants(ListGrantsRequest(page_size=2, page_token=token))
        listed = [Grant.FromString(each.grant.payload) for each in (*first.grants, *second.grants)]
        assert listed == given[::-1]
        assert not second.next_page_token


async def test_a_new_version_takes_the_place_of_the_one_before(
    platform: Platform, node: Member, consumer: Member, grant: Grant
) -> None:
    second = documents.amended(grant, operators=["张三"], case_number_required=True)
    second.checks.remove("plate")
    second.limits.miss_permille = 0
    recorded = await documents.amend(node, second)
    assert recorded == RecordedGrant(grant=documents.signed(second, node), standing=active_standing(grant.id))
    assert await _listed(consumer) == [recorded]
    # Wider again, as far as was applied for.
    third = documents.amended(second)
    third.checks.append("plate")
    await documents.amend(node, third)
    with platform.database.reading() as store:
        kept = store.grants.versions(grant.id)
        page = store.events.page(None, 2, About())
    assert kept == [documents.signed(each, node) for each in (grant, second, third)]
    assert [event.type for event in page] == [EventType.EVENT_TYPE_GRANT_AMENDED] * 2
    assert [event.detail for event in page] == [
        "checks",
        "checks, case_number_required, operators, limits.miss_permille",
    ]


async def test_the_same_version_again_changes_nothing(platform: Platform, node: Member, grant: Grant) -> None:
    second = documents.amended(grant, case_number_required=True)
    recorded = await documents.amend(node, second)
    assert await documents.amend(node, second) == recorded
    # Also after the node's signing key was replaced, and after a later version.
    renewed = await platform.node("vehicles-1", "traffic-police")
    assert await documents.amend(renewed, second, by=node) == recorded
    latest = await documents.amend(renewed, documents.amended(second, operators=["张三"]))
    assert await documents.amend(renewed, second, by=node) == latest
    with platform.database.reading() as store:
        assert len(store.grants.versions(grant.id)) == 3


@pytest.mark.parametrize("version", [-1, 0, 1, 3, 2**31 - 1])
async def test_a_version_out_of_order(node: Member, grant: Grant, version: int) -> None:
    other = documents.amended(grant, case_number_required=True)
    other.version = version
    with refused("GRANT_VERSION", "version") as caught:
        await documents.amend(node, other)
    assert caught.value.details["expected"] == "2"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("application_id", lambda grant: setattr(grant, "application_id", "A-2")),
        ("provider", lambda grant: setattr(grant, "provider", "secret")),
        ("node_id", lambda grant: setattr(grant, "node_id", "secret")),
        ("consumer", lambda grant: setattr(grant, "consumer", "secret")),
        ("resource", lambda grant: setattr(grant, "resource", "secret")),
        ("key", lambda grant: setattr(grant, "key", "secret")),
    ],
)
async def test_what_never_changes(
    node: Member, consumer: Member, grant: Grant, field: str, change: Callable[[Grant], None]
) -> None:
    second = documents.amended(grant)
    change(second)
    with refused("GRANT_MISMATCH", field) as caught:
        await documents.amend(node, second)
    assert "secret" not in caught.value.message + caught.value.remedy
    assert [each.grant for each in await _listed(consumer)] == [documents.signed(grant, node)]


async def test_only_its_node_amends_a_grant(
    platform: Platform, node: Member, consumer: Member, grant: Grant
) -> None:
    second = documents.amended(grant, case_number_required=True)
    other = await platform.node("tax-1", "tax-office")
    for signer in (node, other):
        with refused("GRANT_UNKNOWN", "grant_id"):
            await documents.amend(other, second, by=signer)
    with refused("GRANT_SIGNATURE_INVALID", "grant"):
        await documents.amend(node, second, by=consumer)
    forged = documents.signed(second, node)
    forged.payload += b"\x70\x00"
    for envelope in (forged, Envelope(payload=b"\xff")):
        with refused("GRANT_SIGNATURE_INVALID", "grant"):
            await node.access.RecordGrantVersion(RecordGrantVersionRequest(grant=envelope))
    with refused("GRANT_UNKNOWN", "grant_id"):
        await node.access.RecordGrantVersion(RecordGrantVersionRequest())
    assert [each.grant for each in await _listed(consumer)] == [documents.signed(grant, node)]


async def test_a_version_that_waited_while_the_signing_key_was_replaced_is_taken(
    platform: Platform, node: Member, grant: Grant
) -> None:
    renewed = await platform.node("vehicles-1", "traffic-police")
    second = documents.amended(grant, case_number_required=True)
    assert (await documents.amend(renewed, second, by=node)).grant == documents.signed(second, node)


async def test_another_node_s_signing_key_amends_nothing(
    platform: Platform, node: Member, grant: Grant
) -> None:
    other = await platform.node("vehicles-2", "traffic-police")
    with refused("GRANT_SIGNATURE_INVALID"):
        await documents.amend(node, documents.amended(grant, case_number_required=True), by=other)


async def test_a_security_agreement_is_not_taken_away(node: Member, grant: Grant) -> None:
    second = documents.amended(grant)
    second.ClearField("security_agreement")
    with refused("AGREEMENT_REQUIRED", "security_agreement"):
        await documents.amend(node, second)


async def test_a_suspended_grant_can_be_amended_and_a_revoked_one_not(
    platform: Platform, node: Member, operator: Member, grant: Grant
) -> None:
    await documents.record(node, documents.change(grant, _SUSPENDED, platform.clock()))
    await documents.set_standing(operator, grant.id, _SUSPENDED)
    second = documents.amended(grant, case_number_required=True)
    recorded = await documents.amend(node, second)
    assert recorded.standing.provider_state == recorded.standing.platform_state == _SUSPENDED
    third = documents.amended(second, operators=["张三"])
    await documents.set_standing(operator, grant.id, _REVOKED)
    with refused("GRANT_NOT_ACTIVE") as caught:
        await documents.amend(node, third)
    assert (caught.value.details["state"], caught.value.details["by"]) == ("REVOKED", "PLATFORM")
    assert (await documents.amend(node, second)).grant == recorded.grant
    await documents.record(node, documents.change(grant, _REVOKED, platform.clock(), 2))
    with refused("GRANT_NOT_ACTIVE") as caught:
        await documents.amend(node, third)
    assert (caught.value.details["state"], caught.value.details["by"]) == ("REVOKED", "PROVIDER")
