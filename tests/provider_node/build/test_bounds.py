"""A generation that is much worse than the one that serves does not take its place by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.config import GenerationsConfig, ResourceConfig
from provider_node.domain.bounds import check
from provider_node.domain.build import Builder
from provider_node.domain.generations import listed, roll_back
from provider_node.store.directory import ResourceDirectory
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason

CODE = "vehicle-owners"
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]

_COUNT = st.integers(0, 10_000_000_000)
_PERCENT = st.integers(0, 100)


def figures(subjects: int, rows: int, left_out: int) -> Manifest:
    """A manifest of which only these matter."""
    return Manifest.model_construct(
        generation="20261122T081500Z-0001",
        contract=Contract(resource=CODE),
        subjects=subjects,
        rows=rows,
        rows_left_out=left_out,
    )


@given(before=_COUNT, after=_COUNT, percent=_PERCENT)
def test_no_more_than_the_bound_fewer_subjects(before: int, after: int, percent: int) -> None:
    bounds = GenerationsConfig(most_shrink_percent=percent)
    shrinks = Fraction(after) < Fraction(before) * (1 - Fraction(percent, 100))
    if not shrinks:
        check(bounds, figures(before, 1, 0), figures(after, 1, 0))
        return
    with pytest.raises(StayputError) as caught:
        check(bounds, figures(before, 1, 0), figures(after, 1, 0))
    assert caught.value.reason == ErrorReason.ERROR_REASON_BOUNDS_EXCEEDED
    assert caught.value.details == {"limit": "most_shrink_percent"}
    assert f"{before:,}" in caught.value.message
    assert f"{after:,}" in caught.value.message


@given(rows=st.tuples(_COUNT, _COUNT), left_out=st.tuples(_COUNT, _COUNT), percent=_PERCENT)
def test_no_more_than_the_bound_more_rows_left_out(
    rows: tuple[int, int], left_out: tuple[int, int], percent: int
) -> None:
    # A generation has at least one row.
    before, after = (figures(1, 1 + kept, lost) for kept, lost in zip(rows, left_out, strict=True))
    shares = [Fraction(one.rows_left_out, one.rows + one.rows_left_out) for one in (before, after)]
    bounds = GenerationsConfig(most_reject_growth_percent=percent)
    if shares[1] - shares[0] <= Fraction(percent, 100):
        check(bounds, before, after)
        return
    with pytest.raises(StayputError) as caught:
        check(bounds, before, after)
    assert caught.value.details == {"limit": "most_reject_growth_percent"}


@pytest.fixture
def shrunk(write_resource: Write, build: Build, resident_id: Number) -> ResourceConfig:
    """A source of five rows where the generation that serves has ten."""
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(10)]
    build(write_resource(rows))
    return write_resource(rows[:5])


def test_what_shrank_is_kept_and_does_not_serve(
    shrunk: ResourceConfig, build: Build, generations: Generations, tmp_path: Path
) -> None:
    directory = ResourceDirectory(tmp_path / "data", CODE)
    before = directory.current()
    with pytest.raises(StayputError, match="5 subjects where the serving one has 10") as caught:
        build(shrunk, LATER)
    assert caught.value.reason == ErrorReason.ERROR_REASON_BOUNDS_EXCEEDED
    assert caught.value.field == "generations.most_shrink_percent"
    assert directory.current() == before
    held, serving = listed(generations, CODE)
    assert (serving.generation, serving.serving, serving.problem) == (before, True, "")
    assert (held.serving, held.subjects) == (False, 5)
    assert held.problem.startswith("held back: it has 5 subjects")
    assert f"rollback {CODE} {held.generation}" in caught.value.remedy

    assert roll_back(generations, CODE, held.generation) == held.generation
    assert directory.current() == held.generation
    current = generations.current(CODE)
    assert current is not None
    assert current.manifest.subjects == 5
    assert [one.problem for one in listed(generations, CODE)] == ["", ""]


def test_the_next_build_clears_what_was_held_back(
    shrunk: ResourceConfig, build: Build, generations: Generations
) -> None:
    for hour in (1, 2):
        with pytest.raises(StayputError, match="was not switched to"):
            build(shrunk, NOW + timedelta(hours=hour))
    assert [one.subjects for one in listed(generations, CODE)] == [5, 10]


def test_bounds_are_no_obstacle_if_they_are_accepted(
    shrunk: ResourceConfig, builder: Builder, tmp_path: Path
) -> None:
    manifest = builder.build(shrunk, LATER, lambda _: None, accept_bounds=True)
    assert ResourceDirectory(tmp_path / "data", CODE).current() == manifest.generation


def test_bounds_are_those_of_the_resource(write_resource: Write, build: Build, resident_id: Number) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(10)]
    wide = ("[source]", "[generations]\nmost_shrink_percent = 50\n[source]")
    build(write_resource(rows, wide))
    build(write_resource(rows[:5], wide), LATER)
    with pytest.raises(StayputError, match="more than 50 % fewer"):
        build(write_resource(rows[:2], wide), LATER + timedelta(hours=1))


def test_more_rows_left_out_are_told_by_their_shares(
    write_resource: Write, build: Build, resident_id: Number
) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(18)]
    build(write_resource([*rows, ("", "李四", "A")]))
    with pytest.raises(StayputError, match=r"10\.0% .* 5\.3%") as caught:
        build(write_resource([*rows, ("", "李四", "A"), ("", "李四", "A")], TIGHT), LATER)
    assert caught.value.field == "generations.most_reject_growth_percent"
    build(write_resource([*rows, ("", "李四", "A"), ("", "李四", "A")]), LATER)


TIGHT = ("[source]", "[generations]\nmost_reject_growth_percent = 4\n[source]")


def test_a_damaged_generation_is_no_measure(
    shrunk: ResourceConfig, build: Build, generations: Generations, tmp_path: Path
) -> None:
    directory = ResourceDirectory(tmp_path / "data", CODE)
    (directory.generation(directory.current() or "") / "manifest.json").write_text("{}")
    build(shrunk, LATER)
    current = generations.current(CODE)
    assert current is not None
    assert current.manifest.subjects == 5


def test_a_check_more_is_no_matter_of_bounds(
    write_resource: Write, build: Build, resident_id: Number
) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(10)]
    build(write_resource(rows, ('[checks.plate]\nfields = ["plate"]\n', "")))
    assert build(write_resource(rows), LATER).subjects == 10
