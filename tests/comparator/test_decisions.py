"""RecordDecision over mutual TLS: the provider's decisions, and the grants that they leave."""

import asyncio

import pytest

from comparator.config import Config
from stayput import grants
from stayput.v1.access_pb2 import (
    Application,
    ApplicationState,
    GetApplicationRequest,
    Grant,
    ListGrantsRequest,
    RecordDecisionRequest,
    RecordedGrant,
)
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, refused, running_platform

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
    assert (decided.decided_by, decided.HasField("decided_at")) == (documents.ADMINISTRATOR, True)
    assert await _get(node, asked.id) == decided
    for party in (consumer, node):
        (held,) = (await party.access.ListGrants(ListGrantsRequest())).grants
        assert held == RecordedGrant(
            grant=documents.signed(grant, node), standing=grants.active_standing(grant.id)
        )
    with platform.database.reading() as store:
        assert store.grants.versions(grant.id) == [documents.signed(grant, node)]


async def test_a_refusal_is_recorded(node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    decided = await documents.refuse(node, asked.id, "法律依据不足")
    assert (decided.state, decided.refusal_reason, decided.grant_id) == (_REFUSED, "法律依据不足", "")
    assert await _get(node, asked.id) == decided
    assert (await _get(consumer, asked.id)).refusal_reason == "法律依据不足"


async def test_the_same_decision_again_changes_nothing(
    platform: Platform, node: Member, consumer: Member
) -> None:
    first, second = await documents.apply(consumer), await documents.apply(consumer)
    grant = documents.grant(first, node, platform.clock())
    granted = await documents.decide(node, grant)
    # Whoever sends it: a grant that its node knows as not recorded yet is sent until it is.
    for administrator in (documents.ADMINISTRATOR, "王五"):
        assert await documents.decide(node, grant, administrator=administrator) == granted
    turned_down = await documents.refuse(node, second.id, "理由")
    assert await documents.refuse(node, second.id, "理由") == turned_down
    # Also after the node's signing key was replaced: what is recorded is not verified anew.
    renewed = await platform.node("vehicles-1", "traffic-police")
    assert await documents.decide(renewed, grant, by=node) == granted


async def test_of_many_deciders_at_once_one_wins(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    now = platform.clock()
    results = await asyncio.gather(
        *(documents.decide(node, documents.grant(asked, node, now, number)) for number in range(8)),
        *(documents.refuse(node, asked.id, f"理由 {number}") for number in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Application) for result in results) == 1
    stored = await _get(node, asked.id)
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
        await node.access.RecordDecision(
            RecordDecisionRequest(application_id=asked.id, grant=forged, administrator="李四")
        )
    assert (await _get(consumer, asked.id)).state == _SUBMITTED


async def test_a_replaced_signing_key_grants_nothing(
    platform: Platform, node: Member, consumer: Member
) -> None:
    asked = await documents.apply(consumer)
    renewed = await platform.node("vehicles-1", "traffic-police")
    with refused("GRANT_SIGNATURE_INVALID"):
        await documents.decide(renewed, documents.grant(asked, node, platform.clock()), by=node)


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


async def test_no_decision_at_all(node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    with refused("FIELD_INVALID", "decision"):
        await node.access.RecordDecision(RecordDecisionRequest(application_id=asked.id, administrator="李四"))


async def test_after_the_grant_was_amended_the_same_decision_changes_nothing(
    platform: Platform, node: Member, consumer: Member
) -> None:
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    granted = await documents.decide(node, grant)
    await documents.amend(node, documents.amended(grant, case_number_required=True))
    assert await documents.decide(node, grant) == granted
    (held,) = (await consumer.access.ListGrants(ListGrantsRequest())).grants
    assert Grant.FromString(held.grant.payload).version == 2


async def test_a_new_grant_is_version_1(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    for version in (0, 2):
        grant = documents.grant(asked, node, platform.clock())
        grant.version = version
        with refused("GRANT_MISMATCH", "version"):
            await documents.decide(node, grant)


async def test_a_grant_without_a_security_agreement(
    platform: Platform, node: Member, consumer: Member
) -> None:
    without = documents.application()
    without.ClearField("security_agreement")
    asked = await documents.apply(consumer, without)
    grant = documents.grant(asked, node, platform.clock())
    for agreement in ("", "  "):
        grant.security_agreement = agreement
        with refused("AGREEMENT_REQUIRED", "security_agreement"):
            await documents.decide(node, grant)
    assert (await _get(consumer, asked.id)).state == _SUBMITTED
    # Concluded while the application waited.
    grant.security_agreement = "数安协〔2026〕9号"
    assert (await documents.decide(node, grant)).state == _GRANTED


async def test_a_platform_that_demands_no_security_agreement(config: Config, clock: Clock) -> None:
    config = config.model_copy(update={"require_security_agreement": False})
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        asked = await documents.apply(await platform.department("civil-affairs"))
        grant = documents.grant(asked, node, clock())
        grant.ClearField("security_agreement")
        assert (await documents.decide(node, grant)).state == _GRANTED
        grant = documents.amended(grant, case_number_required=True)
        assert (await documents.amend(node, grant)).grant == documents.signed(grant, node)
