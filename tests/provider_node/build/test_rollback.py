"""The way back to an earlier generation, and what is told of those on disk."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree

import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.generations import last_begun, listed, roll_back
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.build.oblivious import NEW_KEYS, OFFERED, RECORD

CODE = "vehicle-owners"
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
KEEP = ("[keys.owner]", "[generations]\nkeep = 4\n[keys.owner]")
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]
Builds = Callable[..., list[str]]


@pytest.fixture
def builds(write_resource: Write, build: Build, resident_id: Number) -> Builds:
    """Builds so many generations, each of a row more; their ids, oldest first."""

    def run(count: int, *changes: tuple[str, str]) -> list[str]:
        made = []
        for number in range(count):
            rows = [(resident_id(n), "张三", f"A{n}") for n in range(10 + number)]
            resource = write_resource(rows, KEEP, *changes)
            made.append(build(resource, NOW + timedelta(hours=number)).generation)
        return made

    return run


@pytest.fixture
def directory(tmp_path: Path) -> ResourceDirectory:
    return ResourceDirectory(tmp_path / "data", CODE)


def current(generations: Generations) -> Generation:
    generation = generations.current(CODE)
    assert generation is not None
    return generation


def test_the_newest_before_serves_again(generations: Generations, builds: Builds) -> None:
    first, second, third = builds(3)
    assert current(generations).manifest.generation == third
    assert roll_back(generations, CODE, "") == second
    assert current(generations).manifest.rows == 11
    assert roll_back(generations, CODE, "") == first
    with pytest.raises(StayputError, match="no generation before the one that serves") as caught:
        roll_back(generations, CODE, "")
    assert caught.value.reason == ErrorReason.ERROR_REASON_GENERATION_UNKNOWN
    assert roll_back(generations, CODE, third) == third
    assert current(generations).manifest.rows == 12


def test_what_was_gone_back_from_is_held_back_until_it_is_named(
    generations: Generations, builds: Builds
) -> None:
    first, second, third = builds(3)
    roll_back(generations, CODE, first)
    went_back = f"held back: the node went back to {first}"
    assert [one.problem for one in listed(generations, CODE)] == [went_back, went_back, ""]
    roll_back(generations, CODE, third)
    assert [one.problem for one in listed(generations, CODE)] == ["", went_back, ""]
    assert roll_back(generations, CODE, "") == first
    assert roll_back(generations, CODE, second) == second


def test_what_is_still_in_use_serves_again(generations: Generations, builds: Builds) -> None:
    first, second = builds(2)
    roll_back(generations, CODE, first)
    used = current(generations)
    for generation in (second, first, second, first):
        roll_back(generations, CODE, generation)
        now = current(generations)
        assert now.manifest.generation == generation
        with now.index.reading() as value_of:
            assert value_of(bytes(16)) is None
    assert current(generations).index is used.index


@pytest.mark.parametrize(
    "generation",
    ["20261122T081500Z-ffff", "../../x", "..", "current", "20261122T081500Z-0001.building", "x" * 300, "\0"],
)
def test_what_is_not_there_is_unknown(generations: Generations, builds: Builds, generation: str) -> None:
    (only,) = builds(1)
    with pytest.raises(StayputError, match="no such generation") as caught:
        roll_back(generations, CODE, generation)
    assert caught.value.reason == ErrorReason.ERROR_REASON_GENERATION_UNKNOWN
    assert current(generations).manifest.generation == only


def test_one_that_was_held_back_is_not_taken_by_itself(
    generations: Generations, builds: Builds, directory: ResourceDirectory
) -> None:
    first, second, third = builds(3)
    (directory.generation(second) / "held").write_text("too few")
    assert roll_back(generations, CODE, "") == first
    assert roll_back(generations, CODE, second) == second
    assert [one.problem for one in listed(generations, CODE)][1:] == ["", ""]
    assert [one.generation for one in listed(generations, CODE)] == [third, second, first]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("index.mdb", "the index of generation {} is damaged"),
        ("fingerprints/1", "the fingerprints of generation {} are damaged"),
        ("manifest.json", "the manifest of generation {} is damaged"),
    ],
)
def test_one_that_is_damaged_is_refused(
    generations: Generations, builds: Builds, directory: ResourceDirectory, name: str, problem: str
) -> None:
    first, second = builds(2, OFFERED)
    file = directory.generation(first) / name
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StayputError, match=problem.format(first)) as caught:
        roll_back(generations, CODE, "")
    assert caught.value.reason == ErrorReason.ERROR_REASON_RESOURCE_NOT_READY
    file.unlink()
    with pytest.raises(StayputError, match="is missing"):
        roll_back(generations, CODE, first)
    assert current(generations).manifest.generation == second


def test_one_of_another_index_key_is_refused(builds: Builds, tmp_path: Path) -> None:
    first, _ = builds(2)
    other = Generations(tmp_path / "data", {"0123456789abcdef"})
    with pytest.raises(StayputError, match=f"generation {first} was built under another index key"):
        roll_back(other, CODE, first)
    assert all("another index key" in one.problem for one in listed(other, CODE))


def test_not_while_a_build_is_under_way(
    generations: Generations, builds: Builds, directory: ResourceDirectory
) -> None:
    builds(2)
    with directory.locked(), pytest.raises(StayputError) as caught:
        roll_back(generations, CODE, "")
    assert caught.value.reason == ErrorReason.ERROR_REASON_BUILD_RUNNING


def test_a_damaged_link_is_mended_by_naming_a_generation(
    generations: Generations, builds: Builds, directory: ResourceDirectory, tmp_path: Path
) -> None:
    first, second = builds(2)
    link = tmp_path / "data" / "resources" / CODE / "current"
    link.unlink()
    link.symlink_to("elsewhere")
    assert [one.serving for one in listed(generations, CODE)] == [False, False]
    with pytest.raises(StayputError, match="cannot be read"):
        roll_back(generations, CODE, "")
    assert roll_back(generations, CODE, second) == second
    assert directory.current() == second != first


def test_each_has_its_own_oprf_keys_if_the_resource_says_so(
    generations: Generations, builds: Builds, oprf_keys: OprfKeys
) -> None:
    first, second = builds(2, OFFERED, NEW_KEYS)
    epochs = {}
    for generation in (second, first):
        roll_back(generations, CODE, generation)
        found = current(generations)
        assert found.manifest.oblivious is not None
        epochs[generation] = found.manifest.oblivious.offer.key_epoch
        assert epochs[generation] == oprf_keys.epoch(CODE, generation).id
        assert found.fingerprints["owner", "", RECORD].count == found.manifest.subjects
    assert epochs[first] != epochs[second]


def test_what_is_told_of_each(generations: Generations, builds: Builds, directory: ResourceDirectory) -> None:
    assert listed(generations, CODE) == []
    first, second = builds(2)
    newest, oldest = listed(generations, CODE)
    assert (newest.generation, newest.serving) == (second, True)
    assert (oldest.generation, oldest.serving) == (first, False)
    assert (newest.rows, newest.rows_left_out, newest.subjects, newest.problem) == (11, 0, 11, "")
    assert newest.built_at.ToDatetime(UTC) == NOW + timedelta(hours=1)
    assert newest.bytes == sum(
        path.stat().st_size for path in directory.generation(second).rglob("*") if path.is_file()
    )
    (directory.generation(first) / "manifest.json").unlink()
    assert "is missing" in listed(generations, CODE)[1].problem


def test_when_the_newest_was_begun(
    generations: Generations, builds: Builds, directory: ResourceDirectory
) -> None:
    assert last_begun(generations, CODE) is None
    first, second = builds(2)
    assert last_begun(generations, CODE) == NOW + timedelta(hours=1)
    roll_back(generations, CODE, first)
    assert last_begun(generations, CODE) == NOW + timedelta(hours=1)
    rmtree(directory.generation(second))
    # Not a time, though it has the form of one.
    directory.generation("20269999T999999Z-0000").mkdir()
    assert last_begun(generations, CODE) == NOW


def test_with_one_kept_the_one_before_is_gone_at_once_and_read_on(
    generations: Generations, write_resource: Write, build: Build, resident_id: Number, tmp_path: Path
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")], KEEP, ("keep = 4", "keep = 1"))
    build(resource)
    used = current(generations)
    build(resource, NOW + timedelta(hours=1))
    after = current(generations)
    assert ResourceDirectory(tmp_path / "data", CODE).finished() == [after.manifest.generation]
    with used.index.reading() as value_of:
        assert value_of(bytes(16)) is None
    assert used.index.entries == used.manifest.entries
    with pytest.raises(StayputError, match="no such generation"):
        roll_back(generations, CODE, used.manifest.generation)
