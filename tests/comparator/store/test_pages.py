"""Lists of many: a page costs one statement, and is read in its order instead of sorting all there is."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL, event, insert, text

from comparator.store import schema
from comparator.store.database import Database, Store
from comparator.store.models import ApplicationRow, GrantRow
from stayput.identity import Party, department, node
from tests.comparator import documents

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_CONSUMERS = [department(f"consumer-{n}") for n in range(3)]
_PROVIDER, _NODES = department("traffic-police"), [node("vehicles-1"), node("vehicles-2")]
_MANY = 600
Read = Callable[[Store, Party | None, int | None], list[int]]


def _applications(store: Store, party: Party | None, before: int | None) -> list[int]:
    return [int(each.id.removeprefix("A-")) for each in store.applications.page(party, before, 100)]


def _grants(store: Store, party: Party | None, before: int | None) -> list[int]:
    return [number for number, _ in store.grants.page(party, before, 100)]


def _fill(database: Database) -> None:
    """Applications 1 to 600, each granted: of the consumers and of the nodes by turns."""
    with database.writing() as store:
        for party in (*_CONSUMERS, _PROVIDER, *_NODES):
            owner = _PROVIDER if party in _NODES else party
            store.parties.add(party, owner, "", _NOW)
        for number in range(4):
            entry = documents.resource(f"resource-{number}")
            store.catalogue.put(entry, _PROVIDER, _NODES[number % 2], _NOW)
    asked = documents.application()
    shared = {"key": asked.key, "checks": ["name"], "mode": 1, "granularity": 1, "purpose": "p"}
    shared |= {"legal_basis": "l", "expected_records_per_day": 1, "refusal_reason": "", "state": 2}
    numbers = range(1, _MANY + 1)
    with database.connected() as connection:
        connection.execute(
            insert(ApplicationRow),
            [
                {
                    "number": number,
                    "consumer_urn": _CONSUMERS[number % 3].urn,
                    "resource": f"resource-{number % 4}",
                    "submitted_at": _NOW,
                    **shared,
                }
                for number in numbers
            ],
        )
        connection.execute(
            insert(GrantRow),
            [
                {
                    "id": f"G-{number:026d}",
                    "application_number": number,
                    "consumer_urn": _CONSUMERS[number % 3].urn,
                    "node_urn": _NODES[number % 2].urn,
                    "envelope": b"",
                    "recorded_at": _NOW,
                }
                for number in numbers
            ],
        )


@contextmanager
def _statements(database: Database) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """What is sent to the database while the block runs, but for the bounds of transactions."""
    sent: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object
    ) -> None:
        if statement.startswith("SELECT"):
            sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("read", [_applications, _grants])
def test_pages_hold_each_ones_own_at_one_statement_each(database: Database, read: Read) -> None:
    _fill(database)
    for party, expected in (
        (None, range(_MANY, 0, -1)),
        (_CONSUMERS[1], range(_MANY - 2, 0, -3)),
        (_NODES[0], range(_MANY, 0, -2)),
        (_PROVIDER, range(0)),
    ):
        seen: list[int] = []
        with _statements(database) as sent, database.reading() as store:
            while page := read(store, party, seen[-1] if seen else None):
                seen += page
        assert seen == list(expected)
        assert len(sent) == len(seen) // 100 + 1


@pytest.mark.parametrize("read", [_applications, _grants])
def test_a_page_is_not_sorted_out_of_all_there_is(new_sqlite: Callable[[], URL], read: Read) -> None:
    with closing(Database(new_sqlite())) as database:
        schema.upgrade(database)
        _fill(database)
        for party in (None, _CONSUMERS[1], _NODES[0]):
            with _statements(database) as sent, database.reading() as store:
                read(store, party, 300)
            ((statement, parameters),) = sent
            with database.engine.connect() as connection:
                steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plan = "\n".join(str(step[-1]) for step in steps)
            assert "TEMP B-TREE" not in plan, plan


def test_open_applications_are_found_by_their_state(new_sqlite: Callable[[], URL]) -> None:
    with closing(Database(new_sqlite())) as database:
        schema.upgrade(database)
        with database.engine.connect() as connection:
            steps = connection.execute(
                text("EXPLAIN QUERY PLAN SELECT * FROM applications WHERE state IN (1, 4)")
            )
            assert any("ix_applications_state" in step[-1] for step in steps)
