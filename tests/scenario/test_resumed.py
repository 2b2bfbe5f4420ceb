"""Oblivious mode over a connection that is cut, and with a node that dies: all is paid once."""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from examples.deployment import EXAMPLES
from stayput_client import Client, Mode
from stayput_client.comparing import Ended
from stayput_client.models.vocabulary import Granularity
from stayput_client.oblivious import ObliviousAgreed, agreed_obliviously
from stayput_client.question import Answered
from stayput_client.record_comparison import batches_of
from stayput_client.session import Request
from tests.client.servicers.proxy import Proxy
from tests.commands import Commands
from tests.world import CONSUMER, DEATHS, World

CHUNK = 20


class Sink:
    """Keeps what is said; `do` is called once, in a thread, when the third batch is."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self.answered: list[Answered] = []

    def render(self, payload: None, answered: Answered) -> Answered:
        return answered

    def take(self, rendered: Answered) -> None:
        self.answered.append(rendered)
        if len(self.answered) == 3:
            self._do()


class Case:
    """A consumer that reaches the node through `proxy` only."""

    def __init__(self, world: World, proxy: Proxy, client: Client) -> None:
        self.world, self.proxy, self.client = world, proxy, client

    async def agreed(self) -> ObliviousAgreed:
        request = Request(
            "deaths", "resident_id", ("name",), Mode.OBLIVIOUS, Granularity.RECORD, "tester", "", "", None
        )
        agreed = await self.client._agreeing.agree(request)
        small = replace(agreed, description=replace(agreed.description, chunk_records=CHUNK))
        return agreed_obliviously(small, self.client._home)

    async def compare(self, do: Callable[[], None] = lambda: None) -> tuple[Ended, list[Answered]]:
        ready, sink = await self.agreed(), Sink(do)
        batches = batches_of(ready.question, iter(applicants()), ready.chunk_records)
        return await ready.run(batches, sink), sink.answered

    async def used(self) -> int:
        (allowance,) = (await self.client.describe("deaths")).allowances
        return allowance.records_used_today


def applicants() -> list[Mapping[str, str]]:
    with (EXAMPLES / "applicants.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        return [{"resident_id": row["身份证号"] or "", "name": row["姓名"] or ""} for row in rows]


@pytest.fixture
async def case(tmp_path: Path, commands: Commands) -> AsyncIterator[Case]:
    with World(tmp_path, commands) as world:
        world.add_comparator()
        world.add_consumer(CONSUMER)
        world.add_node(DEATHS)
        async with Proxy() as proxy:
            world.advertise(DEATHS, f"127.0.0.1:{proxy.port}")
            proxy.target = int(world.open_node(DEATHS).rpartition(":")[2])
            world.grant(DEATHS, asking=("--mode", "oblivious"))
            async with Client.open(world.directory / CONSUMER) as client:
                yield Case(world, proxy, client)


async def test_what_is_not_answered_is_asked_again_and_paid_once(case: Case) -> None:
    loop = asyncio.get_running_loop()

    def cut() -> None:
        loop.call_soon_threadsafe(case.proxy.cut)

    ended, answered = await case.compare(cut)
    assert (ended.cut, case.proxy.cuts) == (None, 1)
    once = await case.used()

    def die() -> None:
        case.world.kill(DEATHS)
        case.world.start_node(DEATHS)

    after_death, again = await case.compare(die)
    assert after_death.cut is None
    twice = await case.used()
    uncut, expected = await case.compare()
    assert answered == again == expected
    assert uncut.concluded is not None
    elements = uncut.concluded.receipt.receipt.elements
    assert (once, twice, await case.used()) == (elements, 2 * elements, 3 * elements)
    for resumed in (ended, after_death):
        assert resumed.concluded is not None
        assert resumed.concluded.receipt.receipt.elements < elements
        assert resumed.concluded.receipt.opener.first_chunk >= 3
