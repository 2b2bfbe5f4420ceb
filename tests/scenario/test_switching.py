"""Generations that switch under load: no call fails, and no session mixes two of them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stayput.rpc.tls import local_channel
from stayput.v1.admin_pb2 import BuildRequest, ListGenerationsRequest, RollbackRequest
from stayput.v1.admin_pb2_grpc import NodeAdminServiceStub
from stayput_client import Client, Mode
from stayput_client.models.vocabulary import Granularity
from stayput_client.question import Answered
from stayput_client.record_comparison import batches_of
from stayput_client.results import OUTCOME_OF_CODE, Outcome
from stayput_client.session import Request
from tests.scenario.lists import resident_id
from tests.world import CONSUMER, DEATHS, World

PEOPLE, CLIENTS, SWITCHES, CHUNK = 120, 8, 20, 10
NAMES = {Outcome.MATCH: "张三", Outcome.MISMATCH: "李四"}
RECORDS = [{"resident_id": resident_id(number), "name": "张三"} for number in range(PEOPLE)]


def write_register(path: Path, name: str) -> None:
    """A register in which everybody has that name."""
    rows = "".join(f"{name},{record['resident_id']},2006-04-14\n" for record in RECORDS)
    path.write_text(f"姓名,身份证号,死亡日期\n{rows}", "utf-8")


class Sink:
    """Keeps what is said of the name of each record of a list."""

    def __init__(self) -> None:
        self.said: list[Outcome | None] = []

    def render(self, payload: None, answered: Answered) -> Answered:
        return answered

    def take(self, rendered: Answered) -> None:
        self.said += [OUTCOME_OF_CODE.get(code) for code in rendered.columns[1]]


@dataclass
class Load:
    """What the clients have seen: what sessions said of names, by the generation that their receipts name."""

    said: dict[str, set[Outcome | None]] = field(default_factory=dict)
    sessions: int = 0
    switches: int = 0
    spanned: int = 0
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def over(self) -> bool:
        return self.switches == SWITCHES

    async def add(self, generation: str, said: Sequence[Outcome | None], records: int, begun: int) -> None:
        """A session has ended that began after so many switches."""
        assert len(said) == records
        assert len(set(said)) == 1
        self.said.setdefault(generation, set()).update(said)
        self.spanned += begun != self.switches
        async with self.more:
            self.sessions += 1
            self.more.notify_all()

    async def switched(self) -> None:
        """Counts a switch and waits for a session that ends after it."""
        self.switches += 1
        sessions = self.sessions
        async with self.more:
            await self.more.wait_for(lambda: self.sessions > sessions)


async def ask_one_by_one(client: Client, load: Load, records: Sequence[Mapping[str, str]]) -> None:
    """Sessions of a single record."""
    while not load.over:
        for record in records:
            begun = load.switches
            done = await client.compare(
                [record], resource="deaths", key="resident_id", checks=["name"], operator="tester"
            )
            assert done.receipt is not None
            said = [result.checks["name"] for result in done.results]
            await load.add(done.receipt.receipt.generation, said, 1, begun)


async def ask_for_lists(client: Client, load: Load) -> None:
    """Sessions of many chunks."""
    request = Request(
        "deaths", "resident_id", ("name",), Mode.KEYED, Granularity.RECORD, "tester", "", "", None
    )
    while not load.over:
        begun, sink = load.switches, Sink()
        agreed = await client._agreeing.agree(request)
        agreed = replace(agreed, description=replace(agreed.description, chunk_records=CHUNK))
        ended = await agreed.run(batches_of(agreed.question, iter(RECORDS), CHUNK), sink)
        assert ended.cut is None
        assert ended.concluded is not None
        await load.add(ended.concluded.receipt.receipt.generation, sink.said, PEOPLE, begun)


async def switch(world: World, load: Load) -> dict[str, Outcome]:
    """Builds the other register, then goes back and forth; what each generation must say of names."""
    write_register(world.directory / DEATHS / "deaths.csv", NAMES[Outcome.MISMATCH])
    async with local_channel(str(world.directory / DEATHS / "data" / "run" / "admin.sock")) as channel:
        node = NodeAdminServiceStub(channel)
        async for _ in node.Build(BuildRequest(resource="deaths")):
            pass
        listed = (await node.ListGenerations(ListGenerationsRequest(resource="deaths"))).generations
        second, first = (one.generation for one in listed)
        await load.switched()
        while not load.over:
            generation = (first, second)[1 - load.switches % 2]
            await node.Rollback(RollbackRequest(resource="deaths", generation=generation))
            await load.switched()
    return {first: Outcome.MATCH, second: Outcome.MISMATCH}


async def test_no_call_fails_and_no_session_is_mixed_while_generations_switch(empty_world: World) -> None:
    world = empty_world
    world.add_node(DEATHS)
    write_register(world.directory / DEATHS / "deaths.csv", NAMES[Outcome.MATCH])
    await asyncio.to_thread(world.open_node, DEATHS)
    # The people of the list are neighbours in the register.
    await asyncio.to_thread(world.grant, DEATHS, "--sequence-run", "off")
    load = Load()
    async with Client.open(world.directory / CONSUMER) as client, asyncio.TaskGroup() as group:
        for number in range(CLIENTS // 2):
            group.create_task(ask_one_by_one(client, load, RECORDS[number::CLIENTS]))
            group.create_task(ask_for_lists(client, load))
        must_say = group.create_task(switch(world, load))
    assert load.said == {generation: {said} for generation, said in must_say.result().items()}
    assert load.spanned
