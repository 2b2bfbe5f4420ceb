"""A store of the second release with receipts and events: they become the beginning of the tree."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import URL, MetaData

from comparator.store import schema
from comparator.store.database import Database
from comparator.store.events import About
from comparator.store.log import START, Link
from stayput.identity import department, node
from stayput.receipts import payload_hash
from stayput.signing import PayloadType, sign
from stayput.v1.contract_pb2 import OutcomeCode
from stayput.v1.log_pb2 import EntryKind, Event, EventType, LogLeaf, OutcomeCount, Receipt, Tally
from stayput.v1.signing_pb2 import Envelope
from tests.comparator import documents
from tests.comparator.tree import leaves, verified_tree

_NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
_CONSUMER, _PROVIDER, _NODE = department("civil-affairs"), department("traffic-police"), node("vehicles-1")
_GRANT_ID = f"G-{1:026d}"
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
# More than are logged in one batch.
_MANY = 1_100


def _receipt(sequence: int) -> Envelope:
    counts = [
        OutcomeCount(outcome=OutcomeCode.OUTCOME_CODE_MATCH, count=2),
        OutcomeCount(outcome=OutcomeCode.OUTCOME_CODE_NOT_FOUND, count=1),
    ]
    receipt = Receipt(
        node_id=_NODE.id,
        provider=_PROVIDER.id,
        consumer=_CONSUMER.id,
        resource=documents.VEHICLES,
        grant_id=_GRANT_ID,
        operator="张三",
        sequence=sequence,
        records=3,
        tallies=[Tally(counts=counts)],
    )
    return sign(PayloadType.RECEIPT, receipt, _KEY)


_RECEIPTS = [_receipt(sequence) for sequence in range(1, _MANY + 1)]
# Type, and what it is about.
_EVENTS: list[tuple[EventType.ValueType, About]] = [
    (EventType.EVENT_TYPE_PARTY_ENROLLED, About(party=_CONSUMER.urn)),
    (EventType.EVENT_TYPE_PARTY_ENROLLED, About(party=_NODE.urn)),
    (EventType.EVENT_TYPE_RESOURCE_PUBLISHED, About(resource=documents.VEHICLES)),
    (
        EventType.EVENT_TYPE_GRANT_SUSPENDED,
        About(_CONSUMER.urn, documents.VEHICLES, application=1, grant_id=_GRANT_ID),
    ),
    (EventType.EVENT_TYPE_RESOURCE_PUBLISHED, About(resource="gone")),
]
_NAMED = [
    (_CONSUMER.id, None, None, None),
    (None, _PROVIDER.id, None, None),
    (None, _PROVIDER.id, documents.VEHICLES, None),
    (_CONSUMER.id, _PROVIDER.id, documents.VEHICLES, _GRANT_ID),
    (None, None, "gone", None),
]


def _rows() -> dict[str, list[dict[str, Any]]]:
    people = ((_CONSUMER, _CONSUMER), (_PROVIDER, _PROVIDER), (_NODE, _PROVIDER))
    asked = documents.application()
    return {
        "parties": [
            {"urn": party.urn, "department_urn": owner.urn, "title": "某部门", "invited_at": _NOW}
            for party, owner in people
        ],
        "resources": [
            {
                "code": documents.VEHICLES,
                "provider_urn": _PROVIDER.urn,
                "node_urn": _NODE.urn,
                "entry": documents.resource().SerializeToString(),
                "published_at": _NOW,
            }
        ],
        "applications": [
            {
                "consumer_urn": _CONSUMER.urn,
                "resource": asked.resource,
                "key": asked.key,
                "checks": list(asked.checks),
                "mode": asked.mode,
                "granularity": asked.granularity,
                "purpose": asked.purpose,
                "legal_basis": asked.legal_basis,
                "expected_records_per_day": 1,
                "state": 1,
                "refusal_reason": "",
                "submitted_at": _NOW,
            }
        ],
        # Events every 300 s, receipts every second: the third event falls among the receipts.
        "events": [
            {
                "at": _NOW + timedelta(seconds=300 * number),
                "type": kind,
                "actor": _NODE.urn,
                "party": about.party,
                "resource": about.resource,
                "application_number": about.application,
                "grant_id": about.grant_id,
                "detail": f"第 {number} 件",
            }
            for number, (kind, about) in enumerate(_EVENTS)
        ],
        "receipts": [
            {
                "node_urn": _NODE.urn,
                "sequence": sequence,
                "payload_hash": payload_hash(envelope.payload),
                "envelope": envelope.SerializeToString(),
                "received_at": _NOW + timedelta(seconds=sequence),
            }
            for sequence, envelope in enumerate(_RECEIPTS, start=1)
        ],
    }


@pytest.fixture
def second(empty: Database) -> Database:
    """A store that revision 0002 filled."""
    _upgrade(empty, "0002")
    tables = MetaData()
    tables.reflect(empty.engine)
    with empty.connected() as connection:
        for table, rows in _rows().items():
            connection.execute(tables.tables[table].insert(), rows)
    return empty


def _upgrade(database: Database, revision: str) -> None:
    config = schema._config()
    with database.connected() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_was_stored_is_the_beginning_of_the_tree(second: Database) -> None:
    schema.upgrade(second)
    assert verified_tree(second).size == _MANY + len(_EVENTS)
    rows = leaves(second)
    assert [row.logged_at for row in rows] == sorted(row.logged_at for row in rows)
    with second.reading() as store:
        assert list(store.log.all()) == _RECEIPTS
        assert store.log.head(_NODE) == Link(_MANY, payload_hash(_RECEIPTS[-1].payload))
        listed = store.events.page(None, None, About())[::-1]
    logged = [row for row in rows if row.kind == EntryKind.ENTRY_KIND_EVENT]
    assert [Event.FromString(row.payload or b"") for row in logged] == listed
    assert [event.detail for event in listed] == [f"第 {number} 件" for number in range(len(_EVENTS))]
    assert [row.event_number for row in logged] == [event.number for event in listed]
    assert [(row.consumer, row.provider, row.resource, row.grant_id) for row in logged] == _NAMED


def test_leaves_say_when_it_was_stored_and_what_of(second: Database) -> None:
    schema.upgrade(second)
    first, *rest = leaves(second)
    leaf = LogLeaf.FromString(first.leaf)
    assert leaf.logged_at.ToMicroseconds() == round(_NOW.timestamp() * 1e6)
    assert (leaf.kind, leaf.event_type) == (first.kind, EventType.EVENT_TYPE_PARTY_ENROLLED)
    receipt = rest[0]
    leaf = LogLeaf.FromString(receipt.leaf)
    assert (leaf.node_id, leaf.node_sequence, leaf.records) == (_NODE.id, 1, 3)
    assert (receipt.records, receipt.found, receipt.operator, receipt.case_number) == (3, 2, "张三", None)


def test_the_tree_goes_on(second: Database) -> None:
    schema.upgrade(second)
    before = verified_tree(second)
    with second.writing() as store:
        for kind, about in _EVENTS:
            store.events.add(kind, _NODE.urn, _NOW, about)
    rows = leaves(second)[before.size :]
    # The migration and the running service say the same of an event.
    assert [(row.consumer, row.provider, row.resource, row.grant_id) for row in rows] == _NAMED
    with second.reading() as store:
        assert store.leaves.head(before.size) == before
    assert verified_tree(second).size == before.size + len(_EVENTS)


def test_without_any_receipt_or_event_the_tree_is_empty(new_store: Callable[[], URL]) -> None:
    with closing(Database(new_store())) as database:
        _upgrade(database, "0002")
        schema.upgrade(database)
        assert verified_tree(database).size == 0
        with database.reading() as store:
            assert store.log.head(_NODE) == START
