"""The state after a process that was killed at a named point: nothing lost, nothing twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provider_node.store.state import State
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.serving.store.dying import DAY, GRANT_ID, sign

# What each write leaves: journal entries (session, records), records used, receipts (session, records).
BEFORE = ([(b"1", 10)], 10, [(b"0", 0)])
AFTER = {
    "open_session": ([(b"1", 10), (b"2", 0)], 10, [(b"0", 0)]),
    "answer": ([(b"1", 15)], 15, [(b"0", 0)]),
    "finish": ([], 15, [(b"0", 0), (b"1", 15)]),
    "cut": ([], 10, [(b"0", 0), (b"1", 10)]),
}


def described(receipts: list[Receipt]) -> list[tuple[bytes, int]]:
    return [(receipt.session_id[:1], receipt.records) for receipt in receipts]


@pytest.mark.parametrize("point", ["before commit", "after commit"])
@pytest.mark.parametrize("write", list(AFTER))
async def test_a_killed_process_leaves_the_old_state_or_the_new(
    tmp_path: Path, write: str, point: str
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.provider_node.serving.store.dying",
        str(tmp_path / "s"),
        write,
        point,
    ]
    died = subprocess.run(command, check=False, capture_output=True)  # noqa: ASYNC221 (nothing else runs)
    assert died.returncode == -signal.SIGKILL, died.stderr

    state = State(tmp_path / "s")
    journal, used, receipts = BEFORE if point == "before commit" else AFTER[write]
    found = [Receipt.FromString(envelope.payload) for envelope in state.receipts_after(0, 10)]
    assert described(state.open_sessions()) == journal
    assert state.used(GRANT_ID, DAY) == used
    # Attempts and guards are those of the records used, and sessions opened those that have begun.
    assert (
        state.attempts.log.entries(GRANT_ID, DAY)["question"].tolist() == [1, 2, 3, 4][: 2 + (used > 10) * 2]
    )
    with state._env.begin() as txn:
        assert int.from_bytes(state._usage.guards(txn, GRANT_ID), "big") == used
    assert described(found) == receipts

    # What a start does with it: a receipt for every session, in an unbroken chain.
    for one in state.open_sessions():
        await state.cut(one, sign)
    envelopes = state.receipts_after(0, 10)
    found = [Receipt.FromString(envelope.payload) for envelope in envelopes]
    assert described(found) == receipts + journal
    assert [receipt.sequence for receipt in found] == list(range(1, len(found) + 1))
    hashes = [payload_hash(envelope.payload) for envelope in envelopes]
    assert [receipt.previous_hash for receipt in found] == [FIRST_PREVIOUS_HASH, *hashes[:-1]]
    assert state.open_sessions() == []
    state.close()
