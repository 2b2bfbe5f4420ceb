import csv
import io
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput.delimited import (
    Batch,
    DelimitedError,
    Dialect,
    FileFault,
    RowFault,
    read_batches,
    read_header,
)
from stayput.delimited.records import MAX_RECORD_LINES

UTF8 = Dialect()
GB18030 = Dialect(encoding="gb18030")
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("delimited") / "list.csv"


def whole(path: Path, dialect: Dialect = UTF8, batch_rows: int = 10_000) -> Batch:
    """All batches as one, after checking that they are as promised."""
    batches = list(read_batches(path, dialect, batch_rows))
    numbers = [sorted([*batch.lines, *(line for line, _ in batch.faults)]) for batch in batches]
    assert all(0 < len(some) <= batch_rows for some in numbers)
    assert all(earlier[-1] < later[0] for earlier, later in pairwise(numbers))
    joined = Batch([], [], [])
    for batch in batches:
        joined.extend(batch)
    assert len(joined.rows) == len(joined.lines)
    return joined


def parsed(path: Path, data: bytes, dialect: Dialect = UTF8) -> Batch:
    path.write_bytes(data)
    return whole(path, dialect)


texts = st.text(
    st.one_of(
        st.sampled_from('",;\t\r\n \x0b\x1c\x85\u2028\ufeff·a1'),
        st.sampled_from("张三李四买买提㐀𠮷"),
        st.characters(exclude_categories=("Cs", "Co"), exclude_characters="\0"),
    ),
    max_size=8,
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=12)
)


def header(width: int) -> list[str]:
    return [f"column {place}" for place in range(width)]


@given(
    table=tables,
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    batch_rows=st.integers(1, 5),
)
def test_what_a_csv_writer_wrote_is_read_back(
    file: Path, table: list[list[str]], encoding: str, delimiter: str, quoting: Literal[0, 1], batch_rows: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting).writerows([header(len(table[0])), *table])
    file.write_bytes(out.getvalue().encode(encoding))
    read = whole(file, Dialect(encoding, delimiter), batch_rows)
    assert read.rows == table
    assert read.faults == []


DAMAGE: dict[RowFault, Callable[[bytes], bytes]] = {
    RowFault.ENCODING: lambda row: row[:-1] + b"\xff",
    RowFault.COLUMNS: lambda row: row + b",",
    RowFault.NUL: lambda row: row[:-1] + b"\0",
    RowFault.QUOTING: lambda row: b'"' + row,
}


@given(
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    damage=st.dictionaries(st.integers(0, 299), st.sampled_from(sorted(DAMAGE, key=str)), max_size=20),
    batch_rows=st.sampled_from([7, 10_000]),
)
def test_damage_costs_the_damaged_rows_and_no_other(
    file: Path, encoding: str, end: bytes, damage: dict[int, RowFault], batch_rows: int
) -> None:
    clean = [[f"张三丰{i}", "阿依古丽·买买提", str(i)] for i in range(300)]
    lines = [",".join(row).encode(encoding) for row in [header(3), *clean]]
    for place, fault in damage.items():
        lines[place + 1] = DAMAGE[fault](lines[place + 1])
    file.write_bytes(end.join(lines) + end)
    read = whole(file, Dialect(encoding), batch_rows)
    assert read.rows == [row for i, row in enumerate(clean) if i not in damage]
    assert read.lines == [i + 2 for i in range(300) if i not in damage]
    assert read.faults == [(i + 2, fault) for i, fault in sorted(damage.items())]


def test_a_stretch_in_the_other_encoding_faults_only_its_own_rows(file: Path) -> None:
    row = "张三,京A12345\n"
    stretch = row.encode("gb18030") * 50
    read = parsed(file, "姓名,号牌\n".encode() + row.encode() * 5_000 + stretch + row.encode() * 5_000)
    assert len(read.rows) == 10_000
    assert read.faults == [(line, RowFault.ENCODING) for line in range(5_002, 5_052)]


def test_quoted_fields_may_hold_line_ends_and_delimiters(file: Path) -> None:
    read = parsed(file, b'a,b\n1,"x\r\ny,\n""z"""\n2,w\n')
    assert read.rows == [["1", 'x\r\ny,\n"z"'], ["2", "w"]]
    assert read.lines == [2, 5]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_empty_lines_are_no_rows_but_count_as_lines(file: Path, end: bytes) -> None:
    read = parsed(file, end.join([b"", b"a", b"1", b"", b"", b'""', b"3", b"", b""]))
    assert read.rows == [["1"], [""], ["3"]]
    assert read.lines == [3, 6, 7]
    assert read.faults == []


def test_only_line_feeds_and_carriage_returns_end_a_line(file: Path) -> None:
    odd = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
    assert parsed(file, f"a,b\n1,{odd}\n".encode()).rows == [["1", odd]]


def test_a_last_line_needs_no_end(file: Path) -> None:
    assert parsed(file, b"a,b\n1,2").rows == [["1", "2"]]


@pytest.mark.parametrize("opening", [b'1,"open\n', b'1,"open,3\n', b'"1,open\n'])
def test_a_quote_never_closed_costs_one_line(file: Path, opening: bytes) -> None:
    read = parsed(file, b"a,b\n" + opening + b"2,x\n" * 5_000)
    assert len(read.rows) == 5_000
    assert read.faults == [(2, RowFault.QUOTING)]


def test_quotes_of_two_damaged_lines_do_not_make_one_row_of_them(file: Path) -> None:
    read = parsed(file, b'a,b\n1,"x\n2,y\n3,y\n4"\n5,z\n')
    assert read.rows == [["1", "x\n2,y\n3,y\n4"], ["5", "z"]]  # well formed, whatever was meant
    read = parsed(file, b'a,b\n1,"x\n2,y\n3,y\n4",y\n5,z\n')
    assert read.rows == [["2", "y"], ["3", "y"], ['4"', "y"], ["5", "z"]]
    assert read.faults == [(2, RowFault.QUOTING)]


def test_text_after_a_closing_quote_is_a_fault_and_a_quote_inside_a_field_is_a_quote(file: Path) -> None:
    read = parsed(file, b'a,b\n1,"x"y\n2,5" pipe\n')
    assert read.rows == [["2", '5" pipe']]
    assert read.faults == [(2, RowFault.QUOTING)]


def test_a_record_has_at_most_a_thousand_lines(file: Path) -> None:
    longest = b"x\n" * (MAX_RECORD_LINES - 1)
    assert len(parsed(file, b'a\n"' + longest + b'"\n').rows) == 1
    read = parsed(file, b'a\n"' + longest + b'\n"\n')
    assert read.faults[0] == (2, RowFault.QUOTING)
    assert read.rows[0] == ["x"]


def test_a_record_has_at_most_one_mebibyte(file: Path) -> None:
    half = b"x" * (MEBIBYTE // 2 - 2) + b"\n"
    assert len(parsed(file, b'a\n"' + half + half + b'"\n').rows) == 1
    read = parsed(file, b'a\n"' + half + half + b'xx"\n')
    assert read.faults == [(2, RowFault.QUOTING)]
    assert read.lines == [3, 4]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("excess", [0, 1, 2, 3, MEBIBYTE])
def test_a_line_is_read_up_to_one_mebibyte(file: Path, end: bytes, excess: int) -> None:
    long = b"1," + b"x" * (MEBIBYTE - 2 + excess)
    read = parsed(file, end.join([b"a,b", b"0,y", long, b"2,z", b""]))
    assert read.lines == ([2, 4] if excess else [2, 3, 4])
    assert read.faults == ([(3, RowFault.TOO_LONG)] if excess else [])
    assert read.rows[-1] == ["2", "z"]


def test_a_line_of_a_hundred_megabytes_is_passed_over_at_bounded_memory(file: Path) -> None:
    with file.open("wb") as out:
        out.write(b"a,b\n1,x\n")
        out.seek(100_000_000)  # a hole of NUL bytes, which takes no room on the disk
        out.write(b"\n2,y\n")
    tracemalloc.start()
    try:
        read = whole(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read.rows == [["1", "x"], ["2", "y"]]
    assert read.faults == [(3, RowFault.TOO_LONG)]
    assert peak < 8 * MEBIBYTE


def test_batches_of_wide_rows_are_small(file: Path) -> None:
    file.write_bytes(b"a,b\n" + (b"1," + b"x" * 500_000 + b"\n") * 60)
    sizes = [sum(len(row[1]) for row in batch.rows) for batch in read_batches(file, UTF8)]
    assert sum(sizes) == 30_000_000
    assert max(sizes) < 9 * MEBIBYTE


def test_byte_order_marks_are_dropped(file: Path) -> None:
    for dialect in (UTF8, GB18030):
        file.write_bytes("\ufeff姓名,号牌\n张三,京A1\n".encode(dialect.encoding))
        assert read_header(file, dialect) == ["姓名", "号牌"]
        assert whole(file, dialect).rows == [["张三", "京A1"]]


def test_header_names_are_trimmed_and_may_be_empty_or_span_lines(file: Path) -> None:
    file.write_bytes('\n 姓名\u3000,"号牌\n号码",,\n张三,京A1,,\n'.encode())
    assert read_header(file, UTF8) == ["姓名", "号牌\n号码", "", ""]
    assert whole(file).rows == [["张三", "京A1", "", ""]]
    assert whole(file).lines == [4]


def test_without_a_header_columns_are_numbered_and_the_first_row_is_a_row(file: Path) -> None:
    dialect = Dialect(delimiter="\t", header=False)
    file.write_bytes("\n张三\t张三\n李四\n王五\t赵六\n".encode())
    assert read_header(file, dialect) == ["1", "2"]
    assert whole(file, dialect).rows == [["张三", "张三"], ["王五", "赵六"]]
    assert whole(file, dialect).faults == [(3, RowFault.COLUMNS)]


def test_a_file_of_a_header_alone_has_no_batches(file: Path) -> None:
    file.write_bytes(b"a,b\r\n\r\n")
    assert list(read_batches(file, UTF8)) == []


WHOLLY_WRONG = {
    "empty": (b"", FileFault.EMPTY),
    "only empty lines": (b"\xef\xbb\xbf\r\n\r\n", FileFault.EMPTY),
    "little-endian UTF-16": ("\ufeff张三,1\n".encode("utf-16-le"), FileFault.UTF16),
    "big-endian UTF-16": ("\ufeff张三,1\n".encode("utf-16-be"), FileFault.UTF16),
    "UTF-16 without a mark": ("a,b\n张三,1\n".encode("utf-16-le"), FileFault.NOT_TEXT),
    "GB18030 mark": ("\ufeff张三,1\n".encode("gb18030"), FileFault.OTHER_MARK),
    "GB18030": ("张三,1\n".encode("gb18030"), FileFault.FIRST_ROW_ENCODING),
    "open quote": ('"张三,1\n李四,2\n'.encode(), FileFault.FIRST_ROW_QUOTING),
    "one long line": (b"1," * MEBIBYTE, FileFault.FIRST_ROW_TOO_LONG),
    "the same name twice": ("张三,1,,,张三\n".encode(), FileFault.DUPLICATE_COLUMN),
}


@pytest.mark.parametrize(("data", "fault"), WHOLLY_WRONG.values(), ids=WHOLLY_WRONG)
@pytest.mark.parametrize("read", [read_header, lambda path, dialect: next(read_batches(path, dialect))])
def test_a_file_wrong_as_a_whole_is_refused_with_a_remedy_in_two_languages(
    file: Path, data: bytes, fault: FileFault, read: Callable[[Path, Dialect], object]
) -> None:
    file.write_bytes(data)
    with pytest.raises(DelimitedError) as caught:
        read(file, UTF8)
    assert caught.value.fault is fault
    assert "; " in str(caught.value)
    assert str(caught.value).isascii()
    assert "；" in caught.value.chinese
    assert "张三" not in caught.value.chinese


def test_columns_of_the_same_name_are_told_by_their_places(file: Path) -> None:
    file.write_bytes(b"a,b,c,b\n")
    with pytest.raises(DelimitedError, match="columns 2 and 4"):
        read_header(file, UTF8)


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoding": "gbk"},
        {"encoding": "UTF-8"},
        {"delimiter": ""},
        {"delimiter": ", "},
        {"delimiter": '"'},
        {"delimiter": "x"},
        {"delimiter": "\n"},
    ],
)
def test_a_dialect_that_cannot_work_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Dialect(**wrong)  # type: ignore[arg-type]
