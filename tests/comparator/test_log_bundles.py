"""Bundles: one entry with what proves it, for whoever may see it; no byte of one can be another."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from comparator.store.entries import node_number
from comparator.store.log_models import LeafRow, NodeRow
from stayput.errors import StayputError
from stayput.evidence import Part, Trust, verify_bundle
from stayput.notes import MAX_SIGNATURES, Note, open_checkpoint
from stayput.rpc.client import translated
from stayput.v1.log_pb2 import (
    AppendReceiptsRequest,
    GetBundleRequest,
    LogBundle,
    ReceiptReference,
)
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import cosigning
from tests.comparator.documents import Chain, publish, resource
from tests.comparator.platform import Member, Platform, refused
from tests.comparator.test_log_checkpoints import cosigned, cosigner, hand_in, newest, signer
from tests.comparator.tree import leaves

_OF_RECEIPT = (Part.RECEIPT_SIGNATURE, Part.RECEIPT, Part.PAYLOAD)


@pytest.fixture
async def receipts(platform: Platform, node: Member, consumer: Member) -> list[Envelope]:
    """Five of them, among events."""
    chain = Chain(node, platform.clock(), consumer)
    first = chain.next(2)
    await node.log.AppendReceipts(AppendReceiptsRequest(receipts=first))
    await publish(node)
    rest = chain.next(3)
    await node.log.AppendReceipts(AppendReceiptsRequest(receipts=rest))
    return first + rest


def trusting(platform: Platform, node: Member, consumer: Member, *witnesses: Member) -> Trust:
    return Trust(
        log=signer(platform).verifier,
        witnesses=tuple(cosigner(witness).verifier for witness in witnesses),
        least_witnesses=len(witnesses),
        nodes={node.id: (node.keys.signing.public_key().public_bytes_raw(),)},
        consumers={consumer.id: (consumer.keys.signing.public_key().public_bytes_raw(),)},
    )


async def at(member: Member, index: int) -> LogBundle:
    return (await member.log.GetBundle(GetBundleRequest(index=index))).bundle


async def of(member: Member, node_id: str, sequence: int) -> LogBundle:
    wanted = ReceiptReference(node_id=node_id, node_sequence=sequence)
    return (await member.log.GetBundle(GetBundleRequest(receipt=wanted))).bundle


async def test_every_entry_has_a_bundle(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    trust = trusting(platform, node, consumer)
    rows = leaves(platform.database)
    for row in rows:
        verified = verify_bundle(await at(auditor, row.place), trust)
        assert verified.entry.leaf.index == row.place
        assert verified.checkpoint.checkpoint.head.size == len(rows)
    for number, envelope in enumerate(receipts, start=1):
        bundle = await of(auditor, node.id, number)
        assert verify_bundle(bundle, trust).entry.leaf.node_sequence == number
        assert Envelope.FromString(bundle.entry.payload) == envelope


async def test_the_newest_cosigned_checkpoint_is_preferred(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    trust = trusting(platform, node, consumer, auditor)
    last = len(leaves(platform.database)) - 1
    with pytest.raises(StayputError) as caught:
        verify_bundle(await at(auditor, last), trust)
    assert caught.value.field == Part.WITNESSES
    await hand_in(auditor, cosigned(await newest(auditor), cosigner(auditor)))
    await publish(await platform.node("tax-1", "tax-office"), resource("taxpayers"))
    for place in (0, last):
        verified = verify_bundle(await at(auditor, place), trust)
        assert verified.checkpoint.checkpoint.head.size == last + 1
    after = verify_bundle(await at(auditor, last + 1), replace(trust, least_witnesses=0))
    assert not after.checkpoint.cosignatures


def _cosign(platform: Platform, size: int, *witnesses: Member) -> None:
    cosigning.cosign(platform.database, signer(platform), size, *map(cosigner, witnesses))


async def _proven(platform: Platform, to: Member, least: int, *witnesses: Member) -> int:
    """The size of the tree that proves place 1 to who demands so many of these witnesses."""
    asked = GetBundleRequest(index=1, witnesses=[each.party.urn for each in witnesses], least_witnesses=least)
    bundle = (await to.log.GetBundle(asked)).bundle
    found = open_checkpoint(
        bundle.checkpoint, signer(platform).verifier, [cosigner(w).verifier for w in witnesses]
    )
    size = found.checkpoint.head.size
    assert verify_bundle(bundle, Trust(log=signer(platform).verifier)).entry.leaf.index == 1
    return size


async def test_who_demands_witnesses_gets_what_those_have_cosigned(
    platform: Platform,
    node: Member,
    consumer: Member,
    auditor: Member,
    operator: Member,
    receipts: list[Envelope],
) -> None:
    last = len(leaves(platform.database))
    assert await _proven(platform, auditor, 1, node) == last
    for size, witnesses in (
        (2, (auditor, node, operator)),
        (3, (auditor, node)),
        (4, (auditor,)),
        (5, (node,)),
        (6, (consumer,)),
    ):
        _cosign(platform, size, *witnesses)
    assert await _proven(platform, auditor, 0) == 6
    assert await _proven(platform, auditor, 0, auditor, node) == 6
    assert await _proven(platform, auditor, 1, auditor) == 4
    assert await _proven(platform, auditor, 1, auditor, node) == 5
    assert await _proven(platform, auditor, 2, auditor, node) == 3
    assert await _proven(platform, auditor, 3, auditor, node, operator) == 2
    assert await _proven(platform, auditor, 2, auditor, node, operator) == 3
    # None has so many: of those with most the newest, and without any what anybody has cosigned.
    assert await _proven(platform, auditor, 3, auditor, node, consumer) == 3
    assert await _proven(platform, auditor, 2, operator, consumer) == 6
    stranger = await platform.department("water-works")
    assert await _proven(platform, auditor, 1, stranger) == 6
    assert await _proven(platform, auditor, 2, stranger, operator) == 2


async def test_what_nobody_named_has_cosigned_beyond_the_entry_does_not_count(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    _cosign(platform, 1, auditor)
    _cosign(platform, 3, node)
    assert await _proven(platform, auditor, 1, auditor) == 3


async def test_a_demand_is_met_however_many_others_have_cosigned(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    cosigning.crowd(platform.database, signer(platform), 4, 120)
    # Behind all the others in the order of names.
    _cosign(platform, 4, node)
    bundle = (
        await auditor.log.GetBundle(GetBundleRequest(index=1, witnesses=[node.party.urn], least_witnesses=1))
    ).bundle
    assert (
        verify_bundle(bundle, trusting(platform, node, consumer, node)).checkpoint.checkpoint.head.size == 4
    )
    assert len(Note.parse(bundle.checkpoint).signatures) == MAX_SIGNATURES


async def test_wrong_demands(node: Member, auditor: Member, receipts: list[Envelope]) -> None:
    office, many = auditor.party.urn, [f"urn:stayput:department:office-{n}" for n in range(17)]
    for witnesses, least, field in (
        (["audit-office"], 1, "witnesses"),
        (["urn:stayput:department:"], 1, "witnesses"),
        (["urn:stayput:ministry:audit-office"], 1, "witnesses"),
        ([office, ""], 1, "witnesses"),
        ([office, node.party.urn, office], 1, "witnesses"),
        (many, 1, "witnesses"),
        ([office], 2, "least_witnesses"),
        ([], 1, "least_witnesses"),
    ):
        with refused("FIELD_INVALID", field) as caught:
            await auditor.log.GetBundle(GetBundleRequest(index=1, witnesses=witnesses, least_witnesses=least))
        assert not any(each and each in caught.value.message for each in witnesses)
    await auditor.log.GetBundle(GetBundleRequest(index=1, witnesses=many[:16], least_witnesses=16))


async def _seen(member: Member, places: range) -> set[int]:
    """Of these places those whose bundle the member gets; any refusal must be that it may not know of it."""
    seen = set()
    for place in places:
        try:
            with translated("comparator"):
                await at(member, place)
        except StayputError as error:
            assert error.reason_name == "LOG_ENTRY_UNKNOWN"  # noqa: PT017 (most places are to be seen)
        else:
            seen.add(place)
    return seen


async def test_who_may_see_what(
    platform: Platform,
    node: Member,
    consumer: Member,
    auditor: Member,
    operator: Member,
    receipts: list[Envelope],
) -> None:
    stranger = await platform.department("water-works")
    neighbour = await platform.node("vehicles-2", "traffic-police")
    rows = leaves(platform.database)
    members = (node, consumer, stranger, neighbour)
    seeing = {member.party.urn: await _seen(member, range(len(rows))) for member in members}
    provided = {row.place for row in rows if row.provider == node.department}
    receipts_of_node = {row.place for row in rows if row.node_id == node.id}
    assert seeing == {
        node.party.urn: provided,
        consumer.party.urn: {row.place for row in rows if row.consumer == consumer.id},
        stranger.party.urn: {row.place for row in rows if row.consumer == stranger.id},
        neighbour.party.urn: provided - receipts_of_node,
    }
    assert receipts_of_node
    for member in (auditor, operator):
        for row in rows:
            assert (await at(member, row.place)).entry.leaf == row.leaf
    for member in (stranger, neighbour):
        with refused("LOG_ENTRY_UNKNOWN"):
            await of(member, node.id, 1)
    assert (await of(consumer, node.id, 1)).entry == (await of(node, node.id, 1)).entry


async def test_what_there_is_not(node: Member, auditor: Member, receipts: list[Envelope]) -> None:
    for asked in (
        GetBundleRequest(index=1_000),
        GetBundleRequest(receipt=ReceiptReference(node_id=node.id, node_sequence=6)),
        GetBundleRequest(receipt=ReceiptReference(node_id=node.id, node_sequence=-1)),
        GetBundleRequest(receipt=ReceiptReference(node_id="no-such-node", node_sequence=1)),
    ):
        with refused("LOG_ENTRY_UNKNOWN", "which"):
            await auditor.log.GetBundle(asked)
    for asked, field in (
        (GetBundleRequest(), "which"),
        (GetBundleRequest(index=-1), "index"),
        (GetBundleRequest(receipt=ReceiptReference(node_id="no id")), "node_id"),
    ):
        with refused("FIELD_INVALID", field):
            await auditor.log.GetBundle(asked)


async def test_a_removed_payload_leaves_the_proof(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    with Session(platform.database.engine) as session:
        row = session.get_one(LeafRow, 3)
        row.salt = row.payload = None
        session.commit()
    bundle = await at(auditor, 3)
    assert not bundle.entry.salt + bundle.entry.payload
    verified = verify_bundle(bundle, trusting(platform, node, consumer))
    assert verified.entry.leaf.node_sequence == 1
    assert verified.entry.receipt is None


async def test_no_byte_can_be_another(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    trust = trusting(platform, node, consumer, auditor)
    await hand_in(auditor, cosigned(await newest(auditor), cosigner(auditor)))
    genuine = [await at(auditor, row.place) for row in leaves(platform.database)[:-1]]

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def flipped(data: st.DataObject) -> None:
        bundle = LogBundle()
        bundle.CopyFrom(data.draw(st.sampled_from(genuine)))
        parts: list[tuple[str, bytes, Callable[[bytes], object]]] = [
            ("leaf", bundle.entry.leaf, lambda new: setattr(bundle.entry, "leaf", new)),
            ("salt", bundle.entry.salt, lambda new: setattr(bundle.entry, "salt", new)),
            ("payload", bundle.entry.payload, lambda new: setattr(bundle.entry, "payload", new)),
            ("checkpoint", bundle.checkpoint, lambda new: setattr(bundle, "checkpoint", new)),
        ]
        for number, digest in enumerate(bundle.inclusion_proof):

            def put(new: bytes, number: int = number) -> None:
                bundle.inclusion_proof[number] = new

            parts.append(("proof", digest, put))
        name, content, put_back = data.draw(st.sampled_from(parts))
        position = data.draw(st.integers(0, len(content) - 1))
        mask = data.draw(st.integers(1, 255))
        put_back(content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :])
        with pytest.raises(StayputError) as caught:
            verify_bundle(bundle, trust)
        assert caught.value.reason_name == "EVIDENCE_INVALID"
        expected = {
            # A byte of the leaf changes what it says of itself, or at least its hash.
            "leaf": {Part.LEAF, Part.PLACE, Part.COMMITMENT, Part.INCLUSION_PROOF, *_OF_RECEIPT},
            "salt": {Part.COMMITMENT},
            "payload": {Part.COMMITMENT},
            "proof": {Part.INCLUSION_PROOF},
            "checkpoint": {Part.CHECKPOINT, Part.WITNESSES},
        }
        assert caught.value.field in expected[name]

    flipped()


@pytest.mark.parametrize(
    ("column", "part"),
    [
        ("leaf", {Part.LEAF, Part.PLACE, Part.COMMITMENT, Part.INCLUSION_PROOF}),
        ("salt", {Part.COMMITMENT}),
        ("payload", {Part.COMMITMENT}),
    ],
)
async def test_a_byte_changed_in_the_store(
    platform: Platform,
    node: Member,
    consumer: Member,
    auditor: Member,
    receipts: list[Envelope],
    column: str,
    part: set[Part],
) -> None:
    trust = trusting(platform, node, consumer)
    for row in leaves(platform.database):
        good: bytes = getattr(row, column)
        for position in (0, len(good) // 2, len(good) - 1):
            changed = good[:position] + bytes([good[position] ^ 0x10]) + good[position + 1 :]
            _put(platform, row.place, column, changed)
            with pytest.raises(StayputError) as caught:
                verify_bundle(await at(auditor, row.place), trust)
            assert caught.value.field in part
        _put(platform, row.place, column, good)
        verify_bundle(await at(auditor, row.place), trust)


def _put(platform: Platform, place: int, column: str, content: bytes) -> None:
    with Session(platform.database.engine) as session:
        setattr(session.get_one(LeafRow, place), column, content)
        session.commit()


async def test_a_subtree_changed_in_the_store(
    platform: Platform, node: Member, consumer: Member, auditor: Member, receipts: list[Envelope]
) -> None:
    """Against a checkpoint that somebody has kept: the log itself signs what it computes."""
    trust = trusting(platform, node, consumer, auditor)
    await hand_in(auditor, cosigned(await newest(auditor), cosigner(auditor)))
    with Session(platform.database.engine) as session:
        stored = session.get_one(NodeRow, node_number(1, 0))
        stored.hash = bytes(32)
        session.commit()
    failed = set()
    for place in range(4):
        try:
            verify_bundle(await at(auditor, place), trust)
        except StayputError as error:
            failed.add(error.field)
    assert failed <= {Part.WITNESSES, Part.CHECKPOINT, Part.INCLUSION_PROOF}
    assert failed
