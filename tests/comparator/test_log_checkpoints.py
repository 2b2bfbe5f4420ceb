"""Checkpoints, consistency proofs and cosignatures; two trees of one log are found out."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import URL, select, text

from comparator.config import Config
from comparator.data import DataDirectory, read_certificate, read_log_key
from comparator.domain import checkpoints
from comparator.domain.checkpoints import log_signer
from comparator.domain.enrolment import change_roles
from comparator.store import schema
from comparator.store.database import Database
from comparator.store.events import PLATFORM, About
from comparator.store.log_models import CosignatureRow
from comparator.store.models import Base, Role
from stayput.merkle import EMPTY_ROOT, ProofInvalid, TreeHead, verify_consistency
from stayput.notes import (
    MAX_SIGNATURES,
    Checkpoint,
    Cosigner,
    Note,
    NoteSigner,
    SignedCheckpoint,
    open_checkpoint,
    sign_checkpoint,
)
from stayput.v1.log_pb2 import (
    AddCosignatureRequest,
    EventType,
    GetCheckpointRequest,
    GetConsistencyProofRequest,
)
from tests.comparator import cosigning
from tests.comparator.documents import publish
from tests.comparator.platform import Clock, Member, Platform, refused, running_platform
from tests.comparator.tree import verified_tree

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_SECONDS = int(_NOW.timestamp())


def signer(platform: Platform) -> NoteSigner:
    data = DataDirectory(platform.config.data)
    return log_signer(read_certificate(data.ca_certificate), read_log_key(data))


def cosigned(checkpoint: bytes, by: Cosigner, seconds: int = _SECONDS) -> bytes:
    note = Note.parse(checkpoint)
    return bytes(note.with_signature(by.cosign(note.body, seconds)))


def cosigner(of: Member) -> Cosigner:
    return Cosigner(of.party.urn, of.keys.signing)


async def newest(member: Member) -> bytes:
    return (await member.log.GetCheckpoint(GetCheckpointRequest())).checkpoint


async def hand_in(member: Member, checkpoint: bytes) -> None:
    await member.log.AddCosignature(AddCosignatureRequest(checkpoint=checkpoint))


def opened(platform: Platform, checkpoint: bytes, *witnesses: Member) -> SignedCheckpoint:
    keys = [cosigner(witness).verifier for witness in witnesses]
    return open_checkpoint(checkpoint, signer(platform).verifier, keys)


async def test_the_checkpoint_is_of_the_present_tree(
    platform: Platform, node: Member, consumer: Member
) -> None:
    first = await newest(node)
    assert opened(platform, first).checkpoint.head == verified_tree(platform.database)
    assert await newest(consumer) == first
    await publish(node)
    second = opened(platform, await newest(node)).checkpoint
    assert second.head == verified_tree(platform.database)
    assert second.head.size == 3
    assert second.origin == signer(platform).name
    assert not second.extensions


async def test_parties_without_a_role_may_watch_the_log(platform: Platform) -> None:
    """A node whose department does not provide, for one."""
    silent = await platform.node("silent-1", "silent")
    with platform.database.writing() as store:
        change_roles(store, "silent", frozenset({Role.CONSUMER}), platform.clock())
    checkpoint = await newest(silent)
    await hand_in(silent, cosigned(checkpoint, cosigner(silent)))
    await silent.log.GetConsistencyProof(GetConsistencyProofRequest(old_size=1, new_size=1))


async def test_serving_gives_an_older_installation_its_logs_key(config: Config, clock: Clock) -> None:
    key = DataDirectory(config.data).log_key
    key.unlink()
    async with running_platform(config, clock) as platform:
        made = signer(platform).verifier
        checkpoint = await newest(await platform.department("civil-affairs"))
    async with running_platform(config, clock) as platform:
        assert signer(platform).verifier == made
        assert open_checkpoint(checkpoint, made).checkpoint.head.size == 1


def test_the_empty_tree_has_a_checkpoint(new_store: Callable[[], URL]) -> None:
    by = NoteSigner("log.example", Ed25519PrivateKey.generate())
    with closing(Database(new_store())) as database:
        schema.upgrade(database)
        with database.reading() as store:
            checkpoint = checkpoints.newest(store.leaves, by)
    assert open_checkpoint(checkpoint, by.verifier).checkpoint.head == TreeHead(0, EMPTY_ROOT)


async def test_consistency_proofs(platform: Platform, node: Member) -> None:
    for _ in range(6):
        await platform.node("vehicles-1", "traffic-police")
    last = opened(platform, await newest(await platform.department("audit-office"))).checkpoint.head
    witness = await platform.node("vehicles-1", "traffic-police")
    for old_size in range(last.size + 1):
        asked = GetConsistencyProofRequest(old_size=old_size, new_size=last.size)
        answer = await witness.log.GetConsistencyProof(asked)
        with platform.database.reading() as store:
            old = store.leaves.head(old_size)
        assert verify_consistency(old, last, answer.proof) == last


@pytest.mark.parametrize(
    ("old_size", "new_size", "reason"),
    [
        (0, 4, "LOG_ENTRY_UNKNOWN"),
        (5, 4, "LOG_ENTRY_UNKNOWN"),
        (3, 2, "FIELD_INVALID"),
        (-1, 2, "FIELD_INVALID"),
        (-2, -1, "FIELD_INVALID"),
    ],
)
async def test_proofs_that_there_are_not(
    node: Member, consumer: Member, auditor: Member, old_size: int, new_size: int, reason: str
) -> None:
    with refused(reason):
        await node.log.GetConsistencyProof(GetConsistencyProofRequest(old_size=old_size, new_size=new_size))


async def test_witnesses_cosign(platform: Platform, node: Member, auditor: Member) -> None:
    plain = await newest(node)
    for witness in (node, auditor):
        await hand_in(witness, cosigned(plain, cosigner(witness)))
    found = opened(platform, await newest(node), node, auditor)
    assert {(one.witness.name, one.time) for one in found.cosignatures} == {
        (node.party.urn, _SECONDS),
        (auditor.party.urn, _SECONDS),
    }
    assert found.checkpoint == opened(platform, plain).checkpoint
    await publish(node)
    assert not opened(platform, await newest(node), node, auditor).cosignatures


async def test_a_cosignature_counts_once(platform: Platform, node: Member) -> None:
    plain = await newest(node)
    for seconds in (_SECONDS, _SECONDS, _SECONDS + 5):
        await hand_in(node, cosigned(plain, cosigner(node), seconds))
    (one,) = opened(platform, await newest(node), node).cosignatures
    assert one.time == _SECONDS + 5
    assert len(Note.parse(await newest(node)).signatures) == 2


async def test_a_checkpoint_has_as_many_cosignatures_as_a_note_holds(
    platform: Platform, node: Member
) -> None:
    log, size = signer(platform), opened(platform, await newest(node)).checkpoint.head.size
    cosigners = cosigning.crowd(platform.database, log, size, 120)
    shown = await newest(node)
    assert len(Note.parse(shown).signatures) == MAX_SIGNATURES
    found = open_checkpoint(shown, log.verifier, [each.verifier for each in cosigners])
    assert [one.witness for one in found.cosignatures] == [each.verifier for each in cosigners[:99]]
    named = cosigners[-1:] + cosigners[50:53]
    with platform.database.reading() as store:
        shown = checkpoints.at(store.leaves, log, size, [each.name for each in named])
    found = open_checkpoint(shown, log.verifier, [each.verifier for each in cosigners])
    first = [*cosigners[50:53], cosigners[-1]]
    others = [each for each in cosigners if each not in first]
    assert [one.witness for one in found.cosignatures] == [each.verifier for each in (first + others)[:99]]


async def test_of_a_note_that_was_handed_in_only_what_was_verified_is_kept(
    platform: Platform, node: Member, auditor: Member
) -> None:
    plain = await newest(node)
    others = Note.parse(cosigned(plain, cosigner(auditor)))
    for number in range(50):
        stranger = Cosigner(f"stranger-{number}", Ed25519PrivateKey.generate())
        others = others.with_signature(stranger.cosign(others.body, _SECONDS))
    log_line, *rest = others.signatures
    mixed = bytes(Note(others.body, (*rest, log_line)))
    await hand_in(node, cosigned(mixed, cosigner(node)))
    with platform.database.engine.connect() as connection:
        (kept,) = connection.scalars(select(CosignatureRow.checkpoint))
    assert kept == cosigned(plain, cosigner(node))


async def test_an_older_checkpoint_may_be_cosigned(platform: Platform, node: Member) -> None:
    plain = await newest(node)
    await publish(node)
    await hand_in(node, cosigned(plain, cosigner(node)))
    with platform.database.reading() as store:
        size = opened(platform, plain).checkpoint.head.size
        assert opened(platform, checkpoints.at(store.leaves, signer(platform), size), node).cosignatures


async def test_a_witness_with_a_renewed_key(platform: Platform, node: Member) -> None:
    plain = await newest(node)
    await hand_in(node, cosigned(plain, cosigner(node)))
    renewed = await platform.node("vehicles-1", "traffic-police")
    with refused("EVIDENCE_INVALID"):
        await hand_in(renewed, cosigned(plain, cosigner(node)))
    await hand_in(renewed, cosigned(plain, cosigner(renewed)))
    with platform.database.reading() as store:
        checkpoint = checkpoints.at(store.leaves, signer(platform), 1)
    assert opened(platform, checkpoint, renewed).cosignatures
    assert not opened(platform, checkpoint, node).cosignatures


def _changed_root(platform: Platform, size: int = 1) -> bytes:
    """Signed by the log, and never the log's tree."""
    own = signer(platform)
    return sign_checkpoint(Checkpoint(own.name, TreeHead(size, bytes(32))), own)


def _of_another_log(platform: Platform, head: TreeHead) -> bytes:
    other = NoteSigner("stayput/0123456789abcdef", Ed25519PrivateKey.generate())
    return sign_checkpoint(Checkpoint(other.name, head), other)


async def test_what_is_no_cosignature(platform: Platform, node: Member, auditor: Member) -> None:
    plain = await newest(node)
    head = opened(platform, plain).checkpoint.head
    own, others = cosigner(node), cosigner(auditor)
    unsigned = Note.parse(cosigned(plain, own))
    damaged = cosigned(plain, own).replace(b"\n\n", b"\nextended\n\n")
    for wrong in (
        b"",
        b"garbage",
        b"\xff\xfe",
        plain,
        damaged,
        bytes(Note(unsigned.body, unsigned.signatures[1:])),
        cosigned(plain, others),
        cosigned(plain, Cosigner(node.party.urn, auditor.keys.signing)),
        cosigned(plain, Cosigner(auditor.party.urn, node.keys.signing)),
        cosigned(_changed_root(platform), own),
        cosigned(_of_another_log(platform, head), own),
    ):
        with refused("EVIDENCE_INVALID"):
            await hand_in(node, wrong)
    with refused("LOG_ENTRY_UNKNOWN", "checkpoint"):
        await hand_in(node, cosigned(_changed_root(platform, 3), own))
    assert await newest(node) == plain


def _copy(source: Database, target: Database) -> None:
    """All rows of one store in another."""
    schema.upgrade(target)
    with source.engine.connect() as read, target.connected() as written:
        for table in Base.metadata.sorted_tables:
            rows = [dict(row._mapping) for row in read.execute(select(table))]
            if rows:
                written.execute(table.insert(), rows)
        if target.engine.dialect.name == "postgresql":
            written.execute(text("SELECT setval('events_number_seq', (SELECT max(number) FROM events))"))


def _note(database: Database, *resources: str) -> None:
    with database.writing() as store:
        for code in resources:
            kind = EventType.EVENT_TYPE_RESOURCE_PUBLISHED
            store.events.add(kind, PLATFORM, _NOW, About(resource=code))


def test_two_witnesses_who_were_shown_two_trees(new_store: Callable[[], URL]) -> None:
    by = NoteSigner("log.example", Ed25519PrivateKey.generate())

    def shown(database: Database) -> TreeHead:
        with database.reading() as store:
            return open_checkpoint(checkpoints.newest(store.leaves, by), by.verifier).checkpoint.head

    with closing(Database(new_store())) as one, closing(Database(new_store())) as other:
        schema.upgrade(one)
        _note(one, "a", "b", "c", "d", "e")
        common = shown(one)
        _copy(one, other)
        assert shown(other) == common
        _note(one, "for-the-first")
        _note(other, "for-the-second")
        first, second = shown(one), shown(other)
        with pytest.raises(ProofInvalid, match="different roots"):
            verify_consistency(first, second, [])
        _note(other, "later", "and-later")
        grown = shown(other)
        for database in (one, other):
            with database.reading() as store:
                size = min(store.leaves.size(), grown.size)
                proof = store.leaves.consistency(first.size, size)
            with pytest.raises(ProofInvalid):
                verify_consistency(first, grown, proof)
        # Each of the two by itself is the continuation of what both had seen.
        for database, head in ((one, first), (other, grown)):
            with database.reading() as store:
                verify_consistency(common, head, store.leaves.consistency(common.size, head.size))
