"""Deciding applications: on whose decision, and what may not be decided."""

import asyncio
import re
from datetime import timedelta

import pytest

from provider_node.domain.decisions import Decisions, grant_id
from provider_node.domain.notices import Notices
from provider_node.domain.platform import Platform
from provider_node.domain.policy import GrantPolicy
from provider_node.store.state import State
from stayput.errors import Reason, StayputError
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Application, ApplicationState
from stayput.v1.admin_pb2 import ApproveRequest
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.access_peer import DECIDED_AT
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import (
    NOW,
    RESOURCE_LIMITS,
    Clock,
    Material,
    application_of,
)
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.policies import policy

ACCEPTED = ApplicationState.APPLICATION_STATE_ACCEPTED
GRANTED = ApplicationState.APPLICATION_STATE_GRANTED
REFUSED = ApplicationState.APPLICATION_STATE_REFUSED
FINAL = [
    ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED,
    ErrorReason.ERROR_REASON_FIELD_INVALID,
    ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
    ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
    ErrorReason.ERROR_REASON_GRANT_MISMATCH,
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
    ErrorReason.ERROR_REASON_NOT_PERMITTED,
]
ZHANG, LI = "张伟", "李娜"


def terms(application_id: str = "A-7", administrator: str = ZHANG) -> ApproveRequest:
    return ApproveRequest(application_id=application_id, administrator=administrator)


def fail(peer: Peer, call: str, reason: Reason) -> None:
    peer.faults.errors[call] = StayputError(reason, "refused by the test", remedy="none")


async def test_an_unknown_application_cannot_be_approved(decisions: Decisions, peer: Peer) -> None:
    with refused("APPLICATION_UNKNOWN"):
        await decisions.approve(terms("A-8"))


async def test_another_application_than_the_one_asked_for_is_not_approved(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    peer.applications["A-8"] = application
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await decisions.approve(terms("A-8"))
    assert state.grants.all() == []


async def test_an_application_for_a_resource_that_is_gone_is_not_approved(
    decisions: Decisions, application: Application, state: State
) -> None:
    application.resource = "deaths"
    with refused("RESOURCE_UNKNOWN", "resource"):
        await decisions.approve(terms())
    assert state.grants.all() == []


@pytest.mark.parametrize(("decided", "name"), [(GRANTED, "GRANTED"), (REFUSED, "REFUSED"), (9, "UNKNOWN")])
async def test_what_is_decided_stays_decided(
    decisions: Decisions,
    application: Application,
    state: State,
    decided: "ApplicationState.ValueType",
    name: str,
) -> None:
    application.state = decided
    with refused("APPLICATION_DECIDED", "application_id") as caught:
        await decisions.approve(terms())
    assert caught.value.details == {"state": name}
    assert state.grants.all() == []


async def test_an_application_taken_in_can_still_be_granted(
    decisions: Decisions, application: Application
) -> None:
    answer = await decisions.accept("A-7", LI)
    assert (answer.state, answer.accepted_by) == (ACCEPTED, LI)
    assert application.state == ACCEPTED
    await decisions.approve(terms())
    assert application.state == GRANTED
    with refused("APPLICATION_DECIDED"):
        await decisions.accept("A-7", LI)


@pytest.mark.parametrize("administrator", ["", "长" * 101, "a\x07"])
async def test_who_decides_has_a_name(
    decisions: Decisions, application: Application, administrator: str
) -> None:
    with refused("FIELD_INVALID", "administrator"):
        await decisions.accept("A-7", administrator)
    with refused("FIELD_INVALID", "administrator"):
        await decisions.refuse("A-7", "材料不全", administrator)


async def test_of_two_administrators_one_decides_and_the_other_is_told_who_did(
    decisions: Decisions, application: Application, state: State
) -> None:
    asked = [decisions.approve(terms(administrator=name)) for name in (ZHANG, LI)]
    given, late = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(late, StayputError)
    assert late.reason_name == "APPLICATION_DECIDED"
    assert late.details == {"state": "GRANTED", "decided_by": ZHANG, "decided_at": DECIDED_AT.isoformat()}
    assert [stored.grant for stored in state.grants.all()] == [given]


async def test_of_an_approval_and_a_refusal_one_counts(
    decisions: Decisions, application: Application, state: State
) -> None:
    outcomes = await asyncio.gather(
        decisions.refuse("A-7", "材料不全", LI), decisions.approve(terms()), return_exceptions=True
    )
    assert isinstance(outcomes[1], StayputError)
    assert outcomes[1].details["decided_by"] == LI
    assert (application.state, state.grants.all()) == (REFUSED, [])


async def test_decisions_on_different_applications_do_not_wait_for_one_another(
    decisions: Decisions, application: Application, peer: Peer
) -> None:
    peer.add(application_of("A-8"))
    hold = peer.faults.hold("before decision")
    first = asyncio.create_task(decisions.approve(terms()))
    await hold.reached.wait()
    peer.faults.holds.clear()
    assert (await decisions.approve(terms("A-8"))).application_id == "A-8"
    hold.released.set()
    assert (await first).application_id == "A-7"


async def test_a_platform_out_of_reach_is_named(
    material: Material, state: State, clock: Clock, policies: dict[str, GrantPolicy], application: Application
) -> None:
    away = Platform("127.0.0.1:1", material.node.credentials)
    decisions = Decisions(
        identity=material.identity,
        grants=state.grants,
        platform=away,
        notices=Notices(state.grants, away),
        policies=policies,
        clock=clock,
    )
    with refused("CONNECTION_FAILED") as caught:
        await decisions.approve(terms())
    assert "comparator" in caught.value.message
    assert state.grants.all() == []
    await away.close()


async def test_a_lost_answer_leaves_one_grant(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    peer.faults.lose["decision"] = 1
    with refused("CONNECTION_FAILED"):
        await decisions.approve(terms())
    assert application.state == GRANTED
    # The administrator tries again, and the grant is the one that was signed.
    again = terms()
    again.valid_days = 10
    given = await decisions.approve(again)
    assert given.id == application.grant_id
    assert [(stored.grant.id, stored.recorded) for stored in state.grants.all()] == [(given.id, True)]


async def test_another_administrator_who_tries_again_is_told_who_decided(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    with refused("STORAGE_FULL"):
        await decisions.approve(terms())
    peer.faults.errors.clear()
    with refused("APPLICATION_DECIDED") as caught:
        await decisions.approve(terms(administrator=LI))
    assert caught.value.details["decided_by"] == application.decided_by == ZHANG
    assert [stored.recorded for stored in state.grants.all()] == [True]


@pytest.mark.parametrize("reason", FINAL)
async def test_a_grant_that_the_platform_refuses_for_good_is_dropped(
    decisions: Decisions, application: Application, peer: Peer, state: State, reason: Reason
) -> None:
    fail(peer, "decision", reason)
    with refused(ErrorReason.Name(reason).removeprefix("ERROR_REASON_")):
        await decisions.approve(terms())
    assert (state.grants.all(), state.grants.pending()) == ([], [])


async def test_a_refusal_reaches_the_platform(
    decisions: Decisions, application: Application, state: State
) -> None:
    answer = await decisions.refuse("A-7", "材料不全", LI)
    assert (answer.state, answer.refusal_reason, answer.decided_by) == (REFUSED, "材料不全", LI)
    with refused("APPLICATION_DECIDED"):
        await decisions.approve(terms())
    assert state.grants.all() == []


@pytest.mark.parametrize("reason", ["", "  ", "长" * 1_001, "a\x00"])
async def test_a_refusal_needs_a_reason(decisions: Decisions, application: Application, reason: str) -> None:
    with refused("FIELD_INVALID", "reason"):
        await decisions.refuse("A-7", reason, LI)


async def test_a_refusal_takes_back_a_grant_that_was_not_recorded(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    with refused("STORAGE_FULL"):
        await decisions.approve(terms())
    peer.faults.errors.clear()
    await decisions.refuse("A-7", "材料不全", LI)
    assert (state.grants.all(), state.grants.pending()) == ([], [])


def test_the_limits_of_each_resource_are_told(decisions: Decisions, policies: dict[str, GrantPolicy]) -> None:
    policies["deaths"] = policy()
    told = [(one.resource, one.limits) for one in decisions.limits()]
    assert told == [("deaths", DEFAULTS), (register.CODE, complete(RESOURCE_LIMITS, DEFAULTS))]


def test_ids_of_grants_sort_by_time() -> None:
    ids = [grant_id(NOW + timedelta(milliseconds=step)) for step in range(100)]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"G-[0-9A-HJKMNP-TV-Z]{26}", one) for one in ids)
