"""Grants withdrawn while sessions are under way: these end at once, with a receipt, and no others do."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.by_record import Matcher
from provider_node.domain.grants import GivenGrants
from provider_node.domain.matching import Matched
from provider_node.domain.platform import Platform
from provider_node.domain.serving import Serving
from provider_node.domain.tokens import TokenKey
from stayput.errors import StayputError
from stayput.v1.access_pb2 import GrantState, Limits
from stayput.v1.admin_pb2 import ChangeGrantRequest
from stayput.v1.comparison_pb2 import DescribeRequest
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, asking, call_request, refused
from tests.provider_node.serving.line import Line, listening
from tests.provider_node.serving.node import GRANT_ID, LocalNode, grant
from tests.provider_node.serving.peer import Peer

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

PEOPLE = [register.person(number) for number in range(20)]
STRANGERS = [register.person(register.PEOPLE + 7 * number) for number in range(40)]
ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED
CUT_BY_NODE = SessionEnd.SESSION_END_CUT_BY_NODE
COMPLETE = SessionEnd.SESSION_END_COMPLETE
OTHER = "G-00000000000000000000000002"


@pytest.fixture
async def line(node: LocalNode, peer: Peer, platform: Platform) -> AsyncIterator[Line]:
    """The node listens to the platform and has caught up."""
    async with listening(node, peer, platform) as made:
        await made.caught_up()
        yield made


def to(state: "GrantState.ValueType") -> ChangeGrantRequest:
    return ChangeGrantRequest(grant_id=GRANT_ID, state=state, reason="核查", administrator="李娜")


async def opened(node: LocalNode, consumer: "ComparisonServiceAsyncStub", grant_id: str = GRANT_ID) -> Stream:
    stream = Stream(consumer, asking(node.describe(), node.ticket(grant_id)))
    await stream.open()
    return stream


async def ends(node: LocalNode) -> list[tuple[int, int]]:
    await node.sessions.all_closed()
    return [(receipt.end, receipt.records) for receipt in node.receipts()]


async def test_a_revocation_by_the_platform_ends_an_idle_session_at_once(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", peer: Peer, line: Line
) -> None:
    stream = await opened(node, consumer)
    await stream.ask(0, PEOPLE)
    loop = asyncio.get_running_loop()
    said = loop.time()
    peer.say(GRANT_ID, REVOKED)
    with refused("GRANT_NOT_ACTIVE", "grant") as caught:
        await stream.read()
    assert loop.time() - said < 1
    assert caught.value.details == {"state": "REVOKED", "by": "PLATFORM"}
    assert await ends(node) == [(CUT_BY_NODE, 20)]
    with refused("GRANT_NOT_ACTIVE"):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE))


async def test_so_does_the_provider(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    stream = await opened(node, consumer)
    await given_grants.change(to(SUSPENDED))
    with refused("GRANT_NOT_ACTIVE") as caught:
        await stream.read()
    assert caught.value.details == {"state": "SUSPENDED", "by": "PROVIDER", "cause": "ADMINISTRATOR"}
    assert await ends(node) == [(CUT_BY_NODE, 0)]
    await given_grants.change(to(ACTIVE))
    await consumer.CompareRecords(call_request(node.asking(), PEOPLE))


async def test_all_sessions_of_the_grant_end_and_none_of_another(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", peer: Peer, line: Line
) -> None:
    other = grant()
    other.id = OTHER
    await node.give(other)
    untouched = await opened(node, consumer, OTHER)
    streams = [await opened(node, consumer) for _ in range(5)]
    peer.say(GRANT_ID, SUSPENDED)
    for stream in streams:
        with refused("GRANT_NOT_ACTIVE"):
            await stream.read()
    await untouched.ask(0, PEOPLE, final=True)
    await untouched.receipt(node.material.verification_key)
    assert sorted(await ends(node)) == [(COMPLETE, 20)] + [(CUT_BY_NODE, 0)] * 5


async def test_what_a_consumer_has_sent_meanwhile_is_not_answered(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    stream = await opened(node, consumer)
    await given_grants.change(to(REVOKED))
    with refused("GRANT_NOT_ACTIVE"):
        await stream.send(stream.asking.chunk(0, PEOPLE))
        await stream.read()
    assert await ends(node) == [(CUT_BY_NODE, 0)]


class Gate:
    """A point in a thread of the node that is not passed until it is let go."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._passes = threading.Event()
        self.reached = asyncio.Event()

    def here(self) -> None:
        self._loop.call_soon_threadsafe(self.reached.set)
        self._passes.wait(30)

    def let_go(self) -> None:
        self._passes.set()


class HeldUp:
    """A matcher that stops at a gate."""

    def __init__(self, matcher: Matcher, gate: Gate) -> None:
        self._matcher, self._gate = matcher, gate

    def match(self, digests: bytes) -> Matched:
        self._gate.here()
        return self._matcher.match(digests)

    def list_key(self, grant_id: str) -> TokenKey:
        return self._matcher.list_key(grant_id)


async def test_a_session_that_is_just_being_opened_does_not_slip_through(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    gate = Gate()

    def serving(code: str) -> Serving:
        gate.here()
        return node.resources.serving(code)

    node.sessions._serving = serving
    opening = asyncio.create_task(opened(node, consumer))
    await gate.reached.wait()
    await given_grants.change(to(SUSPENDED))
    gate.let_go()
    with refused("GRANT_NOT_ACTIVE"):
        await opening
    assert (await ends(node), node.state.open_sessions()) == ([], [])


async def test_nor_does_a_whole_session_in_one_call(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    gate = Gate()

    def serving(code: str) -> Serving:
        found = node.resources.serving(code)
        return replace(found, matcher=lambda key, checks: HeldUp(found.matcher(key, checks), gate))

    node.sessions._serving = serving
    request = call_request(node.asking(), PEOPLE)

    async def compare() -> None:
        await consumer.CompareRecords(request)

    comparing = asyncio.create_task(compare())
    await gate.reached.wait()
    await given_grants.change(to(SUSPENDED))
    gate.let_go()
    with refused("GRANT_NOT_ACTIVE"):
        await comparing
    assert await ends(node) == [(CUT_BY_NODE, 0)]


async def test_a_grant_that_its_guards_suspend_ends_its_other_sessions_too(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await node.give(grant(guards=Limits(miss_permille=500, miss_sample=20)))
    idle = await opened(node, consumer)
    crawler = await opened(node, consumer)
    with refused("GRANT_NOT_ACTIVE") as caught:
        await crawler.send(crawler.asking.chunk(0, STRANGERS))
        await crawler.read()
    assert caught.value.details == {"state": "SUSPENDED", "by": "PROVIDER", "cause": "MISS_RATIO"}
    with refused("GRANT_NOT_ACTIVE") as caught:
        await idle.read()
    assert caught.value.details["cause"] == "MISS_RATIO"
    assert await ends(node) == [(CUT_BY_NODE, 0)] * 2
    # The delivery of notices was woken.
    assert node.withdrawn >= 1
    assert len(node.state.grants.notices(0, 10)) == 1


async def test_nothing_begins_before_the_node_has_caught_up(
    bare_node: LocalNode, peer: Peer, platform: Platform
) -> None:
    line = Line(bare_node, peer, platform)
    bare_node.check_ready = line.watch.check_caught_up
    await bare_node.give(grant())
    async with bare_node.listening(), bare_node.called_by() as (stub, _):
        with refused("CATCHING_UP"):
            await stub.CompareRecords(call_request(bare_node.asking(), PEOPLE))
        with refused("CATCHING_UP"):
            await Stream(stub, bare_node.asking()).open()
        # What can be described still is.
        await stub.Describe(DescribeRequest(resource=register.CODE))
        running = asyncio.create_task(line.watch.run())
        await line.caught_up()
        await stub.CompareRecords(call_request(bare_node.asking(), PEOPLE))
        running.cancel()
        await asyncio.wait([running])


async def test_a_session_stopped_for_any_reason_ends_with_it(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await opened(node, consumer)
    node.desk.end_grant(
        GRANT_ID, StayputError(ErrorReason.ERROR_REASON_GRANT_SCOPE, "narrowed", remedy="open a new one")
    )
    with refused("GRANT_SCOPE"):
        await stream.read()
    assert await ends(node) == [(CUT_BY_NODE, 0)]
