"""Keys rotate under a running node: nobody's call fails, and what was cached goes on working."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.keys import NodeKeys
from stayput.v1.admin_pb2 import BuildRequest, KeyStatus, ListKeysRequest, RotateKeyRequest
from stayput.v1.comparison_pb2 import Description
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, TicketOffice, asking, call_request, refused
from tests.provider_node.serving.node import NODE
from tests.provider_node.serving.oblivious.consumer import (
    blinded,
    elements,
    granted,
    opening_by,
    ticket,
)
from tests.provider_node.serving.oblivious.streams import Evaluated
from tests.provider_node.serving.processes import SECONDS, NodeProcess

if TYPE_CHECKING:
    from stayput.v1.admin_pb2_grpc import NodeAdminServiceAsyncStub
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

CLIENTS = 3
LIST = [register.asked(number) for number in range(8)]
PEOPLE, EXPECTED = [one for one, _ in LIST], [outcomes for _, outcomes in LIST]


@pytest.fixture
async def running(node_process: NodeProcess) -> AsyncIterator[NodeProcess]:
    given = granted(per_day=1_000_000)
    now = datetime.now(UTC)
    given.valid_from.FromDatetime(now)
    given.valid_until.FromSeconds(int(now.timestamp()) + 86_400)
    await node_process.give(given)
    await node_process.start()
    yield node_process
    assert await node_process.end(signal.SIGTERM) == 0


def pass_of(node: NodeProcess) -> str:
    """A ticket of now."""
    return ticket(TicketOffice(node.material.ticket_key, NODE, datetime.now(UTC)), node.material)


async def rotate(admin: "NodeAdminServiceAsyncStub", purpose: str) -> list[KeyStatus]:
    request = RotateKeyRequest(purpose=purpose, administrator="王建国")
    return list((await admin.RotateKey(request)).keys)


async def build(admin: "NodeAdminServiceAsyncStub") -> str:
    *_, last = [one async for one in admin.Build(BuildRequest(resource=register.CODE))]
    return last.generation.generation


@asynccontextmanager
async def compared(
    node: NodeProcess, consumer: "ComparisonServiceAsyncStub", description: Description
) -> AsyncIterator[defaultdict[str, asyncio.Event]]:
    """Clients that compare by a description of before, over and over; which generations answer them."""
    answered: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
    over = asyncio.Event()

    async def compare() -> None:
        while not over.is_set():
            session = asking(description, pass_of(node))
            answer = await consumer.CompareRecords(call_request(session, PEOPLE))
            assert session.outcomes(answer.opened, answer.outcomes) == EXPECTED
            answered[answer.opened.generation].set()

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(compare())
        try:
            yield answered
        finally:
            over.set()


async def evaluate(
    node: NodeProcess, consumer: "ComparisonServiceAsyncStub", description: Description
) -> None:
    """In oblivious mode, proved to be under the public keys of the description."""
    session = opening_by(description, pass_of(node))
    stream = Evaluated(consumer, session)
    await stream.open()
    await stream.proved(0, elements(blinded(session, PEOPLE)), final=True)
    await stream.receipt(node.verification_key)
    await stream.close()


async def test_no_call_fails_while_every_key_rotates(running: NodeProcess) -> None:
    async with running.consumer() as consumer, running.administrator() as admin:
        cached = await running.description(consumer)
        open_all_along = Stream(consumer, asking(cached, pass_of(running)))
        await open_all_along.open()
        async with compared(running, consumer, cached) as answered:
            for turn, purpose in enumerate(("sealing", "index", "oprf")):
                await rotate(admin, purpose)
                assert await open_all_along.ask(turn, PEOPLE) == EXPECTED
            # What serves is evaluated under its own root, and the next under the new one.
            await evaluate(running, consumer, cached)
            await asyncio.wait_for(answered[await build(admin)].wait(), SECONDS)
            fresh = await running.description(consumer)
            await evaluate(running, consumer, fresh)
            with refused("KEY_EPOCH_MISMATCH", "key_epoch"):
                await evaluate(running, consumer, cached)
            await rotate(admin, "sealing")
        assert await open_all_along.ask(3, PEOPLE, final=True) == EXPECTED
        receipt = await open_all_along.receipt(running.verification_key)
        listed = (await admin.ListKeys(ListKeysRequest())).keys
    assert receipt.generation == cached.generation != fresh.generation
    assert set(answered) == {cached.generation, fresh.generation}
    assert [(one.purpose, one.epoch) for one in listed if one.current] == [
        ("index", 2), ("oprf", 2), ("sealing", 3), ("signing", 1)
    ]  # fmt: skip
    before, after = ({one.public_key for one in told.oblivious.sets} for told in (cached, fresh))
    assert before.isdisjoint(after)

    await running.end(signal.SIGTERM)
    await running.start()
    async with running.consumer() as consumer, running.administrator() as admin:
        assert (await admin.ListKeys(ListKeysRequest())).keys == listed
        session = asking(cached, pass_of(running))
        answer = await consumer.CompareRecords(call_request(session, PEOPLE))
        assert session.outcomes(answer.opened, answer.outcomes) == EXPECTED
        assert (await running.description(consumer)).sealing_key_id.hex() == listed[4].id


async def test_what_cannot_be_rotated_is_refused(running: NodeProcess) -> None:
    async with running.administrator() as admin:
        for purpose, by, field in (
            ("signing", "王建国", "purpose"),
            ("tls", "王建国", "purpose"),
            ("index", "", "administrator"),
            ("index", "x" * 101, "administrator"),
        ):
            with refused("FIELD_INVALID", field):
                await admin.RotateKey(RotateKeyRequest(purpose=purpose, administrator=by))
    assert NodeKeys(running.directory / "data").epochs().keys == {}
