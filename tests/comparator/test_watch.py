"""WatchAccess: what a node is told at once, what when it changes, and when its stream ends."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import count

import pytest
from structlog.testing import capture_logs

from comparator.config import Config
from comparator.domain.enrolment import change_roles
from comparator.domain.grants import set_standing
from comparator.server import Pace, serving
from comparator.store.events import PLATFORM
from comparator.store.models import Role
from stayput.identity import COMPARATOR_NAME
from stayput.rpc import tls
from stayput.v1.access_pb2 import (
    Application,
    ApplicationState,
    Grant,
    GrantStanding,
    GrantState,
    SetGrantStandingRequest,
    WatchAccessRequest,
    WatchAccessResponse,
)
from stayput.v1.access_pb2_grpc import AccessServiceStub
from stayput.v1.catalogue_pb2 import Resource
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, refused, running_platform

_ACTIVE, _SUSPENDED, _REVOKED = (
    GrantState.GRANT_STATE_ACTIVE,
    GrantState.GRANT_STATE_SUSPENDED,
    GrantState.GRANT_STATE_REVOKED,
)
_NEVER = 3_600.0
# In none of these tests may news wait for the other way by which it could come.
_BY_POLL = Pace(poll=0.02, heartbeat=_NEVER, sweep=_NEVER)
_BY_WAKING = Pace(poll=_NEVER, heartbeat=_NEVER, sweep=_NEVER)
_BY_HEARTBEAT = Pace(poll=_NEVER, heartbeat=0.05, sweep=_NEVER)
_BUSY = Pace(poll=0.02, heartbeat=0.5, sweep=_NEVER)


@pytest.fixture
def pace() -> Pace:
    return _BY_WAKING


@pytest.fixture
async def platform(config: Config, clock: Clock, pace: Pace) -> AsyncIterator[Platform]:
    async with running_platform(config, clock, pace) as running:
        yield running


@pytest.fixture
async def granted(platform: Platform, node: Member, consumer: Member) -> Grant:
    """A grant of the node."""
    await documents.publish(node)
    given = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, given)
    return given


class Stream:
    """What a node is told, one after the other."""

    def __init__(self, node: Member) -> None:
        self._messages = aiter(AccessServiceStub(node.channel).WatchAccess(WatchAccessRequest()))

    async def next(self) -> WatchAccessResponse:
        async with asyncio.timeout(20):
            return await anext(self._messages)

    async def caught_up(self) -> list[WatchAccessResponse]:
        """What is sent before `caught_up`."""
        sent: list[WatchAccessResponse] = []
        while not (message := await self.next()).HasField("caught_up"):
            sent.append(message)
        return sent

    async def standing(self) -> GrantStanding:
        message = await self.next()
        assert message.HasField("standing"), message
        return message.standing

    async def application(self) -> Application:
        message = await self.next()
        assert message.HasField("application"), message
        return message.application


def _say(platform: Platform, grant: Grant, state: "GrantState.ValueType", reason: str = "理由") -> None:
    """As another process of the platform does it."""
    with platform.database.writing() as store:
        set_standing(store, grant.id, state, reason, PLATFORM, platform.clock())


async def test_nothing_to_know(node: Member) -> None:
    assert await Stream(node).caught_up() == []


async def test_it_begins_with_what_is_so(
    platform: Platform, node: Member, consumer: Member, granted: Grant
) -> None:
    revoked = documents.grant(await documents.apply(consumer), node, platform.clock(), 2)
    active = documents.grant(await documents.apply(consumer), node, platform.clock(), 3)
    for each in (revoked, active):
        await documents.decide(node, each)
    _say(platform, granted, _SUSPENDED, "核查")
    _say(platform, revoked, _REVOKED)
    await documents.refuse(node, (await documents.apply(consumer)).id, "理由")
    accepted, waiting = await documents.apply(consumer), await documents.apply(consumer)
    await documents.accept(node, accepted.id)
    sent = await Stream(node).caught_up()
    assert [(m.standing.grant_id, m.standing.platform_state) for m in sent[:2]] == [
        (granted.id, _SUSPENDED),
        (revoked.id, _REVOKED),
    ]
    assert sent[0].standing.platform_reason == "核查"
    assert [(m.application.id, m.application.state) for m in sent[2:]] == [
        (accepted.id, ApplicationState.APPLICATION_STATE_ACCEPTED),
        (waiting.id, ApplicationState.APPLICATION_STATE_SUBMITTED),
    ]


async def test_nodes_hear_of_their_own_only(
    platform: Platform, node: Member, consumer: Member, granted: Grant
) -> None:
    _say(platform, granted, _SUSPENDED)
    await documents.apply(consumer)
    assert await Stream(await platform.node("tax-1", "tax-office")).caught_up() == []
    assert len(await Stream(node).caught_up()) == 2


@pytest.mark.parametrize("pace", [_BY_POLL, _BY_WAKING, _BY_HEARTBEAT], ids=["poll", "waking", "heartbeat"])
async def test_a_change_by_rpc(node: Member, operator: Member, granted: Grant) -> None:
    stream = Stream(node)
    await stream.caught_up()
    for state in (_SUSPENDED, _ACTIVE, _REVOKED):
        await operator.access.SetGrantStanding(
            SetGrantStandingRequest(grant_id=granted.id, state=state, reason="核查")
        )
        while not (told := await stream.next()).HasField("standing"):
            assert told.HasField("heartbeat")
        assert (told.standing.grant_id, told.standing.platform_state) == (granted.id, state)
        assert told.standing.platform_reason == "核查"


@pytest.mark.parametrize("pace", [_BY_POLL])
async def test_a_change_by_another_process(
    platform: Platform, node: Member, consumer: Member, granted: Grant
) -> None:
    stream = Stream(node)
    await stream.caught_up()
    for state in (_SUSPENDED, _ACTIVE):
        _say(platform, granted, state)
        standing = await stream.standing()
        assert (standing.grant_id, standing.platform_state) == (granted.id, state)
        assert standing.provider_state == _ACTIVE


async def test_another_reason_is_told(platform: Platform, node: Member, granted: Grant) -> None:
    _say(platform, granted, _SUSPENDED, "核查")
    stream = Stream(node)
    assert len(await stream.caught_up()) == 1
    _say(platform, granted, _ACTIVE)
    _say(platform, granted, _SUSPENDED, "再次核查")
    await platform.node("tax-1", "tax-office")  # a call that writes wakes the watch
    assert (await stream.standing()).platform_reason == "再次核查"


async def test_the_nodes_own_word_is_no_news(
    platform: Platform, node: Member, consumer: Member, granted: Grant
) -> None:
    _say(platform, granted, _SUSPENDED)
    stream = Stream(node)
    await stream.caught_up()
    await documents.record(node, documents.change(granted, _SUSPENDED, platform.clock()))
    asked = await documents.apply(consumer)
    assert (await stream.application()).id == asked.id


async def test_an_applications_way(node: Member, consumer: Member) -> None:
    await documents.publish(node)
    stream = Stream(node)
    await stream.caught_up()
    asked = await documents.apply(consumer)
    told = await stream.application()
    assert (told.id, told.state, told.matter) == (
        asked.id,
        ApplicationState.APPLICATION_STATE_SUBMITTED,
        asked.matter,
    )
    await documents.accept(node, asked.id)
    assert (await stream.application()).state == ApplicationState.APPLICATION_STATE_ACCEPTED
    await documents.withdraw(consumer, asked.id, "不再需要")
    told = await stream.application()
    assert (told.state, told.withdrawal_reason) == (
        ApplicationState.APPLICATION_STATE_WITHDRAWN,
        "不再需要",
    )
    # And then no more of it.
    another = await documents.apply(consumer)
    assert (await stream.application()).id == another.id


async def test_an_application_that_went_to_another_node(platform: Platform, node: Member) -> None:
    await documents.publish(node)
    consumer = await platform.department("civil-affairs")
    await documents.apply(consumer)
    stream = Stream(node)
    assert len(await stream.caught_up()) == 1
    await documents.publish(await platform.node("vehicles-2", "traffic-police"))
    await documents.publish(node, documents.resource("licences"))
    again = await documents.apply(consumer, documents.application("licences"))
    assert (await stream.application()).id == again.id


@pytest.mark.parametrize("pace", [_BY_HEARTBEAT])
async def test_signs_of_life(node: Member) -> None:
    stream = Stream(node)
    await stream.caught_up()
    for _ in range(3):
        assert (await stream.next()).HasField("heartbeat")


@pytest.mark.parametrize("pace", [_BUSY])
async def test_changes_of_others_put_off_no_sign_of_life(platform: Platform, node: Member) -> None:
    stream = Stream(node)
    await stream.caught_up()
    other = await platform.node("tax-1", "tax-office")
    resources = (documents.resource(f"taxes-{number}") for number in count())
    longest = math.inf
    # A sign of life that came in a pause between two changes shows nothing: then the next one has to.
    while longest > _BUSY.heartbeat / 2:
        alive = asyncio.create_task(stream.next())
        longest = await _longest_pause(other, resources, alive)
        assert (await alive).HasField("heartbeat")


async def _longest_pause(
    other: Member, resources: Iterator[Resource], until: "asyncio.Task[object]"
) -> float:
    """Publishes one resource after the other until then; returns the most seconds that one took."""
    clock = asyncio.get_running_loop().time
    longest, before = 0.0, clock()
    while not until.done():
        await documents.publish(other, next(resources))
        longest, before = max(longest, clock() - before), clock()
    return longest


async def test_many_watch_at_once(platform: Platform, node: Member, consumer: Member, granted: Grant) -> None:
    streams = [Stream(node) for _ in range(8)]
    await asyncio.gather(*(stream.caught_up() for stream in streams))
    asked = await documents.apply(consumer)
    told = await asyncio.gather(*(stream.application() for stream in streams))
    assert {application.id for application in told} == {asked.id}


@pytest.mark.parametrize("pace", [_BY_POLL, _BY_WAKING, _BY_HEARTBEAT], ids=["poll", "waking", "heartbeat"])
async def test_a_replaced_certificate_loses_its_stream(platform: Platform, node: Member) -> None:
    stream = Stream(node)
    await stream.caught_up()
    await platform.node("vehicles-1", "traffic-police")
    with refused("CERTIFICATE_UNKNOWN"):
        while (await stream.next()).HasField("heartbeat"):
            pass


@pytest.mark.parametrize("pace", [_BY_POLL, _BY_HEARTBEAT], ids=["poll", "heartbeat"])
async def test_a_lost_role_ends_the_stream(platform: Platform, node: Member) -> None:
    stream = Stream(node)
    await stream.caught_up()
    with platform.database.writing() as store:
        change_roles(store, "traffic-police", frozenset({Role.CONSUMER}), platform.clock())
    with refused("NOT_PERMITTED"):
        while (await stream.next()).HasField("heartbeat"):
            pass


@pytest.mark.parametrize("pace", [_BY_HEARTBEAT])
async def test_a_certificate_that_ran_out_ends_the_stream(platform: Platform, node: Member) -> None:
    stream = Stream(node)
    await stream.caught_up()
    life = platform.config.validity.certificate_days
    platform.clock.advance(timedelta(days=life + 1))
    with refused("CERTIFICATE_UNKNOWN"):
        while (await stream.next()).HasField("heartbeat"):
            pass


async def test_a_stopping_service_ends_streams(config: Config, clock: Clock) -> None:
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
    async with serving(config, clock, _BY_WAKING) as running:
        channel = tls.channel(running.main, COMPARATOR_NAME, node.credentials)
        node.channel = channel
        stream = Stream(node)
        await stream.caught_up()
    async with channel:
        # By its own word: what is cut off at the end of the grace period hears another reason.
        with refused("SHUTTING_DOWN"):
            await stream.next()


async def test_who_hangs_up_is_forgotten(node: Member, consumer: Member, granted: Grant) -> None:
    with capture_logs() as logged:
        call = AccessServiceStub(node.channel).WatchAccess(WatchAccessRequest())
        assert (await anext(aiter(call))).HasField("caught_up")
        assert call.cancel()
        while "watch ended" not in {entry["event"] for entry in logged}:
            await documents.apply(consumer)
    # Looks are no calls: a watch is logged when it begins and when it ends.
    assert not any("WatchAccess" in str(entry.get("method")) for entry in logged)
    about_watches = [entry["event"] for entry in logged if entry["event"].startswith("watch")]
    assert about_watches == ["watch began", "watch ended"]
