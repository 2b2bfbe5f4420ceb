"""The node's durable state: grants, journal, receipts and usage, over real files."""

import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from provider_node.store.state import State
from provider_node.store.usage import Charge
from stayput.errors import StayputError
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.v1.access_pb2 import ChangeCause, GrantChange, GrantState
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, NOW, Material, grant
from tests.provider_node.serving.store.dying import settled

DAY = "2026-11-22"
ADMIT_ALL = Charge(
    settled(10), DAY, lambda used, records: None, lambda stored: stored, lambda change: Envelope()
)


def draft(number: int, records: int = 0) -> Receipt:
    made = Receipt(session_id=number.to_bytes(16, "big"), grant_id=GRANT_ID, records=records)
    made.purpose = "x" * 400
    made.finished_at.FromDatetime(NOW)
    return made


def sign(receipt: Receipt) -> Envelope:
    return Envelope(payload=receipt.SerializeToString())


def admit_all(used: int) -> None:
    assert used >= 0


def refuse(used: int) -> None:
    raise StayputError(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, f"{used} used", remedy="wait")


def refuse_records(used: int, records: int) -> None:
    refuse(used + records)


async def test_a_session_goes_from_journal_to_receipt(state: State) -> None:
    await state.open_session(draft(1), admit_all)
    assert [one.records for one in state.open_sessions()] == [0]
    await state.answer(draft(1, 10), ADMIT_ALL)
    assert [one.records for one in state.open_sessions()] == [10]
    envelope = await state.finish(draft(1, 15), sign, replace(ADMIT_ALL, settle=settled(5)))
    assert state.open_sessions() == []
    assert state.receipts_after(0, 10) == [envelope]
    assert (state.used(GRANT_ID, DAY), state.used(GRANT_ID, "2026-11-23"), state.used("G-2", DAY)) == (
        15,
        0,
        0,
    )


async def test_a_charge_that_is_refused_changes_nothing(state: State) -> None:
    await state.open_session(draft(1), admit_all)
    await state.answer(draft(1, 10), ADMIT_ALL)
    with refused("QUOTA_EXCEEDED"):
        await state.answer(draft(1, 20), replace(ADMIT_ALL, admit=refuse_records))
    with refused("QUOTA_EXCEEDED"):
        await state.finish(draft(1, 20), sign, replace(ADMIT_ALL, admit=refuse_records))
    assert [one.records for one in state.open_sessions()] == [10]
    assert (state.used(GRANT_ID, DAY), state.last_sequence()) == (10, 0)


async def test_a_session_that_is_refused_is_not_journaled(state: State) -> None:
    with refused("QUOTA_EXCEEDED"):
        await state.open_session(draft(1), refuse)
    assert state.open_sessions() == []


def suspension() -> GrantChange:
    return GrantChange(
        grant_id=GRANT_ID,
        state=GrantState.GRANT_STATE_SUSPENDED,
        cause=ChangeCause.CHANGE_CAUSE_SEQUENCE,
        reason="walks",
    )


@pytest.mark.parametrize("final", [False, True], ids=["answer", "finish"])
async def test_guards_that_trip_suspend_the_grant_and_charge_nothing(state: State, *, final: bool) -> None:
    def guard(stored: bytes) -> bytes | GrantChange:
        return suspension() if stored == b"near" else b"near"

    charge = replace(
        ADMIT_ALL,
        guard=guard,
        sign_change=lambda change: Envelope(payload=change.SerializeToString()),
        attempts=bytes(16),
    )
    await state.open_session(draft(1), admit_all)
    await state.answer(draft(1, 10), charge)
    with refused("GRANT_NOT_ACTIVE", "grant") as caught:
        if final:
            await state.finish(draft(1, 20), sign, charge)
        else:
            await state.answer(draft(1, 20), charge)
    assert caught.value.details == {"state": "SUSPENDED", "by": "PROVIDER", "cause": "SEQUENCE"}
    assert [one.records for one in state.open_sessions()] == [10]
    assert (state.used(GRANT_ID, DAY), state.last_sequence()) == (10, 0)
    assert len(state.attempts.log.entries(GRANT_ID, DAY)) == 1
    (notice,) = state.grants.notices(0, 10)
    assert GrantChange.FromString(notice.envelope.payload).number == 1
    # Nobody is charged any more, whatever the guards would say.
    with refused("GRANT_NOT_ACTIVE"):
        await state.answer(draft(1, 20), ADMIT_ALL)


async def test_receipts_are_numbered_and_chained(state: State) -> None:
    for number in range(1, 5):
        await state.open_session(draft(number), admit_all)
        await state.cut(draft(number), sign)
    envelopes = state.receipts_after(0, 100)
    found = [Receipt.FromString(envelope.payload) for envelope in envelopes]
    assert [receipt.sequence for receipt in found] == [1, 2, 3, 4]
    hashes = [payload_hash(envelope.payload) for envelope in envelopes]
    assert [receipt.previous_hash for receipt in found] == [FIRST_PREVIOUS_HASH, *hashes[:-1]]
    assert state.receipts_after(2, 1) == envelopes[2:3]
    assert state.receipts_after(4, 10) == []
    assert state.last_sequence() == 4


async def test_everything_is_there_after_a_restart(tmp_path: Path, material: Material) -> None:
    state = State(tmp_path / "state")
    given = grant()
    await state.grants.put(given.id, material.envelope(given), "王建国")
    await state.grants.mark_recorded(given.id)
    await state.set_published("vehicle-owners")
    await state.open_session(draft(1), admit_all)
    await state.open_session(draft(2), admit_all)
    await state.answer(draft(1, 10), ADMIT_ALL)
    await state.cut(draft(2), sign)
    await state.set_delivered_through(1)
    state.close()

    state = State(tmp_path / "state")
    stored = state.grants.get(given.id)
    assert stored is not None
    assert (stored.grant, stored.recorded) == (given, True)
    assert [one.records for one in state.open_sessions()] == [10]
    assert (state.used(GRANT_ID, DAY), state.last_sequence(), state.delivered_through()) == (10, 1, 1)
    assert state.published() == {"vehicle-owners"}
    state.close()


async def test_grants_pending_and_dropped(state: State, material: Material) -> None:
    for grant_id in ("G-1", "G-2", "G-3"):
        given = grant()
        given.id = grant_id
        await state.grants.put(grant_id, material.envelope(given), "王建国")
    await state.grants.mark_recorded("G-2")
    await state.grants.drop("G-3")
    assert [stored.grant.id for stored in state.grants.all()] == ["G-1", "G-2"]
    assert [stored.grant.id for stored in state.grants.pending()] == ["G-1"]
    assert state.grants.get("G-3") is None


@pytest.mark.parametrize("grant_id", ["", "G" * 512, "号" * 200])
def test_an_id_that_no_grant_can_have_is_of_no_grant(state: State, grant_id: str) -> None:
    assert state.grants.get(grant_id) is None


async def test_what_waits_for_the_platform(state: State) -> None:
    assert state.undelivered_since() is None
    await state.cut(draft(1), sign)
    assert state.undelivered_since() == NOW
    await state.set_delivered_through(1)
    assert state.undelivered_since() is None


async def test_a_full_state_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    state = State(tmp_path / "state", map_bytes=64 << 10)
    stored = 0
    with refused("STORAGE_FULL"):
        for stored in count():
            await state.open_session(draft(stored), admit_all)
            await state.cut(draft(stored), sign)
    left = len(state.open_sessions())
    state.close()

    state = State(tmp_path / "state")
    assert (state.last_sequence(), len(state.open_sessions())) == (stored, left)
    for one in state.open_sessions():
        one.end = SessionEnd.SESSION_END_NODE_CRASHED
        await state.cut(one, sign)
    found = [Receipt.FromString(envelope.payload) for envelope in state.receipts_after(0, 10_000)]
    assert len({receipt.session_id for receipt in found}) == len(found) == stored + left
    state.close()


_FILL = """
import asyncio, resource, sys
from pathlib import Path
from provider_node.store.state import State
from provider_node.store.usage import Charge
from stayput.errors import StayputError
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

async def fill():
    state = State(Path(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    stored = 0
    try:
        while True:
            draft = Receipt(session_id=stored.to_bytes(16, "big"), purpose="x" * 300)
            await state.cut(draft, lambda receipt: Envelope(payload=receipt.SerializeToString()))
            stored += 1
    except StayputError as error:
        print(error.reason_name, stored)

asyncio.run(fill())
"""


def test_a_full_disk_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    # The system lets a file of that process grow only so far, which is what a full disk looks like.
    ran = subprocess.run(
        [sys.executable, "-c", _FILL, str(tmp_path / "state")], capture_output=True, text=True, check=True
    )
    reason, stored = ran.stdout.split()
    assert reason == "STORAGE_FULL"
    state = State(tmp_path / "state")
    assert state.last_sequence() == int(stored) > 10
    state.close()


def test_damaged_files_are_told_as_such(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    state.close()
    (tmp_path / "state" / "data.mdb").write_bytes(b"damaged" * 10_000)
    with refused("CONFIGURATION_INVALID", "node.data"):
        State(tmp_path / "state")


def test_only_the_owner_can_read_it(state: State, tmp_path: Path) -> None:
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o077 for file in (tmp_path / "state").iterdir()} == {0}
