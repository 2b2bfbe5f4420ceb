"""Builds for oblivious mode: fingerprint sets, and what is taken over from the generation before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.build import Builder, Progress, Stage
from provider_node.domain.build.evaluation import Evaluation
from provider_node.domain.build.places import places_of
from provider_node.domain.build.records import Elements
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.fingerprints import FingerprintSet, FingerprintWriter
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.elements import encode
from stayput.oblivious import check_offer
from tests.provider_node.build.oblivious import (
    CODE,
    COUNT,
    NEW_KEYS,
    OFFERED,
    RECORD,
    WITH_COUNTS,
    Row,
    evaluations,
    expected_sets,
    generation_path,
    mark,
    written_sets,
)

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]


@pytest.fixture
def rows(resident_id: Number) -> list[Row]:
    """Subjects with one value, several, the same again, and none; more than are evaluated at a time."""
    rows = [(resident_id(n), f"王{'甲乙丙丁'[n % 4]}", f"A{n:05}") for n in range(530)]
    return [
        *rows,
        (rows[0][0], "李甲", "A00000"),
        rows[1],
        (resident_id(900), "", "B1"),
        (resident_id(901), "赵甲", ""),
        (resident_id(902), "", ""),
        (resident_id(903), "", "C1"),
        (resident_id(903), "孙甲", ""),
    ]


def files(data: Path, manifest: Manifest) -> dict[str, bytes]:
    """The files of a generation but its manifest, which tells times."""
    path = generation_path(data, manifest)
    found = {str(one.relative_to(path)): one for one in path.rglob("*") if one.is_file()}
    return {name: one.read_bytes() for name, one in found.items() if name != "manifest.json"}


def test_the_sets_are_those_of_the_rows(
    write_resource: Write, build: Build, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    manifest = build(write_resource(rows, WITH_COUNTS))
    epoch = oprf_keys.epoch(CODE)
    found = written_sets(tmp_path / "data", manifest)
    assert found == expected_sets(manifest.contract, epoch, rows)
    assert {name: len(one) for name, one in found.items()} == {
        (None, RECORD): 534,
        # A fingerprint for each value, and one for each subject that has any.
        ("name", RECORD): 533 + 532,
        ("plate", RECORD): 532 + 532,
        (None, COUNT): 534,
        ("name", COUNT): 533,
        ("plate", COUNT): 532,
    }


def test_the_manifest_offers_them_under_the_keys_of_the_epoch(
    write_resource: Write, build: Build, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    manifest = build(write_resource(rows[:3], WITH_COUNTS))
    assert manifest.oblivious is not None
    offer = check_offer(manifest.oblivious.offer, manifest.contract)
    epoch = oprf_keys.epoch(CODE)
    assert (offer.suite, offer.key_epoch) == ("oblivious/1", epoch.id)
    assert not offer.new_key_per_generation
    keys = [
        epoch.key(manifest.contract, one.key, one.check or None, one.granularity).public_bytes()
        for one in offer.sets
    ]
    assert [one.public_key for one in offer.sets] == keys
    assert len(set(keys)) == 6
    stored = (generation_path(tmp_path / "data", manifest) / "manifest.json").read_bytes()
    assert Manifest.model_validate_json(stored) == manifest


def test_a_resource_without_that_mode_has_nothing_of_it(
    write_resource: Write, build: Build, generations: Generations, tmp_path: Path, rows: list[Row]
) -> None:
    manifest = build(write_resource(rows[:3]))
    assert set(files(tmp_path / "data", manifest)) == {"index.mdb", "quarantine.csv"}
    assert "oblivious" not in (generation_path(tmp_path / "data", manifest) / "manifest.json").read_text()
    generation = generations.current(CODE)
    assert generation is not None
    assert generation.fingerprints == {}


def test_the_same_rows_in_any_order_and_number_give_the_same_bytes(
    write_resource: Write, index_key: IndexKey, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    found = []
    for place, given in enumerate((rows, rows[::-1] + rows[:50])):
        data = tmp_path / f"data{place}"
        builder = Builder(data, index_key, oprf_keys, "0.0-test", lambda length: bytes(range(length)))
        found.append(files(data, builder.build(write_resource(given, WITH_COUNTS), NOW, lambda _: None)))
    assert found[0] == found[1]
    assert sorted(found[0]) == [
        "evaluations.mdb",
        *(f"fingerprints/{place}" for place in range(6)),
        "index.mdb",
        "quarantine.csv",
    ]


def test_a_rebuild_gives_the_same_bytes_as_a_first_build(
    write_resource: Write, builder: Builder, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    now = [rows[5], *rows[20:], ("110105199912310049", "钱甲", "D1")]
    builder.build(write_resource(rows, WITH_COUNTS), NOW, lambda _: None)
    again = builder.build(write_resource(now, WITH_COUNTS), NOW + timedelta(days=1), lambda _: None)
    other = Builder(tmp_path / "other", builder.index_key, oprf_keys, "0.0-test", builder.random)
    fresh = other.build(write_resource(now, WITH_COUNTS), NOW, lambda _: None)
    assert files(tmp_path / "data", again) == files(tmp_path / "other", fresh)


def test_only_what_is_new_is_evaluated(
    write_resource: Write, build: Build, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    data, new = tmp_path / "data", [("110105199912310049", "钱甲", "D1"), (rows[7][0], "钱乙", "")]
    marked = mark(data, build(write_resource(rows[:20], OFFERED)))
    smaller = ("[source]", "[generations]\nmost_shrink_percent = 50\n[source]")
    manifest = build(write_resource(rows[10:20] + new, OFFERED, smaller), NOW + timedelta(days=1))
    fresh = expected_sets(manifest.contract, oprf_keys.epoch(CODE), new)
    found = written_sets(data, manifest)
    # The subject of the last row was there before, with another name.
    assert set(found[None, RECORD]) - {marked} < set(fresh[None, RECORD])
    assert len(found[None, RECORD]) == 2
    assert len(set(found["name", RECORD]) & set(fresh["name", RECORD])) == 3
    assert len(set(found["plate", RECORD]) & set(fresh["plate", RECORD])) == 2
    with_index = generation_path(data, manifest)
    assert len(evaluations(with_index)) == manifest.entries == 12 + 12 + 11


@pytest.mark.parametrize("change", ["root", "index key", "new keys", "evaluations", "unreadable", "manifest"])
def test_nothing_is_taken_over_that_is_not_of_the_same_keys_and_whole(
    write_resource: Write, builder: Builder, tmp_path: Path, rows: list[Row], change: str
) -> None:
    data, resource = tmp_path / "data", write_resource(rows[:20], OFFERED)
    first = builder.build(resource, NOW, lambda _: None)
    marked = mark(data, first)
    index_key, oprf_keys = builder.index_key, builder.oprf_keys
    path = generation_path(data, first)
    match change:
        case "root":
            oprf_keys = OprfKeys(bytes(range(64, 96)))
        case "index key":
            index_key = IndexKey(bytes(range(64, 96)))
        case "new keys":
            resource = write_resource(rows[:20], OFFERED, NEW_KEYS)
        case "evaluations":
            (path / "evaluations.mdb").write_bytes((path / "evaluations.mdb").read_bytes()[:-1])
        case "unreadable":
            (path / "evaluations.mdb").unlink()
            (path / "evaluations.mdb").mkdir()
        case "manifest":
            (path / "manifest.json").write_bytes(b"{}")
    later = Builder(data, index_key, oprf_keys, "0.0-test", builder.random)
    manifest = later.build(resource, NOW + timedelta(days=1), lambda _: None)
    epoch = oprf_keys.epoch(CODE, manifest.generation if change == "new keys" else None)
    expected = expected_sets(manifest.contract, epoch, rows[:20])
    found = written_sets(data, manifest)
    assert found == {name: one for name, one in expected.items() if name[1] == RECORD}
    assert marked not in found[None, RECORD]


def test_a_granularity_that_is_added_leaves_the_other_as_it_was(
    write_resource: Write, build: Build, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    data = tmp_path / "data"
    marked = mark(data, build(write_resource(rows[:20], OFFERED)))
    manifest = build(write_resource(rows[:20], WITH_COUNTS), NOW + timedelta(days=1))
    found = written_sets(data, manifest)
    expected = expected_sets(manifest.contract, oprf_keys.epoch(CODE), rows[:20])
    assert found[None, RECORD] == [marked]
    for check in (None, "name", "plate"):
        assert found[check, COUNT] == expected[check, COUNT]
    # And one that is taken out is gone.
    marked = mark(data, manifest)
    assert set(written_sets(data, build(write_resource(rows[:20], OFFERED), NOW + timedelta(days=2)))) == {
        (None, RECORD),
        ("name", RECORD),
        ("plate", RECORD),
    }


def test_each_generation_has_keys_of_its_own_if_the_resource_says_so(
    write_resource: Write, build: Build, tmp_path: Path, rows: list[Row]
) -> None:
    resource = write_resource(rows[:5], OFFERED, NEW_KEYS)
    offers, sets = [], []
    for day in range(2):
        manifest = build(resource, NOW + timedelta(days=day))
        assert manifest.oblivious is not None
        offers.append(manifest.oblivious.offer)
        sets.append(written_sets(tmp_path / "data", manifest))
    assert all(offer.new_key_per_generation for offer in offers)
    assert offers[0].key_epoch != offers[1].key_epoch
    for one, other in zip(offers[0].sets, offers[1].sets, strict=True):
        assert one.public_key != other.public_key
    for name, found in sets[0].items():
        assert not set(found) & set(sets[1][name])


def test_files_are_for_their_owner_only(
    write_resource: Write, build: Build, tmp_path: Path, rows: list[Row]
) -> None:
    path = generation_path(tmp_path / "data", build(write_resource(rows[:3], OFFERED)))
    assert [
        one for one in path.rglob("*") if one.stat().st_mode & 0o077 and one.name != "quarantine.csv"
    ] == []


def test_a_set_larger_than_a_chunk_is_sorted_and_has_each_once(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1).integers(0, 1 << 22, 5 << 18, dtype=np.uint64)
    writer = FingerprintWriter(tmp_path / "sets")
    for part in np.array_split(numbers, 3):
        writer.add(0, part.astype(">u8").tobytes())
    written = writer.finish(0)
    expected = np.array(sorted(set(numbers.tolist())), ">u8")
    assert written.read(0, written.count) == expected.tobytes()
    assert written.count == len(expected)
    assert written.read(written.count - 1, 5) == expected[-1:].tobytes()
    assert written.read(written.count, 5) == b""
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["0"]
    assert FingerprintSet(tmp_path / "sets" / "0").sha256 == written.sha256


def test_a_set_may_be_empty(
    write_resource: Write, build: Build, generations: Generations, rows: list[Row]
) -> None:
    build(write_resource([(owner, "", "") for owner, _, _ in rows[:3]], OFFERED))
    generation = generations.current(CODE)
    assert generation is not None
    names = generation.fingerprints["owner", "name", RECORD]
    assert (names.count, names.read(0, 10)) == (0, b"")


def test_an_element_that_comes_again_in_a_later_batch_is_evaluated_once(
    write_resource: Write, build: Build, oprf_keys: OprfKeys, tmp_path: Path, rows: list[Row]
) -> None:
    contract = build(write_resource(rows[:1])).contract
    places = places_of(contract, oprf_keys.epoch(CODE), [RECORD])
    encoded = encode([[owner for owner, _, _ in rows[:40]]])
    keys = [key for key in encoded if isinstance(key, bytes)]
    # Bytes of zero at the end belong to a token.
    tokens = np.array([number.to_bytes(2, "big") + bytes(14) for number in range(40)], "V16")

    def batch(chosen: range) -> list[Elements]:
        at = np.array(chosen)
        return [Elements(0, tokens[at], at, keys)]

    spooled = tmp_path / "evaluated-keys"
    with Evaluation(tmp_path, places, None) as evaluation:
        for chosen in (range(20), range(10, 30), range(30)):
            evaluation.add(batch(chosen), lambda: None)
    # Token, place and value of each.
    assert sum(path.stat().st_size for path in spooled.iterdir()) == 30 * (16 + 2 + 40)
    found = [token for keys, _ in evaluation.parts() for token in keys["token"].tolist()]
    assert found == sorted(tokens[:30].tolist())


def test_a_build_says_that_it_lives_while_it_evaluates_and_can_be_ended_there(
    write_resource: Write, builder: Builder, generations: Generations, tmp_path: Path, rows: list[Row]
) -> None:
    def stop(progress: Progress) -> None:
        told.append(progress)
        if len(told) == 3:
            raise SystemExit(1)

    told: list[Progress] = []
    with pytest.raises(SystemExit):
        builder.build(write_resource(rows, OFFERED), NOW, stop)
    assert [(one.stage, one.rows) for one in told] == [(Stage.READING, 0)] * 3
    assert generations.current(CODE) is None
    assert list((tmp_path / "data" / "resources" / CODE / "generations").iterdir()) == []


def test_workers_make_the_same_sets_and_evaluations(
    write_resource: Write, builder: Builder, tmp_path: Path, rows: list[Row]
) -> None:
    resource, made = write_resource(rows, OFFERED), []
    for workers in (1, 2):
        data = tmp_path / f"data{workers}"
        one = replace(
            builder, data=data, limits=builder.limits.model_copy(update={"workers": workers}), rows_by_one=0
        )
        manifest = one.build(resource, NOW, lambda _: None)
        made.append((written_sets(data, manifest), evaluations(generation_path(data, manifest)), manifest))
    assert made[0] == made[1]
