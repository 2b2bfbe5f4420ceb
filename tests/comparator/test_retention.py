"""Holds, archives and removal of the log."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from comparator.domain import archives, retention
from comparator.domain.inspection import Fault, Problem
from comparator.domain.retention import Archived, Removed
from stayput import evidence, merkle
from stayput.errors import StayputError
from stayput.notes import NoteSigner
from stayput.v1.log_pb2 import EventType
from tests.comparator import documents, keeping
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform, refused


@pytest.fixture
async def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return await keeping.filled(platform, node, consumer)


@pytest.fixture
def signer(platform: Platform, chain: Chain) -> NoteSigner:
    return keeping.signer_of(platform)


@pytest.fixture
def archive(platform: Platform, chain: Chain, tmp_path: Path) -> Callable[[int], Archived]:
    """Archives up to a place, each time into a new file named by that."""
    return keeping.archiver(platform, tmp_path)


# Holds


async def test_holds_are_events(platform: Platform, chain: Chain) -> None:
    with platform.database.writing() as store:
        assert retention.hold(store, 2, 5, "纪检〔2026〕3号", platform.clock()) == 1
        assert retention.hold(store, 0, 0, "second", platform.clock()) == 2
        retention.release(store, 1, "结案", platform.clock())
    with platform.database.reading() as store:
        assert [row.number for row in store.keeping.holds(active=True)] == [2]
        assert [row.number for row in store.keeping.holds(active=False)] == [1, 2]
        assert keeping.details(store, EventType.EVENT_TYPE_LOG_HELD) == [
            "hold 1 on entries 2-5 lifted: 结案",
            "hold 2 on entries 0-0: second",
            "hold 1 on entries 2-5: 纪检〔2026〕3号",
        ]
    assert keeping.problems(platform) == []


async def test_wrong_holds(platform: Platform, chain: Chain) -> None:
    size = keeping.size(platform)
    for first, last, reason in ((-1, 2, "r"), (3, 2, "r"), (0, size, "r"), (0, 0, " "), (0, 0, "r" * 1_501)):
        with refused("FIELD_INVALID"), platform.database.writing() as store:
            retention.hold(store, first, last, reason, platform.clock())
    for number in (1, 2):
        with refused("FIELD_INVALID"), platform.database.writing() as store:
            retention.release(store, number, "r", platform.clock())
    with platform.database.writing() as store:
        retention.hold(store, 0, 0, "r", platform.clock())
        retention.release(store, 1, "r", platform.clock())
        with refused("FIELD_INVALID"):
            retention.release(store, 1, "r", platform.clock())


# Archives


async def test_an_archive_verifies_alone(
    platform: Platform, signer: NoteSigner, archive: Callable[[int], Archived], tmp_path: Path
) -> None:
    first, second = archive(4), archive(keeping.size(platform))
    assert (first.first, first.end, second.first) == (0, 4, 4)
    trust = evidence.Trust(log=signer.verifier)
    receipts = 0
    for each in (first, second):
        with (tmp_path / f"{each.end}.archive").open("rb") as file:
            verified = evidence.verify_archive(file, trust)
        assert (verified.first, verified.end, verified.without_payload) == (each.first, each.end, 0)
        receipts += verified.receipts
    assert receipts == keeping.RECEIPTS
    with platform.database.reading() as store:
        assert keeping.details(store, EventType.EVENT_TYPE_LOG_ARCHIVED) == [str(second), str(first)]
        assert store.keeping.archived_through() == second.end
        assert [row.file_hash for row in store.keeping.archives()] == [first.file_hash, second.file_hash]
    assert keeping.files(tmp_path) == sorted(["4.archive", f"{second.end}.archive"])


async def test_any_byte_of_an_archive_counts(
    platform: Platform, signer: NoteSigner, archive: Callable[[int], Archived], tmp_path: Path
) -> None:
    written = archive(keeping.size(platform))
    path = tmp_path / f"{written.end}.archive"
    whole = path.read_bytes()
    trust = evidence.Trust(log=signer.verifier)
    for place in range(0, len(whole), max(1, len(whole) // 97)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with path.open("rb") as file, pytest.raises(StayputError) as caught:
            evidence.verify_archive(file, trust)
        assert caught.value.reason_name == "EVIDENCE_INVALID"


async def test_what_cannot_be_archived(
    platform: Platform, signer: NoteSigner, archive: Callable[[int], Archived], tmp_path: Path
) -> None:
    size = keeping.size(platform)
    for end in (0, -1, size + 1):
        with refused("FIELD_INVALID"):
            archive(end)
    archive(4)
    with refused("FIELD_INVALID"):
        archive(3)
    (tmp_path / "5.archive").write_text("mine")
    with refused("CONFIGURATION_INVALID"):
        archive(5)
    assert (tmp_path / "5.archive").read_text() == "mine"
    with refused("CONFIGURATION_INVALID"):
        archives.write(platform.database, signer, 5, tmp_path / "none" / "file", platform.clock())
    with platform.database.reading() as store:
        assert store.keeping.archived_through() == 4
    assert keeping.problems(platform) == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE log_leaves SET salt = NULL, payload = NULL WHERE place = 2", "FIELD_INVALID"),
        ("UPDATE log_leaves SET payload = salt WHERE place = 2", "EVIDENCE_INVALID"),
        ("DELETE FROM log_leaves WHERE place = 2", "FIELD_INVALID"),
        (
            "UPDATE log_nodes SET hash = (SELECT hash FROM log_nodes WHERE number = 0) WHERE number = 3",
            "EVIDENCE_INVALID",
        ),
    ],
)
async def test_a_damaged_log_is_not_archived(
    platform: Platform, archive: Callable[[int], Archived], tmp_path: Path, damage: str, reason: str
) -> None:
    keeping.run_sql(platform.database, damage)
    with refused(reason):
        archive(4)
    assert keeping.files(tmp_path) == []
    with platform.database.reading() as store:
        assert store.keeping.archives() == []


# Removal


async def test_removal_after_archive_and_retention(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    first, second = archive(4), archive(keeping.size(platform))
    size = second.end
    before = keeping.receipts(platform)
    assert before[0].operator
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    removed = keeping.remove(platform, 0, size)
    assert removed == [
        Removed(0, 4, keeping.DAYS, first.file_hash),
        Removed(4, size, keeping.DAYS, second.file_hash),
    ]
    with platform.database.reading() as store:
        assert keeping.details(store, EventType.EVENT_TYPE_LOG_REMOVED) == [
            str(each) for each in removed[::-1]
        ]
        rows = list(store.keeping.rows(0, size))
        gone = [row for row in rows if row.payload is None]
        # What tells of the first archive is needed to judge what is removed.
        assert [row.event_type for row in rows if row.payload] == [EventType.EVENT_TYPE_LOG_ARCHIVED]
        assert not any(row.operator or row.case_number or row.salt for row in gone)
        assert all(row.removed_at is not None for row in store.keeping.archives())
        assert not list(store.log.all())
        assert not keeping.details(store, EventType.EVENT_TYPE_APPLICATION_SUBMITTED)
    assert keeping.problems(platform) == []


async def test_the_tree_goes_on_after_a_removal(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    before = keeping.receipts(platform)
    archive(keeping.size(platform))
    with platform.database.reading() as store:
        head = store.leaves.head(10)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.remove(platform, 0, 10)
    after = keeping.receipts(platform)
    for one in before:
        one.operator, one.case_number, one.removed = "", "", True
    assert after == before
    with platform.database.reading() as store:
        assert store.leaves.head(10) == head
        row = store.leaves.at(7)
        assert row is not None
        merkle.verify_inclusion(merkle.leaf_hash(row.leaf), 7, head, store.leaves.inclusion(7, 10))
        assert store.log.head(chain.node.party).sequence == keeping.RECEIPTS
    keeping.append(platform, chain)
    assert next(one.node_sequence for one in keeping.receipts(platform)) == keeping.RECEIPTS + 1
    assert keeping.problems(platform) == []


async def test_tickets_of_removed_receipts_go_too(
    platform: Platform, node: Member, consumer: Member, chain: Chain, archive: Callable[[int], Archived]
) -> None:
    asked = await documents.apply(consumer)
    given = documents.grant(asked, node, platform.clock())
    await documents.decide(node, given)
    with platform.database.connected() as connection:
        for ticket in ("ticket", "another"):
            connection.execute(
                text(
                    "INSERT INTO tickets (id, grant_id, consumer_urn, thumbprint, operator, purpose,"
                    " case_number, issued_at, expires_at) SELECT :id, id, consumer_urn, 't',"
                    " 'operator-7', 'p', 'c', recorded_at, recorded_at FROM grants"
                ),
                {"id": ticket},
            )
    archive(keeping.size(platform))
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.remove(platform, 0, keeping.size(platform) - 1)
    with platform.database.reading() as store:
        assert [ticket.id for ticket in store.tickets.of(given.id)] == ["another"]


async def test_what_cannot_be_removed_yet(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    size = keeping.size(platform)
    with refused("FIELD_INVALID") as caught:
        keeping.remove(platform, 0, size)
    assert caught.value.message.startswith("not archived: only entries before place 0 ")
    archive(size)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=-1))
    with refused("FIELD_INVALID") as caught:
        keeping.remove(platform, 0, size)
    assert caught.value.message.startswith("too early: ")
    platform.clock.advance(timedelta(minutes=2))
    with platform.database.writing() as store:
        retention.hold(store, 3, 4, "r", platform.clock())
    with refused("FIELD_INVALID") as caught:
        keeping.remove(platform, 0, size)
    assert caught.value.message.startswith("held: hold 1 covers entries 3 to 4")
    with refused("FIELD_INVALID") as caught:
        keeping.remove(platform, 0, size + 1)
    assert caught.value.message.startswith("not archived: ")
    with platform.database.reading() as store:
        assert all(row.payload for row in store.keeping.rows(0, size))
        assert keeping.details(store, EventType.EVENT_TYPE_LOG_REMOVED) == []
    # Around the hold, and once it is lifted, the rest.
    assert [(each.first, each.end) for each in keeping.remove(platform, 5, size)] == [(5, size)]
    with platform.database.reading() as store:
        assert [row.removed_at for row in store.keeping.archives()] == [None]
    with platform.database.writing() as store:
        retention.release(store, 1, "r", platform.clock())
    assert [(each.first, each.end) for each in keeping.remove(platform, 0, size)] == [(0, size)]
    with refused("FIELD_INVALID") as caught:
        keeping.remove(platform, 0, size)
    assert caught.value.message.startswith("nothing is left to remove")
    assert keeping.problems(platform) == []


async def test_traces_of_a_change_are_not_removed(
    platform: Platform, archive: Callable[[int], Archived], chain: Chain
) -> None:
    size = keeping.size(platform)
    archive(size)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.run_sql(platform.database, "UPDATE log_leaves SET payload = salt WHERE place = 5")
    with refused("FIELD_INVALID") as caught:
        keeping.remove(platform, 0, size)
    assert caught.value.message.startswith("entry 5 is not what was logged")
    assert keeping.problems(platform) == [Problem(5, Fault.CONTENT)]
