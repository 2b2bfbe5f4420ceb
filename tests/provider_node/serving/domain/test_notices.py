"""What the platform has to record of grants: delivered in order and at least once, whatever goes wrong."""

import asyncio

import pytest

from provider_node.domain.decisions import Decisions
from provider_node.domain.notices import Notices
from provider_node.store.state import State
from stayput.errors import Reason, StayputError
from stayput.v1.access_pb2 import Application, ApplicationState, Grant, GrantChange, GrantState
from stayput.v1.admin_pb2 import ApproveRequest
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, NOW, Material, application_of, grant
from tests.provider_node.serving.peer import Peer

ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED
OTHER = "G-00000000000000000000000002"
NEVER = [
    ErrorReason.ERROR_REASON_GRANT_MISMATCH,
    ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE,
    ErrorReason.ERROR_REASON_FIELD_INVALID,
]
PERHAPS_LATER = [
    ErrorReason.ERROR_REASON_GRANT_UNKNOWN,
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID,
    ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED,
    ErrorReason.ERROR_REASON_NOT_PERMITTED,
    ErrorReason.ERROR_REASON_STORAGE_FULL,
    ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN,
    ErrorReason.ERROR_REASON_INTERNAL,
]


class Told:
    """A grant that node and platform know, and what the provider does with it."""

    def __init__(self, state: State, material: Material, peer: Peer) -> None:
        self.state, self.material, self.peer = state, material, peer

    async def given(self, grant_id: str = GRANT_ID) -> Grant:
        first = grant()
        first.id = grant_id
        envelope = self.material.envelope(first)
        await self.state.grants.put(grant_id, envelope, "张伟")
        await self.state.grants.mark_recorded(grant_id)
        self.peer.grants[grant_id] = envelope
        return first

    async def amend(self, version: int, grant_id: str = GRANT_ID) -> None:
        later = grant(per_day=version)
        later.id, later.version = grant_id, version
        await self.state.grants.amend(self.material.envelope(later))

    async def change(self, state: "GrantState.ValueType", grant_id: str = GRANT_ID) -> None:
        draft = GrantChange(grant_id=grant_id, state=state, reason="核查", administrator="李娜")
        draft.changed_at.FromDatetime(NOW)
        await self.state.grants.change(draft, self.material.identity.sign_change)

    def recorded(self, grant_id: str = GRANT_ID) -> tuple[int, list["GrantState.ValueType"]]:
        """The version and the states that the platform knows."""
        states = [change.state for change in self.peer.changes if change.grant_id == grant_id]
        return self.peer.latest(grant_id).version, states


@pytest.fixture
async def told(state: State, material: Material, peer: Peer) -> Told:
    made = Told(state, material, peer)
    await made.given()
    return made


def fail(peer: Peer, call: str, reason: Reason, **details: str) -> None:
    peer.faults.errors[call] = StayputError(reason, "refused by the test", remedy="none", details=details)


async def test_versions_and_changes_are_recorded_in_order(told: Told, notices: Notices, state: State) -> None:
    for version in range(2, 5):
        await told.amend(version)
    for word in (SUSPENDED, ACTIVE, REVOKED):
        await told.change(word)
    assert state.grants.untold() == {GRANT_ID}
    assert await notices.deliver()
    assert told.recorded() == (4, [SUSPENDED, ACTIVE, REVOKED])
    assert (state.grants.notices(0, 10), state.grants.untold()) == ([], set())


async def test_more_notices_than_fit_into_a_batch_are_all_delivered(
    told: Told, notices: Notices, state: State
) -> None:
    await asyncio.gather(*(told.change(ACTIVE if n % 2 else SUSPENDED) for n in range(401)))
    assert await notices.deliver()
    assert [change.number for change in told.peer.changes] == list(range(1, 402))
    assert state.grants.notices(0, 10) == []


@pytest.mark.parametrize("call", ["version", "change"])
async def test_a_lost_answer_records_nothing_twice(
    told: Told, notices: Notices, state: State, call: str
) -> None:
    await told.amend(2)
    await told.change(SUSPENDED)
    told.peer.faults.lose[call] = 1
    assert not await notices.deliver()
    assert state.grants.untold() == {GRANT_ID}
    assert await notices.deliver()
    assert told.recorded() == (2, [SUSPENDED])


@pytest.mark.parametrize("call", ["version", "change"])
async def test_what_the_platform_has_gone_beyond_counts_as_delivered(
    told: Told, notices: Notices, state: State, call: str
) -> None:
    await told.amend(2)
    await told.change(SUSPENDED)
    expected = {"version": "3", "change": "2"}[call]
    fail(told.peer, call, ErrorReason.ERROR_REASON_GRANT_VERSION, expected=expected)
    assert await notices.deliver()
    assert state.grants.untold() == set()


@pytest.mark.parametrize("expected", ["2", "1", "", "x", "-3", "9" * 5_000])
async def test_a_gap_at_the_platform_is_tried_again(
    told: Told, notices: Notices, state: State, expected: str
) -> None:
    await told.amend(2)
    fail(told.peer, "version", ErrorReason.ERROR_REASON_GRANT_VERSION, expected=expected)
    assert not await notices.deliver()
    assert len(state.grants.notices(0, 10)) == 1


@pytest.mark.parametrize("reason", PERHAPS_LATER)
async def test_what_may_be_recorded_later_is_kept(
    told: Told, notices: Notices, state: State, reason: Reason
) -> None:
    await told.amend(2)
    await told.change(SUSPENDED)
    fail(told.peer, "version", reason)
    fail(told.peer, "change", reason)
    assert not await notices.deliver()
    assert len(state.grants.notices(0, 10)) == 2
    told.peer.faults.errors.clear()
    assert await notices.deliver()
    assert told.recorded() == (2, [SUSPENDED])


@pytest.mark.parametrize("reason", NEVER)
async def test_what_will_never_be_recorded_is_not_sent_again_and_not_called_recorded(
    told: Told, notices: Notices, state: State, reason: Reason
) -> None:
    await told.amend(2)
    fail(told.peer, "version", reason)
    assert await notices.deliver()
    assert state.grants.notices(0, 10) == []
    assert state.grants.untold() == {GRANT_ID}


async def test_a_version_that_is_not_taken_holds_up_neither_a_revocation_nor_another_grant(
    told: Told, notices: Notices
) -> None:
    await told.given(OTHER)
    await told.amend(2)
    await told.amend(3)
    await told.change(REVOKED)
    await told.change(SUSPENDED, OTHER)
    fail(told.peer, "version", ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED)
    assert not await notices.deliver()
    assert told.recorded() == (1, [REVOKED])
    assert told.recorded(OTHER) == (1, [SUSPENDED])


async def test_nothing_is_said_of_a_grant_before_it_is_recorded(
    told: Told, notices: Notices, state: State, material: Material, peer: Peer, application: Application
) -> None:
    first = grant()
    first.id, first.application_id = OTHER, application.id
    await state.grants.put(OTHER, material.envelope(first), "张伟")
    await told.change(REVOKED, OTHER)
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    assert not await notices.deliver()
    assert peer.changes == []
    assert state.grants.untold() == {OTHER}
    peer.faults.errors.clear()
    assert await notices.deliver()
    assert told.recorded(OTHER) == (1, [REVOKED])
    assert state.grants.untold() == set()


async def test_what_was_said_of_a_dropped_grant_is_dropped_with_it(
    told: Told, notices: Notices, state: State, material: Material
) -> None:
    await state.grants.put(OTHER, material.envelope(grant()), "张伟")
    await told.change(SUSPENDED, OTHER)
    await told.change(REVOKED, OTHER)
    await told.change(SUSPENDED)
    await state.grants.drop(OTHER)
    assert [notice.grant_id for notice in state.grants.notices(0, 10)] == [GRANT_ID]
    # Said in the very moment of the drop: the platform does not know the grant, and neither does the node.
    await told.change(SUSPENDED, OTHER)
    assert await notices.deliver()
    assert state.grants.notices(0, 10) == []


async def test_a_grant_that_could_not_be_recorded_is_recorded_later(
    decisions: Decisions, notices: Notices, application: Application, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    with refused("STORAGE_FULL"):
        await decisions.approve(ApproveRequest(application_id="A-7", administrator="张伟"))
    (pending,) = state.grants.pending()
    assert not await notices.deliver()
    peer.faults.errors.clear()
    assert await notices.deliver()
    assert state.grants.pending() == []
    assert (application.grant_id, application.decided_by) == (pending.grant.id, "张伟")


async def test_one_grant_that_cannot_be_recorded_does_not_hold_up_the_others(
    decisions: Decisions, notices: Notices, peer: Peer, state: State
) -> None:
    fail(peer, "decision", ErrorReason.ERROR_REASON_STORAGE_FULL)
    for number in range(7, 11):
        peer.add(application_of(f"A-{number}"))
        with refused("STORAGE_FULL"):
            await decisions.approve(ApproveRequest(application_id=f"A-{number}", administrator="张伟"))
    # One was decided elsewhere, one is not there any more; neither comes first or last.
    peer.applications["A-8"].state = ApplicationState.APPLICATION_STATE_REFUSED
    del peer.applications["A-9"]
    peer.faults.errors.clear()
    assert await notices.deliver()
    assert {stored.grant.application_id for stored in state.grants.all()} == {"A-7", "A-10"}
    assert state.grants.pending() == []


async def test_a_grant_that_is_just_being_recorded_is_not_recorded_beside_that(
    decisions: Decisions, notices: Notices, application: Application, peer: Peer, state: State
) -> None:
    hold = peer.faults.hold("before decision")
    approving = asyncio.create_task(
        decisions.approve(ApproveRequest(application_id="A-7", administrator="张伟"))
    )
    await hold.reached.wait()
    peer.faults.holds.clear()
    await notices.deliver()
    hold.released.set()
    await approving
    assert (peer.decisions, state.grants.pending()) == (1, [])


async def test_a_failed_approval_wakes_the_delivery(
    decisions: Decisions, notices: Notices, application: Application, peer: Peer, state: State
) -> None:
    delivering = asyncio.create_task(notices.run())
    peer.faults.lose["decision"] = 1
    with refused("CONNECTION_FAILED"):
        await decisions.approve(ApproveRequest(application_id="A-7", administrator="张伟"))
    async with asyncio.timeout(30), peer.recorded_more:
        await peer.recorded_more.wait_for(lambda: peer.decisions == 2)
    delivering.cancel()


async def test_the_delivery_is_woken_by_something_new_and_tries_again_by_itself(
    told: Told, notices: Notices
) -> None:
    delivering = asyncio.create_task(notices.run())
    async with asyncio.timeout(30), told.peer.recorded_more:
        told.peer.faults.lose["change"] = 1
        await told.change(SUSPENDED)
        notices.wake()
        await told.peer.recorded_more.wait_for(lambda: len(told.peer.changes) == 1)
        # The answer is lost, and the delivery comes again without being told.
        await told.change(ACTIVE)
        await told.peer.recorded_more.wait_for(lambda: len(told.peer.changes) == 2)
    delivering.cancel()
