"""A store of the first release with everything in it: after the upgrade it is there and does what it did."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import URL, MetaData, select
from sqlalchemy.orm import Session

from comparator.store import schema
from comparator.store.catalogue import search_columns
from comparator.store.database import Database
from comparator.store.events import About
from comparator.store.models import ResourceRow, Role
from stayput.grants import active_standing, verify
from stayput.identity import department, node
from stayput.signing import PayloadType, sign
from stayput.v1.access_pb2 import Application, ApplicationState, Grant, GrantState, Limits, RecordedGrant
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import Receipt
from tests.comparator import documents

_NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
_CONSUMER, _PROVIDER, _NODE = department("civil-affairs"), department("traffic-police"), node("vehicles-1")
_INVITED = department("water-works")
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_GRANT_ID = f"G-{1:026d}"
_TOKEN = hashlib.sha256(b"token").digest()
_STATES = {
    1: ApplicationState.APPLICATION_STATE_GRANTED,
    2: ApplicationState.APPLICATION_STATE_REFUSED,
    3: ApplicationState.APPLICATION_STATE_SUBMITTED,
}


def _entry() -> Resource:
    entry = documents.resource()
    for field in ("provider", "node_id", "signing_key", "stale"):
        entry.ClearField(field)
    return entry


# As the first release signed it: without a version, a matter, an agreement and most limits.
_GRANT = Grant(
    id=_GRANT_ID,
    application_id="A-1",
    provider=_PROVIDER.id,
    node_id=_NODE.id,
    consumer=_CONSUMER.id,
    resource=documents.VEHICLES,
    key="resident_id",
    checks=["name"],
    modes=[Mode.MODE_KEYED],
    granularities=[Granularity.GRANULARITY_RECORD],
    purpose="低收入家庭经济状况核对",
    valid_from=documents.stamp(_NOW),
    valid_until=documents.stamp(_NOW + timedelta(days=365)),
    limits=Limits(records_per_session=1_000, records_per_day=10_000),
    issued_at=documents.stamp(_NOW),
)
_ENVELOPE = sign(PayloadType.GRANT, _GRANT, _KEY)
_RECEIPT = sign(
    PayloadType.RECEIPT,
    Receipt(
        node_id=_NODE.id,
        provider=_PROVIDER.id,
        consumer=_CONSUMER.id,
        resource=documents.VEHICLES,
        grant_id=_GRANT_ID,
        sequence=1,
        records=3,
    ),
    _KEY,
)


def _parties() -> dict[str, list[dict[str, Any]]]:
    people = ((_CONSUMER, _CONSUMER), (_PROVIDER, _PROVIDER), (_INVITED, _INVITED), (_NODE, _PROVIDER))
    return {
        "parties": [
            {"urn": party.urn, "department_urn": owner.urn, "title": "某部门", "invited_at": _NOW}
            for party, owner in people
        ],
        "credentials": [
            {
                "party_urn": party.urn,
                "thumbprint": party.id,
                "certificate_chain": "PEM",
                "not_after": _NOW,
                "signing_key": _KEY.public_key().public_bytes_raw(),
                "enrolled_at": _NOW,
                "replaced_at": None,
            }
            for party in (_CONSUMER, _NODE)
        ],
        "invitations": [
            {"token_hash": _TOKEN, "party_urn": _INVITED.urn, "created_at": _NOW, "expires_at": _NOW}
        ],
    }


def _access() -> dict[str, list[dict[str, Any]]]:
    asked = documents.application()
    return {
        "resources": [
            {
                "code": documents.VEHICLES,
                "provider_urn": _PROVIDER.urn,
                "node_urn": _NODE.urn,
                "entry": _entry().SerializeToString(deterministic=True),
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
                "expected_records_per_day": asked.expected_records_per_day,
                "state": state,
                "refusal_reason": "理由" if number == 2 else "",
                "submitted_at": _NOW,
                "decided_at": None if number == 3 else _NOW,
            }
            for number, state in _STATES.items()
        ],
    }


def _given() -> dict[str, list[dict[str, Any]]]:
    parties = {"node_urn": _NODE.urn, "consumer_urn": _CONSUMER.urn}
    return {
        "grants": [
            {
                "id": _GRANT_ID,
                "application_number": 1,
                "envelope": _ENVELOPE.SerializeToString(),
                "recorded_at": _NOW,
                **parties,
            }
        ],
        "tickets": [
            {
                "id": "ticket-1",
                "grant_id": _GRANT_ID,
                "consumer_urn": _CONSUMER.urn,
                "thumbprint": _CONSUMER.id,
                "operator": "张三",
                "purpose": "低保核对",
                "case_number": "2026-17",
                "issued_at": _NOW,
                "expires_at": _NOW,
            }
        ],
        "receipts": [
            {
                "node_urn": _NODE.urn,
                "sequence": 1,
                "payload_hash": bytes(32),
                "envelope": _RECEIPT.SerializeToString(),
                "received_at": _NOW,
            }
        ],
    }


@pytest.fixture
def upgraded(empty: Database) -> Database:
    """A store that revision 0001 filled, at this release's revision."""
    config = schema._config()
    with empty.connected() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    tables = MetaData()
    tables.reflect(empty.engine)
    for rows_of in (_parties(), _access(), _given()):
        for table, rows in rows_of.items():
            with empty.connected() as connection:
                for row in rows:
                    connection.execute(tables.tables[table].insert(), row)
    assert schema.upgrade(empty) == schema.head()
    return empty


def test_parties_are_known_and_have_the_roles_of_what_they_did(upgraded: Database) -> None:
    with upgraded.reading() as store:
        known = {party.urn: party.roles for party, _ in store.parties.all()}
        assert known == {
            _CONSUMER.urn: {Role.CONSUMER},
            _PROVIDER.urn: {Role.CONSUMER, Role.PROVIDER},
            _INVITED.urn: {Role.CONSUMER},
            _NODE.urn: frozenset(),
        }
        for party in (_CONSUMER, _NODE):
            active = store.parties.active(party)
            assert active is not None
            assert active.thumbprint == party.id
        invitation = store.parties.invitation(_TOKEN)
        assert invitation is not None
        assert invitation.party_urn == _INVITED.urn


def test_the_catalogue_can_be_searched(upgraded: Database) -> None:
    with upgraded.reading() as store:
        found = store.catalogue.get(documents.VEHICLES)
    expected = _entry()
    expected.provider, expected.node_id = _PROVIDER.id, _NODE.id
    expected.signing_key = _KEY.public_key().public_bytes_raw()
    assert found == expected
    with Session(upgraded.engine) as session:
        row = session.scalars(select(ResourceRow)).one()
    columns = search_columns(_entry())
    assert columns["modes"] == 1 << 1
    assert {name: getattr(row, name) for name in columns} == columns


def test_applications_are_as_they_were(upgraded: Database) -> None:
    expected = documents.application()
    expected.consumer = _CONSUMER.id
    for field in ("matter", "security_agreement"):
        expected.ClearField(field)
    expected.submitted_at.CopyFrom(documents.stamp(_NOW))
    with upgraded.reading() as store:
        for party in (_CONSUMER, _NODE, None):
            listed = {application.id: application for application in store.applications.page(party, None, 9)}
            assert listed.keys() == {"A-1", "A-2", "A-3"}
        assert [each.id for each in store.applications.open_for(_NODE)] == ["A-3"]
        assert [each.id for each in store.applications.open()] == ["A-3"]
    for number, state in _STATES.items():
        wanted = Application()
        wanted.CopyFrom(expected)
        wanted.id, wanted.state = f"A-{number}", state
        wanted.refusal_reason = "理由" if number == 2 else ""
        wanted.grant_id = _GRANT_ID if number == 1 else ""
        if number != 3:
            wanted.decided_at.CopyFrom(documents.stamp(_NOW))
        assert listed[f"A-{number}"] == wanted


def test_grants_are_first_versions_that_may_be_used(upgraded: Database) -> None:
    recorded = RecordedGrant(grant=_ENVELOPE, standing=active_standing(_GRANT_ID))
    with upgraded.reading() as store:
        for party in (_CONSUMER, _NODE, None):
            assert store.grants.page(party, None, 9) == [(1, recorded)]
            assert store.grants.get(_GRANT_ID, party) == recorded
        assert store.grants.get(_GRANT_ID, _INVITED) is None
        assert store.grants.versions(_GRANT_ID) == [_ENVELOPE]
        assert store.grants.version(_GRANT_ID, 1) == _ENVELOPE
        assert (store.grants.latest(_GRANT_ID), store.grants.changes(_GRANT_ID)) == (1, 0)
        assert store.grants.platform_standings(_NODE) == []
    assert verify(recorded.grant, _KEY.public_key().public_bytes_raw()) == _GRANT


def test_tickets_and_receipts_are_kept(upgraded: Database) -> None:
    with upgraded.reading() as store:
        (ticket,) = store.tickets.of(_GRANT_ID)
        assert (ticket.id, ticket.operator, ticket.case_number) == ("ticket-1", "张三", "2026-17")
        assert ticket.issued_at == _NOW
        assert list(store.log.all()) == [_RECEIPT]
        assert store.log.head(_NODE).sequence == 1
        assert store.events.page(None, None, About()) == []


def test_life_goes_on(upgraded: Database) -> None:
    second = documents.amended(_GRANT, case_number_required=True)
    second.version = 2
    envelope = sign(PayloadType.GRANT, second, _KEY)
    change = documents.change(second, GrantState.GRANT_STATE_SUSPENDED, _NOW)
    with upgraded.writing() as store:
        store.grants.amend(second, envelope, _NOW)
        store.grants.record_change(change, sign(PayloadType.GRANT_CHANGE, change, _KEY), _NOW)
        store.grants.set_platform_word(_GRANT_ID, GrantState.GRANT_STATE_REVOKED, "违规使用", _NOW)
        store.applications.accept(3, "李四", _NOW)
        assert store.applications.submit(documents.application(), _CONSUMER, _NOW).id == "A-4"
    with upgraded.reading() as store:
        assert store.grants.versions(_GRANT_ID) == [_ENVELOPE, envelope]
        recorded = store.grants.get(_GRANT_ID, _CONSUMER)
        assert recorded is not None
        assert recorded.grant == envelope
        assert recorded.standing.provider_state == GrantState.GRANT_STATE_SUSPENDED
        assert store.grants.platform_standings(_NODE) == [recorded.standing]
        assert [each.id for each in store.applications.open_for(_NODE)] == ["A-3", "A-4"]


def test_an_empty_first_release_is_upgraded_too(new_store: Callable[[], URL]) -> None:
    with closing(Database(new_store())) as database:
        config = schema._config()
        with database.connected() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
        assert schema.upgrade(database) == schema.head()
        with database.reading() as store:
            assert not store.parties.all()
