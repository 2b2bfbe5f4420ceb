from datetime import UTC, datetime
from os import utime
from pathlib import Path
from typing import Literal

import pytest

from provider_node.config import CsvSourceConfig
from provider_node.sources import CsvSource
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

COLUMNS = {"owner_id": "身份证号码", "name": "姓名"}


def config(path: Path, encoding: Literal["utf-8", "gb18030"] = "utf-8") -> CsvSourceConfig:
    table = {"kind": "csv", "path": path.name, "encoding": encoding}
    return CsvSourceConfig.model_validate(table, context=path.parent)


def written(directory: Path, content: str | bytes) -> Path:
    path = directory / "vehicles.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problem(path: Path) -> StayputError:
    with pytest.raises(StayputError) as caught:
        list(CsvSource(config(path), COLUMNS).batches())
    assert caught.value.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID
    return caught.value


def test_the_wanted_columns_come_by_field(tmp_path: Path) -> None:
    path = written(tmp_path, "姓名,车型,身份证号码\n张三,轿车,1\n\n李四,客车,2\n")
    (batch,) = CsvSource(config(path), COLUMNS).batches()
    assert batch.columns == {"owner_id": ["1", "2"], "name": ["张三", "李四"]}
    assert batch.lines == [2, 4]
    assert batch.faults == []


def test_two_fields_can_share_a_column(tmp_path: Path) -> None:
    path = written(tmp_path, "号码\n1\n")
    (batch,) = CsvSource(config(path), {"a": "号码", "b": "号码"}).batches()
    assert batch.columns == {"a": ["1"], "b": ["1"]}


def test_gb18030_is_read_as_declared(tmp_path: Path) -> None:
    path = written(tmp_path, "身份证号码,姓名\n1,𠮷野\n".encode("gb18030"))
    (batch,) = CsvSource(config(path, "gb18030"), COLUMNS).batches()
    assert batch.columns["name"] == ["𠮷野"]


def test_lines_that_are_no_rows_are_told_by_line_and_reason(tmp_path: Path) -> None:
    path = written(tmp_path, "身份证号码,姓名\n1\n2,李四\n3,".encode() + b"\xff\n4,\0\n")
    (batch,) = CsvSource(config(path), COLUMNS).batches()
    assert batch.columns["owner_id"] == ["2"]
    assert batch.faults == [(2, "COLUMNS"), (4, "ENCODING"), (5, "NUL")]


def test_a_large_file_comes_in_batches_and_progress_reaches_the_end(tmp_path: Path) -> None:
    text = "身份证号码,姓名\n" + "".join(f"{n:018},张三\n" for n in range(120_000))
    source = CsvSource(config(written(tmp_path, text)), COLUMNS)
    sizes, read = [], []
    for batch in source.batches():
        sizes.append(len(batch.lines))
        read.append(batch.bytes_read)
    assert sum(sizes) == 120_000
    assert max(sizes) <= 50_000
    assert read == sorted(read)
    assert 0.3 < read[0] / source.bytes_total < 0.5
    assert 0.99 < read[-1] / source.bytes_total <= 1


def test_the_time_of_the_file_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "身份证号码,姓名\n")
    utime(path, (0, 1_700_000_000))
    assert CsvSource(config(path), COLUMNS).modified_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_missing_column_is_told_with_the_nearest_header(tmp_path: Path) -> None:
    error = problem(written(tmp_path, "身份证号,姓名,车型\n1,张三,轿车\n"))
    assert error.message == (
        "fields.owner_id.column: none of the 3 columns of vehicles.csv is named '身份证号码'; "
        "did you mean '身份证号'?"
    )
    assert error.field == "fields.owner_id.column"


def test_a_first_line_that_may_be_data_is_not_told(tmp_path: Path) -> None:
    message = problem(written(tmp_path, "11010519491231002X,张三\n")).message
    assert "none of the 2 columns" in message
    assert "1101" not in message
    assert "张三" not in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file has no rows"),
        (b"\xff\xfe1\0", "the file is UTF-16 text"),
        ("身份证号码,姓名\n".encode("gb18030"), "the first row is not valid utf-8"),
        ("身份证号码,身份证号码\n".encode(), "columns 1 and 2 of the header have the same name"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, expected: str) -> None:
    error = problem(written(tmp_path, content))
    assert error.message.startswith("source.path: ")
    assert expected in error.message


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in problem(tmp_path / "vehicles.csv").message


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "身份证号码,姓名\n1,张三\n")
    source = CsvSource(config(path), COLUMNS)
    batches = source.batches()
    next(batches)
    with path.open("a") as file:
        file.write("2,李四\n")
    with pytest.raises(StayputError, match="changed while it was read") as caught:
        next(batches)
    assert caught.value.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "身份证号码,姓名\n1,张三\n")
    source = CsvSource(config(path), COLUMNS)
    path.rename(tmp_path / "old.csv")
    written(tmp_path, "身份证号码,姓名\n2,李四\n")
    with pytest.raises(StayputError, match="changed while it was read"):
        list(source.batches())
