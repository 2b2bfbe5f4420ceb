"""Copying a generation to a replica's disk: whole or not at all, and never anew without need."""

import asyncio
import resource as limits
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.replicas.copying import _PATH, Copying, Superseded
from provider_node.store.directory import ResourceDirectory
from stayput.v1.replica_pb2 import GenerationFile, ReplicaResource
from tests.provider_node.replicas.node_side import (
    FaultyFiles,
    current_on,
    damage,
    generations_on,
    index_of,
    offered,
    resource_path,
)
from tests.provider_node.replicas.peer import NOT_SENT, NodeEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

INDEX, MANIFEST, LAST = "index.mdb", "manifest.json", "fingerprints/5"
OFFSET = 10_000


def always() -> bool:
    return True


@pytest.fixture
def idle(idle: NodeEnd) -> NodeEnd:
    idle.files = FaultyFiles(idle)
    return idle


@pytest.fixture
def files(idle: NodeEnd) -> FaultyFiles:
    assert isinstance(idle.files, FaultyFiles)
    return idle.files


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "replica"


@pytest.fixture
def copying(files: FaultyFiles, stub: "ReplicaServiceAsyncStub", data: Path) -> Copying:
    return Copying(stub, data)


def content(path: Path) -> dict[str, bytes]:
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


async def test_what_is_listed_is_copied_and_serves(node: NodeEnd, copying: Copying, data: Path) -> None:
    offer = offered(node)
    await copying.bring(offer, always)
    assert current_on(data) == offer.generation == node.serving()
    assert generations_on(data) == {offer.generation}
    copied = content(resource_path(data) / "current")
    at_node = content(node.generation(offer.generation))
    assert copied == {path: held for path, held in at_node.items() if path not in NOT_SENT}
    assert len(copied) == 8
    generation = resource_path(data) / "generations" / offer.generation
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (generation, *generation.rglob("*"))}
    assert modes == {0o600, 0o700}


async def test_it_goes_on_where_it_was_cut(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    offer = offered(node)
    files.cut[INDEX] = OFFSET
    with refused("CONNECTION_FAILED"):
        await copying.bring(offer, always)
    assert generations_on(data) == {f"{offer.generation}.copying"}
    assert index_of(data, f"{offer.generation}.copying").stat().st_size == OFFSET
    assert not (resource_path(data) / "current").is_symlink()
    files.asked.clear()
    await copying.bring(offer, always)
    # The manifest came whole the first time.
    assert files.asked[0] == (INDEX, OFFSET)
    assert (MANIFEST, 0) not in files.asked
    assert current_on(data) == offer.generation


async def test_a_file_that_comes_wrong_is_fetched_again(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    offer = offered(node)
    files.wrong[INDEX] = 1
    await copying.bring(offer, always)
    assert files.asked.count((INDEX, 0)) == 2
    assert index_of(data, offer.generation).read_bytes() == index_of(node.data, offer.generation).read_bytes()


async def test_one_that_comes_wrong_twice_is_not_taken(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    before = offered(node)
    await copying.bring(before, always)
    node.build()
    after = offered(node)
    files.wrong[INDEX] = 2
    with refused("RESOURCE_NOT_READY", "resource"):
        await copying.bring(after, always)
    assert current_on(data) == before.generation
    assert not index_of(data, f"{after.generation}.copying").exists()
    await copying.bring(after, always)
    assert current_on(data) == after.generation


@pytest.mark.parametrize("spoil", [damage, lambda path: path.write_bytes(path.read_bytes() + b"x")])
async def test_what_is_not_right_on_the_disk_is_thrown_away(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path, spoil: Callable[[Path], None]
) -> None:
    offer = offered(node)
    files.cut[LAST] = 0
    with refused("CONNECTION_FAILED"):
        await copying.bring(offer, always)
    spoil(index_of(data, f"{offer.generation}.copying"))
    files.asked.clear()
    await copying.bring(offer, always)
    assert files.asked == [(INDEX, 0), (LAST, 0)]


@pytest.mark.parametrize("crashed", ["before the last name", "before the switch", "before anything"])
async def test_after_a_crash_what_is_there_is_taken(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path, crashed: str
) -> None:
    """The states that the steps leave on the disk when the process dies between them."""
    offer = offered(node)
    await copying.bring(offer, always)
    generation = resource_path(data) / "generations" / offer.generation
    (resource_path(data) / "current").unlink()
    match crashed:
        case "before the last name":
            generation.rename(generation.with_name(f"{offer.generation}.copying"))
        case "before anything":
            shutil.rmtree(generation)
            generation.with_name(f"{offer.generation}.copying").mkdir()
    files.asked.clear()
    await copying.bring(offer, always)
    assert current_on(data) == offer.generation
    assert generations_on(data) == {offer.generation}
    assert (files.asked == []) == (crashed != "before anything")


async def test_what_others_left_behind_goes(node: NodeEnd, copying: Copying, data: Path) -> None:
    offer = offered(node)
    for left in ("20200101T000000Z-0000.copying", "20200101T000000Z-0001.removing"):
        (resource_path(data) / "generations" / left / "fingerprints").mkdir(parents=True)
    await copying.bring(offer, always)
    assert generations_on(data) == {offer.generation}


async def test_the_one_before_stays_and_those_before_it_go(
    node: NodeEnd, copying: Copying, data: Path
) -> None:
    names = []
    for _ in range(3):
        await copying.bring(offered(node), always)
        names.append(node.serving())
        node.build()
    assert generations_on(data) == set(names[1:])
    assert current_on(data) == names[2]


async def test_a_rollback_copies_nothing(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    before = offered(node)
    await copying.bring(before, always)
    node.build()
    await copying.bring(offered(node), always)
    node.resources.roll_back(register.CODE, before.generation)
    files.asked.clear()
    await copying.bring(offered(node), always)
    assert (current_on(data), files.asked) == (before.generation, [])


async def test_another_generation_of_the_same_name_is_not_taken_for_it(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    offer = offered(node)
    await copying.bring(offer, always)
    damage(index_of(data, offer.generation).with_name(MANIFEST))
    files.asked.clear()
    await copying.bring(offer, always)
    assert files.asked == [(MANIFEST, 0)]
    assert generations_on(data) == {offer.generation}


@contextmanager
def room(most: int) -> Iterator[None]:
    """No file of this process grows further, which is what a full disk looks like."""
    before = limits.getrlimit(limits.RLIMIT_FSIZE)
    limits.setrlimit(limits.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        limits.setrlimit(limits.RLIMIT_FSIZE, before)


async def test_a_full_disk_leaves_what_serves_and_is_gone_on_from(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    before = offered(node)
    await copying.bring(before, always)
    node.build()
    after = offered(node)
    with room(OFFSET), refused("STORAGE_FULL", "data"):
        await copying.bring(after, always)
    assert current_on(data) == before.generation
    files.asked.clear()
    await copying.bring(after, always)
    assert files.asked[0] == (INDEX, OFFSET)
    assert current_on(data) == after.generation


async def test_a_disk_that_cannot_be_written_is_told(node: NodeEnd, copying: Copying, data: Path) -> None:
    offer = offered(node)
    (resource_path(data) / "generations" / f"{offer.generation}.copying" / MANIFEST).mkdir(parents=True)
    with refused("BUILD_FAILED", "data"):
        await copying.bring(offer, always)


async def test_what_is_not_wanted_any_more_is_not_copied_further(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    with pytest.raises(Superseded):
        await copying.bring(offered(node), lambda: (INDEX, 0) not in files.asked)
    assert not (resource_path(data) / "current").is_symlink()
    with ResourceDirectory(data, register.CODE).locked():
        pass


async def test_a_node_that_falls_silent_is_given_up(
    node: NodeEnd, files: FaultyFiles, stub: "ReplicaServiceAsyncStub", data: Path
) -> None:
    hold = files.hold(INDEX, OFFSET)
    with refused("DEADLINE_EXCEEDED"):
        await Copying(stub, data, silent_seconds=0.2).bring(offered(node), always)
    hold.released.set()


async def test_the_lock_is_held_meanwhile(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    hold = files.hold(INDEX, OFFSET)
    bringing = asyncio.create_task(copying.bring(offered(node), always))
    await hold.reached.wait()
    with refused("BUILD_RUNNING"), ResourceDirectory(data, register.CODE).locked():
        pass
    hold.released.set()
    await bringing


def spoilt(offer: ReplicaResource, change: Callable[[ReplicaResource], object]) -> ReplicaResource:
    made = ReplicaResource()
    made.CopyFrom(offer)
    change(made)
    return made


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("resource", lambda one: setattr(one, "resource", "../x")),
        ("resources.generation", lambda one: setattr(one, "generation", "../../x")),
        ("resources.files", lambda one: one.files.add(path="/etc/hostname")),
        ("resources.files", lambda one: one.files.add(path="../../x")),
        ("resources.files", lambda one: one.files.add(path="fingerprints/../../x")),
        ("resources.files", lambda one: one.files.add(path="quarantine.csv")),
        ("resources.files", lambda one: one.files.add(path=INDEX)),
        ("resources.files", lambda one: one.files.pop(0)),
        ("resources.files.size", lambda one: setattr(one.files[1], "size", -1)),
    ],
)
async def test_names_that_no_generation_has_are_refused(
    node: NodeEnd, copying: Copying, data: Path, field: str, change: Callable[[ReplicaResource], object]
) -> None:
    with refused("FIELD_INVALID", field):
        await copying.bring(spoilt(offered(node), change), always)
    assert not data.exists()  # noqa: ASYNC240 (nothing else is to do meanwhile)


@given(st.one_of(st.text(alphabet="./index-0fgrpts9\n\0manifesj", max_size=24), st.text(max_size=12)))
def test_no_path_that_is_taken_leads_elsewhere(path: str) -> None:
    if _PATH.fullmatch(path):
        assert (Path("/g") / path).resolve().is_relative_to("/g")
        assert ".." not in path
        assert "\0" not in path


async def test_a_file_that_has_nothing_in_it_is_made(
    node: NodeEnd, files: FaultyFiles, copying: Copying, data: Path
) -> None:
    offer = offered(node)
    empty = GenerationFile(
        path="fingerprints/99",
        sha256=bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    )
    await copying.bring(spoilt(offer, lambda one: one.files.append(empty)), always)
    assert (index_of(data, offer.generation).parent / "fingerprints" / "99").read_bytes() == b""
    assert ("fingerprints/99", 0) not in files.asked
