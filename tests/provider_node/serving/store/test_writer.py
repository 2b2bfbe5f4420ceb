"""Group commit: what shares a commit, what fails alone, what happens at the end."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from provider_node.store.writer import GroupWriter, storage_error
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving.consumer import refused


@pytest.fixture
def env(tmp_path: Path) -> Iterator[lmdb.Environment]:
    opened = lmdb.open(str(tmp_path / "env"), map_size=1 << 20)
    yield opened
    opened.close()


@pytest.fixture
def writer(env: lmdb.Environment) -> Iterator[GroupWriter]:
    made = GroupWriter(env)
    yield made
    made.close()


def commits(env: lmdb.Environment) -> int:
    return int(env.info()["last_txnid"])


def put(key: bytes, value: bytes = b"x") -> "Write":
    return Write(key, value)


class Write:
    """A write function that puts one value; raises if told to, after the put."""

    def __init__(self, key: bytes, value: bytes, failure: Exception | None = None) -> None:
        self._key, self._value, self._failure = key, value, failure

    def __call__(self, txn: lmdb.Transaction) -> bytes:
        txn.put(self._key, self._value)
        if self._failure:
            raise self._failure
        return self._key


class Hold:
    """A write function that keeps the writer busy until it is released."""

    def __init__(self) -> None:
        self.busy, self._go = asyncio.Event(), threading.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, _: lmdb.Transaction) -> None:
        self._loop.call_soon_threadsafe(self.busy.set)
        self._go.wait()

    def release(self) -> None:
        self._go.set()


async def held(writer: GroupWriter) -> tuple[Hold, "asyncio.Task[None]"]:
    hold = Hold()
    task = asyncio.create_task(writer.write(hold))
    await hold.busy.wait()
    return hold, task


def keys(env: lmdb.Environment) -> list[bytes]:
    with env.begin() as txn, txn.cursor() as cursor:
        return list(cursor.iternext(values=False))


async def test_writes_that_wait_share_one_commit(writer: GroupWriter, env: lmdb.Environment) -> None:
    hold, first = await held(writer)
    before = commits(env)
    waiting = [asyncio.create_task(writer.write(put(b"%03d" % n))) for n in range(100)]
    await asyncio.sleep(0)
    hold.release()
    await first
    assert await asyncio.gather(*waiting) == [b"%03d" % n for n in range(100)]
    # The one that was held wrote nothing, so LMDB counts no commit for it.
    assert commits(env) - before == 1
    assert len(keys(env)) == 100


async def test_a_write_is_durable_when_it_returns(writer: GroupWriter, env: lmdb.Environment) -> None:
    before = commits(env)
    await writer.write(put(b"a"))
    assert commits(env) == before + 1
    await writer.write(put(b"b"))
    assert commits(env) == before + 2


async def test_a_write_that_fails_undoes_only_itself(writer: GroupWriter, env: lmdb.Environment) -> None:
    hold, first = await held(writer)
    failure = StayputError(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, "no room", remedy="wait")
    tasks = [
        asyncio.create_task(writer.write(write))
        for write in (put(b"a"), Write(b"b", b"x", failure), put(b"c"), Write(b"a", b"y", KeyError("bug")))
    ]
    await asyncio.sleep(0)
    hold.release()
    await first
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[:3] == [b"a", failure, b"c"]
    assert isinstance(results[3], KeyError)
    assert keys(env) == [b"a", b"c"]
    with env.begin() as txn:
        assert txn.get(b"a") == b"x"


async def test_a_full_map_is_told_as_such_and_only_to_who_filled_it(
    writer: GroupWriter, env: lmdb.Environment
) -> None:
    hold, first = await held(writer)
    small = asyncio.create_task(writer.write(put(b"small")))
    large = asyncio.create_task(writer.write(put(b"large", bytes(2 << 20))))
    after = asyncio.create_task(writer.write(put(b"after")))
    await asyncio.sleep(0)
    hold.release()
    await first
    with refused("STORAGE_FULL"):
        await large
    assert (await small, await after) == (b"small", b"after")
    assert keys(env) == [b"after", b"small"]


def test_damage_is_not_called_a_full_disk() -> None:
    assert storage_error(lmdb.CorruptedError("mdb_get")).reason_name == "INTERNAL"


async def test_closing_finishes_what_waits(env: lmdb.Environment) -> None:
    writer = GroupWriter(env)
    hold, first = await held(writer)
    waiting = [asyncio.create_task(writer.write(put(b"%03d" % n))) for n in range(300)]
    await asyncio.sleep(0)
    hold.release()
    writer.close()
    assert len(keys(env)) == 300
    await asyncio.gather(first, *waiting)


async def test_a_write_after_closing_fails_at_once(env: lmdb.Environment) -> None:
    writer = GroupWriter(env)
    writer.close()
    with refused("SHUTTING_DOWN"):
        await writer.write(put(b"a"))
    assert keys(env) == []


async def test_a_cancelled_caller_does_not_undo_its_write(writer: GroupWriter, env: lmdb.Environment) -> None:
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    hold, first = await held(writer)
    call = asyncio.create_task(writer.write(put(b"a")))
    failing = asyncio.create_task(writer.write(Write(b"b", b"x", KeyError("bug"))))
    await asyncio.sleep(0)
    call.cancel()
    failing.cancel()
    hold.release()
    await first
    for cancelled in (call, failing):
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    await writer.write(put(b"c"))
    assert (keys(env), faults) == ([b"a", b"c"], [])


async def test_a_caller_whose_loop_is_gone_does_not_stop_the_writer(
    writer: GroupWriter, env: lmdb.Environment
) -> None:
    hold, first = await held(writer)

    def call_and_leave() -> None:
        loop = asyncio.new_event_loop()
        call = loop.create_task(writer.write(put(b"a")))
        loop.call_soon(loop.stop)
        loop.run_forever()
        call.cancel()
        loop.run_until_complete(asyncio.gather(call, return_exceptions=True))
        loop.close()

    await asyncio.to_thread(call_and_leave)
    hold.release()
    await first
    await writer.write(put(b"b"))
    assert keys(env) == [b"a", b"b"]
