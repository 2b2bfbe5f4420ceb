"""Delivery of receipts to a platform that is there, away, forgetful or wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from provider_node.domain.outbox import Outbox
from provider_node.domain.platform import Platform
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving import peer as peers
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import NODE, NOW, PROVIDER, Clock, LocalNode, Material
from tests.provider_node.serving.peer import Peer

GRACE = timedelta(hours=4)


@pytest.fixture
def outbox(state: State, platform: Platform, clock: Clock) -> Outbox:
    return Outbox(state, platform, GRACE, clock)


async def add_receipts(node: LocalNode, count: int) -> None:
    for _ in range(count):
        draft = Receipt(session_id=bytes(16), node_id=NODE.id, end=SessionEnd.SESSION_END_COMPLETE)
        draft.finished_at.FromDatetime(node.clock.now)
        await node.state.cut(draft, node.material.identity.sign_receipt)


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(outbox.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def delivered(peer: Peer, count: int) -> None:
    """Returns when the platform has stored so many receipts."""
    async with peer.stored_more:
        await peer.stored_more.wait_for(lambda: len(peer.receipts) >= count)


async def test_receipts_are_delivered_in_order_and_once(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State
) -> None:
    await add_receipts(bare_node, 3)
    assert await outbox.deliver()
    assert not await outbox.deliver()
    assert [receipt.sequence for receipt in peer.stored()] == [1, 2, 3]
    assert (state.delivered_through(), state.undelivered_since(), peer.appended) == (3, None, 1)


async def test_many_receipts_go_in_batches(bare_node: LocalNode, outbox: Outbox, peer: Peer) -> None:
    draft = Receipt(session_id=bytes(16), node_id=NODE.id)
    draft.finished_at.FromDatetime(NOW)
    sign = bare_node.material.identity.sign_receipt
    await asyncio.gather(*(bare_node.state.cut(draft, sign) for _ in range(501)))
    assert await outbox.deliver()
    assert len(peer.stored()) == 500
    assert await outbox.deliver()
    assert not await outbox.deliver()
    assert len(peer.stored()) == 501


async def test_a_new_receipt_wakes_the_outbox(bare_node: LocalNode, outbox: Outbox, peer: Peer) -> None:
    async with running(outbox):
        await add_receipts(bare_node, 1)
        outbox.wake()
        await delivered(peer, 1)
        await add_receipts(bare_node, 1)
        outbox.wake()
        await delivered(peer, 2)
    assert [receipt.sequence for receipt in peer.stored()] == [1, 2]


async def test_a_lost_answer_is_made_up_for_by_delivering_again(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State
) -> None:
    await add_receipts(bare_node, 2)
    peer.faults.lose["append"] = 1
    with refused("CONNECTION_FAILED"):
        await outbox.deliver()
    assert (len(peer.stored()), state.delivered_through()) == (2, 0)
    assert await outbox.deliver()
    assert (len(peer.stored()), state.delivered_through()) == (2, 2)


async def test_a_platform_that_was_away_gets_everything_when_it_is_back(
    bare_node: LocalNode, material: Material, state: State, clock: Clock
) -> None:
    away = Peer(material.authority, NODE, PROVIDER)
    away.signing_key = material.verification_key
    async with peers.serving(away):
        address = away.address
    connection = Platform(address, material.node.credentials)
    outbox = Outbox(state, connection, GRACE, clock)
    await add_receipts(bare_node, 2)
    async with running(outbox):
        with refused("CONNECTION_FAILED") as caught:
            await outbox.deliver()
        assert caught.value.message.startswith("comparator: ")
        async with peers.serving(away, address):
            await delivered(away, 2)
    await connection.close()


async def test_a_platform_restored_from_a_backup_gets_what_it_lost(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State
) -> None:
    await add_receipts(bare_node, 5)
    await outbox.deliver()
    del peer.receipts[2:]
    await add_receipts(bare_node, 1)
    assert await outbox.deliver()
    assert state.delivered_through() == 2
    assert await outbox.deliver()
    assert [receipt.sequence for receipt in peer.stored()] == [1, 2, 3, 4, 5, 6]
    assert state.delivered_through() == 6


@pytest.mark.parametrize("expected", ["", "0", "-1", "7", "6", "²", "1" * 30])
async def test_a_platform_that_asks_for_nonsense_is_not_followed(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State, expected: str
) -> None:
    await add_receipts(bare_node, 5)
    await outbox.deliver()
    await add_receipts(bare_node, 1)
    peer.faults.errors["append"] = StayputError(
        ErrorReason.ERROR_REASON_LOG_SEQUENCE, "wrong", remedy="none", details={"expected": expected}
    )
    with refused("LOG_SEQUENCE"):
        await outbox.deliver()
    assert state.delivered_through() == 5


@pytest.mark.parametrize("stored_through", [-1, 0, 1])
async def test_a_platform_that_does_not_store_what_it_took_is_not_believed(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State, stored_through: int
) -> None:
    await add_receipts(bare_node, 2)
    peer.stored_through = stored_through
    with refused("RECEIPT_INVALID"):
        await outbox.deliver()
    assert state.delivered_through() == 0


async def test_a_platform_cannot_confirm_receipts_that_do_not_exist_yet(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State
) -> None:
    await add_receipts(bare_node, 2)
    peer.stored_through = 2**40
    assert await outbox.deliver()
    assert state.delivered_through() == 2


async def test_a_fork_is_never_passed_over(
    bare_node: LocalNode, outbox: Outbox, peer: Peer, state: State
) -> None:
    await add_receipts(bare_node, 1)
    await outbox.deliver()
    await state.set_delivered_through(0)
    peer.receipts[0] = bare_node.material.identity.sign_receipt(Receipt(sequence=1, previous_hash=bytes(32)))
    with refused("LOG_FORK"):
        await outbox.deliver()
    assert state.delivered_through() == 0


async def test_after_the_grace_period_no_session_may_begin_until_receipts_are_delivered(
    bare_node: LocalNode, outbox: Outbox, clock: Clock, peer: Peer
) -> None:
    outbox.check_grace()
    await add_receipts(bare_node, 1)
    clock.advance(hours=4)
    outbox.check_grace()
    clock.advance(seconds=1)
    with refused("LOG_BACKLOG"):
        outbox.check_grace()
    peer.faults.errors["append"] = StayputError(
        ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="make room"
    )
    with refused("STORAGE_FULL"):
        await outbox.deliver()
    with refused("LOG_BACKLOG"):
        outbox.check_grace()
    peer.faults.errors.clear()
    await outbox.deliver()
    outbox.check_grace()


async def test_the_grace_period_runs_from_the_oldest_receipt_that_waits(
    bare_node: LocalNode, outbox: Outbox, clock: Clock
) -> None:
    await add_receipts(bare_node, 1)
    clock.advance(hours=3)
    await outbox.deliver()
    await add_receipts(bare_node, 1)
    clock.advance(hours=2)
    await add_receipts(bare_node, 1)
    clock.advance(hours=2)
    outbox.check_grace()
    clock.advance(seconds=1)
    with refused("LOG_BACKLOG"):
        outbox.check_grace()
