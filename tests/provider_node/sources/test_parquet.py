import random
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provider_node.sources import parquet
from stayput.errors import StayputError
from tests.provider_node.sources.reading import SECRET, column, opened, problem, read

COLUMNS = {"owner": "号码", "name": "姓名"}
MIB = 1 << 20
Anything: TypeAlias = Any  # pyarrow has no types


def written(directory: Path, columns: dict[str, Any], **options: object) -> Path:
    path = directory / "v.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def texts(directory: Path, values: Anything, kind: Anything = None) -> list[str]:
    """What a column of such values is read as."""
    written(directory, {"号码": pa.array(values, kind) if kind is not None else values})
    return column(read(opened(directory, {"owner": "号码"}, kind="parquet", path="v.parquet")), "owner")


def test_the_wanted_columns_come_by_field_and_rows_are_counted_from_1(tmp_path: Path) -> None:
    path = written(tmp_path, {"姓名": ["张三", None], "x": [[1], [2]], "号码": ["1", "2"]})
    source = opened(tmp_path, {**COLUMNS, "again": "号码"}, kind="parquet", path="v.parquet")
    (batch,) = source.batches()
    assert batch.columns == {"owner": ["1", "2"], "name": ["张三", ""], "again": ["1", "2"]}
    assert (batch.lines, batch.faults, batch.file) == ([1, 2], [], "")
    assert batch.bytes_read == source.bytes_total == path.stat().st_size


def test_rows_go_on_over_row_groups_and_batches(tmp_path: Path) -> None:
    numbers = [f"{n:018}" for n in range(120_000)]
    written(tmp_path, {"号码": numbers, "姓名": ["张三"] * len(numbers)}, row_group_size=70_000)
    source = opened(tmp_path, COLUMNS, kind="parquet", path="v.parquet")
    batches = read(source)
    assert column(batches, "owner") == numbers
    assert [line for batch in batches for line in batch.lines] == list(range(1, 120_001))
    assert max(len(batch.lines) for batch in batches) <= 50_000
    reached = [batch.bytes_read for batch in batches]
    assert reached == sorted(reached)
    assert reached[-1] == source.bytes_total


def test_several_files_are_told_apart(tmp_path: Path) -> None:
    for name, order in (("b", ("姓名", "号码")), ("a", ("号码", "姓名"))):
        pq.write_table(pa.table({key: [name + key] for key in order}), tmp_path / f"{name}.parquet")
    batches = read(opened(tmp_path, COLUMNS, kind="parquet", path="*.parquet"))
    assert [(batch.file, batch.columns["owner"]) for batch in batches] == [
        ("a.parquet", ["a号码"]),
        ("b.parquet", ["b号码"]),
    ]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["a", None, ""], pa.string(), ["a", "", ""]),
        (["a", None], pa.large_string(), ["a", ""]),
        (["a", None, "b"], pa.dictionary(pa.int32(), pa.string()), ["a", "", "b"]),
        ([5, None], pa.dictionary(pa.int8(), pa.int64()), ["5", ""]),
        ([1, -1, None], pa.int8(), ["1", "-1", ""]),
        ([(1 << 64) - 1], pa.uint64(), ["18446744073709551615"]),
        ([110105194912310021], pa.int64(), ["110105194912310021"]),
        ([True, False, None], pa.bool_(), ["true", "false", ""]),
        ([date(2026, 1, 2), None], pa.date32(), ["2026-01-02", ""]),
        ([date(1, 1, 1)], pa.date64(), ["0001-01-01"]),
        (
            [datetime.fromisoformat("2026-01-02"), datetime.fromisoformat("2026-01-02T03:00")],
            pa.timestamp("ns"),
            ["2026-01-02", "2026-01-02 03:00:00"],
        ),
        ([datetime(2026, 1, 1, 16, tzinfo=UTC), None], pa.timestamp("ms", "UTC"), ["2026-01-02", ""]),
        ([time(1, 2, 3), None], pa.time64("us"), ["01:02:03", ""]),
        (
            [Decimal("0.0000001"), Decimal("100.0000000"), None],
            pa.decimal128(20, 7),
            ["0.0000001", "100.0000000", ""],
        ),
        ([1.5, 2.0, 1.10105e17, float("nan"), None], pa.float64(), ["1.5", "2", "1.101050E+17", "", ""]),
        ([0.1, 16777215.0, 16777216.0], pa.float32(), ["0.1", "16777215", "1.677722E+07"]),
        ([0.5, 2047.0, 2048.0], pa.float16(), ["0.5", "2047", "2.048000E+03"]),
        (["张三".encode(), b"\xff", None], pa.binary(), ["张三", "\ufffd", ""]),
        (["a", "b" * 5_000], pa.string(), ["a", "x" * 513]),
        ([None, None], pa.null(), ["", ""]),
    ],
)
def test_every_type_has_one_text(
    tmp_path: Path, values: list[Any], kind: Anything, expected: list[str]
) -> None:
    assert texts(tmp_path, values, kind) == expected


DATES = [datetime.fromisoformat(f"{year:04}-12-31") for year in (1, 1600, 1677, 2026, 2262, 2999, 9999)]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("store_schema", [False, True])
def test_old_timestamps_of_any_year_are_that_year(tmp_path: Path, unit: str, *, store_schema: bool) -> None:
    kind = pa.timestamp(unit)
    path = written(
        tmp_path,
        {"号码": pa.array([*DATES, datetime(9999, 12, 31, 23, 59, 58), None], kind)},  # noqa: DTZ001
        use_deprecated_int96_timestamps=True,
        store_schema=store_schema,
    )
    assert pq.ParquetFile(path).schema.column(0).physical_type == "INT96"
    texts = column(read(opened(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet")), "owner")
    assert texts == [*(f"{one:%Y}-12-31".rjust(10, "0") for one in DATES), "9999-12-31 23:59:58", ""]


def test_an_old_timestamp_has_no_zone_and_microseconds(tmp_path: Path) -> None:
    moments = [datetime(2026, 1, 1, 16, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)]
    written(
        tmp_path, {"号码": pa.array(moments, pa.timestamp("ns", "UTC"))}, use_deprecated_int96_timestamps=True
    )
    texts = column(read(opened(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet")), "owner")
    assert texts == ["2026-01-01 16:00:00", "2026-01-02 03:04:05.678901"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (2**31 - 1, pa.date32()),
        (-(2**31), pa.date32()),
        (10**17, pa.timestamp("ms")),
        (2**63 - 1, pa.timestamp("us")),
        (-(2**63) + 1, pa.timestamp("us", "UTC")),
        (2**63 - 1, pa.timestamp("us", "UTC")),
        # In China, eight hours ahead, it is past the last moment that nanoseconds can tell.
        (2**63 - 1, pa.timestamp("ns", "UTC")),
        (-1, pa.time64("us")),
    ],
)
def test_what_is_in_no_calendar_is_rejected_and_not_another_day(
    tmp_path: Path, number: int, kind: Anything
) -> None:
    written(
        tmp_path,
        {"号码": pa.array([number, None, 0], pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)},
    )
    texts = column(read(opened(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet")), "owner")
    assert texts[:2] == ["\ufffd", ""]
    assert texts[2][:2] in ("19", "00")


def test_text_that_is_not_utf_8_is_told_apart_in_its_row_alone(tmp_path: Path) -> None:
    raw = pa.array(["张三".encode(), "李四".encode("gb18030"), None, b"5"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    assert texts(tmp_path, text) == ["张三", "\ufffd", "", "5"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([[SECRET]], pa.list_(pa.string())),
        ([{"a": SECRET}], pa.struct([("a", pa.string())])),
        ([[(SECRET, "b")]], pa.map_(pa.string(), pa.string())),
        ([b"0123456789abcdef"], pa.binary(16)),
        ([3], pa.duration("s")),
    ],
)
def test_a_column_without_a_text_is_told(tmp_path: Path, values: list[Any], kind: Anything) -> None:
    written(tmp_path, {"号码": pa.array(values, kind)})
    error = problem(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet")
    assert error.field == "fields.owner.column"
    assert "column '号码' of v.parquet is nested or of another type" in error.message


def test_columns_are_found_by_their_whole_name(tmp_path: Path) -> None:
    written(tmp_path, {"a": [{"b": "inner"}], "a.b": ["outer"]})
    (batch,) = read(opened(tmp_path, {"owner": "a.b"}, kind="parquet", path="v.parquet"))
    assert batch.columns["owner"] == ["outer"]
    error = problem(tmp_path, {"owner": "a.c"}, kind="parquet", path="v.parquet")
    assert "none of the 2 columns of v.parquet is named 'a.c'; did you mean 'a.b'?" in error.message


def test_a_name_that_two_columns_have_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table([["1"], ["2"], ["3"]], names=["号码", "号码", "姓名"]), tmp_path / "v.parquet")
    error = problem(tmp_path, COLUMNS, kind="parquet", path="v.parquet")
    assert "2 columns of v.parquet are named '号码'" in error.message
    assert read(opened(tmp_path, {"name": "姓名"}, kind="parquet", path="v.parquet"))[0].columns["name"] == [
        "3"
    ]


@pytest.mark.parametrize("size", [0, 3, 300, -1, -300])
def test_a_file_that_is_cut_short_is_told(tmp_path: Path, size: int) -> None:
    path = written(tmp_path, {"号码": [SECRET] * 1_000, "姓名": [f"{n}" for n in range(1_000)]})
    path.write_bytes(path.read_bytes()[:size])
    error = problem(tmp_path, COLUMNS, kind="parquet", path="v.parquet")
    assert error.message.startswith(
        "source.path: v.parquet: is no Parquet file, or one that is encrypted, damaged"
    )


def test_damage_anywhere_is_told_or_changes_nothing_but_values(tmp_path: Path) -> None:
    columns = {"号码": [f"{n:018}" for n in range(300)], "姓名": ["张三", "李四", "王五"] * 100}
    whole, chance = written(tmp_path, columns, row_group_size=100).read_bytes(), random.Random(1)
    told = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (tmp_path / "v.parquet").write_bytes(damaged)
        try:
            batches = read(opened(tmp_path, COLUMNS, kind="parquet", path="v.parquet"))
        except StayputError:
            told += 1
        else:
            assert sum(len(batch.lines) for batch in batches) == 300
    assert told > 150


def test_a_long_value_that_the_file_holds_once_takes_little_memory(tmp_path: Path) -> None:
    rows = 2_000
    places = pa.array([0, *[1] * (rows - 1)], pa.int32())
    long = pa.DictionaryArray.from_arrays(places, pa.array(["1", "x" * MIB]))
    path = written(tmp_path, {"号码": long}, compression="zstd", store_schema=False)
    assert path.stat().st_size < MIB
    pa.default_memory_pool().release_unused()
    before, most, count = pa.total_allocated_bytes(), 0, 0
    for batch in opened(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet").batches():
        most = max(most, pa.total_allocated_bytes() - before)
        count += len(batch.lines)
        assert set(batch.columns["owner"]) <= {"1", "x" * 513}
    assert count == rows
    assert most < 200 * MIB


@pytest.mark.parametrize("use_dictionary", [False, True])
def test_a_very_long_value_rejects_its_row_alone(tmp_path: Path, *, use_dictionary: bool) -> None:
    numbers = [f"{n:018}" for n in range(60_000)]
    values = pa.array([*numbers, "x" * (100 * MIB), "1"])
    path = written(tmp_path, {"号码": values}, compression="zstd", use_dictionary=use_dictionary)
    assert path.stat().st_size < MIB
    del values
    batches = read(opened(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet"))
    assert column(batches, "owner") == [*numbers, "x" * 513, "1"]


def test_values_that_memory_has_no_room_for_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_MOST_BYTES", MIB)
    # Long values side by side are too few for the average row to foretell them.
    values = [*(f"{n:018}" for n in range(100_000)), *[SECRET * 60_000] * 4]
    written(tmp_path, {"号码": values, "姓名": [""] * len(values)}, compression="zstd", use_dictionary=False)
    error = problem(tmp_path, COLUMNS, kind="parquet", path="v.parquet")
    assert error.field == "source.path"
    assert "v.parquet: values of column '号码' are too long for memory" in error.message
    assert "export the column without long values" in error.remedy
    assert SECRET not in error.message + error.remedy


@pytest.mark.parametrize("error", [pa.ArrowMemoryError, pa.ArrowCapacityError, MemoryError])
def test_what_arrow_has_no_room_for_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object) -> int:
        raise error(SECRET)

    written(tmp_path, {"号码": ["1"], "姓名": ["张三"]})
    monkeypatch.setattr(parquet, "_rows_at_once", fail)
    told = problem(tmp_path, COLUMNS, kind="parquet", path="v.parquet")
    assert "v.parquet: values of column '号码' or '姓名' are too long for memory" in told.message
    assert SECRET not in told.message


def test_rows_of_one_huge_row_group_come_in_batches(tmp_path: Path) -> None:
    rows = 500_000
    numbers = pa.array(range(10**17, 10**17 + rows)).cast(pa.string())
    path = written(tmp_path, {"号码": numbers}, row_group_size=rows, use_dictionary=False, compression="none")
    assert pq.ParquetFile(path).num_row_groups == 1
    del numbers
    pa.default_memory_pool().release_unused()
    before, most, count = pa.total_allocated_bytes(), 0, 0
    for batch in opened(tmp_path, {"owner": "号码"}, kind="parquet", path="v.parquet").batches():
        most, count = max(most, pa.total_allocated_bytes() - before), count + len(batch.lines)
        assert len(batch.lines) <= 50_000
    assert (count, most < 8 * MIB < path.stat().st_size) == (rows, True)


def test_ten_thousand_columns_are_fine(tmp_path: Path) -> None:
    written(tmp_path, {f"c{n}": ["a", "b"] for n in range(10_000)})
    (batch,) = read(opened(tmp_path, {"owner": "c9999"}, kind="parquet", path="v.parquet"))
    assert batch.columns == {"owner": ["a", "b"]}
