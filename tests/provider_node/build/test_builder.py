import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from os import utime
from pathlib import Path

import pytest

from provider_node.config import CsvSourceConfig, ResourceConfig
from provider_node.domain.build import Builder, Progress, Stage
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey, TokenKey, bound
from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.elements import check_digests, context, encode, key_digests
from stayput.errors import StayputError
from stayput.oblivious import input_context
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.build.oblivious import WITH_COUNTS

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]


def generation_files(data: Path, manifest: Manifest) -> dict[str, bytes]:
    directory = ResourceDirectory(data, "vehicle-owners").generation(manifest.generation)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def entries(contract: Contract, index_key: IndexKey, rows: list[tuple[str, str, str]]) -> dict[bytes, bytes]:
    """What the index must hold for rows of canonical values, computed row by row."""
    numbers = sorted({int(owner[:17]) for owner, _, _ in rows})
    order = hashlib.sha256(b"".join(number.to_bytes(8, "little") for number in numbers)).digest()
    place = context(contract, "owner")
    rank_key = index_key.rank_key(place, index_key.rank_salt(place, order))

    def token(digest: bytes, key: str, check: str | None = None) -> bytes:
        token_key: TokenKey = index_key.token_key(context(contract, key, check))
        return token_key.tokens(digest)

    expected: dict[bytes, bytes] = {}
    for owner, name, plate in rows:
        (key,) = encode([[owner]])
        assert isinstance(key, bytes)
        key_token = token(key_digests(context(contract, "owner"), [key])[0], "owner")
        bitmap = (expected.get(key_token) or b"\0")[0]
        mask = int.from_bytes(rank_key.tokens(key_token)[:4], "little")
        rank = numbers.index(int(owner[:17])) ^ mask
        for bit, (check, value) in enumerate((("name", name), ("plate", plate))):
            if value:
                (digest,) = check_digests(context(contract, "owner", check), [key], encode([[value]]))
                expected[token(bound(digest, key_token), "owner", check)] = b""
                bitmap |= 1 << bit
        expected[key_token] = bytes([bitmap]) + rank.to_bytes(4, "little")
    return expected


def test_the_index_holds_the_tokens_of_the_rows_and_nothing_else(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    rows = [(resident_id(n), f"王{'甲乙丙丁'[n % 4]}", f"A{n:05}") for n in range(500)]
    rows += [
        (rows[0][0], "李甲", "A00000"),  # another name, the same plate
        (rows[1][0], rows[1][1], rows[1][2]),  # a repetition
        (resident_id(900), "", "B1"),
        (resident_id(901), "赵甲", ""),
        (resident_id(902), "", ""),
        (resident_id(903), "", "C1"),
        (resident_id(903), "孙甲", ""),  # a value in either row
    ]
    build(write_resource(rows))
    generation = generations.current("vehicle-owners")
    assert generation is not None
    expected = entries(generation.manifest.contract, index_key, rows)
    with generation.index.reading() as value_of:
        assert {token: value_of(token) for token in expected} == expected
    assert generation.index.entries == generation.manifest.entries == len(expected)
    assert generation.manifest.subjects == 504
    assert generation.manifest.rows == 507


def test_values_are_normalised(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    owner = resident_id(7)
    build(write_resource([("'" + owner[:6] + " " + owner[6:].lower(), " 张　三 ", "Ａ１２３")]))
    generation = generations.current("vehicle-owners")
    assert generation is not None
    expected = entries(generation.manifest.contract, index_key, [(owner, "张三", "A123")])
    with generation.index.reading() as value_of:
        assert {token: value_of(token) for token in expected} == expected


def test_the_manifest_tells_where_the_generation_comes_from(
    write_resource: Write, build: Build, tmp_path: Path, index_key: IndexKey, resident_id: Number
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")])
    assert isinstance(resource.source, CsvSourceConfig)
    utime(resource.source.path, (0, 1_700_000_000))
    manifest = build(resource)
    assert manifest.generation == "20261122T081500Z-0001"
    assert manifest.as_of == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert manifest.built_at == NOW
    assert manifest.software_version == "0.0-test"
    assert manifest.index_key_id == index_key.id
    assert manifest.contract.salt == bytes(range(16))
    stored = generation_files(tmp_path / "data", manifest)["manifest.json"]
    assert Manifest.model_validate_json(stored) == manifest


def test_the_time_of_the_data_can_be_told(
    write_resource: Write, builder: Builder, resident_id: Number
) -> None:
    as_of = NOW - timedelta(days=3)
    resource = write_resource([(resident_id(1), "张三", "A1")])
    assert builder.build(resource, NOW, lambda _: None, as_of).as_of == as_of


def test_what_is_left_out_is_counted_and_can_be_found(
    write_resource: Write, build: Build, tmp_path: Path, resident_id: Number
) -> None:
    good = resident_id(1)
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    manifest = build(
        write_resource(
            [
                (good, "张三", "A1"),
                (wrong, "李四", "A2"),
                ("", "王五", "A3"),
                (resident_id(2), "玛丽 亚当", "A4"),  # ambiguous; the subject stays
                (resident_id(3), "", ""),  # no values is nothing wrong
                (resident_id(4), "赵六", "A5", "more"),
                ("", "", ""),
                (resident_id(5), "\udcff", "A6"),
                (wrong, "玛丽 亚当", "A7"),
            ]
        )
    )
    assert manifest.rows == 3
    assert manifest.rows_left_out == 6
    assert manifest.subjects == 3
    assert [(r.field, r.reason, r.count) for r in manifest.rejects] == [
        ("", "COLUMNS", 1),
        ("", "ENCODING", 1),
        ("name", "AMBIGUOUS", 2),
        ("owner_id", "CHECKSUM", 2),
        ("owner_id", "MISSING", 2),
    ]
    assert generation_files(tmp_path / "data", manifest)["quarantine.csv"].decode().splitlines() == [
        "line,field,reason",
        "3,owner_id,CHECKSUM",
        "4,owner_id,MISSING",
        "5,name,AMBIGUOUS",
        "7,,COLUMNS",
        "8,owner_id,MISSING",
        "9,,ENCODING",
        "10,name,AMBIGUOUS",
        "10,owner_id,CHECKSUM",
    ]


def test_a_row_stays_while_one_of_its_keys_is_usable(
    write_resource: Write, build: Build, resident_id: Number
) -> None:
    two_keys = ("[checks.name]", '[keys.plate]\nfields = ["plate"]\n[checks.name]')
    rows = [(resident_id(1), "张三", ""), ("", "李四", "A2"), ("", "王五", "")]
    manifest = build(write_resource(rows, two_keys))
    assert (manifest.rows, manifest.rows_left_out, manifest.subjects) == (2, 1, 1)
    # Under the owner: key and name; under the plate: key, name and the plate itself as a check.
    assert manifest.entries == 5


def test_the_same_rows_in_any_order_and_number_give_the_same_bytes(
    write_resource: Write, index_key: IndexKey, oprf_keys: OprfKeys, tmp_path: Path, resident_id: Number
) -> None:
    rows = [(resident_id(n), f"王{'甲乙丙丁戊己庚'[n % 7]}", f"A{n}") for n in range(3_000)]
    indexes = []
    for place, given in enumerate((rows, rows, rows[::-1] + rows[:100])):
        data = tmp_path / f"data{place}"
        builder = Builder(data, index_key, oprf_keys, "0.0-test", lambda length: bytes(range(length)))
        manifest = builder.build(write_resource(given), NOW, lambda _: None)
        indexes.append(generation_files(data, manifest)["index.mdb"])
    assert indexes[0] == indexes[1] == indexes[2]


def test_a_salt_of_its_own_gives_other_tokens(
    write_resource: Write, index_key: IndexKey, oprf_keys: OprfKeys, tmp_path: Path, resident_id: Number
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")])
    indexes = []
    for name, random in (("a", bytes), ("b", lambda length: b"\1" * length)):
        builder = Builder(tmp_path / name, index_key, oprf_keys, "0.0-test", random)
        indexes.append(builder.build(resource, NOW, lambda _: None).index_sha256)
    assert indexes[0] != indexes[1]


def test_later_builds_keep_the_salt(write_resource: Write, build: Build, resident_id: Number) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")])
    first, second = build(resource), build(resource, NOW + timedelta(seconds=1))
    assert first.contract == second.contract
    assert first.index_sha256 == second.index_sha256
    assert first.generation < second.generation


@pytest.mark.parametrize("changes", [[], [WITH_COUNTS]])
def test_no_value_of_the_source_and_no_digest_is_in_any_file(
    write_resource: Write,
    build: Build,
    tmp_path: Path,
    resident_id: Number,
    changes: list[tuple[str, str]],
) -> None:
    rows = [(resident_id(n), f"欧阳{'甲乙丙丁'[n % 4]}", f"京A{n:05}") for n in range(400)]
    rows += [("110105199912310000", "上官甲", "京B00001"), (resident_id(500), "上官 乙", "京B00002")]
    manifest = build(write_resource(rows, *changes))
    contract = manifest.contract
    needles = set()
    for owner, name, plate in rows:
        for text in (owner, name, plate):
            needles |= {
                text.encode(),
                text.encode("gb18030"),
                text.encode("utf-16-le"),
                text.encode().hex().encode(),
            }
        (key,) = encode([[owner]])
        assert isinstance(key, bytes)
        digests = key_digests(context(contract, "owner"), [key])
        for check, value in (("name", name), ("plate", plate)):
            digests += check_digests(context(contract, "owner", check), [key], encode([[value]]))
        digests += [sha256(input_context(contract, "owner") + key).digest()]
        needles |= {form for digest in digests for form in (digest, digest[:8], digest.hex().encode())}
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    sets = {"evaluations.mdb", *"012345"} if changes else set()
    names = {"index.mdb", "manifest.json", "quarantine.csv", "salt", "lock"}
    assert {path.name for path in files} == names | sets
    for path in files:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle in content], path.name


def test_files_are_for_their_owner_only(
    write_resource: Write, build: Build, tmp_path: Path, resident_id: Number
) -> None:
    manifest = build(write_resource([(resident_id(1), "张三", "A1")]))
    path = ResourceDirectory(tmp_path / "data", "vehicle-owners").generation(manifest.generation)
    assert path.stat().st_mode & 0o077 == 0


def test_a_source_without_a_usable_row_replaces_nothing(
    write_resource: Write, build: Build, generations: Generations, resident_id: Number
) -> None:
    build(write_resource([(resident_id(1), "张三", "A1")]))
    before = generations.current("vehicle-owners")
    for rows in ([], [("1", "张三", "A1"), ("", "李四", "A2")]):
        with pytest.raises(StayputError, match=f"none of the {len(rows)} rows") as caught:
            build(write_resource(rows), NOW + timedelta(seconds=1))
        assert caught.value.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID
    assert before is not None
    assert generations.current("vehicle-owners") is before


def test_a_failed_build_leaves_nothing_behind(
    write_resource: Write, build: Build, tmp_path: Path, resident_id: Number
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")], ('"号牌号码"', '"车牌号码"'))
    with pytest.raises(StayputError, match=r"fields\.plate\.column"):
        build(resource)
    assert list((tmp_path / "data" / "resources" / "vehicle-owners" / "generations").iterdir()) == []


def test_one_build_at_a_time(
    write_resource: Write, build: Build, tmp_path: Path, resident_id: Number
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")])
    with (
        ResourceDirectory(tmp_path / "data", "vehicle-owners").building(),
        pytest.raises(StayputError) as caught,
    ):
        build(resource)
    assert caught.value.reason == ErrorReason.ERROR_REASON_BUILD_RUNNING
    build(resource)


def test_a_generation_that_exists_already_is_not_overwritten(
    write_resource: Write, build: Build, resident_id: Number
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")])
    build(resource)
    with pytest.raises(StayputError) as caught:
        build(resource)
    assert caught.value.reason == ErrorReason.ERROR_REASON_BUILD_FAILED


def test_progress_is_told_at_every_stage(
    write_resource: Write, builder: Builder, resident_id: Number
) -> None:
    rows = [(resident_id(1), "张三", "A1"), ("", "李四", "A2")]
    resource = write_resource(rows)
    told: list[Progress] = []
    builder.build(resource, NOW, told.append)
    assert list(dict.fromkeys(progress.stage for progress in told)) == list(Stage)
    assert isinstance(resource.source, CsvSourceConfig)
    size = resource.source.path.stat().st_size
    assert told[0] == Progress(Stage.READING, 0, 0, 0, size)
    assert told[-1] == Progress(Stage.SWITCHING, 2, 1, size, size)


def test_what_progress_raises_ends_the_build(
    write_resource: Write, builder: Builder, generations: Generations, tmp_path: Path, resident_id: Number
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage is Stage.VERIFYING:
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        builder.build(write_resource([(resident_id(1), "张三", "A1")]), NOW, stop)
    assert generations.current("vehicle-owners") is None
    assert list((tmp_path / "data" / "resources" / "vehicle-owners" / "generations").iterdir()) == []
