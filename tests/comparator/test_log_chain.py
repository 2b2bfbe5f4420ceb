"""A gap or a fork in a node's chain is refused, and logged once for each cause."""

from collections.abc import Sequence

import pytest

from stayput.receipts import payload_hash
from stayput.v1.log_pb2 import AppendReceiptsRequest, Event, EventType, ListEventsRequest
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform, refused
from tests.comparator.tree import leaves, verified_tree


@pytest.fixture
def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return Chain(node, platform.clock(), consumer)


async def _append(node: Member, receipts: Sequence[Envelope]) -> int:
    return (await node.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts))).stored_through


async def _told(operator: Member) -> list[Event]:
    broken = EventType.EVENT_TYPE_CHAIN_BROKEN
    return list((await operator.log.ListEvents(ListEventsRequest(types=[broken]))).events)[::-1]


async def test_a_gap_is_logged(platform: Platform, node: Member, operator: Member, chain: Chain) -> None:
    batch = chain.next(4)
    await _append(node, batch[:1])
    with refused("LOG_SEQUENCE"):
        await _append(node, batch[2:])
    (event,) = await _told(operator)
    assert (event.party, event.detail) == (node.party.urn, "gap: receipt 2 is missing")
    row = leaves(platform.database)[-1]
    assert (row.event_type, row.provider) == (EventType.EVENT_TYPE_CHAIN_BROKEN, node.department)
    assert row.payload == event.SerializeToString(deterministic=True)
    verified_tree(platform.database)


async def test_a_fork_is_logged(
    platform: Platform, node: Member, consumer: Member, operator: Member, chain: Chain
) -> None:
    await _append(node, chain.next(2))
    other = Chain(node, platform.clock(), consumer)
    changed = other.draft()
    changed.operator = "operator-8"
    with refused("LOG_FORK"):
        await _append(node, [other.add(changed)])
    assert [event.detail for event in await _told(operator)] == [
        "fork: another receipt 1 than the one stored"
    ]


async def test_another_history_before_the_next_receipt_is_logged(
    node: Member, operator: Member, chain: Chain
) -> None:
    await _append(node, chain.next(1))
    broken = chain.draft()
    broken.previous_hash = payload_hash(b"another history")
    with refused("RECEIPT_INVALID"):
        await _append(node, [chain.add(broken)])
    assert [event.detail for event in await _told(operator)] == [
        "fork: receipt 2 does not follow the one stored before it"
    ]


async def test_each_cause_is_logged_once(
    platform: Platform, node: Member, operator: Member, chain: Chain
) -> None:
    batch = chain.next(6)
    for _ in range(3):
        for first in (1, 2, 3):
            with refused("LOG_SEQUENCE"):
                await _append(node, batch[first:])
    assert len(await _told(operator)) == 1
    await _append(node, batch[:3])
    with refused("LOG_SEQUENCE"):
        await _append(node, batch[4:])
    assert [event.detail for event in await _told(operator)] == [
        "gap: receipt 1 is missing",
        "gap: receipt 4 is missing",
    ]
    assert await _append(node, batch) == 6
    verified_tree(platform.database)


async def test_of_two_nodes_each_is_named(
    platform: Platform, node: Member, consumer: Member, operator: Member, chain: Chain
) -> None:
    other = await platform.node("tax-1", "tax-office")
    for member, its in ((node, chain), (other, Chain(other, platform.clock(), consumer))):
        with refused("LOG_SEQUENCE"):
            await _append(member, its.next(2)[1:])
    assert [event.party for event in await _told(operator)] == [node.party.urn, other.party.urn]


async def test_what_is_merely_malformed_breaks_no_chain(node: Member, operator: Member, chain: Chain) -> None:
    batch = chain.next(2)
    batch[1].signatures[0].signature = bytes(64)
    with refused("RECEIPT_INVALID"):
        await _append(node, batch)
    assert not await _told(operator)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("consumer", ""),
        ("consumer", "x" * 64),
        ("resource", "no code"),
        ("grant_id", "G-1"),
        ("operator", "x" * 101),
        ("operator", "null\0byte"),
        ("case_number", "x" * 101),
        ("case_number", "tw\x1bo"),
    ],
)
async def test_what_could_not_be_searched_for(
    platform: Platform, node: Member, chain: Chain, field: str, value: str
) -> None:
    receipt = chain.draft()
    setattr(receipt, field, value)
    before = verified_tree(platform.database)
    with refused("RECEIPT_INVALID"):
        await _append(node, [chain.add(receipt)])
    assert verified_tree(platform.database) == before
