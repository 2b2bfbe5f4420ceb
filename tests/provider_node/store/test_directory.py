from pathlib import Path

import pytest

from provider_node.store.directory import ResourceDirectory
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

FIRST, SECOND, THIRD = "20261122T081500Z-0001", "20261122T081500Z-0002", "20261122T081500Z-0003"


def salted(length: int) -> bytes:
    return bytes(range(length))


def never(length: int) -> bytes:
    raise AssertionError(f"{length} random bytes asked for")


@pytest.fixture
def directory(tmp_path: Path) -> ResourceDirectory:
    return ResourceDirectory(tmp_path, "vehicle-owners")


def finished(directory: ResourceDirectory, generation: str) -> Path:
    (directory.begin(generation) / "file").write_text("content")
    directory.finish(generation)
    return directory.generation(generation)


def names(directory: ResourceDirectory) -> set[str]:
    return {path.name for path in directory.generation(FIRST).parent.iterdir()}


def test_nothing_serves_before_the_first_switch(directory: ResourceDirectory) -> None:
    assert directory.current() is None
    with directory.building():
        finished(directory, FIRST)
        assert directory.current() is None


def test_the_generation_before_is_kept_until_the_next_build(directory: ResourceDirectory) -> None:
    for generation, kept in ((FIRST, set()), (SECOND, {FIRST}), (THIRD, {SECOND})):
        with directory.building():
            assert names(directory) == kept
            finished(directory, generation)
            directory.switch(generation)
            assert names(directory) == {*kept, generation}
        assert directory.current() == generation


def test_a_generation_that_was_never_switched_to_is_removed(directory: ResourceDirectory) -> None:
    with directory.building():
        finished(directory, FIRST)
        directory.switch(FIRST)
        finished(directory, SECOND)
    with directory.building():
        assert names(directory) == {FIRST}


def test_what_others_put_there_is_left_alone(directory: ResourceDirectory) -> None:
    with directory.building():
        pass
    (directory.generation(FIRST).parent / "notes").write_text("not a generation")
    with directory.building():
        assert names(directory) == {"notes"}


def test_what_a_killed_build_left_is_cleared(directory: ResourceDirectory) -> None:
    with directory.building():
        left = directory.begin(FIRST)
        (left / "buckets").mkdir()
        (left / "buckets" / "00").write_bytes(b"tokens")
    (left.parent.parent / "current.new").symlink_to("nowhere")
    with directory.building():
        assert names(directory) == set()
        finished(directory, SECOND)
        directory.switch(SECOND)
    assert directory.current() == SECOND


def test_an_abandoned_generation_is_gone(directory: ResourceDirectory) -> None:
    with directory.building():
        (directory.begin(FIRST) / "file").write_text("content")
        directory.abandon(FIRST)
        assert names(directory) == set()


def test_one_build_at_a_time(directory: ResourceDirectory, tmp_path: Path) -> None:
    with directory.building():
        with pytest.raises(StayputError) as caught, ResourceDirectory(tmp_path, "vehicle-owners").building():
            pytest.fail("two builds at once")
        with ResourceDirectory(tmp_path, "deaths").building():
            pass
    assert caught.value.reason == ErrorReason.ERROR_REASON_BUILD_RUNNING
    with directory.building():
        pass


def test_the_salt_is_drawn_once(directory: ResourceDirectory) -> None:
    with directory.building():
        assert directory.salt(salted) == bytes(range(16))
        assert directory.salt(never) == bytes(range(16))


@pytest.mark.parametrize("content", ["", "00" * 15, "not hexadecimal", "00" * 17])
def test_a_damaged_salt_is_not_replaced(directory: ResourceDirectory, tmp_path: Path, content: str) -> None:
    with directory.building():
        directory.salt(salted)
        (tmp_path / "resources" / "vehicle-owners" / "salt").write_text(content)
        with pytest.raises(StayputError, match="salt file is damaged"):
            directory.salt(never)


def test_a_damaged_link_is_told(directory: ResourceDirectory, tmp_path: Path) -> None:
    with directory.building():
        pass
    link = tmp_path / "resources" / "vehicle-owners" / "current"
    link.write_text(FIRST)
    with pytest.raises(StayputError, match="cannot be read") as caught:
        directory.current()
    assert caught.value.reason == ErrorReason.ERROR_REASON_RESOURCE_NOT_READY
    link.unlink()
    link.symlink_to("../../elsewhere")
    with pytest.raises(StayputError, match="cannot be read"):
        directory.current()


def test_a_damaged_link_costs_no_generation_and_is_mended_by_a_build(
    directory: ResourceDirectory, tmp_path: Path
) -> None:
    with directory.building():
        finished(directory, FIRST)
    (tmp_path / "resources" / "vehicle-owners" / "current").write_text(FIRST)
    with directory.building():
        assert names(directory) == {FIRST}
        finished(directory, SECOND)
        directory.switch(SECOND)
    assert directory.current() == SECOND


@pytest.mark.parametrize("code", ["../vehicles", "a/b", "", "vehicles\0"])
def test_a_code_cannot_lead_elsewhere(tmp_path: Path, code: str) -> None:
    with pytest.raises(StayputError, match="resource: must be"):
        ResourceDirectory(tmp_path, code)


def switched(directory: ResourceDirectory, generation: str, keep: int) -> None:
    """A whole build of a generation."""
    with directory.building(keep):
        finished(directory, generation)
        directory.switch(generation)
        directory.trim(keep)


def named(number: int) -> str:
    return f"20261122T0815{number:02}Z-0000"


@pytest.mark.parametrize("keep", [1, 2, 3, 5])
def test_so_many_are_kept_and_during_a_build_no_more_with_what_serves(
    directory: ResourceDirectory, keep: int
) -> None:
    for number in range(8):
        with directory.building(keep):
            # What serves is never removed, so that the least that a build needs room for is two.
            assert len(names(directory)) == min(number, max(1, keep - 1))
            finished(directory, named(number))
            directory.switch(named(number))
            directory.trim(keep)
        kept = [named(one) for one in range(max(0, number + 1 - keep), number + 1)]
        assert directory.finished() == kept[::-1]


def test_the_serving_generation_is_kept_however_old(directory: ResourceDirectory) -> None:
    for number in range(3):
        switched(directory, named(number), 3)
    with directory.locked():
        directory.switch(named(0))
    with directory.building(2):
        assert names(directory) == {named(0)}


def test_those_held_back_are_removed_before_those_that_served(directory: ResourceDirectory) -> None:
    for number in range(2):
        switched(directory, named(number), 3)
    with directory.building(3):
        directory.begin(named(2))
        directory.hold(named(2), "too few")
        directory.finish(named(2))
    assert [directory.held(one) for one in directory.finished()] == ["too few", "", ""]
    with directory.building(3):
        assert directory.finished() == [named(1), named(0)]


def test_what_is_switched_to_is_not_held_back_any_more(directory: ResourceDirectory) -> None:
    with directory.building():
        directory.begin(FIRST)
        directory.hold(FIRST, "too few")
        directory.finish(FIRST)
        directory.switch(FIRST)
    assert directory.held(FIRST) == ""


def test_with_a_damaged_link_nothing_is_trimmed(directory: ResourceDirectory, tmp_path: Path) -> None:
    for number in range(3):
        switched(directory, named(number), 3)
    link = tmp_path / "resources" / "vehicle-owners" / "current"
    link.unlink()
    link.write_text(named(2))
    with directory.building(1):
        assert directory.finished() == [named(2), named(1), named(0)]
        directory.trim(1)
        assert directory.finished() == [named(2), named(1), named(0)]


def test_what_a_killed_removal_left_is_no_generation_and_is_cleared(directory: ResourceDirectory) -> None:
    with directory.building():
        left = finished(directory, FIRST)
        left.rename(left.with_name(f"{FIRST}.removing"))
        assert directory.finished() == []
    with directory.building():
        assert names(directory) == set()


def test_a_removal_that_fails_leaves_the_build_as_it_is(directory: ResourceDirectory) -> None:
    switched(directory, FIRST, 2)
    # Something that cannot be replaced stands where it would be moved to.
    (directory.generation(FIRST).with_name(f"{FIRST}.removing")).write_text("")
    with directory.locked():
        finished(directory, SECOND)
        directory.switch(SECOND)
        directory.trim(1)
    assert directory.current() == SECOND
    assert FIRST in directory.finished()


def test_the_size_of_a_generation(directory: ResourceDirectory) -> None:
    with directory.building():
        path = finished(directory, FIRST)
    (path / "fingerprints").mkdir()
    (path / "fingerprints" / "0").write_bytes(bytes(100))
    assert directory.size(FIRST) == len("content") + 100
    assert directory.size(SECOND) == 0


def test_nothing_is_finished_before_the_first_build(directory: ResourceDirectory) -> None:
    assert directory.finished() == []
    with directory.locked(), pytest.raises(StayputError, match="under way"), directory.building():
        pytest.fail("built while locked")
