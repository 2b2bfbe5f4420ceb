"""Ends of many nodes' chains by one statement, which does not walk through the log."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event

from comparator.store.database import Database
from comparator.store.log import START, Link
from stayput.identity import department, node
from stayput.receipts import payload_hash
from stayput.signing import PayloadType, sign
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_OWNER, _NODES = department("traffic-police"), [node(f"vehicles-{number}") for number in range(3)]
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def _receipts(node_id: str, many: int) -> list[tuple[Receipt, Envelope]]:
    made = [Receipt(node_id=node_id, sequence=number) for number in range(1, many + 1)]
    return [(receipt, sign(PayloadType.RECEIPT, receipt, _KEY)) for receipt in made]


def test_chains_end_with_the_last_receipts(database: Database) -> None:
    chains = {each: _receipts(each.id, many) for each, many in zip(_NODES, (300, 0, 2), strict=True)}
    with database.writing() as store:
        for party in (_OWNER, *_NODES):
            store.parties.add(party, _OWNER, "", _NOW)
        for receipts in chains.values():
            store.log.append(receipts, _NOW)
    with database.reading() as store:
        found = store.log.chains(_NODES)
        first, second, third = _NODES
        assert found.head(first) == Link(300, payload_hash(chains[first][-1][1].payload))
        assert found.head(second) == START
        assert found.head(third) == store.log.head(third)
        assert found.hashes(second, [1, 2]) == {}
        expected = {number: payload_hash(chains[first][number - 1][1].payload) for number in (1, 300)}
        assert found.hashes(first, [1, 300, 301]) == expected
        link = Link(301, bytes(32))
        found.extend(first, [link])
        assert found.head(first) == link
        assert found.hashes(first, [1, 300, 301]) == {**expected, 301: bytes(32)}


def test_ends_are_found_by_the_index(database: Database) -> None:
    sent: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT"):
            sent.append((statement, parameters))

    with database.writing() as store:
        store.parties.add(_OWNER, _OWNER, "", _NOW)
        store.parties.add(_NODES[0], _OWNER, "", _NOW)
        store.log.append(_receipts(_NODES[0].id, 3_000), _NOW)
    event.listen(database.engine, "before_cursor_execute", note)
    with database.reading() as store:
        store.log.chains(_NODES)
    ((statement, parameters),) = sent
    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection:
        steps = connection.exec_driver_sql(f"{explain} {statement}", parameters)  # type: ignore[arg-type]  # as sent
        plan = "\n".join(str(step[-1]) for step in steps)
    assert "ix_log_leaves_receipt" in plan
    assert "SCAN log_leaves" not in plan, plan
    assert "Seq Scan on log_leaves" not in plan, plan
