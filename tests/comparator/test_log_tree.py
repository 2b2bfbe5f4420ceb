"""Every receipt and every event is a leaf of one tree, stored with what it is about or not at all."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from comparator.store.events import About
from comparator.store.log_models import LeafRow
from comparator.store.models import EventRow
from stayput.merkle import leaf_hash, verify_consistency
from stayput.v1.access_pb2 import GrantState
from stayput.v1.log_pb2 import (
    AppendReceiptsRequest,
    EntryKind,
    Event,
    EventType,
    ListEventsRequest,
    LogLeaf,
    Receipt,
    SessionEnd,
)
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import documents
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform, refused
from tests.comparator.tree import leaves, verified_tree

_WRITERS = 8


async def _append(node: Member, receipts: Sequence[Envelope]) -> None:
    await node.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts))


async def test_everything_stored_is_a_leaf(
    platform: Platform, node: Member, consumer: Member, operator: Member
) -> None:
    chain = Chain(node, platform.clock(), consumer)
    await documents.publish(node)
    await _append(node, chain.next(3))
    grant = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, grant)
    await documents.set_standing(operator, grant.id, GrantState.GRANT_STATE_SUSPENDED)
    await _append(node, chain.next(2))
    events = (await operator.log.ListEvents(ListEventsRequest())).events[::-1]
    rows = leaves(platform.database)
    payloads = [row.payload or b"" for row in rows if row.kind == EntryKind.ENTRY_KIND_EVENT]
    assert [Event.FromString(payload) for payload in payloads] == list(events)
    with platform.database.reading() as store:
        assert len(list(store.log.all())) == 5
    assert verified_tree(platform.database).size == len(events) + 5 == len(rows)


async def test_a_receipts_leaf_and_what_it_is_found_by(
    platform: Platform, node: Member, consumer: Member
) -> None:
    chain = Chain(node, platform.clock(), consumer)
    (envelope,) = chain.next(1)
    await _append(node, [envelope])
    row = leaves(platform.database)[-1]
    leaf, receipt = LogLeaf.FromString(row.leaf), Receipt.FromString(envelope.payload)
    assert row.payload == envelope.SerializeToString(deterministic=True)
    assert (leaf.kind, leaf.node_id, leaf.node_sequence, leaf.records) == (
        EntryKind.ENTRY_KIND_RECEIPT,
        node.id,
        1,
        3,
    )
    assert (row.consumer, row.provider, row.resource) == (consumer.id, node.department, receipt.resource)
    assert (row.grant_id, row.operator, row.case_number) == (
        receipt.grant_id,
        receipt.operator,
        receipt.case_number,
    )
    assert (row.records, row.found, row.session_end) == (3, 3, SessionEnd.SESSION_END_COMPLETE)
    assert (row.node_id, row.node_sequence) == (node.id, 1)
    assert row.receipt_hash == sha256(envelope.payload).digest()
    assert row.event_type is None
    assert leaf.logged_at.ToMicroseconds() == round(row.logged_at.timestamp() * 1e6)


async def test_a_leaf_tells_nothing_that_a_dictionary_could_find(
    platform: Platform, node: Member, consumer: Member
) -> None:
    chain = Chain(node, platform.clock(), consumer)
    receipt = chain.draft()
    await _append(node, [chain.add(receipt)])
    rows = leaves(platform.database)
    said = [receipt.operator, receipt.purpose, receipt.case_number, receipt.consumer, receipt.grant_id]
    assert not [text for text in said for row in rows if text.encode() in row.leaf]
    assert len({row.salt for row in rows}) == len(rows)
    assert {len(row.salt or b"") for row in rows} == {16}


@pytest.mark.parametrize("by", ["grant", "application", "resource"])
async def test_an_event_is_found_by_whom_it_names(
    platform: Platform, node: Member, consumer: Member, by: str
) -> None:
    await documents.publish(node)
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    await documents.decide(node, grant)
    about = {
        "grant": About(grant_id=grant.id),
        "application": About(application=1),
        "resource": About(resource=asked.resource),
    }[by]
    with platform.database.writing() as store:
        store.events.add(EventType.EVENT_TYPE_GRANT_AMENDED, node.party.urn, platform.clock(), about)
    row = leaves(platform.database)[-1]
    assert (row.provider, row.resource) == (node.department, asked.resource)
    assert row.consumer == (None if by == "resource" else consumer.id)
    assert row.grant_id == (grant.id if by == "grant" else None)
    assert row.event_type == EventType.EVENT_TYPE_GRANT_AMENDED


async def test_an_enrolment_names_who_was_enrolled(
    platform: Platform, node: Member, consumer: Member
) -> None:
    enrolled = [(row.consumer, row.provider) for row in leaves(platform.database)]
    assert enrolled == [(None, node.department), (consumer.id, None)]


def _note_and_fail(platform: Platform) -> None:
    with platform.database.writing() as store:
        kind = EventType.EVENT_TYPE_RESOURCE_PUBLISHED
        store.events.add(kind, "urn:stayput:node:any", platform.clock(), About(resource="none"))
        raise ArithmeticError


async def test_what_is_not_stored_is_no_leaf(platform: Platform, node: Member, consumer: Member) -> None:
    before = verified_tree(platform.database)
    with pytest.raises(ArithmeticError):
        _note_and_fail(platform)
    bad = Chain(node, platform.clock(), consumer).next(2)
    bad[1].signatures[0].signature = bytes(64)
    with refused("RECEIPT_INVALID"):
        await _append(node, bad)
    assert verified_tree(platform.database) == before


async def test_a_repeated_delivery_adds_nothing(platform: Platform, node: Member, consumer: Member) -> None:
    batch = Chain(node, platform.clock(), consumer).next(4)
    await _append(node, batch)
    once = verified_tree(platform.database)
    await _append(node, batch)
    await _append(node, batch[:2])
    assert verified_tree(platform.database) == once


async def test_every_tree_goes_on_from_every_one_before(
    platform: Platform, node: Member, consumer: Member
) -> None:
    chain = Chain(node, platform.clock(), consumer)
    for many in (1, 7, 1, 12):
        await _append(node, chain.next(many))
    size = verified_tree(platform.database).size
    with platform.database.reading() as store:
        heads = [store.leaves.head(at) for at in range(size + 1)]
        for new in heads:
            for old in heads[: new.size + 1]:
                verify_consistency(old, new, store.leaves.consistency(old.size, new.size))


async def test_many_events_and_receipts_in_one_transaction(
    platform: Platform, node: Member, consumer: Member
) -> None:
    at = platform.clock()
    kind = EventType.EVENT_TYPE_RESOURCE_PUBLISHED
    chain = Chain(node, at, consumer)
    receipts = [(Receipt.FromString(one.payload), one) for one in chain.next(3)]
    before = verified_tree(platform.database).size
    with platform.database.writing() as store:
        for number in range(5):
            store.events.add(kind, node.party.urn, at, About(resource=f"r-{number}"))
        store.log.append(receipts, at)
        store.events.add(kind, node.party.urn, at, About(resource="last"))
        store.log.append([], at)
    assert verified_tree(platform.database).size == before + 9


async def test_writers_at_once_never_share_a_place(platform: Platform, consumer: Member) -> None:
    nodes = [await platform.node(f"node-{number}", f"department-{number}") for number in range(_WRITERS)]
    before = verified_tree(platform.database).size

    async def deliver(node: Member) -> None:
        chain = Chain(node, platform.clock(), consumer)
        for _ in range(5):
            await _append(node, chain.next(2))

    def note(number: int) -> None:
        about = About(resource=f"resource-{number}")
        with platform.database.writing() as store:
            kind = EventType.EVENT_TYPE_RESOURCE_PUBLISHED
            store.events.add(kind, nodes[number].party.urn, platform.clock(), about)

    await asyncio.gather(
        *map(deliver, nodes), *(asyncio.to_thread(note, number) for number in range(_WRITERS))
    )
    assert verified_tree(platform.database).size == before + _WRITERS * 11
    received = Counter(row.node_id for row in leaves(platform.database) if row.node_id)
    assert received == {node.id: 10 for node in nodes}


async def test_a_removed_payload_is_shown_no_more_and_the_tree_stays(
    platform: Platform, node: Member, consumer: Member, operator: Member
) -> None:
    batch = Chain(node, platform.clock(), consumer).next(3)
    await _append(node, batch)
    head = verified_tree(platform.database)
    with Session(platform.database.engine) as session:
        row = session.scalars(select(LeafRow).where(LeafRow.node_sequence == 2)).one()
        row.salt = row.payload = None
        session.commit()
    with platform.database.reading() as store:
        assert list(store.log.all()) == [batch[0], batch[2]]
        assert store.leaves.head(head.size) == head
    # What was removed is known all the same: a delivery of it is a repetition, another one a fork.
    await _append(node, batch)
    with Session(platform.database.engine) as session:
        assert session.scalar(select(func.count()).select_from(EventRow)) == head.size - 3
        assert leaf_hash(session.get_one(LeafRow, head.size - 1).leaf)
