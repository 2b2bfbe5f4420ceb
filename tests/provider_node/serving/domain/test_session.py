"""One session without gRPC: whenever its caller is cancelled, and whatever fails, one receipt is left."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import lmdb
import pytest

from provider_node.domain.by_record import chunk_records
from provider_node.domain.opening import Opening
from provider_node.store.state import SignReceipt, State
from provider_node.store.usage import AdmitSession, Charge
from provider_node.store.writer import storage_error
from stayput.identity import Caller
from stayput.rpc.tls import MAX_MESSAGE_BYTES
from stayput.v1.comparison_pb2 import SealedChunk
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, Clock, LocalNode, Material, grant

PEOPLE = [register.person(number) for number in range(10)]
TODAY = "2026-11-22"


class HeldState(State):
    """A state whose writer is busy from a named write on, until it is released."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.hold_at = self.full_at = ""
        self.reached = asyncio.Event()
        self._go = threading.Event()

    def release(self) -> None:
        self._go.set()

    def _at(self, write: str) -> None:
        if write == self.full_at:
            raise storage_error(lmdb.MapFullError("mdb_put"))
        if write == self.hold_at:
            loop = asyncio.get_running_loop()
            self._writer._jobs.put((self._wait, loop, loop.create_future()))
            self.reached.set()

    def _wait(self, _: lmdb.Transaction) -> None:
        self._go.wait()

    async def open_session(self, draft: Receipt, admit: AdmitSession) -> None:
        self._at("open_session")
        await super().open_session(draft, admit)

    async def answer(self, draft: Receipt, charge: Charge) -> None:
        self._at("answer")
        await super().answer(draft, charge)

    async def finish(self, draft: Receipt, sign: SignReceipt, charge: Charge) -> Envelope:
        self._at("finish")
        return await super().finish(draft, sign, charge)

    async def cut(self, draft: Receipt, sign: SignReceipt) -> Envelope:
        self._at("cut")
        return await super().cut(draft, sign)


@pytest.fixture
async def held(
    material: Material, clock: Clock, tmp_path: Path
) -> AsyncIterator[tuple[LocalNode, HeldState]]:
    state = HeldState(tmp_path / "state")
    node = LocalNode(material, state, clock)
    await node.give(grant())
    yield node, state
    state.release()
    state.close()


async def session(node: LocalNode, *chunks: tuple[int, bool], fail: bool = False) -> None:
    """A session with chunks of so many records, the final ones marked; then a failure, if wanted."""
    asking = node.asking()
    caller = Caller(CONSUMER, node.material.consumer.thumbprint)
    async with node.sessions.open(asking.open, caller) as opened:
        for sequence, (records, final) in enumerate(chunks):
            await opened.answer(asking.chunk(sequence, PEOPLE[:records], final=final))
        if fail:
            await opened.answer(SealedChunk(sequence=len(chunks), sealed=b"nonsense"))


async def settled(node: LocalNode) -> list[tuple[int, int]]:
    await node.sessions.all_closed()
    assert (node.sessions.open_count, node.state.open_sessions()) == (0, [])
    found: list[tuple[int, int]] = [(receipt.end, receipt.records) for receipt in node.receipts()]
    assert node.state.used(GRANT_ID, TODAY) == sum(records for _, records in found)
    return found


@pytest.mark.parametrize("checks", range(65))
def test_a_full_chunk_of_any_session_fits_into_a_message(checks: int) -> None:
    size = chunk_records(checks) * 16 * (1 + checks) + 16
    assert 1_000 <= chunk_records(checks) <= 8_192
    assert size + 1_024 < MAX_MESSAGE_BYTES


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    ("write", "end", "records"),
    [
        ("open_session", SessionEnd.SESSION_END_CUT_BY_CONSUMER, 0),
        ("answer", SessionEnd.SESSION_END_CUT_BY_CONSUMER, 10),
        ("finish", SessionEnd.SESSION_END_COMPLETE, 15),
    ],
)
async def test_a_cancelled_caller_neither_loses_nor_doubles_what_is_being_written(
    held: tuple[LocalNode, HeldState], write: str, end: int, records: int, times: int
) -> None:
    node, state = held
    state.hold_at = write
    call = asyncio.create_task(session(node, (10, False), (5, True)))
    await state.reached.wait()
    for _ in range(times):
        call.cancel()
        await asyncio.sleep(0)
    state.release()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await settled(node) == [(end, records)]


async def test_a_cancelled_caller_does_not_stop_the_cut(held: tuple[LocalNode, HeldState]) -> None:
    node, state = held
    state.hold_at = "cut"
    call = asyncio.create_task(session(node, (10, False), fail=True))
    await state.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert node.sessions.open_count == 1
    state.release()
    assert await settled(node) == [(SessionEnd.SESSION_END_CUT_BY_NODE, 10)]


async def test_a_cut_that_was_cancelled_is_waited_for(held: tuple[LocalNode, HeldState]) -> None:
    node, state = held
    state.hold_at = "cut"

    async def close_early() -> None:
        asking = node.asking()
        caller = Caller(CONSUMER, node.material.consumer.thumbprint)
        async with node.sessions.open(asking.open, caller) as opened:
            await opened.cut(SessionEnd.SESSION_END_CUT_BY_CONSUMER)

    call = asyncio.create_task(close_early())
    await state.reached.wait()
    for _ in range(2):
        call.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert node.sessions.open_count == 1
    state.release()
    assert await settled(node) == [(SessionEnd.SESSION_END_CUT_BY_CONSUMER, 0)]


async def test_a_caller_cancelled_by_a_stopping_node_was_cut_by_it(held: tuple[LocalNode, HeldState]) -> None:
    node, state = held
    state.hold_at = "answer"
    call = asyncio.create_task(session(node, (10, False)))
    await state.reached.wait()
    node.sessions.stop()
    call.cancel()
    state.release()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await settled(node) == [(SessionEnd.SESSION_END_CUT_BY_NODE, 10)]


async def test_a_fault_of_the_program_is_not_blamed_on_the_consumer(
    held: tuple[LocalNode, HeldState],
) -> None:
    node, _ = held
    asking = node.asking()
    caller = Caller(CONSUMER, node.material.consumer.thumbprint)
    with pytest.raises(ZeroDivisionError):
        async with node.sessions.open(asking.open, caller):
            raise ZeroDivisionError
    assert await settled(node) == [(SessionEnd.SESSION_END_CUT_BY_NODE, 0)]


@pytest.mark.parametrize(
    ("write", "receipts", "journal"),
    [
        ("open_session", [], []),
        ("answer", [(SessionEnd.SESSION_END_CUT_BY_NODE, 0)], []),
        ("finish", [(SessionEnd.SESSION_END_CUT_BY_NODE, 10)], []),
        # What could not be written as a receipt stays in the journal for the next start.
        ("cut", [], [15]),
    ],
)
async def test_a_state_that_is_full_is_told_and_loses_nothing(
    held: tuple[LocalNode, HeldState], write: str, receipts: list[tuple[int, int]], journal: list[int]
) -> None:
    node, state = held
    state.full_at = write
    with refused("STORAGE_FULL"):
        await session(node, (10, False), (5, write != "cut"), fail=True)
    await node.sessions.all_closed()
    assert node.sessions.open_count == 0
    assert [one.records for one in state.open_sessions()] == journal
    assert [(receipt.end, receipt.records) for receipt in node.receipts()] == receipts


async def test_an_answer_after_the_last_is_refused(held: tuple[LocalNode, HeldState]) -> None:
    node, _ = held
    with refused("PROTOCOL_VIOLATION", "chunk.sequence"):
        await session(node, (3, True), (3, True))
    assert await settled(node) == [(SessionEnd.SESSION_END_COMPLETE, 3)]


async def test_what_the_journal_says_becomes_the_receipt_of_a_crash(
    material: Material, clock: Clock, tmp_path: Path
) -> None:
    state = State(tmp_path / "state")
    node = LocalNode(material, state, clock)
    await node.give(grant())
    asking = node.asking()
    caller = Caller(CONSUMER, material.consumer.thumbprint)
    admitted = await node.desk.admit(asking.open, caller, clock.now)
    session_ = node.sessions._made(asking.open, admitted, clock.now, Opening.comparison)
    await session_.begin()
    await session_.answer(asking.chunk(0, PEOPLE))
    # The process ends here: nothing of the session is left but the files.
    state.close()

    clock.advance(minutes=5)
    state = State(tmp_path / "state")
    again = LocalNode(material, state, clock)
    assert await again.desk.recover() == 1
    (receipt,) = again.receipts()
    assert (receipt.end, receipt.records) == (SessionEnd.SESSION_END_NODE_CRASHED, 10)
    assert (receipt.request_commitment, receipt.response_commitment) == (b"", b"")
    assert (receipt.outcome_bytes, receipt.session_id) == (30, session_.opened.session_id)
    assert [sum(count.count for count in tally.counts) for tally in receipt.tallies] == [10, 10, 10]
    assert receipt.finished_at.ToDatetime() == clock.now.replace(tzinfo=None)
    assert await again.desk.recover() == 0
    assert state.used(GRANT_ID, TODAY) == 10
    state.close()
