"""Builds that are killed or run out of room: what served goes on, and the next build puts all in order."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.build import Stage
from provider_node.store.directory import ResourceDirectory
from provider_node.store.fingerprints import FingerprintSet
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest
from tests.provider_node.build.oblivious import OFFERED, RECORD

CODE = "vehicle-owners"
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]

BUILD = """
import multiprocessing, os, resource, signal, sys
from datetime import datetime, timezone
from pathlib import Path
from provider_node.config import Build, load_resource
from provider_node.domain.build import Builder
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from stayput.errors import StayputError

directory, killed_at, times, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
workers, killed = int(sys.argv[5]), sys.argv[6]

def progress(progress):
    global times
    if progress.stage == killed_at:
        times -= 1
        if not times:
            one = os.getpid() if killed == "all" else multiprocessing.active_children()[0].pid
            os.kill(one, signal.SIGKILL)

if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
index_key, oprf_keys = IndexKey(bytes(range(32))), OprfKeys(bytes(range(32, 64)))
builder = Builder(
    directory / "data", index_key, oprf_keys, "0.0-test", os.urandom, Build(workers=workers), 0
)
try:
    builder.build(load_resource(directory / "vehicles.toml"), datetime.now(timezone.utc), progress)
except StayputError as error:
    print(error.reason_name)
"""


def run(
    directory: Path, killed_at: str = "", times: int = 1, room: int = 0, workers: int = 1, killed: str = "all"
) -> "subprocess.CompletedProcess[str]":
    """Builds in a process of its own; that dies the given time that it tells of that stage, or a worker does.

    Returns when the last process of the build has closed its output.
    """
    return subprocess.run(
        [sys.executable, "-c", BUILD, str(directory), killed_at, str(times), str(room), str(workers), killed],
        capture_output=True,
        text=True,
        check=False,
    )


def names(directory: Path) -> set[str]:
    return {path.name for path in (directory / "data" / "resources" / CODE / "generations").iterdir()}


def current(generations: Generations) -> Generation:
    generation = generations.current(CODE)
    assert generation is not None
    return generation


@pytest.fixture
def serving(write_resource: Write, build: Build, generations: Generations, resident_id: Number) -> Generation:
    """A generation of one row that serves, and a source that has three thousand in the meantime."""
    build(write_resource([(resident_id(1), "张三", "A1")]))
    write_resource([(resident_id(n), "张三", f"A{n}") for n in range(3_000)])
    return current(generations)


@pytest.fixture
def oblivious(
    write_resource: Write, build: Build, generations: Generations, resident_id: Number
) -> Generation:
    """The same with fingerprints, and a thousand rows in the meantime."""
    build(write_resource([(resident_id(1), "张三", "A1")], OFFERED))
    write_resource([(resident_id(n), "张三", f"A{n}") for n in range(1_000)], OFFERED)
    return current(generations)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_killed_build_changes_nothing_and_the_next_one_succeeds(
    serving: Generation, generations: Generations, tmp_path: Path, stage: Stage
) -> None:
    killed = run(tmp_path, killed_at=stage)
    assert killed.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2
    assert current(generations) is serving
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    after = current(generations)
    assert after.manifest.rows == 3_000
    assert names(tmp_path) == {serving.manifest.generation, after.manifest.generation}


@pytest.mark.parametrize("stage", [Stage.INDEXING, Stage.VERIFYING])
def test_a_killed_build_for_oblivious_mode_changes_nothing(
    oblivious: Generation, generations: Generations, tmp_path: Path, stage: Stage
) -> None:
    path = ResourceDirectory(tmp_path / "data", CODE).generation(oblivious.manifest.generation)
    assert run(tmp_path, killed_at=stage, times=2).returncode == -signal.SIGKILL
    assert current(generations) is oblivious
    # As a node finds them that starts now.
    found = [FingerprintSet(path / "fingerprints" / str(place)).sha256 for place in range(3)]
    assert found == [one.sha256 for one in oblivious.fingerprints.values()]
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert current(generations).fingerprints["owner", "", RECORD].count == 1_000


@pytest.mark.parametrize("room", [4_000, 70_000])
def test_a_build_for_oblivious_mode_without_room_changes_nothing(
    oblivious: Generation, generations: Generations, tmp_path: Path, room: int
) -> None:
    full = run(tmp_path, room=room)
    assert (full.returncode, full.stdout) == (0, "STORAGE_FULL\n")
    assert names(tmp_path) == {oblivious.manifest.generation}
    assert current(generations) is oblivious


@pytest.mark.parametrize("room", [200, 40_000, 200_000])
def test_a_build_without_room_changes_nothing_and_the_next_one_succeeds(
    serving: Generation, generations: Generations, tmp_path: Path, room: int
) -> None:
    full = run(tmp_path, room=room)
    assert (full.returncode, full.stdout) == (0, "STORAGE_FULL\n")
    assert names(tmp_path) == {serving.manifest.generation}
    assert current(generations) is serving
    run(tmp_path)
    assert current(generations).manifest.rows == 3_000


@pytest.mark.parametrize(("stage", "times"), [(Stage.READING, 2), (Stage.INDEXING, 3)])
def test_a_build_whose_worker_is_killed_changes_nothing_and_the_next_one_succeeds(
    serving: Generation, generations: Generations, tmp_path: Path, stage: Stage, times: int
) -> None:
    failed = run(tmp_path, stage, times, workers=2, killed="a worker")
    assert (failed.returncode, failed.stdout) == (0, "BUILD_FAILED\n")
    assert names(tmp_path) == {serving.manifest.generation}
    assert current(generations) is serving
    run(tmp_path)
    assert current(generations).manifest.rows == 3_000


def test_the_workers_of_a_killed_build_end_with_it(
    serving: Generation, generations: Generations, tmp_path: Path
) -> None:
    killed = run(tmp_path, Stage.INDEXING, times=3, workers=2)
    assert killed.returncode == -signal.SIGKILL
    assert current(generations) is serving
    run(tmp_path, workers=2)
    assert current(generations).manifest.rows == 3_000


def test_a_worker_without_room_is_a_build_without_room(
    serving: Generation, generations: Generations, tmp_path: Path
) -> None:
    full = run(tmp_path, room=40_000, workers=2)
    assert (full.returncode, full.stdout) == (0, "STORAGE_FULL\n")
    assert names(tmp_path) == {serving.manifest.generation}
    assert current(generations) is serving


KEEP = ("[keys.owner]", "[generations]\nkeep = 3\n[keys.owner]")


def finished(directory: Path) -> set[str]:
    return {name for name in names(directory) if "." not in name}


def test_a_killed_build_leaves_what_is_kept(
    write_resource: Write, build: Build, generations: Generations, tmp_path: Path, resident_id: Number
) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(20)]
    made = [build(write_resource(rows, KEEP), NOW + timedelta(hours=hour)).generation for hour in range(3)]
    assert finished(tmp_path) == set(made)
    # It is whole by then, and does not serve.
    assert run(tmp_path, killed_at=Stage.SWITCHING).returncode == -signal.SIGKILL
    assert current(generations).manifest.generation == made[-1]
    assert len(finished(tmp_path)) == 3
    last = build(write_resource(rows, KEEP), NOW + timedelta(days=9_000)).generation
    assert current(generations).manifest.generation == last
    assert {made[-1], last} < finished(tmp_path) == names(tmp_path)
    assert len(names(tmp_path)) == 3


def test_a_killed_build_that_would_be_held_back_never_serves(
    write_resource: Write, build: Build, generations: Generations, tmp_path: Path, resident_id: Number
) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(20)]
    serving = build(write_resource(rows)).generation
    write_resource(rows[:3])
    assert run(tmp_path, killed_at=Stage.FINISHING).returncode == -signal.SIGKILL
    assert names(tmp_path) > finished(tmp_path) == {serving}
    assert run(tmp_path).stdout == "BOUNDS_EXCEEDED\n"
    assert current(generations).manifest.generation == serving
    assert len(names(tmp_path)) == len(finished(tmp_path)) == 2
