"""One index, however many processes make it and in whatever order its rows come."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from provider_node.config import Build, ResourceConfig, contract_of
from provider_node.config.conditions import conditions_of
from provider_node.domain.build import Progress
from provider_node.domain.build.bench import Recipe
from provider_node.domain.build.making import Made, Making
from provider_node.domain.build.progress import Reporter
from provider_node.domain.tokens import IndexKey
from provider_node.sources import Batch
from provider_node.store.index import Index

ROWS = 4_000
Write = Callable[..., ResourceConfig]
Number = Callable[[int], str]
Row = tuple[str, str, str]


@pytest.fixture
def recipe(write_resource: Write, index_key: IndexKey) -> Recipe:
    resource = write_resource([])
    contract = contract_of(resource, bytes(16))
    return Recipe(contract, index_key, date(2026, 11, 22), conditions_of(resource))


@pytest.fixture
def rows(resident_id: Number) -> list[Row]:
    """Rows of which some subjects have two, some have no number, and some are damaged."""
    rows = [(resident_id(n), f"王{'甲乙丙丁戊'[n % 5]}", f"A{n}" if n % 3 else "") for n in range(ROWS)]
    rows += [(owner, name, "B" + plate) for owner, name, plate in rows[::7]]
    rows += [(f"ABC1234567890{n:02}", "亚当", f"C{n}") for n in range(50)]
    return [("" if n % 50 == 49 else owner, name, plate) for n, (owner, name, plate) in enumerate(rows)]


def batches(rows: Sequence[Row], size: int) -> list[Batch]:
    """The rows as a source gives them, so many at a time."""
    cut = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        Batch(
            dict(zip(("owner_id", "name", "plate"), map(list, zip(*part, strict=True)), strict=True)),
            [2 + number * size + place for place in range(len(part))],
            [],
            (number + 1) * size,
        )
        for number, part in enumerate(cut)
    ]


def made(
    recipe: Recipe,
    path: Path,
    given: Iterable[Batch],
    tell: Callable[[Progress], None] = lambda _: None,
    **limits: int,
) -> Made:
    path.mkdir()
    build = Build.model_validate({"workers": 1} | limits)
    return Making(recipe, path, build, Reporter(tell, 0), rows_by_one=500).make(given)


def files(path: Path) -> dict[str, str]:
    """The hash of each file."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in path.iterdir()}


def test_any_number_of_workers_makes_the_same_files(recipe: Recipe, rows: list[Row], tmp_path: Path) -> None:
    given = batches(rows, 250)
    results = [made(recipe, tmp_path / str(workers), given, workers=workers) for workers in (1, 2, 3)]
    assert files(tmp_path / "1") == files(tmp_path / "2") == files(tmp_path / "3")
    assert set(files(tmp_path / "1")) == {"index.mdb", "quarantine.csv"}
    assert results[0] == results[1] == results[2]
    lines = (tmp_path / "2" / "quarantine.csv").read_text().splitlines()[1:]
    numbers = [int(line.split(",")[0]) for line in lines]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(rows) // 50


def test_the_order_of_batches_and_rows_does_not_matter(
    recipe: Recipe, rows: list[Row], tmp_path: Path
) -> None:
    orders = [batches(rows, 250), batches(rows, 250)[::-1], batches(sorted(rows), 999)]
    hashes = [
        made(recipe, tmp_path / str(number), given, workers=1 + number // 2).written.shards[0].sha256
        for number, given in enumerate(orders)
    ]
    assert hashes[0] == hashes[1] == hashes[2]


def test_a_large_index_is_in_several_files(recipe: Recipe, rows: list[Row], tmp_path: Path) -> None:
    given = batches(rows, 1_000)
    whole = made(recipe, tmp_path / "whole", given)
    several = made(recipe, tmp_path / "several", given, shard_entries=3_000)
    shards = several.written.shards
    assert [one.file for one in shards] == [f"index-{number:02}.mdb" for number in range(len(shards))]
    assert {one.name for one in (tmp_path / "several").glob("*.mdb")} == {one.file for one in shards}
    assert [one.entries for one in shards[:-1]] == [3_000] * (len(shards) - 1)
    assert 0 < shards[-1].entries <= 3_000
    assert sum(one.entries for one in shards) == whole.written.entries == several.written.entries
    assert [one.sha256 for one in shards] == [files(tmp_path / "several")[one.file] for one in shards]
    assert whole.written.several is None
    assert several.written.several == tuple(shards)
    index = Index(*(tmp_path / "several" / one.file for one in shards))
    with index.reading() as value_of, Index(tmp_path / "whole" / "index.mdb").reading() as expected:
        for token in [*whole.written.samples, *several.written.samples]:
            assert value_of(token) == expected(token) is not None
        assert all(value_of(bytes.fromhex(one.first)) is not None for one in shards)
        assert value_of(bytes(16)) is value_of(b"\xff" * 16) is None


def test_batches_are_read_only_as_fast_as_they_are_recorded(
    recipe: Recipe, rows: list[Row], tmp_path: Path
) -> None:
    given, read = batches(rows, 250), 0
    ahead: list[int] = []

    def reading() -> Iterator[Batch]:
        nonlocal read
        for batch in given:
            read += len(batch.lines)
            yield batch

    def tell(progress: Progress) -> None:
        ahead.append(read - progress.rows)

    made(recipe, tmp_path / "a", reading(), tell, workers=2)
    assert 0 < max(ahead) <= (2 + 1) * 250
