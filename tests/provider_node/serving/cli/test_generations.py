"""What is on disk, and the way back, by command: at a running node and at one that does not run."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from provider_node.build_process import run as build_here
from provider_node.cli.output import size_of
from provider_node.cli.progress import Lines, seconds_left, show_bar
from stayput.v1.admin_pb2 import BuildRequest, BuildResponse, PublishRequest, ResourceStatus
from tests.provider_node.serving import register
from tests.provider_node.serving.cli.printed import CHINESE, cells, lines
from tests.provider_node.serving.consumer import Stream, refused
from tests.provider_node.serving.node import grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess

Text = Callable[[str, str], str]


def build(node: NodeProcess, people: int = register.PEOPLE) -> str:
    """Another generation of the node, of so many people; its id."""
    register.write_source(node.directory / "vehicles.csv", people)
    manifest = build_here(
        node.directory / "node.toml", register.CODE, None, lambda _: None, accept_bounds=True
    )
    return manifest.generation


def serving(node: NodeProcess) -> str:
    return node.generation()


async def test_the_generations_are_listed(node_process: NodeProcess, language: str, text: Text) -> None:
    before = serving(node_process)
    after = build(node_process, register.PEOPLE + 1)
    ran = await node_process.run("generations", register.CODE, language=language)
    header, newest, oldest = cells(ran)
    assert header == text(
        "generation|state|data as of|built|rows|left out|subjects|size",
        "数据版本|状态|数据时点|建库时间|行|剔除|主体数|大小",
    ).split("|")
    assert newest[:2] == [after, text("serving", "可比对")]
    assert oldest[:2] == [before, text("kept", "留存")]
    assert (newest[4:7], oldest[4:7]) == (["301", "0", "301"], ["300", "0", "300"])
    assert newest[7].endswith(" kB")
    await node_process.start()
    assert lines(await node_process.run("generations", register.CODE, language=language)) == lines(ran)


async def test_one_goes_back_and_forth_at_a_node_that_does_not_run(
    node_process: NodeProcess, language: str, text: Text
) -> None:
    before, after = serving(node_process), build(node_process)
    ran = await node_process.run("rollback", register.CODE, "--yes", language=language)
    (line,) = lines(ran)
    assert line.startswith(
        text(
            f"vehicle-owners: generation {before} serves again, data as of ",
            f"vehicle-owners：数据版本 {before} 重新提供服务，数据时点 ",
        )
    )
    assert serving(node_process) == before
    ran = await node_process.run("rollback", register.CODE, "--yes")
    assert ran.code == 1
    assert "no generation before the one that serves" in ran.stderr
    await node_process.run("rollback", register.CODE, after)
    assert serving(node_process) == after


async def test_a_running_node_goes_back_tells_the_catalogue_and_ends_what_it_has_begun(
    node_process: NodeProcess, peer: Peer
) -> None:
    before, after = serving(node_process), build(node_process, register.PEOPLE + 1)
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    async with node_process.administrator() as admin, node_process.consumer() as consumer:
        await admin.Publish(PublishRequest(resource=register.CODE))
        stream = Stream(consumer, await node_process.asking(consumer, checks=()))
        assert (await stream.open()).generation == after
        ran = await node_process.run("rollback", register.CODE)
        assert (ran.code, serving(node_process)) == (0, before)
        assert peer.published[register.CODE].generation == before
        newcomer = register.person(register.PEOPLE)
        # In the generation that this session began with.
        (found,) = await stream.ask(0, [newcomer], final=True)
        assert (await stream.receipt(node_process.verification_key)).generation == after
        later = Stream(consumer, await node_process.asking(consumer, checks=()))
        assert (await later.open()).generation == before
        assert await later.ask(0, [newcomer], final=True) != [found]
        assert (await later.receipt(node_process.verification_key)).generation == before
        with refused("RESOURCE_UNKNOWN", "resource"):
            await admin.Build(BuildRequest(resource="marriages")).read()
    ran = await node_process.run("rollback", register.CODE, "20200101T000000Z-0000")
    assert ran.code == 1
    assert "no such generation" in ran.stderr
    assert serving(node_process) == before


async def test_what_programs_are_told(node_process: NodeProcess) -> None:
    register.write_source(node_process.directory / "vehicles.csv", 2)
    ran = await node_process.run("build", register.CODE)
    assert ran.code == 1
    assert "2 subjects where the serving one has 300" in ran.stderr
    assert f"rollback {register.CODE} " in ran.stderr
    said = json.loads((await node_process.run("generations", register.CODE, "--json")).stdout)
    assert (said["resource"], said["updateFrequency"]) == (register.CODE, "daily")
    held, current = said["generations"]
    assert held["problem"].startswith("held back: it has 2 subjects")
    assert (held["serving"], current["serving"], current["problem"]) == (False, True, "")
    assert (held["subjects"], current["subjects"]) == ("2", "300")
    ran = await node_process.run("build", register.CODE, "--accept-bounds")
    assert ran.code == 0
    assert ran.stdout.splitlines()[-1].endswith(": -298 rows, -298 subjects, +0 left out")


@pytest.mark.parametrize("command", ["generations", "rollback"])
async def test_an_unknown_resource_is_told(node_process: NodeProcess, command: str) -> None:
    ran = await node_process.run(command, "marriages")
    assert (ran.code, ran.stdout) == (1, "")
    assert "no resource of this code" in ran.stderr


async def scheduled(node: NodeProcess, told: str) -> dict[str, str]:
    """Has a build be due, starts the node, and waits until the status tells that; the resource's status."""
    resource = node.directory / "resources" / "vehicles.toml"
    resource.write_text(register.RESOURCE + '[schedule]\nevery = "6h"\n', "utf-8")
    generations = node.directory / "data" / "resources" / register.CODE / "generations"
    (generations / serving(node)).rename(generations / "20200101T000000Z-0000")
    (generations.parent / "current").unlink()
    await node.start()
    status: dict[str, str] = {told: ""}
    while not status[told]:
        status = json.loads((await node.run("status", "--json")).stdout)["resources"][0]
    return status


async def test_a_node_builds_on_schedule_and_tells_so(node_process: NodeProcess) -> None:
    status = await scheduled(node_process, "generation")
    assert status["lastFailure"] == ""
    wait = datetime.fromisoformat(status["nextBuildAt"]) - datetime.now(UTC)
    assert timedelta(hours=5) < wait < timedelta(hours=7)
    shown = lines(await node_process.run("status"))
    assert shown[-1].startswith("vehicle-owners: builds next at 20")


async def test_why_a_build_on_schedule_failed_is_shown(node_process: NodeProcess) -> None:
    (node_process.directory / "vehicles.csv").unlink()
    status = await scheduled(node_process, "lastFailure")
    assert " SOURCE_INVALID: " in status["lastFailure"]
    shown = lines(await node_process.run("status", language=CHINESE))
    assert shown[-2].startswith("vehicle-owners：下次自动建库 20")
    assert shown[-1] == f"vehicle-owners：上次自动建库失败：{status['lastFailure']}"


def step(stage: str, rows: int, read: int, total: int) -> BuildResponse:
    return BuildResponse(stage=stage, rows=rows, rejected=3, bytes_read=read, bytes_total=total)


def test_without_a_terminal_there_is_a_line_every_few_seconds() -> None:
    now, written = 100.0, list[str]()
    shown = Lines("vehicle-owners", written.append, lambda: now)
    shown.tell(step("reading", 10, 10, 1_000))
    now += 4.9
    shown.tell(step("reading", 20, 20, 1_000))
    assert written == []
    now += 5.1
    shown.tell(step("reading", 25_000, 250, 1_000))
    shown.tell(step("reading", 30_000, 260, 1_000))
    now += 10
    shown.tell(step("indexing", 50_000, 1_000, 1_000))
    assert written == [
        "vehicle-owners: reading, 25,000 rows, 2,500 rows/s, 3 left out, about 30 s to read",
        "vehicle-owners: indexing, 50,000 rows, 2,500 rows/s, 3 left out",
    ]


async def test_at_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps() -> AsyncIterator[BuildResponse]:
        yield step("reading", 25_000, 250, 1_000)
        yield step("verifying", 50_000, 1_000, 1_000)
        yield BuildResponse(generation=ResourceStatus(code=register.CODE))

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    # What is shown must fit into the terminal's buffer: nobody reads it meanwhile.
    monkeypatch.setenv("NO_COLOR", "1")
    terminal, end = os.openpty()
    with os.fdopen(end, "w") as written:
        monkeypatch.setattr(sys, "stderr", written)
        await show_bar(steps())
    shown = b""
    # The end of what a terminal whose other side is closed has to tell is an error.
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as reading:
        while part := reading.read(1 << 16):
            shown += part
    for text in ("verifying", "50,000 rows", "rows/s", "3 left out"):
        assert text in shown.decode()


def test_nobody_can_tell_how_long_a_database_takes() -> None:
    assert seconds_left(step("reading", 10, 0, 0), 5) is None
    assert seconds_left(step("reading", 10, 0, 100), 5) is None
    assert seconds_left(step("verifying", 10, 100, 100), 5) is None
    assert seconds_left(step("reading", 10, 25, 100), 5) == 15


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (12_345_678, "12.3 MB"), (5 * 10**12, "5000.0 GB")],
)
def test_sizes(count: int, told: str) -> None:
    assert size_of(count) == told
