"""The comparator is killed at named points of an append: nothing is lost, nothing stored twice."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import URL

from comparator.store import schema
from comparator.store.database import Database
from comparator.store.log import Link
from stayput.identity import node
from stayput.receipts import payload_hash
from stayput.signing import PayloadType, sign
from stayput.v1.log_pb2 import AppendReceiptsRequest, Receipt
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.tree import verified_tree

# Appends the receipts of a file to the store at a URL, as the service does, and dies at a point.
_CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from sqlalchemy import event, make_url
from comparator.store.database import Database
from stayput.v1.log_pb2 import AppendReceiptsRequest, Receipt

url, file, point = sys.argv[1:]
database = Database(make_url(url))
receipts = AppendReceiptsRequest.FromString(Path(file).read_bytes()).receipts

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at_subtrees(connection, cursor, statement, *_):
    if "INSERT INTO log_nodes" in statement:
        die()

if point == "before the leaves' subtrees":
    event.listen(database.engine, "before_cursor_execute", die_at_subtrees)
elif point == "before commit":
    event.listen(database.engine, "commit", die)
with database.writing() as store:
    store.log.append([(Receipt.FromString(one.payload), one) for one in receipts], datetime.now(UTC))
die()  # after commit, before reply
"""
_NODE = node("vehicles-1")
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def _receipts(first: int, many: int) -> list[Envelope]:
    return [
        sign(PayloadType.RECEIPT, Receipt(node_id=_NODE.id, sequence=number, records=1), _KEY)
        for number in range(first, first + many)
    ]


def _deliver(database: Database, receipts: list[Envelope]) -> None:
    """Once more, as a node does that got no answer."""
    with database.writing() as store:
        stored = store.log.head(_NODE).sequence
        read = [(Receipt.FromString(one.payload), one) for one in receipts]
        store.log.append([each for each in read if each[0].sequence > stored], datetime.now(UTC))


@pytest.mark.parametrize(
    ("point", "kept"),
    [("before the leaves' subtrees", False), ("before commit", False), ("after commit, before reply", True)],
)
def test_killed_while_appending(
    new_store: Callable[[], URL], tmp_path: Path, point: str, *, kept: bool
) -> None:
    url = new_store()
    early, batch, late = _receipts(1, 3), _receipts(4, 5), _receipts(9, 2)
    with closing(Database(url)) as database:
        schema.upgrade(database)
        _deliver(database, early)
        before = verified_tree(database)
    file = tmp_path / "batch"
    file.write_bytes(AppendReceiptsRequest(receipts=batch).SerializeToString())
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, url.render_as_string(hide_password=False), str(file), point],
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with closing(Database(url)) as database:
        after = verified_tree(database)
        assert (after.size - before.size) == (len(batch) if kept else 0)
        _deliver(database, batch)
        _deliver(database, late)
        assert verified_tree(database).size == before.size + len(batch) + len(late)
        with database.reading() as store:
            assert list(store.log.all()) == early + batch + late
            assert store.log.head(_NODE) == Link(10, payload_hash(late[-1].payload))
            assert store.leaves.head(before.size) == before
