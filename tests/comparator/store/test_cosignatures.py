"""Which cosigned checkpoint is given to whom, and that finding it does not read what it could pass by."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert

from comparator.store.database import Database
from comparator.store.log_models import CosignatureRow
from stayput.identity import Party
from tests.comparator import cosigning

_MANY = 5_000


@pytest.fixture
def witnesses(database: Database) -> list[Party]:
    return cosigning.known(database, "audit-office", "busy-one", "busy-two", "seldom")


def _cosigned(database: Database, pairs: Iterable[tuple[int, Party]]) -> None:
    rows = [
        {
            "tree_size": size,
            "witness_urn": witness.urn,
            "checkpoint": bytes(100),
            "line": f"{size} by {witness.id}",
            "received_at": cosigning.NOW,
        }
        for size, witness in pairs
    ]
    with database.connected() as connection:
        connection.execute(insert(CosignatureRow), rows)


def _expected(pairs: Iterable[tuple[int, Party]], place: int, named: Sequence[str], least: int) -> int | None:
    counts: dict[int, int] = {}
    for size, witness in pairs:
        if size > place and witness.urn in named:
            counts[size] = counts.get(size, 0) + 1
    enough = min(least, max(counts.values(), default=0))
    return max((size for size, count in counts.items() if count >= enough), default=None)


def test_any_demand_finds_what_a_search_in_python_does(database: Database, witnesses: list[Party]) -> None:
    drawn = random.Random(7)
    pairs = [(size, each) for size in range(1, 30) for each in witnesses if drawn.random() < 0.3]
    _cosigned(database, pairs)
    with database.reading() as store:
        for _ in range(200):
            named = [each.urn for each in drawn.sample(witnesses, drawn.randint(1, len(witnesses)))]
            place, least = drawn.randint(0, 30), drawn.randint(1, len(named))
            found = store.leaves.cosigned_by(place, named, least)
            assert found == _expected(pairs, place, named, least), (place, named, least)


def test_the_largest_cosigned_size_not_beyond_another(database: Database, witnesses: list[Party]) -> None:
    with database.reading() as store:
        assert store.leaves.cosigned_through(9) is None
    _cosigned(database, [(3, witnesses[0]), (7, witnesses[1]), (7, witnesses[0])])
    with database.reading() as store:
        found = [store.leaves.cosigned_through(size) for size in (2, 3, 6, 7, 100)]
        assert found == [None, 3, 3, 7, 7]
        cosigners = store.leaves.cosigners(7, 10)
        assert cosigners == [(each.urn, cosigning.NOW) for each in witnesses[:2]]
        assert store.leaves.cosigners(7, 1) == cosigners[:1]
        assert store.leaves.cosigners(4, 10) == []


def test_those_who_are_named_go_first(database: Database, witnesses: list[Party]) -> None:
    _cosigned(database, [(5, each) for each in witnesses])
    with database.reading() as store:
        lines = store.leaves.cosignatures(5, (), 10)
        assert lines == [f"5 by {each.id}" for each in witnesses]
        named = [witnesses[3].urn, witnesses[2].urn]
        assert store.leaves.cosignatures(5, named, 10) == [*lines[2:], *lines[:2]]
        assert store.leaves.cosignatures(5, named, 3) == [*lines[2:], lines[0]]


@contextmanager
def _statements(database: Database) -> Iterator[list[tuple[str, object]]]:
    sent: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "log_cosignatures" in statement:
            sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


def _plans(database: Database, sent: Sequence[tuple[str, object]]) -> list[str]:
    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection:
        return [
            "\n".join(
                str(step[-1])
                for step in connection.exec_driver_sql(f"{explain} {statement}", parameters)  # type: ignore[arg-type]  # as sent
            )
            for statement, parameters in sent
        ]


def test_a_size_is_found_backwards_in_the_primary_key(database: Database, witnesses: list[Party]) -> None:
    """Ending at the first that has enough: neither all rows are read nor any sorted."""
    office, one, two, seldom = witnesses
    _cosigned(database, [(size, each) for size in range(1, _MANY) for each in (one, two)])
    _cosigned(database, [(9, seldom), (9, office)])
    asked = [
        ((one, two), 2, _MANY - 1),
        ((seldom,), 1, 9),
        ((seldom, office), 2, 9),
    ]
    for named, least, size in asked:
        with _statements(database) as sent, database.reading() as store:
            assert store.leaves.cosigned_by(3, [each.urn for each in named], least) == size
        (plan,) = _plans(database, sent)
        if database.engine.dialect.name == "sqlite":
            assert "USING COVERING INDEX" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
        else:
            assert "Index Only Scan Backward using pk_log_cosignatures" in plan, plan
            assert "Sort" not in plan, plan


def test_a_demand_that_is_not_met_is_answered_by_three_statements(
    database: Database, witnesses: list[Party]
) -> None:
    """However many witnesses are demanded."""
    _cosigned(database, [(4, witnesses[0]), (6, witnesses[1])])
    with _statements(database) as sent, database.reading() as store:
        assert store.leaves.cosigned_by(0, [each.urn for each in witnesses], 4) == 6
    assert len(sent) == 3
