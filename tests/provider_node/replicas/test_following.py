"""The replica's line to its node: what it hears and says, what breaks it, and what ends it for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from provider_node.domain.replicas.following import Following, Introduction, Rhythm
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import FollowRequest, FollowResponse, NodeCertificate, ServedGeneration
from tests.provider_node.replicas.node_side import Led, led, lost
from tests.provider_node.replicas.peer import ADDRESS, NODE, PROVIDER, REPLICA, VERSION, NodeEnd
from tests.provider_node.serving.consumer import refused

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

SAID = FollowResponse(node_id=NODE.id, department=PROVIDER)
INTRODUCTION = Introduction(VERSION, ADDRESS)
GENERATION = "20261122T060000Z-0001"
QUICK = Rhythm(first_wait=0.001, longest_wait=0.01)


class Heard:
    """What a replica has heard, and its line."""

    def __init__(self, stub: "ReplicaServiceAsyncStub", rhythm: Rhythm = QUICK) -> None:
        self.responses: asyncio.Queue[FollowResponse] = asyncio.Queue()
        self.refuse: list[StayputError] = []
        self.following = Following(stub, NODE.id, INTRODUCTION, self._heard, rhythm)

    def _heard(self, said: FollowResponse) -> None:
        if self.refuse:
            raise self.refuse.pop()
        self.responses.put_nowait(said)

    async def changed(self) -> bool:
        """Whether it is connected after the next change."""
        await self.following.changed.wait()
        self.following.changed.clear()
        return self.following.connected

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follows for the length of the block."""
        running = asyncio.create_task(self.following.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def node_and_stub(idle: NodeEnd) -> "AsyncIterator[tuple[Led, ReplicaServiceAsyncStub]]":
    async with led(idle) as made:
        yield made


@pytest.fixture
def at_node(node_and_stub: "tuple[Led, ReplicaServiceAsyncStub]") -> Led:
    """The node."""
    return node_and_stub[0]


@pytest.fixture
async def heard(node_and_stub: "tuple[Led, ReplicaServiceAsyncStub]") -> Heard:
    return Heard(node_and_stub[1])


async def test_it_says_who_it_is_and_hears_what_to_serve_with(at_node: Led, heard: Heard) -> None:
    with refused("CATCHING_UP"):
        heard.following.check_connected()
    async with heard.running():
        told = await at_node.told.get()
        assert told == FollowRequest(software_version=VERSION, address=ADDRESS)
        assert not heard.following.connected
        at_node.say.put_nowait(SAID)
        assert await heard.changed()
        heard.following.check_connected()
        at_node.say.put_nowait(FollowResponse(node_id=NODE.id, department="another"))
        assert [(await heard.responses.get()).department for _ in range(2)] == [PROVIDER, "another"]
        assert at_node.calls == 1


async def test_it_tells_what_it_serves_at_once_and_on_each_line(at_node: Led, heard: Heard) -> None:
    serving = [ServedGeneration(resource="vehicle-owners", generation=GENERATION)]
    async with heard.running():
        await at_node.told.get()
        heard.following.tell({"vehicle-owners": GENERATION})
        assert list((await at_node.told.get()).serving) == serving
        at_node.say.put_nowait(None)
        assert list((await at_node.told.get()).serving) == serving


@pytest.mark.parametrize("broken", [None, lost(), StayputError(ErrorReason.ERROR_REASON_SHUTTING_DOWN, "")])
async def test_it_calls_again_when_the_line_breaks(
    at_node: Led, heard: Heard, broken: StayputError | None
) -> None:
    async with heard.running():
        at_node.say.put_nowait(SAID)
        assert await heard.changed()
        at_node.say.put_nowait(broken)
        assert not await heard.changed()
        with refused("CATCHING_UP"):
            heard.following.check_connected()
        at_node.say.put_nowait(SAID)
        assert await heard.changed()
    assert not heard.following.connected


@pytest.mark.parametrize("reason", ["NOT_PERMITTED", "UNSUPPORTED"])
async def test_a_refusal_that_no_other_try_would_change_ends_it(
    at_node: Led, heard: Heard, reason: str
) -> None:
    at_node.say.put_nowait(SAID)
    at_node.say.put_nowait(StayputError(ErrorReason.Value(f"ERROR_REASON_{reason}"), "no", remedy="do"))
    with refused(reason):
        await heard.following.run()
    assert (at_node.calls, heard.following.connected) == (1, False)


async def test_one_that_the_node_takes_off_its_list_ends(node: NodeEnd) -> None:
    async with node.called_by(node.admitted()) as stub:
        heard = Heard(stub)
        running = asyncio.create_task(heard.following.run())
        assert await heard.changed()
        [follower] = node.followers.all()
        assert (follower.name, follower.address) == (REPLICA.id, ADDRESS)
        node.replicas.remove(REPLICA.id)
        node.followers.wake()
        with refused("NOT_PERMITTED"):
            await running


async def test_another_node_is_not_heard(at_node: Led, heard: Heard) -> None:
    async with heard.running():
        with capture_logs() as logs:
            at_node.say.put_nowait(FollowResponse(node_id="vehicles-2", department=PROVIDER))
            await at_node.told.get()
            await at_node.told.get()
        assert not heard.following.connected
        assert heard.responses.empty()
        assert [line["reason"] for line in logs] == ["PROTOCOL_VIOLATION"]


async def test_what_cannot_be_served_with_is_asked_for_again(at_node: Led, heard: Heard) -> None:
    heard.refuse.append(StayputError(ErrorReason.ERROR_REASON_FIELD_INVALID, "keys: hold what is no key"))
    async with heard.running():
        await at_node.told.get()
        at_node.say.put_nowait(SAID)
        await at_node.told.get()
        assert not heard.following.connected
        at_node.say.put_nowait(SAID)
        assert await heard.changed()
    assert at_node.calls == 2


async def test_a_node_that_cannot_be_reached_is_called_again_and_complained_of_once(
    at_node: Led, heard: Heard
) -> None:
    for _ in range(5):
        at_node.say.put_nowait(lost())
    at_node.say.put_nowait(SAID)
    with capture_logs() as logs:
        async with heard.running():
            assert await heard.changed()
    assert [line["event"] for line in logs] == ["node not heard", "following the node"]


async def test_the_log_has_nothing_of_what_is_said(at_node: Led, heard: Heard) -> None:
    secret = NodeCertificate(private_key="SECRET KEY")
    with capture_logs() as logs:
        async with heard.running():
            said = FollowResponse(node_id=NODE.id, department=PROVIDER, certificate=secret)
            at_node.say.put_nowait(said)
            assert await heard.changed()
            at_node.say.put_nowait(lost())
            assert not await heard.changed()
    assert "SECRET" not in repr(logs)
    assert len(logs) > 1
