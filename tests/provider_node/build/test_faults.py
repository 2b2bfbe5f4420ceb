"""Builds that are killed or run out of room: what served goes on, and the next build puts all in order."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.build import Stage
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest

CODE = "vehicle-owners"
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]

BUILD = """
import os, resource, signal, sys
from datetime import datetime, timezone
from pathlib import Path
from provider_node.config import load_resource
from provider_node.domain.build import Builder
from provider_node.domain.tokens import IndexKey
from stayput.errors import StayputError

directory, killed_at, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def progress(progress):
    if progress.stage == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)

if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
builder = Builder(directory / "data", IndexKey(bytes(range(32))), "0.0-test", os.urandom)
try:
    builder.build(load_resource(directory / "vehicles.toml"), datetime.now(timezone.utc), progress)
except StayputError as error:
    print(error.reason_name)
"""


def run(directory: Path, killed_at: str = "", room: int = 0) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", BUILD, str(directory), killed_at, str(room)],
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
