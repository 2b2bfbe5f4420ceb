"""Searches of the log by the store's verb: what is found, and that no search walks past all other entries."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, insert

from comparator.domain.search import search_all
from comparator.store.database import Database
from comparator.store.log_models import LeafRow
from comparator.store.search import Wanted
from stayput.v1.log_pb2 import EntryKind, SearchLogRequest

_RECEIPT, _EVENT = EntryKind.ENTRY_KIND_RECEIPT, EntryKind.ENTRY_KIND_EVENT
# Plans. One row in a thousand is of what is searched for, so that walking past the others is no way to it.

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_MANY = 5_000


@pytest.fixture
def filled(database: Database) -> Database:
    """Entries 0 to 4,999, a minute apart: of ten events, the rest receipts."""
    rows = [
        {
            "place": place,
            # As large as with its payload: that going through all entries takes long is what matters here.
            "leaf": bytes(1_000),
            "logged_at": _NOW + timedelta(minutes=place),
            "kind": _EVENT if place % 500 == 7 else _RECEIPT,
            "event_type": 30 + place // 1_000 % 2 if place % 500 == 7 else None,
            "consumer": f"consumer-{place % 1_000}",
            "provider": f"provider-{place % 1_000}",
            "resource": f"resource-{place % 1_000}",
            "grant_id": f"G-{place % 1_000:026d}",
            "operator": f"operator-{place % 1_000}",
            "case_number": f"case-{place}",
            "records": None if place % 500 == 7 else place,
        }
        for place in range(_MANY)
    ]
    with database.connected() as connection:
        for first in range(0, _MANY, 1_000):
            connection.execute(insert(LeafRow), rows[first : first + 1_000])
    return database


@contextmanager
def _statements(database: Database) -> Iterator[list[tuple[str, object]]]:
    sent: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "SELECT" in statement or "SET LOCAL" in statement:
            sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


def _plans(database: Database, wanted: Wanted) -> tuple[list[int], list[str]]:
    """Places found, and how the database finds them, statement by statement."""
    with _statements(database) as sent, database.reading() as store:
        found = [record.index for record in store.search.page(wanted, 3)]
    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    plans = []
    with database.engine.connect() as connection:
        for statement, parameters in sent:
            asks = "SELECT" in statement
            steps = connection.exec_driver_sql(f"{explain} {statement}" if asks else statement, parameters)  # type: ignore[arg-type]  # as sent
            if asks:
                plans.append("\n".join(str(step[-1]) for step in steps))
    return found, plans


_ONE = Wanted()
_BY: list[tuple[str, Wanted, Sequence[int]]] = [
    ("consumer", replace(_ONE, consumer="consumer-9"), [4_009, 3_009, 2_009]),
    ("provider", replace(_ONE, provider="provider-9"), [4_009, 3_009, 2_009]),
    ("resource", replace(_ONE, resource="resource-9"), [4_009, 3_009, 2_009]),
    ("grant_id", replace(_ONE, grant_id=f"G-{9:026d}"), [4_009, 3_009, 2_009]),
    ("operator", replace(_ONE, operator="operator-9"), [4_009, 3_009, 2_009]),
    ("case_number", replace(_ONE, case_number="case-9"), [9]),
    ("event_type", replace(_ONE, kinds=[30]), [4_507, 4_007, 2_507]),
    ("event_type", replace(_ONE, kinds=[30, 31]), [4_507, 4_007, 3_507]),
    ("records", replace(_ONE, least_records=4_998), [4_999, 4_998]),
]


def test_a_page_is_found_by_an_index(filled: Database, subtests: pytest.Subtests) -> None:
    for column, wanted, places in _BY:
        for before in (None, 4_900):
            with subtests.test(wanted=wanted, before=before):
                found, plans = _plans(filled, replace(wanted, before=before))
                expected = [place for place in places if before is None or place < before]
                assert found[: len(expected)] == expected
                assert f"ix_log_leaves_{column}" in plans[0], plans[0]
                for plan in plans:
                    assert "SCAN log_leaves\n" not in plan + "\n", plan
                    assert "Seq Scan" not in plan, plan
                    if filled.engine.dialect.name == "sqlite":
                        assert "TEMP B-TREE" not in plan, plan


# How many are few, what is wanted, and which column leads and which only sifts.
_LED: list[tuple[int, Wanted, str, str]] = [
    # Of several columns the first of whose value there are few entries, whatever there is of the others.
    (5, replace(_ONE, consumer="consumer-9", operator="operator-9"), "operator", "consumer"),
    (4, replace(_ONE, operator="operator-9", case_number="case-4009"), "case_number", "operator"),
    (5, replace(_ONE, consumer="consumer-7", kinds=[30]), "consumer", "event_type"),
    (4, replace(_ONE, consumer="consumer-7", kinds=[30, 31]), "event_type", "consumer"),
    (5, replace(_ONE, grant_id=f"G-{9:026d}", least_records=3_000), "grant_id", "records"),
]


def test_of_several_columns_one_leads(
    filled: Database, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for few, wanted, leading, sifting in _LED:
        monkeypatch.setattr("comparator.store.search._FEW", few)
        with subtests.test(wanted=wanted):
            found, plans = _plans(filled, wanted)
            assert found
            read = [plan for plan in plans[-2:] if f"ix_log_leaves_{leading}" in plan]
            assert read, plans
            assert f"ix_log_leaves_{sifting}" not in read[-1], read[-1]


def test_any_combination_finds_what_matches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a search in Python, whichever way is taken."""
    drawn = random.Random(4)
    rows = [_drawn_row(drawn, place) for place in range(300)]
    with database.connected() as connection:
        connection.execute(insert(LeafRow), rows)
    for few in (0, 20, 1_000):
        monkeypatch.setattr("comparator.store.search._FEW", few)
        for _ in range(100):
            wanted, limit = _drawn_question(drawn), drawn.choice((1, 5, 1_000))
            with database.reading() as store:
                found = [record.index for record in store.search.page(wanted, limit)]
            matching = [int(str(row["place"])) for row in reversed(rows) if _matches(row, wanted)]
            assert found == matching[:limit], (few, wanted)


_COLUMNS = ("consumer", "provider", "resource", "grant_id")


def _drawn_row(drawn: random.Random, place: int) -> dict[str, object]:
    is_event = drawn.random() < 0.3
    return {
        "place": place,
        "leaf": b"",
        "logged_at": _NOW + timedelta(minutes=place // 3),
        "kind": _EVENT if is_event else _RECEIPT,
        "event_type": drawn.randint(30, 33) if is_event else None,
        **{name: drawn.choice((None, "a", "b", "c")) for name in _COLUMNS},
        "operator": None if is_event else drawn.choice("abc"),
        "case_number": None if is_event else drawn.choice("abcdefgh"),
        "records": None if is_event else drawn.randint(0, 9),
        "node_id": None if is_event else drawn.choice(("n-1", "n-2")),
    }


def _drawn_question(drawn: random.Random) -> Wanted:
    said = {
        name: drawn.choice("abc") for name in (*_COLUMNS, "operator", "case_number") if drawn.random() < 0.3
    }
    since = drawn.choice((None, drawn.randrange(100)))
    until = drawn.choice((None, drawn.randrange(100)))
    return Wanted(
        **said,
        before=drawn.choice((None, drawn.randrange(300))),
        since=None if since is None else _NOW + timedelta(minutes=since),
        until=None if until is None else _NOW + timedelta(minutes=until),
        only_node=drawn.choice((None, None, "n-1")),
        kinds=drawn.sample(range(30, 34), drawn.choice((0, 0, 1, 3))),
        receipts=drawn.random() < 0.2,
        least_records=drawn.choice((0, 0, 5)),
    )


def _matches(row: dict[str, object], wanted: Wanted) -> bool:
    names = (*_COLUMNS, "operator", "case_number")
    is_event, place, records = row["kind"] == _EVENT, int(str(row["place"])), row["records"]
    at = _NOW + timedelta(minutes=place // 3)
    return all(
        (
            all(getattr(wanted, name) in (None, row[name]) for name in names),
            wanted.before is None or place < wanted.before,
            wanted.since is None or at >= wanted.since,
            wanted.until is None or at < wanted.until,
            wanted.only_node is None or is_event or row["node_id"] == wanted.only_node,
            not wanted.kinds or row["event_type"] in wanted.kinds,
            not wanted.receipts or not is_event,
            not wanted.least_records or (isinstance(records, int) and records >= wanted.least_records),
        )
    )


def test_times_are_turned_into_places(filled: Database) -> None:
    since, until = _NOW + timedelta(minutes=100, seconds=-1), _NOW + timedelta(minutes=102)
    found, plans = _plans(filled, Wanted(since=since, until=until))
    assert found == [101, 100]
    for plan in plans[:2]:
        assert "ix_log_leaves_logged_at" in plan
    assert "pk_log_leaves" in plans[2] or "INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plans[2], plans[2]


def test_large_receipts_among_many_are_found_from_the_newest_on(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comparator.store.search._FEW", 10)
    found, plans = _plans(filled, Wanted(least_records=50))
    assert found == [4_999, 4_998, 4_997]
    assert len(plans) == 2
    assert "ix_log_leaves" not in plans[1], plans[1]
    with filled.reading() as store:
        assert len(search_all(store, SearchLogRequest(least_records=4_000, page_size=1_000)).records) == 998
