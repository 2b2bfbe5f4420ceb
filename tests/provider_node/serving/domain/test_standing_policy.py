"""Standing policies: what is granted without a person, and what waits for one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import pytest

from provider_node.config import StandingPolicy
from provider_node.domain.decisions import Decisions
from provider_node.domain.policy import GrantPolicy
from provider_node.domain.standing_policy import ADMINISTRATOR, StandingPolicies
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.limits import DEFAULTS
from stayput.v1.access_pb2 import Application, ApplicationState
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.node import NOW, application_of
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.policies import policy

SUBMITTED = ApplicationState.APPLICATION_STATE_SUBMITTED
GRANTED = ApplicationState.APPLICATION_STATE_GRANTED
MODES = (Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS)
OFFERED = (Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT)
POLICY = StandingPolicy(valid_days=90, case_number_required=True)


@pytest.fixture
def policies() -> dict[str, GrantPolicy]:
    return {register.CODE: policy(standing=POLICY)}


@pytest.fixture
async def standing(policies: dict[str, GrantPolicy], decisions: Decisions) -> AsyncIterator[StandingPolicies]:
    policies_at_work = StandingPolicies(policies, decisions)
    running = asyncio.create_task(policies_at_work.run())
    yield policies_at_work
    running.cancel()
    await asyncio.wait([running])


async def settled(standing: StandingPolicies, peer: Peer) -> None:
    """Returns when everything that has arrived was dealt with: the one that arrives last is granted."""
    last = peer.add(application_of("A-99"))
    standing.consider(last)
    async with asyncio.timeout(30), peer.recorded_more:
        await peer.recorded_more.wait_for(lambda: last.state == GRANTED)


async def test_an_application_is_granted_as_the_policy_says(
    standing: StandingPolicies, application: Application, peer: Peer
) -> None:
    standing.consider(application)
    await settled(standing, peer)
    given = peer.latest(application.grant_id)
    assert (application.state, application.decided_by) == (GRANTED, ADMINISTRATOR)
    assert given.valid_until.ToDatetime(UTC) == NOW + timedelta(days=90)
    assert given.case_number_required
    assert given.limits == DEFAULTS
    assert given.security_agreement == application.security_agreement


async def test_one_that_arrives_twice_is_granted_once(
    standing: StandingPolicies,
    application: Application,
    peer: Peer,
    state: State,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(3):
        standing.consider(application)
    await settled(standing, peer)
    assert sorted(stored.grant.application_id for stored in state.grants.all()) == ["A-7", "A-99"]
    assert "not granted" not in capsys.readouterr().out


async def test_one_without_security_agreement_waits_for_the_administrator(
    standing: StandingPolicies, application: Application, peer: Peer, capsys: pytest.CaptureFixture[str]
) -> None:
    application.security_agreement = ""
    for _ in range(3):
        standing.consider(application)
    await settled(standing, peer)
    assert application.state == SUBMITTED
    logged = capsys.readouterr().out
    assert logged.count("not granted by standing policy") == 1
    assert "AGREEMENT_REQUIRED" in logged


async def test_unless_the_node_does_without(
    standing: StandingPolicies, application: Application, peer: Peer, policies: dict[str, GrantPolicy]
) -> None:
    policies[register.CODE] = policy(agreement_required=False, standing=POLICY)
    application.security_agreement = ""
    standing.consider(application)
    await settled(standing, peer)
    assert application.state == GRANTED


async def test_without_a_policy_and_once_decided_nothing_happens(
    standing: StandingPolicies, application: Application, peer: Peer, policies: dict[str, GrantPolicy]
) -> None:
    withdrawn = peer.add(application_of("A-8"))
    withdrawn.state = ApplicationState.APPLICATION_STATE_WITHDRAWN
    standing.consider(withdrawn)
    application.resource = "deaths"
    standing.consider(application)
    policies["deaths"] = policy()
    standing.consider(application)
    await settled(standing, peer)
    assert application.state == SUBMITTED
    assert peer.decisions == 1


@pytest.mark.parametrize("granularity", OFFERED)
async def test_it_grants_totals_too_but_not_oblivious_mode(
    standing: StandingPolicies,
    application: Application,
    peer: Peer,
    policies: dict[str, GrantPolicy],
    granularity: "Granularity.ValueType",
) -> None:
    policies[register.CODE] = policy(standing=POLICY, modes=MODES, granularities=OFFERED)
    application.granularity = granularity
    oblivious = peer.add(application_of("A-8"))
    oblivious.mode, oblivious.granularity = Mode.MODE_OBLIVIOUS, granularity
    standing.consider(oblivious)
    standing.consider(application)
    await settled(standing, peer)
    assert (application.state, oblivious.state) == (GRANTED, SUBMITTED)
    assert list(peer.latest(application.grant_id).granularities) == [granularity]


async def test_what_failed_is_tried_again_when_it_is_sent_again(
    standing: StandingPolicies, application: Application, peer: Peer
) -> None:
    peer.faults.errors["application"] = StayputError(
        ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="make room"
    )
    hold = peer.faults.hold("before application")
    standing.consider(application)
    async with asyncio.timeout(30):
        await hold.reached.wait()
    hold.released.set()
    # It has been refused when the next one, on which the calls hang, is asked for.
    again = peer.faults.hold("before application")
    standing.consider(application)
    async with asyncio.timeout(30):
        await again.reached.wait()
    assert application.state == SUBMITTED
    peer.faults.errors.clear()
    again.released.set()
    await settled(standing, peer)
    assert application.state == GRANTED
