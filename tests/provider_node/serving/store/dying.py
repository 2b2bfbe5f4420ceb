"""A process that kills itself at a named point of a write to the node's state.

`python -m tests.provider_node.serving.store.dying DIRECTORY WRITE POINT`: a session is opened and has 10
records answered; then WRITE (open_session, answer, finish or cut) is begun and the process gets SIGKILL at
POINT: before the commit that holds it, or after that commit and before whoever asked for it hears of it.
"""

import asyncio
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

import lmdb
import numpy as np

from provider_node.store import writer
from provider_node.store.attempts import Reservation
from provider_node.store.state import State
from provider_node.store.usage import Charge, Settle
from stayput.v1.access_pb2 import GrantChange
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

DAY, GRANT_ID = "2026-11-22", "G-1"


def draft(session: bytes, records: int) -> Receipt:
    """A session's receipt as far as it has got."""
    return Receipt(session_id=session * 16, grant_id=GRANT_ID, records=records)


def sign(receipt: Receipt) -> Envelope:
    """An envelope without a signature: the state does not look at it."""
    return Envelope(payload=receipt.SerializeToString())


def settled(records: int) -> Settle:
    """What costs so many records and nothing else."""
    return lambda _txn, _draft: records


def _admit(_: int) -> None:
    return


def _admit_records(_: int, __: int) -> None:
    return


def charge(records: int, attempts: bytes = b"") -> Charge:
    """What so many records cost, by guards that count them."""
    return Charge(settled(records), DAY, _admit_records, partial(_guard, records), _never, attempts)


def _guard(records: int, stored: bytes) -> bytes:
    return (int.from_bytes(stored, "big") + records).to_bytes(8, "big")


def _never(_: GrantChange) -> Envelope:
    raise AssertionError("nothing is suspended")


def asked(state: State, *questions: int) -> Reservation:
    """An answer that asks these questions about subject 7."""
    reservation = state.attempts.answering(GRANT_ID, DAY)
    subjects = np.full(len(questions), 7, np.uint64)
    reservation.reserve(subjects, np.array(questions, np.uint64), 100)
    return reservation


def _die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before_telling(future: "asyncio.Future[object]", result: object, failure: Exception | None) -> None:
    _die((future, result, failure))


async def _write(state: State, write: str) -> None:
    match write:
        case "open_session":
            await state.open_session(draft(b"2", 0), _admit)
        case "answer":
            await state.answer(draft(b"1", 15), charge(5, asked(state, 3, 4).logged()))
        case "finish":
            await state.finish(draft(b"1", 15), sign, charge(5, asked(state, 3, 4).logged()))
        case "cut":
            await state.cut(draft(b"1", 10), sign)


async def main(directory: str, write: str, point: str) -> None:
    """Never returns."""
    state = State(Path(directory))
    await state.open_session(draft(b"0", 0), _admit)
    await state.cut(draft(b"0", 0), sign)
    await state.open_session(draft(b"1", 0), _admit)
    with asked(state, 1, 2) as attempts:
        await state.answer(draft(b"1", 10), charge(10, attempts.logged()))
    if point == "after commit":
        writer._resolve = _die_before_telling
        await _write(state, write)
    loop, go = asyncio.get_running_loop(), threading.Event()

    def hold(_: lmdb.Transaction) -> None:
        go.wait()

    # The writer takes what waits into one commit: the write, and after it the end of the process.
    state._writer._jobs.put((hold, loop, loop.create_future()))
    writing = asyncio.create_task(_write(state, write))
    await asyncio.sleep(0)
    state._writer._jobs.put((_die, loop, loop.create_future()))
    go.set()
    await writing


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
