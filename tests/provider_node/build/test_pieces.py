"""A build in pieces gives the same files as a build of the whole, and no piece that does not fit is taken."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.config import Build, CsvSourceConfig, ResourceConfig
from provider_node.domain.build import Builder
from provider_node.domain.build.pieces import PIECE, PieceManifest, Share, enciphered
from provider_node.domain.build.piecework import make_piece
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey, TokenKey
from provider_node.store.directory import ResourceDirectory
from provider_node.store.manifest import Manifest
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.build.oblivious import OFFERED

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
CODE = "vehicle-owners"
FILES = 7
Write = Callable[..., ResourceConfig]
Number = Callable[[int], str]


@pytest.fixture
def resource(write_resource: Write, resident_id: Number, tmp_path: Path) -> ResourceConfig:
    """A register in several files, each a batch; some rows are damaged, some subjects are there twice."""
    for file in range(FILES):
        rows = [(resident_id(n), f"王{'甲乙丙丁'[n % 4]}", f"A{n}") for n in range(file * 40, file * 40 + 60)]
        rows += [("1101", "李四", ""), (resident_id(file), "玛丽 亚当", "B1")]
        found = write_resource(rows, ("vehicles.csv", "vehicles-*.csv"))
        (tmp_path / "vehicles.csv").rename(tmp_path / f"vehicles-{file}.csv")
    return found


@pytest.fixture
def builder(tmp_path: Path, index_key: IndexKey, oprf_keys: OprfKeys) -> Callable[..., Builder]:
    def made(name: str, *, workers: int = 1, key: IndexKey = index_key) -> Builder:
        random = lambda length: bytes(range(length))  # noqa: E731
        limits = Build(workers=workers)
        return Builder(tmp_path / name, key, oprf_keys, "0.0-test", random, limits, rows_by_one=100)

    return made


@pytest.fixture
def pieces(resource: ResourceConfig, builder: Callable[..., Builder], tmp_path: Path) -> list[Path]:
    """The directories of three pieces."""
    paths = [tmp_path / f"piece-{number}" for number in (1, 2, 3)]
    for number, path in enumerate(paths, 1):
        make_piece(builder("data"), resource, NOW, Share(number, 3), path, lambda _: None)
    return paths


def files(data: Path, manifest: Manifest) -> dict[str, bytes]:
    path = ResourceDirectory(data, CODE).generation(manifest.generation)
    return {one.name: one.read_bytes() for one in path.iterdir() if one.name != "manifest.json"}


def test_pieces_give_the_same_files_as_the_whole(
    resource: ResourceConfig, builder: Callable[..., Builder], pieces: list[Path], tmp_path: Path
) -> None:
    whole = builder("whole").build(resource, NOW, lambda _: None)
    before = [{one: one.read_bytes() for one in path.rglob("*") if one.is_file()} for path in pieces]
    for number, (workers, order) in enumerate(((1, pieces), (2, pieces[::-1]))):
        assembled = builder("data", workers=workers).build(
            resource, NOW + timedelta(hours=number), lambda _: None, pieces=order
        )
        assert files(tmp_path / "data", assembled) == files(tmp_path / "whole", whole)
        assert set(files(tmp_path / "data", assembled)) == {"index.mdb", "quarantine.csv"}
        same = {"generation", "built_at"}
        assert assembled.model_dump(exclude=same) == whole.model_dump(exclude=same)
    assert before == [{one: one.read_bytes() for one in path.rglob("*") if one.is_file()} for path in pieces]
    quarantine = files(tmp_path / "whole", whole)["quarantine.csv"].decode().splitlines()
    assert quarantine[0] == "file,line,field,reason"
    assert [line[:14] for line in quarantine[1::2]] == [f"vehicles-{file}.csv" for file in range(FILES)]
    assert len(quarantine) == 1 + 2 * FILES


def test_one_piece_of_one_is_the_whole(
    resource: ResourceConfig, builder: Callable[..., Builder], tmp_path: Path
) -> None:
    whole = builder("whole").build(resource, NOW, lambda _: None)
    make_piece(builder("data"), resource, NOW, Share(1, 1), tmp_path / "all", lambda _: None)
    assembled = builder("data").build(resource, NOW, lambda _: None, pieces=[tmp_path / "all"])
    assert assembled.index_sha256 == whole.index_sha256


def test_a_piece_tells_no_number(pieces: list[Path], resident_id: Number, resource: ResourceConfig) -> None:
    assert isinstance(resource.source, CsvSourceConfig)
    numbers = [int(resident_id(n)[:17]) for n in range(FILES * 40 + 20)]
    found = [path for piece in pieces for path in piece.rglob("*.positions")]
    assert found
    for path in found:
        assert not np.isin(np.fromfile(path, "<u8"), numbers).any()
    for path in (path for piece in pieces for path in piece.rglob("*") if path.is_file()):
        assert resident_id(0).encode() not in path.read_bytes()
    assert all(piece.stat().st_mode & 0o077 == 0 for piece in pieces)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def change(piece: Path, **values: object) -> None:
    manifest = json.loads((piece / PIECE).read_text())
    (piece / PIECE).write_text(json.dumps(manifest | values))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda pieces: pieces.pop(), "not each piece is there once; see number 3"),
        (lambda pieces: pieces.append(pieces[0]), "see number 1"),
        (lambda pieces: change(pieces[1], source_rows=7), "another source"),
        (lambda pieces: change(pieces[1], pieces=4), "another number"),
        (lambda pieces: change(pieces[1], format=2), "another release"),
        (lambda pieces: change(pieces[1], files={"../../../etc/passwd": "0" * 64}), "damaged"),
        (lambda pieces: change(pieces[1], index_key_id="0" * 16), "another index key"),
        (lambda pieces: change(pieces[1], contract_sha256="0" * 64), "another definition"),
        (lambda pieces: (pieces[2] / PIECE).unlink(), "has no piece.json"),
        (lambda pieces: flip(next(pieces[0].rglob("*.positions"))), "is damaged: heaps"),
        (lambda pieces: flip(next(pieces[0].rglob("tokens/*"))), "is damaged: heaps"),
        (lambda pieces: next(pieces[2].rglob("tokens/*")).unlink(), "lacks heaps"),
        (lambda pieces: flip(pieces[1] / "quarantine.csv"), "is damaged: quarantine"),
        (lambda pieces: shutil.rmtree(pieces[1]), "has no piece.json"),
    ],
)
def test_pieces_that_do_not_fit_are_refused(
    resource: ResourceConfig,
    builder: Callable[..., Builder],
    pieces: list[Path],
    tmp_path: Path,
    harm: Callable[[list[Path]], object],
    told: str,
) -> None:
    harm(pieces)
    with pytest.raises(StayputError, match=told) as caught:
        builder("data").build(resource, NOW, lambda _: None, pieces=pieces)
    assert caught.value.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID
    assert caught.value.field == "pieces"
    assert ResourceDirectory(tmp_path / "data", CODE).finished() == []


def test_a_piece_of_another_key_or_salt_is_refused(
    resource: ResourceConfig, builder: Callable[..., Builder], pieces: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(StayputError, match="another index key"):
        builder("data", key=IndexKey(bytes(32))).build(resource, NOW, lambda _: None, pieces=pieces)
    (tmp_path / "data" / "resources" / CODE / "salt").write_text("00" * 16)
    with pytest.raises(StayputError, match="another salt"):
        builder("data").build(resource, NOW, lambda _: None, pieces=pieces)


@pytest.mark.parametrize(("number", "count"), [(0, 3), (4, 3), (1, 0)])
def test_a_piece_is_one_of_them(number: int, count: int) -> None:
    with pytest.raises(StayputError, match="no piece") as caught:
        Share(number, count)
    assert caught.value.field == "shard"


def test_a_piece_is_whole_or_not_there(
    resource: ResourceConfig, builder: Callable[..., Builder], tmp_path: Path
) -> None:
    def stop(_: object) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        make_piece(builder("data"), resource, NOW, Share(1, 2), tmp_path / "piece", stop)
    assert not (tmp_path / "piece").exists()
    made = make_piece(builder("data"), resource, NOW, Share(1, 2), tmp_path / "piece", lambda _: None)
    assert PieceManifest.model_validate_json((tmp_path / "piece" / PIECE).read_bytes()) == made
    assert not (tmp_path / "piece.building").exists()
    with pytest.raises(StayputError, match="exists already"):
        make_piece(builder("data"), resource, NOW, Share(1, 2), tmp_path / "piece", lambda _: None)


def test_oblivious_mode_is_not_built_in_pieces(
    write_resource: Write, resident_id: Number, builder: Callable[..., Builder], tmp_path: Path
) -> None:
    resource = write_resource([(resident_id(1), "张三", "A1")], OFFERED)
    with pytest.raises(StayputError, match="oblivious"):
        make_piece(builder("data"), resource, NOW, Share(1, 1), tmp_path / "piece", lambda _: None)
    with pytest.raises(StayputError, match="oblivious"):
        builder("data").build(resource, NOW, lambda _: None, pieces=[tmp_path / "piece"])


@given(st.binary(max_size=100), st.text(max_size=10))
def test_what_is_enciphered_twice_is_there_again(content: bytes, name: str) -> None:
    key = TokenKey(bytes(32))
    hidden = enciphered(content, key, name)
    assert len(hidden) == len(content)
    assert enciphered(hidden, key, name) == content
    if len(content) >= 16:
        assert hidden != content
        assert hidden != enciphered(content, key, name + "x")
