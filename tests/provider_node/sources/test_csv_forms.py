import gzip
import tracemalloc
from pathlib import Path

import pytest

from tests.provider_node.sources.reading import SECRET, column, opened, problem, read

COLUMNS = {"owner": "号码", "name": "姓名"}
MIB = 1 << 20


def peak(directory: Path, columns: dict[str, str], **table: object) -> tuple[int, list[tuple[int, str]], int]:
    """The most memory that reading takes, the faults, and how many rows there are."""
    faults, rows = list[tuple[int, str]](), 0
    tracemalloc.start()
    try:
        for batch in opened(directory, columns, **table).batches():
            faults += batch.faults
            rows += len(batch.lines)
        return tracemalloc.get_traced_memory()[1], faults, rows
    finally:
        tracemalloc.stop()


def test_without_a_header_columns_go_by_number(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("张三,轿车,1\n李四,客车,2\n", "utf-8")
    batches = read(opened(tmp_path, {"owner": "3", "name": "1"}, kind="csv", path="v.csv", header=False))
    assert column(batches, "owner") == ["1", "2"]
    assert column(batches, "name") == ["张三", "李四"]
    assert batches[0].lines == [1, 2]


@pytest.mark.parametrize("number", ["0", "4", "03", "号码"])
def test_a_number_that_no_column_has_is_told_without_the_first_row(tmp_path: Path, number: str) -> None:
    (tmp_path / "v.csv").write_text(f"张三,轿车,{SECRET}\n", "utf-8")
    error = problem(tmp_path, {"owner": number}, kind="csv", path="v.csv", header=False)
    assert error.field == "fields.owner.column"
    assert f"none of the 3 columns of v.csv is named '{number}'" in error.message


def test_a_compressed_file_is_read_as_the_plain_one(tmp_path: Path) -> None:
    text = "\ufeff号码,姓名\n" + "".join(f"{n},张三\n" for n in range(60_000)) + "1\n"
    (tmp_path / "v.csv").write_text(text, "gb18030")
    (tmp_path / "v.csv.gz").write_bytes(gzip.compress(text.encode("gb18030"), 1))
    plain, compressed = (
        [
            (batch.columns, batch.lines, batch.faults)
            for batch in read(opened(tmp_path, COLUMNS, kind="csv", path=name, encoding="gb18030"))
        ]
        for name in ("v.csv", "v.csv.gz")
    )
    assert compressed == plain


@pytest.mark.parametrize("kept", [0, 5, 12, 1_000, -9, -4])
def test_a_compressed_file_that_is_cut_short_is_told(tmp_path: Path, kept: int) -> None:
    text = "号码,姓名\n" + "".join(f"{n}{SECRET},张三\n" for n in range(5_000))
    (tmp_path / "v.csv.gz").write_bytes(gzip.compress(text.encode())[:kept])
    error = problem(tmp_path, COLUMNS, kind="csv", path="v.csv.gz")
    assert error.message.startswith("source.path: v.csv.gz: the file ")
    assert kept == 0 or "damaged or cut short" in error.message


@pytest.mark.parametrize(
    "content", [SECRET.encode() * 9, gzip.compress(b"x" * 9_000)[:-8] + bytes(8)], ids=["plain", "damaged"]
)
def test_a_compressed_file_that_is_damaged_or_none_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.csv.gz").write_bytes(content)
    assert "is no gzip file, or" in problem(tmp_path, {"a": "x" * 9_000}, kind="csv", path="v.csv.gz").message


@pytest.mark.parametrize("name", ["v.csv", "v.csv.gz"])
def test_a_line_of_100_mib_takes_little_memory(tmp_path: Path, name: str) -> None:
    line = SECRET.encode() * (MIB // len(SECRET))
    with (
        gzip.open(tmp_path / name, "wb", 1) if name.endswith(".gz") else (tmp_path / name).open("wb") as file
    ):
        file.write("号码,姓名\n1,张三\n".encode())
        for _ in range(101):
            file.write(line)
        file.write("\n2,李四\n".encode())
    most, faults, rows = peak(tmp_path, COLUMNS, kind="csv", path=name)
    assert faults == [(3, "TOO_LONG")]
    assert rows == 2
    assert most < 16 * MIB


def test_a_small_file_that_unpacks_to_much_takes_little_memory(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "v.csv.gz", "wb", 6) as file:
        file.write("号码,姓名\n1,张三\n".encode())
        for _ in range(100):
            file.write(bytes(MIB))
    assert (tmp_path / "v.csv.gz").stat().st_size < MIB
    most, faults, rows = peak(tmp_path, COLUMNS, kind="csv", path="v.csv.gz")
    assert (faults, rows) == ([(3, "TOO_LONG")], 1)
    assert most < 16 * MIB


def test_ten_thousand_columns_take_little_memory(tmp_path: Path) -> None:
    width, rows = 10_000, 100
    with (tmp_path / "v.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(f"c{n}" for n in range(width)) + "\n")
        file.writelines(",".join([str(n)] + ["ab"] * (width - 1)) + "\n" for n in range(rows))
        file.write(",".join(["x"] * (width + 1)) + "\n")
    most, faults, read_rows = peak(tmp_path, {"owner": "c0", "name": "c9999"}, kind="csv", path="v.csv")
    assert (faults, read_rows) == ([(rows + 2, "COLUMNS")], rows)
    assert most < 150 * MIB


def test_another_encoding_half_way_and_nul_bytes_are_faults_of_their_lines(tmp_path: Path) -> None:
    first = "号码,姓名\n" + "1,张三\n" * 3
    second = f"{SECRET},李四\n".encode("gb18030") * 2 + f"{SECRET},\0\n2,王五\n".encode()
    (tmp_path / "v.csv").write_bytes(first.encode() + second)
    (batch,) = read(opened(tmp_path, COLUMNS, kind="csv", path="v.csv"))
    assert batch.columns["name"] == ["张三"] * 3 + ["王五"]
    assert batch.faults == [(5, "ENCODING"), (6, "ENCODING"), (7, "NUL")]
    assert SECRET not in repr(batch)
