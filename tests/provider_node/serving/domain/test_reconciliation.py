"""The node's chain beside the platform's log, over the real connection: every difference is named."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from provider_node.domain.outbox import Outbox
from provider_node.domain.platform import Platform
from provider_node.domain.reconciliation import Difference, DifferenceKind, Tally, differences
from provider_node.store.receipt_log import KeptReceipt
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import LogRecord
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving import kept
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import NODE, LocalNode
from tests.provider_node.serving.peer import Peer

Showing = Callable[[list[LogRecord]], list[LogRecord]]


@pytest.fixture
async def node(bare_node: LocalNode, platform: Platform) -> LocalNode:
    """Has five receipts, all delivered."""
    await kept.keep(bare_node, 5)
    await Outbox(bare_node.state, platform, timedelta(hours=4), bare_node.clock).deliver()
    return bare_node


async def compared(node: LocalNode, platform: Platform) -> tuple[list[Difference], Tally]:
    tally = Tally()
    log = node.state.receipt_log
    found = [one async for one in differences(log, platform.logged_receipts, NODE.id, tally)]
    return found, tally


def one(kind: DifferenceKind, number: int, field: str = "") -> Difference:
    return Difference(kind, number, number, field)


async def test_what_was_delivered_agrees(node: LocalNode, platform: Platform, peer: Peer) -> None:
    assert await compared(node, platform) == ([], Tally(5, 5, 5))


async def test_nothing_agrees_with_nothing(bare_node: LocalNode, platform: Platform) -> None:
    assert await compared(bare_node, platform) == ([], Tally())


async def test_what_is_on_its_way_is_told_apart_from_what_is_missing(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    await kept.keep(node, 2)
    del peer.receipts[1:3]
    found, tally = await compared(node, platform)
    assert found == [
        Difference(DifferenceKind.WAITING, 6, 7),
        Difference(DifferenceKind.MISSING, 2, 3),
    ]
    assert tally == Tally(7, 3, 3)


async def test_a_log_that_lost_everything_is_told_in_one_line(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    await kept.keep(node, 1)
    peer.receipts.clear()
    found, _ = await compared(node, platform)
    assert found == [one(DifferenceKind.WAITING, 6), Difference(DifferenceKind.MISSING, 1, 5)]


async def test_what_the_node_does_not_have_is_unknown_to_it(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    last = KeptReceipt(5, peer.receipts[-1].SerializeToString())
    (invented,) = kept.chained(1, node.material.identity.sign_receipt, last)
    peer.receipts.append(Envelope.FromString(invented.held))
    await kept.put(node.state, 2, None)
    found, tally = await compared(node, platform)
    assert found == [one(DifferenceKind.UNKNOWN, 6), one(DifferenceKind.UNKNOWN, 2)]
    assert tally == Tally(4, 6, 4)


async def test_other_content_is_found(node: LocalNode, platform: Platform, peer: Peer) -> None:
    other = kept.receipt_of(peer.receipts[2].SerializeToString())
    other.operator = "zhao.liu"
    peer.receipts[2] = node.material.identity.sign_receipt(other)
    found, tally = await compared(node, platform)
    assert found == [one(DifferenceKind.CONTENT, 3)]
    assert tally == Tally(5, 5, 4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("consumer", "tax"),
        ("provider", ""),
        ("resource", "marriages"),
        ("grant_id", "G-2"),
        ("operator", ""),
        ("case_number", "x"),
        ("records", 1),
        ("found", 1),
        ("end", 2),
    ],
)
async def test_what_a_search_at_the_platform_would_not_find_is_named(
    node: LocalNode, platform: Platform, peer: Peer, field: str, value: object
) -> None:
    def show(records: list[LogRecord]) -> list[LogRecord]:
        setattr(records[1], field, value)
        return records

    peer.showing = show
    found, _ = await compared(node, platform)
    assert found == [one(DifferenceKind.SHOWN, 4, field)]


async def test_what_was_removed_after_its_retention_still_agrees(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    def removed(records: list[LogRecord]) -> list[LogRecord]:
        for record in records:
            record.removed, record.operator, record.case_number = True, "", ""
        records[0].records = 1
        return records

    peer.showing = removed
    found, tally = await compared(node, platform)
    assert (found, tally) == ([one(DifferenceKind.SHOWN, 5, "records")], Tally(5, 5, 4))


def of_another_node(records: list[LogRecord]) -> list[LogRecord]:
    records[0].node_id = "vehicles-2"
    return records


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (lambda records: [records[0], *records], [one(DifferenceKind.ORDER, 5)]),
        (
            lambda records: [records[1], records[0], *records[2:]],
            [Difference(DifferenceKind.MISSING, 5, 5), one(DifferenceKind.ORDER, 5)],
        ),
        (of_another_node, [one(DifferenceKind.UNKNOWN, 5), one(DifferenceKind.MISSING, 5)]),
    ],
)
async def test_a_log_in_disorder_is_named(
    node: LocalNode, platform: Platform, peer: Peer, show: Showing, expected: list[Difference]
) -> None:
    peer.showing = show
    found, _ = await compared(node, platform)
    assert found == expected


async def test_a_copy_of_the_node_that_cannot_be_read_is_named(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    await kept.put(node.state, 3, b"\xff")
    assert (await compared(node, platform))[0] == [one(DifferenceKind.DAMAGED, 3)]


async def test_what_is_made_meanwhile_is_no_difference(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    log = node.state.receipt_log

    async def slow() -> AsyncIterator[LogRecord]:
        await kept.keep(node, 1)
        async for record in platform.logged_receipts():
            yield record

    found = [difference async for difference in differences(log, slow, NODE.id, Tally())]
    assert found == [one(DifferenceKind.WAITING, 6)]


async def test_a_platform_that_does_not_answer_is_no_agreement(
    node: LocalNode, platform: Platform, peer: Peer
) -> None:
    peer.faults.errors["search"] = StayputError(
        ErrorReason.ERROR_REASON_NOT_PERMITTED, "not permitted", remedy="none"
    )
    with refused("NOT_PERMITTED"):
        await compared(node, platform)
