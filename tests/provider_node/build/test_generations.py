import errno
import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import lmdb
import pytest

from provider_node.config import ResourceConfig
from provider_node.store import generations as module
from provider_node.store.directory import ResourceDirectory
from provider_node.store.files import sha256_of
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.build.oblivious import OFFERED, RECORD

CODE = "vehicle-owners"
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]


@pytest.fixture
def resource(write_resource: Write, resident_id: Number) -> ResourceConfig:
    return write_resource([(resident_id(n), "张三", f"A{n}") for n in range(100)])


@pytest.fixture
def oblivious(write_resource: Write, resident_id: Number) -> ResourceConfig:
    return write_resource([(resident_id(n), "张三", f"A{n}") for n in range(100)], OFFERED)


def current(generations: Generations) -> Generation:
    generation = generations.current(CODE)
    assert generation is not None
    return generation


def serving_path(data: Path, manifest: Manifest) -> Path:
    return ResourceDirectory(data, CODE).generation(manifest.generation)


def entries(generation: Generation) -> int:
    with generation.index.reading() as value_of:
        assert value_of(bytes(16)) is None
    return generation.index.entries


def test_nothing_serves_before_the_first_build(generations: Generations) -> None:
    assert generations.current(CODE) is None


def test_the_same_object_serves_until_the_next_build(
    generations: Generations, build: Build, resource: ResourceConfig
) -> None:
    manifest = build(resource)
    first = current(generations)
    assert first.manifest == manifest
    assert current(generations) is first
    second = build(resource, NOW + timedelta(hours=1))
    assert current(generations) is not first
    assert current(generations).manifest == second


def test_a_generation_in_use_is_readable_after_its_files_are_gone_and_then_closed(
    generations: Generations, build: Build, resource: ResourceConfig, tmp_path: Path
) -> None:
    build(resource)
    used = current(generations)
    path = serving_path(tmp_path / "data", used.manifest)
    for hour in (1, 2):
        build(resource, NOW + timedelta(hours=hour))
    assert not path.exists()
    assert current(generations) is not used
    assert entries(used) == used.manifest.entries
    assert str(path) in Path("/proc/self/maps").read_text()
    del used
    gc.collect()
    assert str(path) not in Path("/proc/self/maps").read_text()


def test_fingerprints_in_use_are_readable_after_their_files_are_gone_and_then_closed(
    generations: Generations, build: Build, oblivious: ResourceConfig, tmp_path: Path
) -> None:
    build(oblivious)
    used = current(generations).fingerprints["owner", "plate", RECORD]
    path = serving_path(tmp_path / "data", current(generations).manifest)
    content = (path / "fingerprints" / "2").read_bytes()
    for hour in (1, 2):
        build(oblivious, NOW + timedelta(hours=hour))
    current(generations)
    assert not path.exists()
    assert used.read(0, used.count) == content
    assert used.read(3, 2) == content[24:40]
    number = used._descriptor
    del used
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_readers_always_find_a_whole_generation_while_builds_switch(
    generations: Generations, build: Build, resource: ResourceConfig
) -> None:
    build(resource)
    done = False

    def read() -> set[str]:
        seen = set()
        while not done:
            generation = current(generations)
            assert entries(generation) == generation.manifest.entries
            seen.add(generation.manifest.generation)
        return seen

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        try:
            for second in range(1, 8):
                build(resource, NOW + timedelta(seconds=second))
        finally:
            done = True
        seen = set[str]().union(*(reader.result() for reader in readers))
    assert len(seen) > 1


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("name", "damage", "problem"),
    [
        ("index.mdb", flip, "the index of the serving generation is damaged"),
        ("index.mdb", cut, "the index of the serving generation is damaged"),
        ("index.mdb", Path.unlink, "a file of the serving generation is missing"),
        ("fingerprints/0", flip, "the fingerprints of the serving generation are damaged"),
        ("fingerprints/2", cut, "the fingerprints of the serving generation are damaged"),
        ("fingerprints/1", Path.unlink, "a file of the serving generation is missing"),
        ("manifest.json", cut, "the manifest of the serving generation is damaged"),
        ("manifest.json", Path.unlink, "a file of the serving generation is missing"),
        ("index.mdb", make_directory, "a file of the serving generation cannot be read: Is a directory"),
        ("fingerprints/0", make_directory, "a file of the serving generation cannot be read: Is a directory"),
    ],
)
def test_a_damaged_generation_is_told(
    generations: Generations,
    build: Build,
    oblivious: ResourceConfig,
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], None],
    problem: str,
) -> None:
    damage(serving_path(tmp_path / "data", build(oblivious)) / name)
    with pytest.raises(StayputError, match=problem) as caught:
        generations.current(CODE)
    assert caught.value.reason == ErrorReason.ERROR_REASON_RESOURCE_NOT_READY
    build(oblivious, NOW + timedelta(hours=1))
    assert entries(current(generations)) == 300


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"profile": "cn-gov/1"', '"profile": "cn-gov/9"'),
        ('"salt": "', '"salt": "A'),
        ('"format": 2', '"format": 1'),
        ('"rows": 100', '"rows": "many"'),
        ('"rows": 100', '"rows": 100, "colour": 1'),
        ('"suite": "oblivious/1"', '"suite": "oblivious/2"'),
        ('"key_epoch": "', '"key_epoch": "0'),
        ('"check": "plate"', '"check": "price"'),
        ('"public_key": "', '"public_key": "AAAA'),
        ('"offer": {', '"offer": {"colour": 1,'),
    ],
)
def test_a_manifest_of_another_release_is_told(
    generations: Generations, build: Build, oblivious: ResourceConfig, tmp_path: Path, old: str, new: str
) -> None:
    path = serving_path(tmp_path / "data", build(oblivious)) / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(StayputError, match="is damaged or of another release") as caught:
        generations.current(CODE)
    assert "build the resource again" in caught.value.remedy


def test_a_generation_of_another_index_key_never_serves(
    build: Build, resource: ResourceConfig, tmp_path: Path
) -> None:
    build(resource)
    with pytest.raises(StayputError, match="another index key") as caught:
        Generations(tmp_path / "data", "0123456789abcdef").current(CODE)
    assert caught.value.reason == ErrorReason.ERROR_REASON_RESOURCE_NOT_READY


def test_a_copied_generation_never_serves(
    generations: Generations, build: Build, resource: ResourceConfig, tmp_path: Path
) -> None:
    path = serving_path(tmp_path / "data", build(resource))
    copytree(path, path.with_name("20270101T000000Z-0000"))
    link = path.parent.parent / "current"
    link.unlink()
    link.symlink_to("generations/20270101T000000Z-0000")
    with pytest.raises(StayputError, match="belongs to another generation"):
        generations.current(CODE)


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("read_manifest", OSError(errno.EIO, "Input/output error"), "Input/output error"),
        ("sha256_of", OSError(errno.EIO, "Input/output error"), "Input/output error"),
        ("FingerprintSet", OSError(errno.EIO, "Input/output error"), "Input/output error"),
        ("Index", None, "InvalidError"),
    ],
)
def test_a_disk_that_does_not_read_is_told_as_damage(
    generations: Generations,
    build: Build,
    oblivious: ResourceConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    error: Exception | None,
    told: str,
) -> None:
    def fail(*_: object) -> None:
        if error is not None:
            raise error
        (tmp_path / "damaged").write_bytes(bytes(1 << 16))
        lmdb.open(f"{tmp_path / 'damaged'}", subdir=False, readonly=True, lock=False)

    generation = build(oblivious).generation
    monkeypatch.setattr(module, name, fail)
    with pytest.raises(StayputError, match=f"serving generation cannot be read: {told}") as caught:
        generations.current(CODE)
    assert caught.value.reason == ErrorReason.ERROR_REASON_RESOURCE_NOT_READY
    if name != "Index":
        with pytest.raises(StayputError, match=f"{generation} cannot be read: {told}"):
            generations.verify(CODE, generation)
    monkeypatch.undo()
    # Nothing of it is kept.
    assert entries(current(generations)) == 300


def test_a_large_generation_that_is_opened_keeps_no_other_resource_waiting(
    generations: Generations,
    build: Build,
    write_resource: Write,
    resource: ResourceConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, third = (
        write_resource([("11010519491231002X", "张三", "A1")], (CODE, code), directory=tmp_path / code)
        for code in ("other", "third")
    )
    for one in (resource, other, third):
        build(one)
    opened = generations.current("other")
    reading, go_on = threading.Event(), threading.Event()

    def blocked(path: Path) -> str:
        if CODE in path.parts:
            reading.set()
            assert go_on.wait(60)
        return sha256_of(path)

    monkeypatch.setattr(module, "sha256_of", blocked)
    with ThreadPoolExecutor(3) as threads:
        large = [threads.submit(generations.current, CODE) for _ in range(2)]
        try:
            assert reading.wait(60)
            assert threads.submit(generations.current, "other").result(10) is opened
            build(third, NOW + timedelta(hours=1))
            threads.submit(generations.current, "third").result(10)
            assert not any(one.done() for one in large)
        finally:
            go_on.set()
    assert large[0].result() is large[1].result() is generations.current(CODE)
