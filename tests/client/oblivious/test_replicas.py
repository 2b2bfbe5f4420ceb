"""A node with replicas in oblivious mode: one generation for a list, wherever its sessions are opened."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import Description
from stayput_client import Client, Comparison, Mode
from stayput_client.models.vocabulary import Granularity
from stayput_client.oblivious import ObliviousAgreed, count
from stayput_client.record_comparison import batches_of, compare_records
from stayput_client.session import Request
from tests.client.machines import Machine, machines
from tests.client.servicers.faults import Faults
from tests.client.servicers.oblivious import ObliviousFaults, ObliviousPeer
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"
RECORDS = [{KEY: resident_id(serial), "name": "张三"} for serial in range(22)]
ELEMENTS = 2 * len(RECORDS)
CHUNKS = 6


@dataclass
class Two:
    """Two machines of the node, and what answers at them."""

    running: list[Machine]
    peers: list[ObliviousPeer]


@pytest.fixture
async def two(world: World, node: ObliviousPeer) -> AsyncIterator[Two]:
    node.chunk_records = 4
    async with machines(world, 2) as running:
        peers: list[ObliviousPeer] = []
        for machine in running:
            assert isinstance(machine.peer, ObliviousPeer)
            machine.peer.lies = ObliviousFaults()
            peers.append(machine.peer)
        yield Two(running, peers)


async def agreed(
    client: Client, world: World, granularity: Granularity = Granularity.RECORD
) -> ObliviousAgreed:
    request = Request(RESOURCE, KEY, ("name",), Mode.OBLIVIOUS, granularity, "", "", "", None)
    root = world.home / "fingerprints"
    ready = await client._agreeing.agree(request)
    return ObliviousAgreed(ready, root, lambda _done, _total: None, (0.0, 0.0))


async def compare(client: Client) -> Comparison:
    return await client.compare(RECORDS, resource=RESOURCE, key=KEY, checks=["name"], mode=Mode.OBLIVIOUS)


def cutting(two: Two, at: int) -> None:
    """Whichever machine is at chunk `at` first goes away for good."""
    gone: list[int] = []

    def before(number: int) -> Callable[[int], Awaitable[None]]:
        async def chunk(sequence: int) -> None:
            if sequence == at and not gone:
                gone.append(number)
                await two.running[number].proxy.stop()

        return chunk

    for number, peer in enumerate(two.peers):
        peer.lies.before_chunk = before(number)


async def test_sessions_are_spread_and_fingerprints_fetched_once(
    client: Client, node: ObliviousPeer, two: Two
) -> None:
    done = [await compare(client) for _ in range(3)]
    # One fetches, all three evaluate.
    assert [machine.sessions for machine in two.running] == [2, 2]
    assert len(node.fetches) == 1
    assert done[0].results == done[1].results == done[2].results


@pytest.mark.parametrize("at", [0, 3, CHUNKS - 1])
async def test_after_a_break_the_list_goes_on_elsewhere_and_is_paid_once(
    world: World, client: Client, node: ObliviousPeer, two: Two, at: int
) -> None:
    cutting(two, at)
    done = await compare_records(await agreed(client, world), RECORDS)
    assert [one.outcome for one in done.results] == ["MATCH"] * 2 + ["NOT_FOUND"] * 20
    assert node.used_today["G-1"] == ELEMENTS
    assert len(set(node.asked)) == CHUNKS


async def test_counting_begins_again_elsewhere_and_is_paid_once(
    world: World, client: Client, node: ObliviousPeer, two: Two
) -> None:
    cutting(two, CHUNKS - 1)
    ready = await agreed(client, world, Granularity.COUNT)
    counted = await count(ready, batches_of(ready.question, iter(RECORDS), 4), lambda _: None)
    assert (counted.asked, counted.matched) == ((22, 22), (2, 1))
    assert node.used_today["G-1"] == ELEMENTS


async def test_a_machine_that_opens_no_session_is_passed_over(
    client: Client, node: ObliviousPeer, two: Two
) -> None:
    two.peers[0].caught_up = False
    for _ in range(3):
        await compare(client)
    assert [machine.sessions for machine in two.running] == [0, 4]
    assert node.used_today["G-1"] == 3 * ELEMENTS


async def test_before_a_session_was_open_nobody_waits_for_a_node_that_is_away(
    world: World, client: Client, two: Two
) -> None:
    for peer in two.peers:
        peer.caught_up = False
    with pytest.raises(StayputError, match="CATCHING_UP: no address of the node would do"):
        await compare_records(await agreed(client, world), RECORDS)
    assert [machine.described for machine in two.running] == [1, 1]


@contextmanager
def _switched(two: Two, number: int) -> Iterator[None]:
    """One machine is a generation ahead for a while."""
    two.peers[number].generation = "generation-8"
    yield
    two.peers[number].generation = two.peers[1 - number].generation


@pytest.mark.parametrize("ahead", [0, 1])
async def test_a_list_keeps_to_the_generation_that_it_began_with(
    client: Client, node: ObliviousPeer, two: Two, ahead: int
) -> None:
    with _switched(two, ahead):
        done = [await compare(client) for _ in range(3)]
    assert len({one.summary.generation for one in done}) == 1
    assert sorted(machine.sessions for machine in two.running) == [0, 4]


async def test_a_machine_that_switches_after_it_was_described_is_left_out(
    world: World, client: Client, two: Two
) -> None:
    ready = await agreed(client, world)
    await compare_records(ready, RECORDS)
    await compare_records(ready, RECORDS)
    with _switched(two, 0):
        done = [await compare_records(ready, RECORDS) for _ in range(2)]
    assert {one.summary.generation for one in done} == {two.peers[1].generation}
    with _switched(two, 0):
        two.peers[1].generation = "generation-9"
        with pytest.raises(StayputError, match="GENERATION_CHANGED"):
            await compare_records(ready, RECORDS)


async def test_a_machine_whose_keys_are_not_the_published_ones_is_not_agreed_with(
    client: Client, two: Two
) -> None:
    def other(said: Description) -> None:
        said.oblivious.key_epoch = "f" * 16

    two.running[0].faulty(Faults(description=other))
    for _ in range(2):
        await compare(client)
    assert [machine.sessions for machine in two.running] == [0, 3]
    two.running[1].faulty(Faults(description=other))
    two.running[1].peer.caught_up = False
    with pytest.raises(StayputError, match="CATCHING_UP"):
        await compare(client)
    with pytest.raises(StayputError, match="PROOF_INVALID: no address of the node would do"):
        await compare(client)
