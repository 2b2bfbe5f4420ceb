"""A connection that breaks under way: what was answered stays, the rest is asked again and not paid twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import pytest

from stayput.errors import StayputError
from stayput.receipts import opener_from_file
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput_client import Client, Comparison, CutShort, Mode
from stayput_client.list_comparison import ListJob, compare_list
from stayput_client.lists import ClerksList
from stayput_client.models.vocabulary import Granularity
from stayput_client.oblivious import ObliviousAgreed, count
from stayput_client.proving import prove_list
from stayput_client.record_comparison import batches_of, compare_records
from stayput_client.session import Request
from tests.client.servicers.oblivious import ObliviousPeer
from tests.client.servicers.proxy import Proxy
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"
RECORDS = [{KEY: resident_id(serial), "name": "张三"} for serial in range(22)]
CHUNK, CHUNKS = 4, 6
AT_ONCE = (0.0, 0.0)
Hook = Callable[[int], Awaitable[None]]


@pytest.fixture
async def proxy(world: World, node: ObliviousPeer) -> AsyncIterator[Proxy]:
    node.chunk_records = CHUNK
    entry = world.catalogue.resources[RESOURCE]
    async with Proxy(int(entry.address.rpartition(":")[2])) as between:
        entry.address = f"127.0.0.1:{between.port}"
        yield between


async def agreed(
    client: Client,
    world: World,
    granularity: Granularity = Granularity.RECORD,
    heard: Callable[[int, int], None] = lambda _done, _total: None,
) -> ObliviousAgreed:
    request = Request(RESOURCE, KEY, ("name",), Mode.OBLIVIOUS, granularity, "", "", "", None)
    root = world.home / "fingerprints"
    return ObliviousAgreed(await client._agreeing.agree(request), root, heard, AT_ONCE)


async def compare(client: Client, world: World) -> Comparison:
    return await compare_records(await agreed(client, world), RECORDS)


def once(at: int, do: Callable[[], None]) -> Hook:
    """Does something before the message of that number, the first time."""
    done: list[int] = []

    async def before(number: int) -> None:
        if number == at and not done:
            done.append(number)
            do()

    return before


def refusing(reason: ErrorReason.ValueType) -> Callable[[], None]:
    def refuse() -> None:
        raise StayputError(reason, "not now")

    return refuse


@pytest.mark.parametrize("at", range(CHUNKS))
async def test_a_connection_cut_at_a_chunk(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy, at: int
) -> None:
    node.lies.before_chunk = once(at, proxy.cut)
    done = await compare(client, world)
    node.chunk_records = 8_192
    assert done.results == (await compare(client, world)).results
    assert proxy.cuts == 1
    assert node.used_today["G-1"] == 4 * len(RECORDS)
    assert len(set(node.asked[:-1])) == CHUNKS
    assert done.receipt is not None
    again = sum(node.chunk_sizes[:-1]) - len(RECORDS)
    assert done.receipt.receipt.repeated_elements == 2 * again


@pytest.mark.parametrize("at", [0, CHUNKS - 1])
async def test_a_connection_cut_before_a_proof(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy, at: int
) -> None:
    node.lies.before_proof = once(at, proxy.cut)
    done = await compare(client, world)
    assert [one.outcome for one in done.results] == ["MATCH"] * 2 + ["NOT_FOUND"] * 20
    assert node.used_today["G-1"] == 2 * len(RECORDS)
    assert done.receipt is not None
    # The receipt comes before the last proof: then there are both, besides that of fetching.
    sessions = [done.receipt, *done.summary.further_receipts][:-1]
    assert len(sessions) == 1 + (at == CHUNKS - 1)
    assert sum(one.receipt.repeated_elements for one in sessions) > 0


@pytest.mark.parametrize(
    "reason",
    [
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
        ErrorReason.ERROR_REASON_SESSION_CUT,
        ErrorReason.ERROR_REASON_TICKET_EXPIRED,
    ],
)
async def test_a_node_that_ends_the_session_is_asked_again_with_a_new_ticket(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy, reason: ErrorReason.ValueType
) -> None:
    node.lies.before_chunk = once(2, refusing(reason))
    done = await compare(client, world)
    assert len(done.results) == len(RECORDS)
    assert (node.used_today["G-1"], world.access.tickets) == (2 * len(RECORDS), 2)


async def test_a_node_that_comes_back_slowly_is_waited_for(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy
) -> None:
    async def down(number: int) -> None:
        if number == 1 and node.caught_up:
            node.caught_up = False
            proxy.cut()

    node.lies.before_chunk = down
    ready = await agreed(client, world)
    waits = _Waits(node)
    done = await compare_records(replace(ready, waits=waits), RECORDS)
    assert len(done.results) == len(RECORDS)
    assert waits.asked == [0, 1, 2]


class _Waits(Sequence[float]):
    """The node has caught up when the third wait is asked for."""

    def __init__(self, node: ObliviousPeer) -> None:
        self._node = node
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 5

    @overload
    def __getitem__(self, at: int) -> float: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[float]: ...

    def __getitem__(self, at: int | slice) -> float | Sequence[float]:
        assert isinstance(at, int)
        self.asked.append(at)
        self._node.caught_up = len(self.asked) == 3
        self._node.lies.before_chunk = _nothing
        return 0.0


async def _nothing(_: int) -> None:
    """Nothing more happens."""


async def test_the_part_after_the_break_can_be_proved(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy, tmp_path: Path
) -> None:
    rows = [[one[KEY], one["name"]] for one in RECORDS]
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(map(",".join, [[KEY, "name"], *rows])), "utf-8")
    node.lies.before_chunk = once(5, proxy.cut)
    done = await compare(client, world)
    assert done.receipt is not None
    opener = done.receipt.opener
    assert opener.first_chunk > 0
    assert opener_from_file(done.receipt.to_file()) == opener
    prove_list(done.receipt.receipt, opener, ClerksList.open(listed), {})
    rows[-1][1] = "张四"
    listed.write_text("\n".join(map(",".join, [[KEY, "name"], *rows])), "utf-8")
    with pytest.raises(StayputError, match="EVIDENCE_INVALID") as caught:
        prove_list(done.receipt.receipt, opener, ClerksList.open(listed), {})
    assert caught.value.field == "list"


async def test_a_receipt_that_was_missing_is_got_by_a_session_about_nothing(
    world: World, client: Client, node: ObliviousPeer, tmp_path: Path
) -> None:
    receipts: list[Receipt] = []

    def lost(receipt: Receipt) -> None:
        receipts.append(receipt)
        if len(receipts) == 2:
            # Whatever was sent before arrives before this does, which a cut connection would not promise.
            raise StayputError(ErrorReason.ERROR_REASON_SHUTTING_DOWN, "stopping")

    node.faults.receipt = lost
    node.chunk_records = 8_192
    node.lies.late_receipt = True
    done = await compare(client, world)
    assert done.receipt is not None
    assert (done.receipt.receipt.records, done.receipt.receipt.elements) == (0, 0)
    assert len(done.results) == len(RECORDS)
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join([f"{KEY},name", *(f"{one[KEY]},{one['name']}" for one in RECORDS)]), "utf-8")
    prove_list(done.receipt.receipt, done.receipt.opener, ClerksList.open(listed), {})


async def test_a_node_that_does_not_come_back_cuts_the_comparison_short(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy, tmp_path: Path
) -> None:
    async def gone(number: int) -> None:
        if number == 4:
            await proxy.stop()

    node.lies.before_chunk = gone
    job = listed_job(tmp_path)
    with pytest.raises(CutShort) as caught:
        await compare_list(await agreed(client, world), job, None)
    assert caught.value.reason_name == "CONNECTION_FAILED"
    summary = caught.value.summary
    assert 0 < summary.not_answered < len(RECORDS)
    assert summary.out_path == tmp_path / "out.partial.csv"
    answered = summary.out_path.read_text("utf-8").splitlines()[1:]
    assert sum(line.endswith(",NOT_ANSWERED") for line in answered) == summary.not_answered


@pytest.mark.parametrize(
    "reason", [ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE]
)
async def test_what_the_node_refuses_is_not_tried_again(
    world: World,
    client: Client,
    node: ObliviousPeer,
    proxy: Proxy,
    tmp_path: Path,
    reason: ErrorReason.ValueType,
) -> None:
    node.lies.before_chunk = once(4, refusing(reason))
    with pytest.raises(CutShort) as caught:
        await compare_list(await agreed(client, world), listed_job(tmp_path), None)
    assert caught.value.reason == reason
    assert world.access.tickets == 1


async def test_a_node_that_is_not_there_at_first_is_not_waited_for(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy
) -> None:
    ready = await agreed(client, world)
    await compare_records(ready, RECORDS[:1])
    await proxy.stop()
    with pytest.raises(StayputError, match="CONNECTION_FAILED"):
        await compare_records(replace(ready, waits=(3_600.0,)), RECORDS)


async def test_another_generation_after_the_break_cuts_the_comparison_short(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy, tmp_path: Path
) -> None:
    def switched() -> None:
        node.generation = "generation-8"
        proxy.cut()

    node.lies.before_chunk = once(4, switched)
    with pytest.raises(CutShort) as caught:
        await compare_list(await agreed(client, world), listed_job(tmp_path), None)
    assert caught.value.reason_name == "GENERATION_CHANGED"
    assert 0 < caught.value.summary.not_answered < len(RECORDS)


async def test_another_generation_than_described_is_asked_nothing(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy
) -> None:
    ready = await agreed(client, world)
    await compare_records(ready, RECORDS[:1])
    node.generation = "generation-8"
    with pytest.raises(StayputError, match="GENERATION_CHANGED"):
        await compare_records(ready, RECORDS)
    assert len(node.asked) == 1


async def test_fetching_goes_on_where_it_broke(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy
) -> None:
    # What is on its way when a connection ends is lost, so it is cut only when a block has come.
    came = asyncio.Event()

    async def cut_at_the_fifth(number: int) -> None:
        if number == 4 and not proxy.cuts:
            await came.wait()
            proxy.cut()

    node.block_fingerprints, node.lies.before_block = 1, cut_at_the_fifth
    ready = await agreed(client, world, heard=lambda _done, _total: came.set())
    done = await compare_records(ready, RECORDS)
    assert len(done.results) == len(RECORDS)
    first, second = (list(one.held) for one in node.fetches)
    assert first == [0, 0]
    assert first < second
    assert sum(second) <= 4
    assert done.summary.further_receipts[-1].receipt.fetch.fingerprints == 2 + 4 - sum(second)


async def test_counting_begins_again_and_is_paid_once(
    world: World, client: Client, node: ObliviousPeer, proxy: Proxy
) -> None:
    node.lies.before_chunk = once(CHUNKS - 1, proxy.cut)
    ready = await agreed(client, world, Granularity.COUNT)
    batches = batches_of(ready.question, iter(RECORDS), ready.chunk_records)
    counted = await count(ready, batches, lambda _: None)
    assert (counted.asked, counted.matched) == ((22, 22), (2, 1))
    assert node.used_today["G-1"] == 2 * len(RECORDS)
    assert set(node.asked[:-CHUNKS]) <= set(node.asked[-CHUNKS:])
    assert counted.concluded is not None
    assert counted.concluded.receipt.receipt.repeated_elements > 0


def listed_job(directory: Path) -> ListJob:
    listed = directory / "list.csv"
    listed.write_text("\n".join([f"{KEY},name", *(f"{one[KEY]},{one['name']}" for one in RECORDS)]), "utf-8")
    return ListJob.open(listed, directory / "out.csv", {}, None, ",", force=False)
