"""The node's list of replicas: what a node sees of a command's changes, and what a fault admits."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provider_node.config.node import MOST_REPLICAS
from provider_node.store import replicas as store
from provider_node.store.replicas import REPLICAS_FILE, Replicas
from tests.provider_node.serving.consumer import refused

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)


def thumbprint(number: int) -> str:
    return f"{number:043}"


@pytest.fixture
def listed(tmp_path: Path) -> Replicas:
    """With two on it, west added first."""
    found = Replicas(tmp_path)
    found.add("west", thumbprint(1), NOW, "王建国")
    found.add("east", thumbprint(2), NOW, "李梅")
    return found


def names(found: Replicas) -> list[str]:
    return [one.name for one in found.all()]


def test_it_is_empty_before_the_first(tmp_path: Path) -> None:
    assert Replicas(tmp_path).all() == ()
    assert Replicas(tmp_path).find(thumbprint(1)) is None
    assert list(tmp_path.iterdir()) == []


def test_who_is_on_it_is_found_by_the_certificate(listed: Replicas, tmp_path: Path) -> None:
    assert names(listed) == ["east", "west"]
    found = Replicas(tmp_path).find(thumbprint(1))
    assert found is not None
    assert (found.name, found.added_at, found.administrator) == ("west", NOW, "王建国")
    assert listed.find(thumbprint(3)) is None
    assert (tmp_path / REPLICAS_FILE).stat().st_mode & 0o777 == 0o600


def test_a_running_node_sees_what_a_command_changes(listed: Replicas, tmp_path: Path) -> None:
    command = Replicas(tmp_path)
    assert command.remove("west").name == "west"
    assert listed.find(thumbprint(1)) is None
    command.add("north", thumbprint(3), NOW, "王建国")
    assert listed.find(thumbprint(3)) == command.find(thumbprint(3)) is not None
    (tmp_path / REPLICAS_FILE).unlink()
    assert listed.all() == ()


def test_it_is_read_only_when_the_file_is_another(listed: Replicas, tmp_path: Path) -> None:
    path = tmp_path / REPLICAS_FILE
    listed.all()
    found = path.stat()
    # As long as it was, so that nothing tells of it.
    with path.open("r+b") as file:
        file.write(b"?" * found.st_size)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert names(listed) == ["east", "west"]
    # Another file of the same size and time.
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))
    copy.replace(path)
    with refused("CONFIGURATION_INVALID", "replicas"):
        listed.all()


def test_a_name_is_there_once(listed: Replicas, tmp_path: Path) -> None:
    before = (tmp_path / REPLICAS_FILE).read_bytes()
    for attempt in (
        lambda: listed.check_free("west"),
        lambda: listed.add("west", thumbprint(9), NOW, "李梅"),
    ):
        with refused("FIELD_INVALID", "name"):
            attempt()
    assert (tmp_path / REPLICAS_FILE).read_bytes() == before
    listed.check_free("north")


def test_there_is_no_more_room_than_in_a_catalogue_entry(tmp_path: Path) -> None:
    found = Replicas(tmp_path)
    for number in range(MOST_REPLICAS):
        found.add(f"r-{number}", thumbprint(number), NOW, "王建国")
    for attempt in (
        lambda: found.check_free("another"),
        lambda: found.add("another", thumbprint(99), NOW, "王建国"),
    ):
        with refused("FIELD_INVALID", "name"):
            attempt()
    assert len(Replicas(tmp_path).all()) == 64


def test_only_who_is_on_it_can_be_removed(listed: Replicas) -> None:
    with refused("FIELD_INVALID", "name"):
        listed.remove("north")
    assert names(listed) == ["east", "west"]


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    def add(number: int) -> None:
        Replicas(tmp_path).add(f"r-{number}", thumbprint(number), NOW, "王建国")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(24)))
    assert len(Replicas(tmp_path).all()) == 24


def test_a_change_that_fails_leaves_what_was(
    listed: Replicas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "replace_durably", fail)
    with pytest.raises(OSError, match="No space"):
        listed.remove("west")
    assert names(listed) == names(Replicas(tmp_path)) == ["east", "west"]


def _twice(held: dict[str, Any]) -> None:
    held["replicas"].append(held["replicas"][0])


def _same_certificate(held: dict[str, Any]) -> None:
    held["replicas"][0]["thumbprint"] = held["replicas"][1]["thumbprint"]


def _too_many(held: dict[str, Any]) -> None:
    one = held["replicas"][0]
    held["replicas"] = [one | {"name": f"r-{n}", "thumbprint": thumbprint(n)} for n in range(65)]


@pytest.mark.parametrize(
    "damage",
    [
        _twice,
        _same_certificate,
        _too_many,
        lambda held: held.update(format=2),
        lambda held: held.update(more=1),
        lambda held: held["replicas"][0].update(more=1),
        lambda held: held["replicas"][0].update(name="East"),
        lambda held: held["replicas"][0].update(thumbprint="x"),
        lambda held: held["replicas"][0].update(thumbprint=f"{thumbprint(1)}\n"),
        lambda held: held["replicas"][0].update(added_at="2026-11-22T08:15:00"),
        lambda held: held["replicas"][0].pop("administrator"),
    ],
)
def test_a_damaged_list_admits_nobody(
    listed: Replicas, tmp_path: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    path = tmp_path / REPLICAS_FILE
    held = json.loads(path.read_text())
    assert listed.find(thumbprint(2)) is not None
    damage(held)
    path.write_text(json.dumps(held))
    attempts: list[Callable[[], object]] = [
        lambda: listed.find(thumbprint(2)),
        lambda: listed.add("north", thumbprint(9), NOW, "王建国"),
        lambda: listed.remove("west"),
    ]
    for attempt in attempts:
        with refused("CONFIGURATION_INVALID", "replicas") as caught:
            attempt()
        assert str(path) in caught.value.message
    assert json.loads(path.read_text()) == held


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_list_admits_nobody(listed: Replicas, tmp_path: Path, content: bytes) -> None:
    (tmp_path / REPLICAS_FILE).write_bytes(content)
    with refused("CONFIGURATION_INVALID", "replicas"):
        listed.find(thumbprint(2))


def test_what_cannot_be_read_admits_nobody(listed: Replicas, tmp_path: Path) -> None:
    listed.all()
    (tmp_path / REPLICAS_FILE).unlink()
    (tmp_path / REPLICAS_FILE).mkdir()
    with refused("CONFIGURATION_INVALID", "replicas"):
        listed.find(thumbprint(2))
