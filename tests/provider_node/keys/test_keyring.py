"""Rotation: what a new key changes, how long the one before works, and when it is erased."""

import fcntl
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provider_node.domain import keyring as module
from provider_node.domain.keyring import Keyring
from provider_node.domain.keys import OVERLAP, NodeKeys
from provider_node.store.epochs import Purpose
from stayput.v1.admin_pb2 import KeyStatus
from tests.provider_node.serving.consumer import refused

BY = "王建国"
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
LATER = NOW + OVERLAP


@pytest.fixture
def data(tmp_path: Path) -> Path:
    NodeKeys(tmp_path).create()
    return tmp_path


def ring(data: Path) -> Keyring:
    """As a process that starts has it."""
    return Keyring(NodeKeys(data), data)


def generation(
    data: Path, index_key_id: str, epoch: str | None = None, *, own: bool = False, name: str = "g1"
) -> Path:
    """What of a generation tells which keys it needs."""
    path = data / "resources" / "deaths" / "generations" / name
    path.mkdir(parents=True)
    manifest: dict[str, object] = {"generation": name, "index_key_id": index_key_id}
    if epoch is not None:
        manifest["oblivious"] = {"offer": {"key_epoch": epoch, "new_key_per_generation": own}}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def listed(statuses: list[KeyStatus]) -> list[tuple[str, int, bool]]:
    return [(one.purpose, one.epoch, one.current) for one in statuses]


def files(data: Path) -> set[str]:
    return {path.name for path in (data / "keys").iterdir()}


def test_a_new_node_has_one_key_of_each_purpose(data: Path) -> None:
    assert listed(ring(data).statuses()) == [
        ("index", 1, True), ("oprf", 1, True), ("sealing", 1, True), ("signing", 1, True)
    ]  # fmt: skip
    assert len({one.id for one in ring(data).statuses()}) == 4
    assert "epochs.json" not in files(data)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_rotation_adds_a_key_at_once_and_after_a_start(data: Path, purpose: Purpose) -> None:
    running = ring(data)
    before = {one.purpose: one.id for one in running.statuses()}
    after = running.rotate(purpose, BY, NOW)
    assert listed(after) == [(purpose, 2, True), (purpose, 1, False)]
    assert after[1].id == before[purpose] != after[0].id
    assert after[0].made_at.ToDatetime(UTC) == NOW
    assert NodeKeys(data).epochs().of(purpose)[-1].made_by == BY
    assert after[1].needed_by == ["until 2026-11-23T08:15:00+00:00"]
    again = ring(data)
    assert again.statuses() == running.statuses()
    for one in (running, again):
        current = {
            "index": one.index.current.id,
            "oprf": one.oprf.id,
            "sealing": one.sealing.current.id.hex(),
        }
        assert current[purpose] == after[0].id
        others = set(current) - {purpose}
        assert {current[other] for other in others} == {before[other] for other in others}


def test_the_key_before_goes_on_opening_sessions_for_the_overlap_and_no_longer(data: Path) -> None:
    running = ring(data)
    old = running.sealing.current.id
    running.rotate("sealing", BY, NOW)
    new = running.sealing.current.id
    for one in (running, ring(data)):
        last = LATER - timedelta(seconds=1)
        assert one.sealing.accepted(old, last) is not None
        assert one.sealing.accepted(old, LATER) is None
        assert one.sealing.accepted(new, LATER) is one.sealing.current
        assert one.sealing.accepted(bytes(8), NOW) is None


def test_an_index_key_and_a_root_stay_while_a_generation_needs_them(data: Path) -> None:
    running = ring(data)
    index, epoch = running.index.current.id, running.oprf.epoch("deaths")
    path = generation(data, index, epoch.id)
    running.rotate("index", BY, NOW)
    running.rotate("oprf", BY, NOW)
    assert running.prune(LATER + timedelta(days=900)) == []
    for one in (running, ring(data)):
        assert index in one.index
        assert one.index.named(index).id == index
        assert one.oprf.epoch_named(epoch.id, "deaths").id == epoch.id
        assert one.oprf.epoch("deaths").id != epoch.id
        needed = [status.needed_by[0] for status in one.statuses() if status.needed_by]
        assert needed == ["deaths", "deaths"]
    (path / "manifest.json").unlink()
    assert listed(running.prune(LATER)) == [("index", 1, False), ("oprf", 1, False)]
    assert index not in running.index
    assert {"index.key", "oprf.key"}.isdisjoint(files(data))
    assert {"index.2.key", "oprf.2.key"} <= files(data)
    assert ring(data).index.current.id == running.index.current.id


def test_a_root_of_which_each_generation_has_its_own_keys_stays_too(data: Path) -> None:
    running = ring(data)
    epoch = running.oprf.epoch("deaths", "g1")
    generation(data, running.index.current.id, epoch.id, own=True)
    running.rotate("oprf", BY, NOW)
    assert running.prune(LATER) == []
    assert running.oprf.epoch_named(epoch.id, "deaths", "g1").id == epoch.id


def test_nothing_is_removed_before_the_overlap_is_over(data: Path) -> None:
    running = ring(data)
    for purpose in Purpose:
        running.rotate(purpose, BY, NOW)
    assert running.prune(LATER - timedelta(seconds=1)) == []
    assert len(running.prune(LATER)) == 3
    assert listed(running.statuses()) == [
        ("index", 2, True), ("oprf", 2, True), ("sealing", 2, True), ("signing", 1, True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"index_key_id": 1}', '{"index_key_id": "a", "oblivious": {}}']
)
def test_a_manifest_that_cannot_be_told_keeps_every_key(data: Path, content: str) -> None:
    running = ring(data)
    (generation(data, running.index.current.id) / "manifest.json").write_text(content)
    running.rotate("index", BY, NOW)
    assert running.prune(LATER) == []


def test_while_a_build_runs_nothing_is_removed(data: Path) -> None:
    running = ring(data)
    running.rotate("index", BY, NOW)
    path = data / "resources" / "deaths" / "lock"
    path.parent.mkdir(parents=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert running.prune(LATER) == []
    assert len(running.prune(LATER)) == 1


def test_what_the_guards_count_by_survives_a_rotation(data: Path) -> None:
    running = ring(data)
    before, digest = running.index.current, bytes(range(16))
    running.rotate("index", BY, NOW)
    after = running.index.current
    assert before.token_key(b"k").tokens(digest) != after.token_key(b"k").tokens(digest)
    assert before.attempt_key(b"k").tokens(digest) == after.attempt_key(b"k").tokens(digest)
    assert before.list_key(b"k", "G").tokens(digest) == after.list_key(b"k", "G").tokens(digest)


def test_a_node_of_an_earlier_release_gets_a_guards_key_with_its_first_new_index_key(data: Path) -> None:
    (data / "keys" / "guards.key").unlink()
    running = ring(data)
    assert "guards.key" not in files(data)
    running.rotate("sealing", BY, NOW)
    assert "guards.key" not in files(data)
    running.rotate("index", BY, NOW)
    assert "guards.key" in files(data)


@pytest.mark.parametrize("purpose", ["signing", "tls", "", "index.2", "INDEX"])
def test_what_cannot_be_rotated_is_refused(data: Path, purpose: str) -> None:
    before = files(data)
    with refused("FIELD_INVALID", "purpose"):
        ring(data).rotate(purpose, BY, NOW)
    assert files(data) == before


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "{", '{"format": 2, "keys": {}}', '{"format": 1, "keys": {"tls": [{"epoch": 1}]}}',
        '{"format": 1, "keys": {"index": []}}',
        '{"format": 1, "keys": {"index": [{"epoch": 0}]}}',
        '{"format": 1, "keys": {"index": [{"epoch": 1}, {"epoch": 2}]}}',
        '{"format": 1, "keys": {"index": [{"epoch": 1, "retired_at": "2026-11-22T00:00:00Z"}]}}',
        '{"format": 1, "keys": {"index": [{"epoch": 1, "retired_at": "2026-11-22T00:00:00"}, {"epoch": 2}]}}',
        '{"format": 1, "keys": {"oprf": [{"epoch": 2, "retired_at": "2026-11-22T00:00:00Z"}, {"epoch": 1}]}}',
        "\xff",
    ],
)  # fmt: skip
def test_damaged_epochs_are_told_as_that(data: Path, content: str) -> None:
    path = data / "keys" / "epochs.json"
    path.touch(mode=0o600)
    path.write_text(content, "latin-1")
    with refused("CONFIGURATION_INVALID", "keys/epochs.json"):
        ring(data)


def test_a_key_that_is_named_and_missing_is_told(data: Path) -> None:
    ring(data).rotate("index", BY, NOW)
    (data / "keys" / "index.2.key").unlink()
    with refused("CONFIGURATION_INVALID", "keys/index.2.key"):
        ring(data)


def test_a_crash_in_a_rotation_leaves_the_key_before_and_the_next_one_works(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ring(data).index.current.id

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_epochs", crash)
    with pytest.raises(KeyboardInterrupt):
        ring(data).rotate("index", BY, NOW)
    monkeypatch.undo()
    left = (data / "keys" / "index.2.key").read_text()
    assert ring(data).index.current.id == before
    after = ring(data).rotate("index", BY, NOW)
    assert listed(after) == [("index", 2, True), ("index", 1, False)]
    assert (data / "keys" / "index.2.key").read_text() != left
