"""What is left when the process that stores a definition is killed, at whichever step."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.provider_node.definitions.dying import (
    ADMINISTRATOR,
    BY_HAND,
    CODE,
    FIRST,
    NOW,
    SECOND,
    store,
)

Left = Callable[[str], list[Path]]


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all of the processes left."""
    directory = tmp_path_factory.mktemp("dead")
    command = [sys.executable, "-m", "tests.provider_node.definitions.dying", str(directory)]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@pytest.fixture
def left(dead: Path, tmp_path: Path) -> Callable[[str], list[Path]]:
    """Copies of what was left in a case by each process; the last of them came to its end."""

    def copied(case: str) -> list[Path]:
        directory = shutil.copytree(dead / case, tmp_path / case)
        numbers = sorted(int(path.name) for path in directory.iterdir())
        return [directory / str(number) for number in numbers if number]

    return copied


def file(directory: Path) -> Path:
    return directory / "resources" / f"{CODE}.toml"


def known(directory: Path) -> list[tuple[str, bytes]]:
    """Who stored which content, in the order of versions."""
    definitions = store(directory)
    with definitions.locked():
        versions = definitions.versions(CODE)
        assert [one.version for one in versions] == list(range(1, len(versions) + 1))
        return [(one.administrator, definitions.content(CODE, one.version)) for one in versions]


@pytest.mark.parametrize(("beginning", "before"), [("new", []), ("stored", [FIRST])])
def test_what_holds_is_the_newest_version(left: Left, beginning: str, before: list[bytes]) -> None:
    old = [(ADMINISTRATOR, content) for content in before]
    seen = []
    for directory in left(f"{beginning}-store"):
        held = file(directory).read_bytes() if file(directory).exists() else None
        versions = known(directory)
        if held == SECOND:
            assert versions == [*old, (ADMINISTRATOR, SECOND)]
        else:
            assert (held, versions) == (before[0] if before else None, old)
        seen.append(held == SECOND)
        # No trace of the crash is in the way of what comes next.
        definitions = store(directory)
        with definitions.locked():
            definitions.store(CODE, BY_HAND, "李雪梅", NOW)
        assert known(directory) == [*versions, ("李雪梅", BY_HAND)]
        assert file(directory).read_bytes() == BY_HAND
    # Once replaced it stays so; there were steps before and after that.
    assert seen == sorted(seen)
    assert seen.count(False) > 3
    assert seen.count(True) > 2


def test_what_comes_next_does_not_hide_what_was_cut_off(left: Left) -> None:
    for directory in left("stored-store"):
        replaced = file(directory).read_bytes() == SECOND
        definitions = store(directory)
        with definitions.locked():
            definitions.store(CODE, BY_HAND, "李雪梅", NOW)
        before = [(ADMINISTRATOR, FIRST), *([(ADMINISTRATOR, SECOND)] if replaced else [])]
        assert known(directory) == [*before, ("李雪梅", BY_HAND)]


def test_an_edit_after_the_crash_is_a_version_of_its_own(left: Left) -> None:
    replaced = [one for one in left("stored-store") if file(one).read_bytes() == SECOND]
    assert replaced
    for directory in replaced:
        file(directory).write_bytes(BY_HAND)
        assert known(directory)[-1] == (ADMINISTRATOR, SECOND)


def test_noting_an_edited_file_can_be_done_again(left: Left) -> None:
    for directory in left("stored-record"):
        versions = known(directory)
        assert versions in ([(ADMINISTRATOR, FIRST)], [(ADMINISTRATOR, FIRST), ("", SECOND)])
        assert file(directory).read_bytes() == SECOND
        if len(versions) == 1:
            definitions = store(directory)
            with definitions.locked():
                definitions.record(CODE, file(directory), SECOND, NOW)
            assert known(directory)[-1] == ("", SECOND)
