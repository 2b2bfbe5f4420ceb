"""The node as a process hears the platform and tells it: revocations, restarts, kills at named points."""

import asyncio
import signal
from datetime import UTC, datetime

import pytest

from provider_node.store.grants import StoredGrant
from provider_node.store.state import State
from stayput import signing
from stayput.errors import StayputError
from stayput.rpc.client import translated
from stayput.v1.access_pb2 import ApplicationState, Grant, GrantState, Limits
from stayput.v1.admin_pb2 import (
    AcceptRequest,
    AmendGrantRequest,
    ApproveRequest,
    ChangeGrantRequest,
    GetStatusRequest,
    ListLimitsRequest,
    ListNodeGrantsRequest,
    NodeGrant,
    RefuseRequest,
)
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, call_request, refused
from tests.provider_node.serving.node import GRANT_ID, application_of, grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import SECONDS, NodeProcess

PEOPLE = [register.person(number) for number in range(40)]
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED


@pytest.fixture
async def given(node_process: NodeProcess, peer: Peer) -> Grant:
    """A grant that node and platform know."""
    made = grant(datetime.now(UTC))
    await node_process.give(made)
    peer.grants[GRANT_ID] = signing.sign(signing.PayloadType.GRANT, made, node_process.keys.signing_key())
    return made


def stored(node_process: NodeProcess) -> StoredGrant:
    """The grant in the node's files; the node is not running."""
    state = State(node_process.directory / "data" / "state")
    found = state.grants.get(GRANT_ID)
    state.close()
    assert found is not None
    return found


async def suspend(node_process: NodeProcess) -> None:
    async with node_process.administrator() as administrator:
        await administrator.ChangeGrant(
            ChangeGrantRequest(grant_id=GRANT_ID, state=SUSPENDED, reason="核查", administrator="李娜")
        )


async def changes(peer: Peer, many: int) -> None:
    """Returns when the platform has recorded so many changes."""
    async with asyncio.timeout(SECONDS), peer.recorded_more:
        await peer.recorded_more.wait_for(lambda: len(peer.changes) >= many)


async def test_a_revocation_reaches_a_connected_node_and_ends_an_idle_session(
    node_process: NodeProcess, peer: Peer, given: Grant
) -> None:
    await node_process.start()
    async with node_process.consumer() as consumer:
        stream = Stream(consumer, await node_process.asking(consumer))
        await stream.open()
        await stream.ask(0, PEOPLE)
        loop = asyncio.get_running_loop()
        said = loop.time()
        peer.say(GRANT_ID, REVOKED)
        with refused("GRANT_NOT_ACTIVE") as caught:
            await stream.read()
        assert loop.time() - said < 2
        assert caught.value.details == {"state": "REVOKED", "by": "PLATFORM"}
    assert await node_process.end(signal.SIGTERM) == 0
    assert [(one.end, one.records) for one in node_process.receipts()] == [
        (SessionEnd.SESSION_END_CUT_BY_NODE, 40)
    ]


async def test_a_grant_revoked_while_the_node_was_away_opens_nothing_from_the_first_session_on(
    node_process: NodeProcess, peer: Peer, given: Grant
) -> None:
    peer.say(GRANT_ID, REVOKED)
    hold = peer.faults.hold("before watch")
    await node_process.start()
    async with node_process.consumer() as consumer, node_process.administrator() as administrator:
        asking = await node_process.asking(consumer)
        with refused("CATCHING_UP"):
            await consumer.CompareRecords(call_request(asking, PEOPLE))
        status = await administrator.GetStatus(GetStatusRequest())
        assert (status.caught_up, status.connected) == (False, False)
        hold.released.set()
        answer = "CATCHING_UP"
        async with asyncio.timeout(SECONDS):
            while answer == "CATCHING_UP":
                with pytest.raises(StayputError) as caught, translated("node"):
                    await consumer.CompareRecords(call_request(asking, PEOPLE))
                answer = caught.value.reason_name
        assert answer == "GRANT_NOT_ACTIVE"
        status = await administrator.GetStatus(GetStatusRequest())
        assert (status.caught_up, status.connected) == (True, True)
    assert await node_process.end(signal.SIGTERM) == 0
    assert node_process.receipts() == []


async def test_what_the_platform_said_survives_a_kill(
    node_process: NodeProcess, peer: Peer, given: Grant
) -> None:
    await node_process.start()
    async with node_process.consumer() as consumer:
        stream = Stream(consumer, await node_process.asking(consumer))
        await stream.open()
        peer.say(GRANT_ID, REVOKED, "超范围使用")
        with refused("GRANT_NOT_ACTIVE"):
            await stream.read()
    await node_process.end(signal.SIGKILL)
    standing = stored(node_process).standing
    assert (standing.platform_state, standing.platform_reason) == (REVOKED, "超范围使用")


@pytest.mark.parametrize("point", ["before change", "after change"])
async def test_a_change_is_told_once_though_the_node_is_killed(
    node_process: NodeProcess, peer: Peer, given: Grant, point: str
) -> None:
    hold = peer.faults.hold(point)
    await node_process.start()
    await suspend(node_process)
    async with asyncio.timeout(SECONDS):
        await hold.reached.wait()
    # The platform has not recorded it yet, or the node does not know that it has.
    assert len(peer.changes) == (point == "after change")
    await node_process.end(signal.SIGKILL)
    assert stored(node_process).standing.provider_state == SUSPENDED
    peer.faults.holds.clear()
    await node_process.start()
    await changes(peer, 1)
    told = NodeGrant()
    async with node_process.administrator() as administrator, asyncio.timeout(SECONDS):
        while not told.recorded:
            (told,) = (await administrator.ListNodeGrants(ListNodeGrantsRequest())).grants
    assert (told.standing.provider_state, told.allowance.state) == (SUSPENDED, SUSPENDED)
    assert [(change.number, change.state) for change in peer.changes] == [(1, SUSPENDED)]


@pytest.mark.parametrize("point", ["before decision", "after decision"])
async def test_a_decision_is_told_once_though_the_node_is_killed(
    node_process: NodeProcess, peer: Peer, point: str
) -> None:
    application = peer.add(application_of("A-7"))
    hold = peer.faults.hold(point)
    await node_process.start()
    async with node_process.administrator() as administrator:

        async def approve() -> None:
            await administrator.Approve(ApproveRequest(application_id="A-7", administrator="张伟"))

        approving = asyncio.create_task(approve())
        async with asyncio.timeout(SECONDS):
            await hold.reached.wait()
        await node_process.end(signal.SIGKILL)
        with refused("CONNECTION_FAILED"):
            await approving
    peer.faults.holds.clear()
    made = peer.decisions
    await node_process.start()
    async with asyncio.timeout(SECONDS), peer.recorded_more:
        await peer.recorded_more.wait_for(lambda: peer.decisions == made + 1)
    assert (list(peer.grants), application.decided_by) == ([application.grant_id], "张伟")


async def test_an_unconditional_resource_needs_no_person(node_process: NodeProcess, peer: Peer) -> None:
    resource = node_process.directory / "resources" / "vehicles.toml"
    resource.write_text(resource.read_text("utf-8").replace('"conditional"', '"unconditional"'), "utf-8")
    early = peer.add(application_of("A-1"))
    await node_process.start()
    late = peer.add(application_of("A-2"))
    async with asyncio.timeout(SECONDS), peer.recorded_more:
        await peer.recorded_more.wait_for(
            lambda: {early.state, late.state} == {ApplicationState.APPLICATION_STATE_GRANTED}
        )
    for application in (early, late):
        assert application.decided_by == "standing policy"
    assert await node_process.end(signal.SIGTERM) == 0


async def test_an_administrator_does_it_all_through_the_socket(node_process: NodeProcess, peer: Peer) -> None:
    node_process.configure(
        f'comparator = "{peer.address}"\n[policy]\nrequire_security_agreement = false\n'
        "[limits]\nrecords_per_day = 12345\n"
    )
    application, other = peer.add(application_of("A-7")), peer.add(application_of("A-8"))
    application.security_agreement = ""
    await node_process.start()
    async with node_process.administrator() as administrator:
        (limits,) = (await administrator.ListLimits(ListLimitsRequest())).resources
        assert (limits.resource, limits.limits.records_per_day) == (register.CODE, 12_345)
        taken_in = await administrator.Accept(AcceptRequest(application_id="A-7", administrator="李娜"))
        assert taken_in.application.accepted_by == "李娜"
        with refused("AGREEMENT_REQUIRED"):
            await administrator.Approve(ApproveRequest(application_id="A-7", administrator="张伟"))
        approved = await administrator.Approve(
            ApproveRequest(application_id="A-7", administrator="张伟", without_agreement=True)
        )
        grant_id = approved.grant.id
        assert approved.grant.limits.records_per_day == 12_345
        refusal = await administrator.Refuse(
            RefuseRequest(application_id="A-8", reason="材料不全", administrator="李娜")
        )
        assert refusal.application.decided_by == other.decided_by == "李娜"
        amended = await administrator.AmendGrant(
            AmendGrantRequest(grant_id=grant_id, limits=Limits(records_per_day=99))
        )
        assert (amended.grant.grant.version, amended.grant.recorded) == (2, False)
        revoked = await administrator.ChangeGrant(
            ChangeGrantRequest(grant_id=grant_id, state=REVOKED, reason="核查", administrator="李娜")
        )
        assert revoked.grant.standing.provider_state == REVOKED
    await changes(peer, 1)
    assert peer.latest(grant_id).limits.records_per_day == 99
    assert await node_process.end(signal.SIGTERM) == 0
