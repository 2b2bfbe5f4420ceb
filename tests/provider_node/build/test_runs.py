"""Subjects sorted on disk: the same as sorted in memory, whatever the runs and however little the room."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.config import Build
from provider_node.domain.build.entries import entry_type
from provider_node.domain.build.plan import plan
from provider_node.domain.build.runs import Runs, merged_runs, runs_in

TYPE = entry_type(3)
POSITIONS = st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 2), max_size=60)


def filled(directory: Path, positions: list[int], rows: int) -> None:
    """Writes runs of so many rows at least; what stands at a position is made of it."""
    runs = Runs(directory, TYPE, rows)
    for start in range(0, len(positions), 7):
        part = np.array(positions[start : start + 7], np.uint64)
        entries = np.zeros(len(part), TYPE)
        entries["token"] = part.repeat(2).view("V16")
        entries["kind"], entries["bitmap"] = 1, 1 << (start // 7 % 3)
        runs.add(part, entries)
    runs.finish()


@settings(max_examples=40, deadline=None)
@given(st.lists(POSITIONS, max_size=3), st.integers(1, 30), st.sampled_from([1, 2_000]))
def test_runs_merge_in_order(given: list[list[int]], rows: int, room: int) -> None:
    with TemporaryDirectory() as name:
        directories = [Path(name) / str(number) for number in range(len(given))]
        for directory, positions in zip(directories, given, strict=True):
            filled(directory, positions, rows)
        parts = list(merged_runs(runs_in(directories, TYPE), room))
        assert not [path for path in Path(name).rglob("*") if path.is_file()]
    found = np.concatenate([np.empty(0, np.uint64), *(positions for positions, _ in parts)])
    assert found.tolist() == sorted(found.tolist())
    assert set(found.tolist()) == {position for positions in given for position in positions}
    for part, entries in parts:
        assert (entries["token"] == part.repeat(2).view("V16")).all()
    ends = [(part[0], part[-1]) for part, _ in parts if len(part)]
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def test_a_part_has_little_more_than_its_rows(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(3):
        filled(tmp_path / str(number), generator.integers(0, 2**60, 20_000).tolist(), 5_000)
    runs = runs_in([tmp_path / str(number) for number in range(3)], TYPE)
    assert len(runs) > 10
    sizes = [len(positions) for positions, _ in merged_runs(runs, 10_000)]
    assert sum(sizes) == 60_000
    assert max(sizes) <= 10_000 + 512 * len(runs)
    assert len(sizes) > 3


def test_one_subject_of_many_rows_takes_one_place_with_the_checks_of_all(tmp_path: Path) -> None:
    filled(tmp_path / "runs", [5] * 100 + [9], 1_000)
    ((positions, entries),) = merged_runs(runs_in([tmp_path / "runs"], TYPE), 1)
    assert positions.tolist() == [5, 9]
    assert entries["bitmap"].ravel().tolist() == [0b111, 1 << (98 // 7 % 3)]


def test_memory_bounds_workers_buckets_and_runs() -> None:
    small, large = Build(memory_mb=256), Build(memory_mb=100_000)
    assert plan(small, cores=16).workers == 1
    assert plan(large, cores=16).workers == 16
    assert plan(Build(memory_mb=768), cores=2).workers == 2
    assert plan(Build(workers=3, memory_mb=768), cores=16).workers == 3
    assert plan(Build(workers=200, memory_mb=768), cores=1).workers < 6
    assert plan(small).bucket_bytes < plan(large, cores=1).bucket_bytes
    assert plan(small).run_rows * 200 < 256 << 20
