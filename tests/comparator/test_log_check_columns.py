"""The check finds what was changed of that by which entries are searched and events are listed."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from comparator.domain import inspection
from comparator.domain.inspection import Fault, Problem
from comparator.store.events import PLATFORM, About
from stayput.v1.log_pb2 import EventType
from tests.comparator import documents, keeping
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform

_ONE_EVENT = "number = (SELECT event_number FROM log_leaves WHERE place = 3)"
_CHANGED = {
    0: ("consumer = 'x'", "provider = NULL", "logged_at = '2026-01-01'"),
    # The application, which names a department and a resource.
    3: (
        *(f"{column} = NULL" for column in ("consumer", "provider", "resource", "event_type")),
        *(f"{column} = 'x'" for column in ("consumer", "grant_id", "operator", "case_number", "node_id")),
        *(f"{column} = 7" for column in ("records", "found", "node_sequence", "session_end")),
        *("receipt_hash = leaf", "kind = 1", "event_number = NULL", "event_number = 77"),
    ),
    # A receipt.
    5: (
        *(f"{column} = NULL" for column in ("consumer", "provider", "resource", "grant_id", "receipt_hash")),
        *("event_type = 10", "event_number = 77", "session_end = 2", "found = 99"),
    ),
}


@pytest.fixture
async def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return await keeping.filled(platform, node, consumer)


def _problems_after(platform: Platform, *statements: str) -> list[Problem]:
    """What the check finds once these were run; nothing of it stays."""
    with platform.database.writing() as store:
        session = store.keeping._session
        for statement in statements:
            session.execute(text(statement))
        found = list(inspection.check(store, platform.clock()))
        session.rollback()
    return found


async def test_whatever_searches_go_by_is_checked(platform: Platform, chain: Chain) -> None:
    for place, changes in _CHANGED.items():
        for changed in changes:
            statement = f"UPDATE log_leaves SET {changed} WHERE place = {place}"  # noqa: S608 (of this test)
            assert Problem(place, Fault.COLUMNS) in _problems_after(platform, statement), statement
    assert _problems_after(platform) == []


async def test_of_removed_entries_what_the_leaves_say_is_checked(
    platform: Platform, chain: Chain, tmp_path: Path
) -> None:
    keeping.archiver(platform, tmp_path)(10)
    platform.clock.advance(timedelta(days=keeping.DAYS, minutes=1))
    keeping.remove(platform, 0, 10)
    for place, changes in {
        3: ("event_type = 13", "found = 1", "operator = 'x'", "node_id = 'x'", "kind = 1"),
        5: ("event_type = 13", "event_number = 77", "records = 7", "operator = 'x'", "node_sequence = 77"),
    }.items():
        for changed in changes:
            statement = f"UPDATE log_leaves SET {changed} WHERE place = {place}"  # noqa: S608 (of this test)
            assert _problems_after(platform, statement) == [Problem(place, Fault.COLUMNS)], statement
    assert _problems_after(platform) == []


async def test_a_revocation_that_was_hidden_from_searches_is_found(
    platform: Platform, node: Member, consumer: Member, chain: Chain
) -> None:
    given = documents.grant(await documents.apply(consumer), node, platform.clock())
    await documents.decide(node, given)
    revoked = keeping.size(platform)
    with platform.database.writing() as store:
        kind = EventType.EVENT_TYPE_GRANT_REVOKED
        store.events.add(kind, PLATFORM, platform.clock(), About(grant_id=given.id))
    with platform.database.reading() as store:
        row = store.leaves.at(revoked)
    assert row is not None
    said = (row.consumer, row.provider, row.resource, row.grant_id)
    assert said == (consumer.id, node.department, documents.VEHICLES, given.id)
    assert _problems_after(platform) == []
    for hidden in (
        "consumer = NULL, provider = NULL",
        "consumer = NULL",
        "resource = NULL",
        "grant_id = NULL",
    ):
        statement = f"UPDATE log_leaves SET {hidden} WHERE event_type = 23"  # noqa: S608 (of this test)
        assert _problems_after(platform, statement) == [Problem(revoked, Fault.COLUMNS)]


async def test_a_department_that_an_event_names_is_not_hidden_by_a_changed_application(
    platform: Platform, chain: Chain
) -> None:
    changed = "UPDATE applications SET consumer_urn = 'urn:stayput:department:traffic-police'"
    hidden = "UPDATE log_leaves SET consumer = 'traffic-police' WHERE place = 3"
    assert _problems_after(platform, changed, hidden) == [Problem(3, Fault.COLUMNS)]


@pytest.mark.parametrize("at_once", [1, 1_024])
async def test_the_events_that_are_listed_are_those_that_are_logged(
    platform: Platform, chain: Chain, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(inspection, "_AT_ONCE", at_once)
    for changed in (
        "at = '2026-01-01'",
        "type = 13",
        "actor = 'x'",
        "party = NULL",
        "resource = 'x'",
        "application_number = NULL",
        "grant_id = 'x'",
        "detail = 'x'",
    ):
        statement = f"UPDATE events SET {changed} WHERE {_ONE_EVENT}"  # noqa: S608 (of this test)
        assert _problems_after(platform, statement) == [Problem(3, Fault.COLUMNS)], changed
    deleted = f"DELETE FROM events WHERE {_ONE_EVENT}"  # noqa: S608 (of this test)
    assert _problems_after(platform, deleted) == [Problem(3, Fault.COLUMNS)]
    columns = "at, type, actor, detail"
    made_up = f"INSERT INTO events ({columns}) SELECT {columns} FROM events WHERE {_ONE_EVENT}"  # noqa: S608
    assert _problems_after(platform, made_up) == [Problem(10, Fault.COLUMNS)]
    renumbered = f"UPDATE events SET number = 77 WHERE {_ONE_EVENT}"  # noqa: S608 (of this test)
    assert _problems_after(platform, renumbered) == [Problem(3, Fault.COLUMNS), Problem(10, Fault.COLUMNS)]
    assert _problems_after(platform) == []
