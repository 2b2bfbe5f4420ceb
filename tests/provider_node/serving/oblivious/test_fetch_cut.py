"""Fetches that are cut in the middle: the receipt says what was sent, and what was charged."""

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.domain import fetch
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.evidence import check_receipt, check_statement
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, Clock, LocalNode, Material
from tests.provider_node.serving.oblivious.consumer import fetching, opening
from tests.provider_node.serving.oblivious.rebuilding import charge, evaluate, rebuilding
from tests.provider_node.serving.oblivious.streams import fetch as fetched

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

TODAY = "2026-11-22"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The register is small, and so are its blocks here: 100 fingerprints."""
    monkeypatch.setattr(fetch, "BLOCK_FINGERPRINTS", 100)


async def broken(node: LocalNode, blocks: int, error: BaseException) -> None:
    """A fetch that ends by an exception after so many blocks."""
    request = fetching(node, opening(node)).fetch()
    async with node.sessions.open_fetch(request, node.caller) as session:
        coming = session.blocks()
        for _ in range(blocks):
            await anext(coming)
        raise error


async def cut(node: LocalNode, blocks: int, error: BaseException) -> Receipt:
    """Its receipt."""
    with pytest.raises(type(error)):
        await broken(node, blocks, error)
    await node.sessions.all_closed()
    assert node.state.open_sessions() == []
    return node.receipts()[-1]


async def test_a_consumer_that_goes_away_leaves_a_receipt_of_what_was_sent_and_charged(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    await evaluate(node, consumer, 12)
    receipt = await cut(node, 2, asyncio.CancelledError())
    assert (receipt.end, receipt.fetch.fingerprints) == (SessionEnd.SESSION_END_CUT_BY_CONSUMER, 200)
    assert charge(receipt) == (12, 12)
    check_receipt(receipt)
    check_statement(receipt)
    assert node.state.used(GRANT_ID, TODAY) == 24
    rest = await fetched(node, consumer, opening(node), [200, 0, 0])
    assert charge(rest.receipt) == (12, 0)


async def test_so_does_a_node_that_cannot_go_on(node: LocalNode) -> None:
    full = StayputError(ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="free space")
    receipt = await cut(node, 1, full)
    assert (receipt.end, receipt.fetch.fingerprints) == (SessionEnd.SESSION_END_CUT_BY_NODE, 100)


async def test_the_receipt_is_durable_before_the_last_block(node: LocalNode) -> None:
    request = fetching(node, opening(node, ())).fetch()
    async with node.sessions.open_fetch(request, node.caller) as session:
        receipts = [len(node.receipts()) async for _ in session.blocks()]
        assert receipts == [0, 0, 1]
        assert session.receipt.payload == node.receipts()[0].SerializeToString(deterministic=True)


async def test_a_grant_that_is_withdrawn_ends_the_fetch(node: LocalNode) -> None:
    request = fetching(node, opening(node)).fetch()
    withdrawn = StayputError(ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE, "suspended", remedy="ask")
    with refused("GRANT_NOT_ACTIVE"):
        async with node.sessions.open_fetch(request, node.caller) as session:
            async for block in session.blocks():
                assert block.first == 0
                node.desk.end_grant(GRANT_ID, withdrawn)
    assert [one.fetch.fingerprints for one in node.receipts()] == [100]


async def test_so_does_time(node: LocalNode) -> None:
    request = fetching(node, opening(node)).fetch()
    with refused("TICKET_EXPIRED"):
        async with node.sessions.open_fetch(request, node.caller) as session:
            async for _ in session.blocks():
                node.clock.advance(hours=1)
    assert [one.fetch.fingerprints for one in node.receipts()] == [100]


async def test_a_generation_that_is_replaced_meanwhile_is_sent_to_its_end(
    material: Material, tmp_path: Path, state: State, clock: Clock
) -> None:
    async with rebuilding(material, tmp_path, state, clock) as (made, _):
        asking = opening(made.node, ())
        request = fetching(made.node, asking).fetch()
        async with made.node.sessions.open_fetch(request, made.node.caller) as session:
            coming = session.blocks()
            content = (await anext(coming)).fingerprints
            for _ in range(2):
                await made.build()
                made.node.describe()
            content += b"".join([block.fingerprints async for block in coming])
        assert hashlib.sha256(content).digest() == asking.sets[0].sha256
