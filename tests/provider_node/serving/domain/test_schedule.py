"""When a resource is built on its own, and what comes of it: the clock is the test's, the builds are real."""

import asyncio
import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node import build_process
from provider_node.config import ScheduleConfig, load_resources
from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.keys import NodeKeys
from provider_node.domain.resources import Resources
from provider_node.domain.schedule import Schedule, next_build
from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput.china_time import CHINA
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import ResourceStatus
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.node import NODE, PROVIDER, Clock, Material

EVERY = ScheduleConfig(every="6h")
AT = ScheduleConfig(at=["02:30", "14:00"])
START = datetime(2026, 11, 22, 20, 0, tzinfo=CHINA)
_MOMENTS = st.timedeltas(timedelta(), timedelta(days=5_000)).map(lambda span: START + span)


def china(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("schedule", "begun", "due"),
    [
        (EVERY, None, START),
        (EVERY, china(22, 19), china(23, 1)),
        (ScheduleConfig(every="30m"), china(22, 19, 45), china(22, 20, 15)),
        # Missed while the node was down: due already.
        (EVERY, china(20, 1), china(20, 7)),
        (AT, None, china(23, 2, 30)),
        (AT, china(22, 14), china(23, 2, 30)),
        (AT, china(22, 13, 59), china(22, 14)),
        (AT, china(23, 2, 30), china(23, 14)),
        (AT, china(20, 3), china(20, 14)),
        (ScheduleConfig(at=["14:00", "02:30"]), china(22, 14), china(23, 2, 30)),
        (ScheduleConfig(at=["00:00"]), china(30, 23, 59), datetime(2026, 12, 1, tzinfo=CHINA)),
    ],
)
def test_when_it_is_next(schedule: ScheduleConfig, begun: datetime | None, due: datetime) -> None:
    assert next_build(schedule, begun, START) == due


@given(begun=_MOMENTS, times=st.lists(st.times(), min_size=1, max_size=5))
def test_a_time_of_day_is_the_first_after_the_build_before(begun: datetime, times: list[object]) -> None:
    schedule = ScheduleConfig(at=[f"{time:%H:%M}" for time in times])
    found = next_build(schedule, begun, START)
    assert timedelta() < found - begun <= timedelta(days=1)
    assert f"{found.astimezone(CHINA):%H:%M}" in schedule.at
    # None of them lies between.
    minute = begun.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for one in schedule.at:
        first = next_build(ScheduleConfig(at=[one]), begun, START)
        assert minute <= first.astimezone(UTC)
        assert found <= first


class Node:
    """A node's directory with a schedule, its clock, and real builds in processes of their own."""

    def __init__(self, directory: Path, material: Material, state: State, schedule: str) -> None:
        self.directory = directory
        self.clock = Clock(datetime.now(UTC))
        self.built: list[str] = []
        register.write_files(directory, 20, f"{register.RESOURCE}[schedule]\n{schedule}\n")
        self.config = directory / "node.toml"
        self.config.write_text(f'[node]\nid = "{NODE.id}"\ndepartment = "{PROVIDER}"\n')
        self._keys = NodeKeys(directory / "data")
        self._keys.create()
        self._material, self._state = material, state
        self.restart()

    def restart(self) -> None:
        """As a node that starts now."""
        index_keys: IndexKeys = self._keys.index_keys()
        self.resources = Resources(
            configured=load_resources(self.directory / "resources"),
            generations=Generations(self.directory / "data", index_keys),
            index_keys=index_keys,
            oprf_keys=self._keys.oprf_keys(),
            identity=self._material.identity,
            state=self._state,
            clock=self.clock,
        )
        self.schedule = Schedule(self.resources, self._build, self.clock)

    async def _build(self, code: str) -> None:
        self.built.append(code)
        await self.build(code)

    async def build(self, code: str) -> None:
        """What the process of a build does, in this one."""
        await asyncio.to_thread(build_process.run, self.config, code, None, lambda _: None)

    async def built_now(self) -> bool:
        """Builds what is due; whether anything was."""
        self.built.clear()
        await self.schedule.build_due()
        return bool(self.built)

    def status(self, code: str = register.CODE) -> ResourceStatus:
        """What the administrator is told."""
        return self.schedule.add_to(self.resources.status(code))

    @property
    def next(self) -> datetime:
        return self.status().next_build_at.ToDatetime(UTC)

    @property
    def files(self) -> ResourceDirectory:
        return ResourceDirectory(self.directory / "data", register.CODE)


@pytest.fixture
def node(tmp_path: Path, material: Material, state: State) -> Node:
    return Node(tmp_path / "node", material, state, 'every = "6h"')


async def test_it_is_built_when_its_time_has_come_and_not_before(node: Node) -> None:
    assert await node.built_now()
    first = node.files.current()
    assert first is not None
    assert (
        timedelta(hours=6) - timedelta(minutes=5)
        < node.next - node.clock.now
        <= timedelta(hours=6, minutes=5)
    )
    assert not await node.built_now()
    node.clock.now = node.next - timedelta(seconds=1)
    assert not await node.built_now()
    assert node.schedule.wait() <= timedelta(seconds=1)
    node.clock.advance(seconds=1)
    assert await node.built_now()
    assert node.files.current() != first
    assert node.schedule.wait() == timedelta(minutes=1)


async def test_what_was_missed_while_the_node_was_down_is_built_once(node: Node) -> None:
    assert await node.built_now()
    node.restart()
    assert not await node.built_now()
    node.clock.advance(days=3)
    node.restart()
    assert await node.built_now()
    assert not await node.built_now()


async def test_a_failure_is_told_and_tried_again_at_the_next_time(node: Node) -> None:
    assert await node.built_now()
    serving = node.files.current()
    source = node.directory / "vehicles.csv"
    source.rename(source.with_name("away.csv"))
    node.clock.advance(hours=7)
    assert await node.built_now()
    failed = node.clock.now
    status = node.status()
    assert "SOURCE_INVALID: " in status.last_failure
    assert status.last_failure.startswith(f"{failed.astimezone(CHINA):%Y-%m-%dT%H:%M}+08:00 ")
    assert (status.generation, status.problem) == (serving, "")
    assert node.next == failed + timedelta(hours=6)
    assert not await node.built_now()
    source.with_name("away.csv").rename(source)
    node.clock.advance(hours=6)
    assert await node.built_now()
    assert node.status().last_failure == ""
    assert node.files.current() != serving


async def test_what_is_out_of_bounds_is_a_failure_and_does_not_serve(node: Node) -> None:
    assert await node.built_now()
    serving = node.files.current()
    register.write_source(node.directory / "vehicles.csv", 10)
    node.clock.advance(hours=6, minutes=5)
    assert await node.built_now()
    assert "BOUNDS_EXCEEDED: " in node.status().last_failure
    assert node.files.current() == serving
    node.schedule.succeeded(register.CODE)
    assert node.status().last_failure == ""


async def test_a_build_by_hand_is_not_disturbed_and_counts(node: Node) -> None:
    with node.files.locked():
        assert await node.built_now()
        assert node.files.finished() == []
    # That it was tried is no failure, and it is still due.
    assert node.status().last_failure == ""
    assert node.next <= node.clock.now
    assert node.schedule.wait() == timedelta(minutes=1)
    await node.build(register.CODE)
    assert not await node.built_now()


async def test_one_after_another_the_longest_due_first(node: Node) -> None:
    text = (node.directory / "resources" / "vehicles.toml").read_text("utf-8")
    (node.directory / "resources" / "other.toml").write_text(
        text.replace(register.CODE, "a-second").replace('every = "6h"', 'every = "5h"'), "utf-8"
    )
    node.restart()
    under_way = most = 0

    async def build(code: str) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await node.build(code)
        node.built.append(code)
        under_way -= 1

    schedule = Schedule(node.resources, build, node.clock)
    await schedule.build_due()
    node.clock.advance(hours=8)
    node.built.clear()
    await schedule.build_due()
    assert (node.built, most) == (["a-second", register.CODE], 1)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), lmdb.InvalidError("damaged")])
async def test_a_resource_whose_files_cannot_be_read_keeps_no_other_from_being_built(
    node: Node, error: Exception
) -> None:
    text = (node.directory / "resources" / "vehicles.toml").read_text("utf-8")
    (node.directory / "resources" / "other.toml").write_text(text.replace(register.CODE, "a-first"), "utf-8")
    node.restart()

    async def build(code: str) -> None:
        if code == "a-first":
            raise error
        await node.build(code)

    node.schedule = Schedule(node.resources, build, node.clock)
    await node.schedule.build_due()
    assert node.status().generation
    assert f"{type(error).__name__}: a file of the node" in node.status("a-first").last_failure
    # It is tried again at its next time, not at once.
    assert node.status("a-first").next_build_at.ToDatetime(UTC) == node.clock.now + timedelta(hours=6)


async def test_a_directory_that_cannot_be_read_is_left_to_the_build(node: Node) -> None:
    assert await node.built_now()
    generations = node.directory / "data" / "resources" / register.CODE / "generations"
    generations.rename(generations.with_name("away"))
    generations.write_text("")
    node.restart()
    assert await node.built_now()
    assert "BUILD_FAILED" in node.status().last_failure
    assert node.schedule.wait() == timedelta(minutes=1)


async def test_what_has_no_schedule_is_left_alone(node: Node) -> None:
    register.write_files(node.directory)
    node.restart()
    assert not await node.built_now()
    assert not node.status().HasField("next_build_at")
    assert node.schedule.wait() == timedelta(minutes=1)


async def test_it_goes_on_until_it_is_cancelled(node: Node) -> None:
    done = asyncio.Event()

    async def build(code: str) -> None:
        done.set()
        raise StayputError(ErrorReason.ERROR_REASON_BUILD_FAILED, "failed", remedy="none")

    running = asyncio.create_task(Schedule(node.resources, build, node.clock).run())
    await done.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
