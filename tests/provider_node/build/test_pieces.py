"""A build in pieces gives the same files as a build of the whole, and no piece that does not fit is taken."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.config import Build, CsvSourceConfig, ResourceConfig
from provider_node.domain.build import Builder, piecework
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


def modes(directory: Path) -> set[int]:
    """The modes of all files below a directory."""
    return {path.stat().st_mode & 0o777 for path in directory.rglob("*") if path.is_file()}


def test_a_piece_tells_no_number(pieces: list[Path], resident_id: Number, resource: ResourceConfig) -> None:
    assert isinstance(resource.source, CsvSourceConfig)
    numbers = [int(resident_id(n)[:17]) for n in range(FILES * 40 + 20)]
    found = [path for piece in pieces for path in piece.rglob("*.positions")]
    assert found
    for path in found:
        assert not np.isin(np.fromfile(path, "<u8"), numbers).any()
    for path in (path for piece in pieces for path in piece.rglob("*") if path.is_file()):
        assert resident_id(0).encode() not in path.read_bytes()
    assert {piece.stat().st_mode & 0o777 for piece in pieces} == {0o700}
    assert {mode for piece in pieces for mode in modes(piece)} == {0o600}


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
        (lambda pieces: change(pieces[1], source_sha256="0" * 64), "another source, or export of it"),
        (lambda pieces: change(pieces[1], pieces=4), "another number"),
        (lambda pieces: change(pieces[1], format=1), "another release"),
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


@pytest.mark.parametrize("kind", ["csv", "sqlite"])
def test_pieces_of_two_exports_with_as_many_rows_are_refused(
    write_resource: Write,
    resident_id: Number,
    builder: Callable[..., Builder],
    tmp_path: Path,
    kind: str,
) -> None:
    changes = [('kind = "csv"\npath = "vehicles.csv"', 'kind = "sqlite"\npath = "v.db"\ntable = "v"')]
    # One is a day older: the first has left, and one came at the end.
    for number, first in enumerate((0, 1, 1)):
        rows = [(resident_id(n), "张三", "A1") for n in range(first, first + 9)]
        resource = write_resource(rows, *changes[: kind == "sqlite"])
        with sqlite3.connect(tmp_path / "v.db") as database:
            database.execute("CREATE TABLE IF NOT EXISTS v (身份证号码, 姓名, 号牌号码)")
            database.execute("DELETE FROM v")
            database.executemany("INSERT INTO v VALUES (?, ?, ?)", rows)
        database.close()
        share = Share(max(number, 1), 2)
        make_piece(builder("data"), resource, NOW, share, tmp_path / f"{number}", lambda _: None)
    other = f"in {tmp_path}/2 was made of another source, or export of it"
    with pytest.raises(StayputError, match=other) as caught:
        builder("data").build(resource, NOW, lambda _: None, pieces=[tmp_path / "0", tmp_path / "2"])
    assert "in another order each time, whatever ORDER BY says: export it" in caught.value.remedy
    same = [tmp_path / "1", tmp_path / "2"]
    assert builder("data").build(resource, NOW, lambda _: None, pieces=same).subjects == 9


@pytest.mark.parametrize("stops_at", [1, 3])
def test_nothing_is_left_of_a_piece_that_fails(
    resource: ResourceConfig,
    builder: Callable[..., Builder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stops_at: int,
) -> None:
    making_in, calls = tmp_path / "piece.building", 0

    def stop(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == stops_at:
            raise SystemExit(1)

    def full(*_: object) -> None:
        assert making_in.stat().st_mode & 0o777 == 0o700
        assert list(making_in.rglob("*.positions"))
        assert modes(making_in) == {0o600}
        raise OSError(28, "No space left on device")

    with pytest.raises(SystemExit):
        make_piece(builder("data"), resource, NOW, Share(1, 2), tmp_path / "piece", stop)
    assert not list(tmp_path.glob("piece*"))
    # All subjects' numbers are written, and not enciphered yet.
    monkeypatch.setattr(piecework, "_sealed", full)
    with pytest.raises(StayputError, match="no room"):
        make_piece(builder("data"), resource, NOW, Share(1, 2), tmp_path / "piece", lambda _: None)
    assert not list(tmp_path.glob("piece*"))


def test_a_piece_is_whole_or_not_there(
    resource: ResourceConfig, builder: Callable[..., Builder], tmp_path: Path
) -> None:
    # What a killed one has left.
    (tmp_path / "piece.building" / "heaps").mkdir(parents=True)
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
