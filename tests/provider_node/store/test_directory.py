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
