"""Hearing the platform: catching up, what changes, and a line that breaks."""

import asyncio
from pathlib import Path

import pytest

from provider_node.domain.platform import Platform
from provider_node.domain.watch import Rhythm
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.v1.access_pb2 import ApplicationState, GrantState
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.line import SECONDS, listening
from tests.provider_node.serving.node import GRANT_ID, LocalNode, application_of, grant
from tests.provider_node.serving.peer import Peer

ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED
OTHER = "G-00000000000000000000000002"


def word(node: LocalNode, grant_id: str = GRANT_ID) -> "GrantState.ValueType":
    """What the node knows of the platform's word on a grant."""
    stored = node.state.grants.get(grant_id)
    assert stored is not None
    return stored.standing.platform_state


@pytest.fixture
async def given(bare_node: LocalNode) -> LocalNode:
    """A node with two grants."""
    other = grant()
    other.id = OTHER
    await bare_node.give(grant())
    await bare_node.give(other)
    return bare_node


async def test_nothing_may_begin_before_the_platform_has_told_everything(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    peer.say(GRANT_ID, REVOKED, "超范围使用")
    hold = peer.faults.hold("before watch")
    async with listening(given, peer, platform) as line:
        await hold.reached.wait()
        with refused("CATCHING_UP"):
            line.watch.check_caught_up()
        assert (line.watch.caught_up, line.watch.connected, word(given)) == (False, False, ACTIVE)
        hold.released.set()
        await line.caught_up()
        line.watch.check_caught_up()
        assert (line.watch.caught_up, line.watch.connected) == (True, True)
    stored = given.state.grants.get(GRANT_ID)
    assert stored is not None
    assert (stored.standing.platform_state, stored.standing.platform_reason) == (REVOKED, "超范围使用")
    assert stored.standing.provider_state == ACTIVE
    assert word(given, OTHER) == ACTIVE


async def test_what_changes_later_is_taken_in_as_it_comes(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        peer.say(GRANT_ID, SUSPENDED)
        await line.taken()
        assert (word(given), word(given, OTHER)) == (SUSPENDED, ACTIVE)
        peer.say(GRANT_ID, ACTIVE)
        await line.taken()
        assert word(given) == ACTIVE


async def test_who_is_not_named_on_a_new_connection_is_free_again(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        peer.say(GRANT_ID, SUSPENDED)
        peer.say(OTHER, REVOKED)
        await line.taken()
        # The platform of the tests forgets what it said, as one restored from a backup does.
        peer.standings.clear()
        peer.hang_up()
        await line.caught_up(2)
        # What was revoked stays revoked.
        assert (word(given), word(given, OTHER)) == (ACTIVE, REVOKED)
        peer.say(OTHER, ACTIVE)
        await line.taken()
        assert word(given, OTHER) == REVOKED


async def test_grants_that_the_node_never_signed_change_nothing(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    before = given.state.grants.all()
    peer.say("G-00000000000000000000000009", ACTIVE)
    peer.say("G-00000000000000000000000008", REVOKED)
    peer.say("G" * 600, REVOKED)
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        peer.say("G-00000000000000000000000007", SUSPENDED)
        peer.say("号" * 600, ACTIVE)
        await line.taken()
    assert given.state.grants.all() == before
    assert given.state.grants.get("G-00000000000000000000000008") is None


async def test_a_word_that_is_not_understood_lets_nobody_in(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        for state in (0, 9):
            peer.say(GRANT_ID, state)  # type: ignore[arg-type]  # a state of a later release
            await line.taken()
            with refused("GRANT_NOT_ACTIVE"):
                async with given.sessions.open(given.asking().open, given.caller):
                    pass


async def test_a_lost_line_does_not_stop_the_node_and_a_new_one_begins_by_catching_up(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        hold = peer.faults.hold("before watch")
        peer.hang_up()
        async with asyncio.timeout(SECONDS):
            await hold.reached.wait()
        peer.standings.clear()
        peer.say(GRANT_ID, REVOKED)
        assert (line.watch.caught_up, line.watch.connected) == (True, False)
        line.watch.check_caught_up()
        hold.released.set()
        await line.caught_up(2)
        assert word(given) == REVOKED


async def test_a_platform_that_refuses_is_called_again(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    peer.faults.errors["watch"] = StayputError(
        ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="make room"
    )
    async with listening(given, peer, platform) as line:
        async with asyncio.timeout(SECONDS):
            await line.watch.tried.wait()
        assert not line.watch.caught_up
        peer.faults.errors.clear()
        await line.caught_up()


async def test_a_silent_platform_is_called_again(given: LocalNode, peer: Peer, platform: Platform) -> None:
    rhythm = Rhythm(silent=0.2, first_wait=0.01, longest_wait=0.1)
    async with listening(given, peer, platform, rhythm) as line:
        await line.caught_up(3)


async def test_applications_are_handed_on_at_the_beginning_and_later(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    peer.add(application_of("A-1"))
    decided = peer.add(application_of("A-2"))
    decided.state = ApplicationState.APPLICATION_STATE_REFUSED
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        peer.add(application_of("A-3"))
        await line.taken()
        assert [application.id for application in line.considered][:2] == ["A-1", "A-3"]


async def test_what_was_heard_is_there_after_a_restart(
    given: LocalNode, peer: Peer, platform: Platform, tmp_path: Path
) -> None:
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        peer.say(GRANT_ID, SUSPENDED)
        peer.say(OTHER, REVOKED)
        await line.taken()
    before = given.state.grants.all()
    given.state.close()
    state = State(tmp_path / "state")
    assert state.grants.all() == before
    state.close()


async def test_a_word_that_cannot_be_kept_closes_the_node(
    given: LocalNode, peer: Peer, platform: Platform
) -> None:
    async with listening(given, peer, platform) as line:
        await line.caught_up()
        hold = peer.faults.hold("before watch")
        given.state._writer.close()
        peer.say(GRANT_ID, SUSPENDED)
        async with asyncio.timeout(SECONDS):
            await hold.reached.wait()
        with refused("CATCHING_UP"):
            line.watch.check_caught_up()
