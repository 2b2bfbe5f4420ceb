"""Generations whose index is in several files answer as others do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from provider_node.config import Build, ResourceConfig
from provider_node.domain.build import Builder
from provider_node.domain.matching import Matcher
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest, Shard, hash_of
from stayput.elements import check_digests, context, encode, key_digests
from stayput.errors import StayputError
from tests.provider_node.build.oblivious import OFFERED

CODE = "vehicle-owners"
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
Write = Callable[..., ResourceConfig]
Number = Callable[[int], str]


@pytest.fixture
def resource(write_resource: Write, resident_id: Number) -> ResourceConfig:
    return write_resource([(resident_id(n), f"王{'甲乙丙丁'[n % 4]}", f"A{n}") for n in range(700)], OFFERED)


@pytest.fixture
def generation(
    resource: ResourceConfig, tmp_path: Path, index_key: IndexKey, oprf_keys: OprfKeys
) -> Callable[[str, int], Generation]:
    """Builds and opens a generation under a directory, with so many entries in a file."""

    def built(directory: str, most: int) -> Generation:
        data = tmp_path / directory
        random = lambda length: bytes(range(length))  # noqa: E731
        limits = Build(workers=1, shard_entries=most)
        Builder(data, index_key, oprf_keys, "0.0-test", random, limits).build(resource, NOW, lambda _: None)
        found = Generations(data, index_key.id).current(CODE)
        assert found is not None
        return found

    return built


def columns(generation: Generation, numbers: list[str]) -> bytes:
    """Digests of these numbers, and of a plate beside each that the first of them has."""
    contract = generation.manifest.contract
    keys = [one for one in encode([numbers]) if isinstance(one, bytes)]
    plates = encode([[f"A{n}" for n in range(len(keys))]])
    digests = key_digests(context(contract, "owner"), keys)
    return b"".join(digests + check_digests(context(contract, "owner", "plate"), keys, plates))


def test_several_files_answer_as_one(
    generation: Callable[[str, int], Generation], index_key: IndexKey, resident_id: Number
) -> None:
    one, several = generation("one", 1_000_000), generation("several", 1_000)
    assert one.manifest.shards is None
    assert "shards" not in json.loads(one.manifest.to_json())
    assert several.manifest.shards is not None
    assert [shard.entries for shard in several.manifest.shards] == [1_000, 1_000, 100]
    assert one.manifest.entries == several.manifest.entries == 2_100
    assert one.manifest.rank_salts == several.manifest.rank_salts
    numbers = [resident_id(n) for n in range(0, 1_400, 2)]
    answers = [
        Matcher(each, index_key, "owner", ["plate"]).match(columns(each, numbers)) for each in (one, several)
    ]
    assert (answers[0].outcomes == answers[1].outcomes).all()
    assert (answers[0].ranks == answers[1].ranks).all()
    assert len(np.unique(answers[0].outcomes)) > 2
    assert [found.sha256 for found in one.fingerprints.values()] == [
        found.sha256 for found in several.fingerprints.values()
    ]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\1"), "the index .* is damaged"),
        (Path.unlink, "a file .* is missing"),
        (lambda path: path.write_bytes(path.with_name("index-00.mdb").read_bytes()), "damaged"),
    ],
)
def test_damage_to_any_of_them_is_told(
    generation: Callable[[str, int], Generation],
    tmp_path: Path,
    index_key: IndexKey,
    harm: Callable[[Path], object],
    told: str,
) -> None:
    manifest = generation("data", 1_000).manifest
    path = ResourceDirectory(tmp_path / "data", CODE).generation(manifest.generation)
    harm(path / "index-01.mdb")
    with pytest.raises(StayputError, match=told):
        Generations(tmp_path / "data", index_key.id).current(CODE)


@pytest.fixture
def manifest(write_resource: Write, build: Callable[..., Manifest], resident_id: Number) -> Manifest:
    """One as if its index were in three files."""
    whole = build(write_resource([(resident_id(1), "张三", "A1")]))
    shards = [
        Shard(file=f"index-{n:02}.mdb", first=f"{n:032x}", entries=1_000, sha256=f"{n:064x}")
        for n in range(3)
    ]
    return whole.model_copy(update={"shards": tuple(shards), "index_sha256": hash_of(shards)})


@pytest.mark.parametrize(
    "change",
    [
        lambda shards: shards.pop(),
        lambda shards: shards.reverse(),
        lambda shards: shards.clear(),
        lambda shards: shards[1].update(file="../../current"),
        lambda shards: shards[1].update(sha256="0" * 64),
        lambda shards: shards[1].update(size=1),
    ],
)
def test_a_manifest_names_the_files_of_one_index(
    manifest: Manifest, change: Callable[[list[dict[str, object]]], object]
) -> None:
    stored = json.loads(manifest.to_json())
    Manifest.model_validate_json(json.dumps(stored))
    change(stored["shards"])
    with pytest.raises(ValueError, match=r"shards|files|hash"):
        Manifest.model_validate_json(json.dumps(stored))
