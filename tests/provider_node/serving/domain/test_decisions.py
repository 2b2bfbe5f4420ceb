"""Deciding applications: what is signed, and what the node and the platform know after each fault."""

import re
from datetime import UTC, timedelta

import pytest

from provider_node.domain.decisions import Decisions, grant_id
from provider_node.domain.platform import Platform
from provider_node.store.state import State
from stayput import grants
from stayput.errors import Reason, StayputError
from stayput.v1.access_pb2 import Application, ApplicationState, Limits
from stayput.v1.admin_pb2 import ApproveRequest
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import CONSUMER, NODE, NOW, PROVIDER, Clock, Material
from tests.provider_node.serving.peer import Peer

GRANTED = ApplicationState.APPLICATION_STATE_GRANTED
REFUSED = ApplicationState.APPLICATION_STATE_REFUSED
FINAL = [
    ErrorReason.ERROR_REASON_APPLICATION_DECIDED,
    ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN,
    ErrorReason.ERROR_REASON_GRANT_MISMATCH,
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
    ErrorReason.ERROR_REASON_NOT_PERMITTED,
]


@pytest.fixture
def decisions(material: Material, state: State, platform: Platform, clock: Clock) -> Decisions:
    defaults = Limits(records_per_session=1_000, records_per_day=2_000)
    return Decisions(material.identity, state, platform, defaults, clock)


@pytest.fixture
def application(peer: Peer) -> Application:
    return peer.add(
        Application(
            id="A-7",
            consumer=CONSUMER.id,
            resource="vehicle-owners",
            key="owner",
            checks=["name"],
            mode=Mode.MODE_KEYED,
            granularity=Granularity.GRANULARITY_RECORD,
            purpose="低收入家庭经济状况核对",
        )
    )


def fail(peer: Peer, call: str, reason: Reason) -> None:
    peer.faults.errors[call] = StayputError(reason, "refused by the test", remedy="none")


async def test_a_grant_is_for_exactly_what_was_asked(
    decisions: Decisions, application: Application, peer: Peer, state: State, material: Material
) -> None:
    terms = ApproveRequest(application_id="A-7", valid_days=30, case_number_required=True)
    terms.limits.records_per_day = 77
    given = await decisions.approve(terms)
    assert (given.application_id, given.consumer) == ("A-7", CONSUMER.id)
    assert (given.resource, given.key, list(given.checks)) == ("vehicle-owners", "owner", ["name"])
    assert list(given.modes) == [Mode.MODE_KEYED]
    assert list(given.granularities) == [Granularity.GRANULARITY_RECORD]
    assert (given.purpose, given.provider, given.node_id) == (application.purpose, PROVIDER, NODE.id)
    assert given.valid_from.ToDatetime(UTC) == given.issued_at.ToDatetime(UTC) == NOW
    assert given.valid_until.ToDatetime(UTC) == NOW + timedelta(days=30)
    assert given.case_number_required
    assert given.limits == Limits(records_per_session=1_000, records_per_day=77)
    stored = state.grant(given.id)
    assert stored is not None
    assert stored.recorded
    assert peer.grants[given.id] == stored.envelope
    assert grants.verify(stored.envelope, material.verification_key) == given
    assert (application.state, application.grant_id) == (GRANTED, given.id)


async def test_zero_means_the_default(decisions: Decisions, application: Application) -> None:
    given = await decisions.approve(ApproveRequest(application_id="A-7"))
    assert given.valid_until.ToDatetime(UTC) == NOW + timedelta(days=365)
    assert given.limits == Limits(records_per_session=1_000, records_per_day=2_000)
    assert not given.case_number_required


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (ApproveRequest(valid_days=-1), "valid_days"),
        (ApproveRequest(valid_days=1_097), "valid_days"),
        (ApproveRequest(limits=Limits(records_per_session=-1)), "limits.records_per_session"),
        (ApproveRequest(limits=Limits(records_per_session=100_000_001)), "limits.records_per_session"),
        (ApproveRequest(limits=Limits(records_per_day=-1)), "limits.records_per_day"),
        (ApproveRequest(limits=Limits(records_per_day=1_000_000_001)), "limits.records_per_day"),
    ],
)
async def test_terms_out_of_range_are_refused(
    decisions: Decisions, application: Application, state: State, terms: ApproveRequest, field: str
) -> None:
    terms.application_id = "A-7"
    with refused("FIELD_INVALID", field):
        await decisions.approve(terms)
    assert state.grants() == []


@pytest.mark.parametrize(("days", "most"), [(1, 1), (1_096, 100_000_000)])
async def test_terms_at_the_edge_are_taken(
    decisions: Decisions, application: Application, days: int, most: int
) -> None:
    limits = Limits(records_per_session=most, records_per_day=most * 10)
    given = await decisions.approve(ApproveRequest(application_id="A-7", valid_days=days, limits=limits))
    assert given.limits == limits


async def test_an_unknown_application_cannot_be_approved(decisions: Decisions, peer: Peer) -> None:
    with refused("APPLICATION_UNKNOWN"):
        await decisions.approve(ApproveRequest(application_id="A-8"))


async def test_another_application_than_the_one_asked_for_is_not_approved(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    peer.applications["A-8"] = application
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await decisions.approve(ApproveRequest(application_id="A-8"))
    assert state.grants() == []


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
        await decisions.approve(ApproveRequest(application_id="A-7"))
    assert caught.value.details == {"state": name}
    assert state.grants() == []


async def test_a_grant_that_could_not_be_recorded_is_recorded_at_the_next_start(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    with refused("STORAGE_FULL"):
        await decisions.approve(ApproveRequest(application_id="A-7"))
    (pending,) = state.pending_grants()
    peer.faults.errors.clear()
    await decisions.record_pending()
    assert state.pending_grants() == []
    assert application.grant_id == pending.grant.id


async def test_a_platform_out_of_reach_is_named(
    material: Material, state: State, clock: Clock, peer: Peer, application: Application
) -> None:
    away = Platform("127.0.0.1:1", material.node.credentials)
    decisions = Decisions(material.identity, state, away, Limits(), clock)
    with refused("CONNECTION_FAILED") as caught:
        await decisions.approve(
            ApproveRequest(application_id="A-7", limits=Limits(records_per_session=1, records_per_day=1))
        )
    assert "comparator" in caught.value.message
    assert state.grants() == []
    await away.close()


async def test_a_lost_answer_leaves_one_grant(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    peer.faults.lose["decision"] = 1
    with refused("CONNECTION_FAILED"):
        await decisions.approve(ApproveRequest(application_id="A-7"))
    assert application.state == GRANTED
    # The administrator tries again, and the grant is the one that was signed.
    given = await decisions.approve(ApproveRequest(application_id="A-7", valid_days=10))
    assert given.id == application.grant_id
    assert [(stored.grant.id, stored.recorded) for stored in state.grants()] == [(given.id, True)]


@pytest.mark.parametrize("reason", FINAL)
async def test_a_grant_that_the_platform_refuses_for_good_is_dropped(
    decisions: Decisions, application: Application, peer: Peer, state: State, reason: Reason
) -> None:
    fail(peer, "decision", reason)
    with refused(ErrorReason.Name(reason).removeprefix("ERROR_REASON_")):
        await decisions.approve(ApproveRequest(application_id="A-7"))
    assert state.grants() == []


async def test_one_grant_that_cannot_be_recorded_does_not_hold_up_the_others(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    for number in range(7, 11):
        peer.add(Application(id=f"A-{number}", consumer=CONSUMER.id, resource="r", key="k"))
        with refused("STORAGE_FULL"):
            await decisions.approve(ApproveRequest(application_id=f"A-{number}"))
    # One was decided elsewhere, one is not there any more; neither comes first or last.
    peer.applications["A-8"].state = REFUSED
    del peer.applications["A-9"]
    peer.faults.errors.clear()
    await decisions.record_pending()
    assert {stored.grant.application_id for stored in state.grants()} == {"A-7", "A-10"}
    assert state.pending_grants() == []


async def test_a_refusal_reaches_the_platform(
    decisions: Decisions, application: Application, state: State
) -> None:
    answer = await decisions.refuse("A-7", "材料不全")
    assert (answer.state, answer.refusal_reason) == (REFUSED, "材料不全")
    with refused("APPLICATION_DECIDED"):
        await decisions.approve(ApproveRequest(application_id="A-7"))
    assert state.grants() == []


@pytest.mark.parametrize("reason", ["", "  ", "长" * 1_001])
async def test_a_refusal_needs_a_reason(decisions: Decisions, application: Application, reason: str) -> None:
    with refused("FIELD_INVALID", "reason"):
        await decisions.refuse("A-7", reason)


async def test_a_refusal_takes_back_a_grant_that_was_not_recorded(
    decisions: Decisions, application: Application, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    with refused("STORAGE_FULL"):
        await decisions.approve(ApproveRequest(application_id="A-7"))
    peer.faults.errors.clear()
    await decisions.refuse("A-7", "材料不全")
    assert state.grants() == []


def test_ids_of_grants_sort_by_time() -> None:
    ids = [grant_id(NOW + timedelta(milliseconds=step)) for step in range(100)]
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"G-[0-9A-HJKMNP-TV-Z]{26}", one) for one in ids)
