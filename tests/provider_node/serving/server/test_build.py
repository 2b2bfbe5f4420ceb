"""Builds under a running node: progress, the switch, and what each way of ending one leaves."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from stayput.outcomes import MATCH, NOT_FOUND
from stayput.v1.admin_pb2 import BuildRequest, PublishRequest
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, call_request, refused
from tests.provider_node.serving.node import grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import SECONDS, NodeProcess

STRANGER = register.person(register.PEOPLE)


@pytest.fixture
async def running(node_process: NodeProcess) -> NodeProcess:
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    return node_process


class HeldBuild:
    """A build that has the resource's lock and waits for its salt: a named pipe in the place of that file."""

    def __init__(self, node: NodeProcess) -> None:
        self._path = node.directory / "data" / "resources" / register.CODE / "salt"
        self._salt = self._path.read_bytes()
        self._path.unlink()
        os.mkfifo(self._path)
        self._descriptor = -1

    async def begun(self) -> None:
        """Returns when the build waits."""
        opening = asyncio.to_thread(os.open, self._path, os.O_WRONLY)
        self._descriptor = await asyncio.wait_for(opening, SECONDS)

    def restore(self) -> None:
        """Later builds do not wait."""
        self._path.unlink()
        self._path.write_bytes(self._salt)

    def let_go(self) -> None:
        """Lets the build go on, if it is still there."""
        with suppress(BrokenPipeError):
            os.write(self._descriptor, self._salt)
        os.close(self._descriptor)


def children(node: NodeProcess) -> list[psutil.Process]:
    assert node.process is not None
    return psutil.Process(node.process.pid).children()


async def gone(processes: list[psutil.Process]) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, SECONDS)
    assert alive == []


def left_half_made(node: NodeProcess) -> list[Path]:
    return list((node.directory / "data" / "resources" / register.CODE / "generations").glob("*.building"))


async def test_a_build_reports_and_switches(running: NodeProcess, peer: Peer) -> None:
    before = running.generation()
    register.write_source(running.directory / "vehicles.csv", register.PEOPLE + 1)
    request = BuildRequest(resource=register.CODE)
    request.as_of.FromDatetime(datetime(2026, 11, 1, tzinfo=UTC))
    async with running.administrator() as admin:
        await admin.Publish(PublishRequest(resource=register.CODE))
        steps = [step async for step in admin.Build(request)]
    *progress, last = steps
    size = (running.directory / "vehicles.csv").stat().st_size
    assert progress
    assert all(step.bytes_total == size and not step.HasField("generation") for step in progress)
    assert last.generation.generation == running.generation() != before
    assert (last.generation.rows, last.generation.published) == (register.PEOPLE + 1, True)
    assert last.generation.as_of.ToDatetime(UTC) == datetime(2026, 11, 1, tzinfo=UTC)
    assert peer.published[register.CODE].generation == running.generation()


async def test_a_session_ends_on_the_generation_it_began_with(running: NodeProcess) -> None:
    before = running.generation()
    async with running.consumer() as consumer:
        stream = Stream(consumer, await running.asking(consumer, checks=()))
        opened = await stream.open()
        assert opened.generation == before
        assert await stream.ask(0, [STRANGER]) == [(NOT_FOUND,)]
        register.write_source(running.directory / "vehicles.csv", register.PEOPLE + 1)
        for _ in range(2):  # the second build removes the files of the generation that the session is on
            async with running.administrator() as admin:
                async for _ in admin.Build(BuildRequest(resource=register.CODE)):
                    pass
        assert await stream.ask(1, [STRANGER], final=True) == [(NOT_FOUND,)]
        assert (await stream.receipt(running.verification_key)).generation == before
        asking = await running.asking(consumer, checks=())
        response = await consumer.CompareRecords(call_request(asking, [STRANGER]))
        assert asking.outcomes(response.opened, response.outcomes) == [(MATCH,)]
        assert response.opened.generation == running.generation()


async def test_a_second_build_of_the_resource_has_to_wait(running: NodeProcess) -> None:
    held = HeldBuild(running)
    async with running.administrator() as admin:
        first = admin.Build(BuildRequest(resource=register.CODE))
        reading = asyncio.ensure_future(first.read())
        await held.begun()
        with refused("BUILD_RUNNING", "resource"):
            await admin.Build(BuildRequest(resource=register.CODE)).read()
        first.cancel()
        held.let_go()
        await asyncio.gather(reading, return_exceptions=True)


async def test_cancelling_the_call_ends_the_build(running: NodeProcess) -> None:
    before = running.generation()
    held = HeldBuild(running)
    async with running.administrator() as admin:
        call = admin.Build(BuildRequest(resource=register.CODE))
        reading = asyncio.ensure_future(call.read())
        await held.begun()
        build = children(running)
        assert len(build) == 1
        call.cancel()
        await gone(build)
        held.let_go()
        await asyncio.gather(reading, return_exceptions=True)
        assert running.generation() == before
        held.restore()
        async for _ in admin.Build(BuildRequest(resource=register.CODE)):
            pass
    assert running.generation() != before
    assert left_half_made(running) == []


async def test_a_build_that_is_killed_is_told_and_leaves_the_old_generation(running: NodeProcess) -> None:
    before = running.generation()
    held = HeldBuild(running)
    async with running.administrator() as admin:
        call = admin.Build(BuildRequest(resource=register.CODE))
        reading = asyncio.ensure_future(call.read())
        await held.begun()
        (build,) = children(running)
        build.send_signal(signal.SIGKILL)
        with refused("BUILD_FAILED"):
            await reading
        held.let_go()
    assert running.generation() == before


async def test_a_killed_node_leaves_no_build_that_goes_on_to_switch(running: NodeProcess) -> None:
    before = running.generation()
    held = HeldBuild(running)
    async with running.administrator() as admin:
        call = admin.Build(BuildRequest(resource=register.CODE))
        reading = asyncio.ensure_future(call.read())
        await held.begun()
        build = children(running)
        await running.end(signal.SIGKILL)
        await asyncio.gather(reading, return_exceptions=True)
    # Now it gets what it waits for, and finds that nobody listens any more.
    held.let_go()
    await gone(build)
    assert running.generation() == before
    assert left_half_made(running) == []


async def test_a_stop_ends_a_build(running: NodeProcess) -> None:
    before = running.generation()
    held = HeldBuild(running)
    async with running.administrator() as admin:
        call = admin.Build(BuildRequest(resource=register.CODE))
        reading = asyncio.ensure_future(call.read())
        await held.begun()
        build = children(running)
        assert await running.end(signal.SIGTERM) == 0
        await asyncio.gather(reading, return_exceptions=True)
    await gone(build)
    held.let_go()
    assert running.generation() == before


async def test_what_is_wrong_with_the_source_reaches_the_administrator(running: NodeProcess) -> None:
    before = running.generation()
    source = running.directory / "vehicles.csv"
    source.write_text(source.read_text("utf-8").replace("号牌号码", "车牌", 1), "utf-8")
    async with running.administrator() as admin:
        with refused("SOURCE_INVALID", "fields.plate.column"):
            await admin.Build(BuildRequest(resource=register.CODE)).read()
        with refused("RESOURCE_UNKNOWN", "resource"):
            await admin.Build(BuildRequest(resource="marriages")).read()
    assert running.generation() == before


async def test_what_is_out_of_bounds_serves_only_if_that_is_accepted(running: NodeProcess) -> None:
    before = running.generation()
    register.write_source(running.directory / "vehicles.csv", 10)
    request = BuildRequest(resource=register.CODE)
    async with running.administrator() as admin:
        with refused("BOUNDS_EXCEEDED", "generations.most_shrink_percent") as caught:
            async for _ in admin.Build(request):
                pass
        assert caught.value.details == {"limit": "most_shrink_percent"}
        assert running.generation() == before
        request.accept_bounds = True
        steps = [step async for step in admin.Build(request)]
    assert {step.stage for step in steps[:-1]} <= {
        "reading",
        "indexing",
        "verifying",
        "finishing",
        "switching",
    }
    assert steps[-1].generation.subjects == 10
    assert running.generation() != before


async def test_a_stop_ends_a_build_on_schedule(node_process: NodeProcess) -> None:
    resource = node_process.directory / "resources" / "vehicles.toml"
    resource.write_text(register.RESOURCE + '[schedule]\nevery = "6h"\n', "utf-8")
    generation = node_process.generation()
    generations = node_process.directory / "data" / "resources" / register.CODE / "generations"
    # As if it had been built long ago, so that the next build is due.
    (generations / generation).rename(generations / "20200101T000000Z-0000")
    (generations.parent / "current").unlink()
    held = HeldBuild(node_process)
    await node_process.start()
    await held.begun()
    build = children(node_process)
    assert len(build) == 1
    async with node_process.administrator() as admin:
        with refused("BUILD_RUNNING", "resource"):
            await admin.Build(BuildRequest(resource=register.CODE)).read()
    assert await node_process.end(signal.SIGTERM) == 0
    await gone(build)
    held.let_go()
    assert not (generations.parent / "current").exists()


async def test_a_built_resource_that_was_never_built_before_serves_at_once(
    node_process: NodeProcess,
) -> None:
    generations = node_process.directory / "data" / "resources" / register.CODE
    (generations / "current").unlink()
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    async with node_process.consumer() as consumer, node_process.administrator() as admin:
        with refused("RESOURCE_NOT_READY", "resource"):
            await node_process.asking(consumer)
        async for _ in admin.Build(BuildRequest(resource=register.CODE)):
            pass
        asking = await node_process.asking(consumer)
        await consumer.CompareRecords(call_request(asking, [register.person(1)]))
