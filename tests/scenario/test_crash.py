"""Processes that die at bad moments: nothing is lost, nothing doubled, and the clerk is told."""

import asyncio
import json

import psutil

from stayput.identity import node as node_party
from stayput.rpc import tls
from stayput.v1.comparison_pb2 import CompareResponse
from tests.scenario.lists import answered, write_list
from tests.wire import Direction, Reaction, Seen, start_proxy
from tests.world import CONSUMER, DEATHS, World

LINES = 30_000


async def through_proxy(world: World, react: "Reaction | None", *command: str) -> int:
    """Runs a command of the consumer with a proxy before the node of deaths; returns its exit code."""
    server, proxy, port = await start_proxy(world.node_credentials(DEATHS), react)
    world.advertise(DEATHS, f"127.0.0.1:{port}")
    address = await asyncio.to_thread(world.open_node, DEATHS)
    name = node_party(DEATHS).tls_name
    async with tls.channel(address, name, world.consumer_credentials(CONSUMER)) as upstream:
        proxy.upstream = upstream
        await asyncio.to_thread(world.grant, DEATHS)
        done = await asyncio.to_thread(world.attempt, CONSUMER, *command)
    await server.stop(None)
    return done.returncode


def outcomes_in(seen: Seen) -> bool:
    """The message brings outcomes to the consumer."""
    if not seen.method.endswith("/Compare") or seen.direction is not Direction.TO_CONSUMER:
        return False
    return CompareResponse.FromString(seen.message).WhichOneof("message") == "outcomes"


async def test_node_killed_during_a_comparison(empty_world: World) -> None:
    world = empty_world
    world.add_node(DEATHS)
    write_list(world.directory / "list.csv", LINES)
    command = world.compare_command(DEATHS, "list.csv", "out.csv")

    async def kill_at_second_answer(seen: Seen) -> None:
        if outcomes_in(seen) and CompareResponse.FromString(seen.message).outcomes.sequence == 1:
            await asyncio.to_thread(world.kill, DEATHS)

    code = await through_proxy(world, kill_at_second_answer, *command)
    assert code == 3
    assert not (world.directory / "out.csv").exists()
    kept = answered(world.directory / "out.partial.csv")
    assert 0 < kept < LINES

    world.start_node(DEATHS)
    world.settle_receipts()
    (cut,) = world.receipts()
    assert cut["end"] == "SESSION_END_NODE_CRASHED"
    assert kept <= int(str(cut["records"])) < LINES

    world.direct(DEATHS)
    world.run(CONSUMER, *command)
    assert answered(world.directory / "out.csv") == LINES
    world.settle_receipts()
    assert [receipt["sequence"] for receipt in world.receipts()] == ["1", "2"]


async def test_comparator_killed_during_a_comparison(empty_world: World) -> None:
    world = empty_world
    world.add_node(DEATHS)
    write_list(world.directory / "list.csv", LINES)

    async def kill_platform_at_first_answer(seen: Seen) -> None:
        if outcomes_in(seen) and "comparator" in world.running:
            await asyncio.to_thread(world.kill, "comparator")

    command = world.compare_command(DEATHS, "list.csv", "out.csv")
    code = await through_proxy(world, kill_platform_at_first_answer, *command)
    assert code == 0
    assert answered(world.directory / "out.csv") == LINES
    assert world.status(DEATHS)["undelivered_receipts"] == "1"

    world.restart_comparator()
    world.settle_receipts()
    (receipt,) = world.receipts()
    assert receipt["end"] == "SESSION_END_COMPLETE"


def test_node_killed_during_a_build_serves_the_old_generation(empty_world: World) -> None:
    world = empty_world
    world.open_register(DEATHS)
    world.grant(DEATHS)
    before = serving(world)
    source = world.directory / DEATHS / "deaths.csv"
    small = source.read_bytes()
    with source.open("ab") as file:
        file.write(small[small.index(b"\n") + 1 :] * 400)

    node = psutil.Process(world.running[DEATHS].pid)
    build = world.begin(DEATHS, "provider-node", "build", "deaths")
    while not (
        children := [child for child in node.children() if "build_process" in " ".join(child.cmdline())]
    ):
        assert build.poll() is None
    world.kill(DEATHS)
    assert build.wait(60) == 1
    for child in children:
        child.wait(60)

    source.write_bytes(small)
    world.start_node(DEATHS)
    assert serving(world) == before
    write_list(world.directory / "few.csv", 10)
    world.run(CONSUMER, *world.compare_command(DEATHS, "few.csv", "out.csv"))
    world.run(DEATHS, "provider-node", "build", "deaths")
    assert serving(world) != before
    generations = world.directory / DEATHS / "data" / "resources" / "deaths" / "generations"
    assert len(list(generations.iterdir())) == 2


def serving(world: World) -> str:
    status = json.loads(world.run(DEATHS, "provider-node", "status", "--json"))
    return str(status["resources"][0]["generation"])
