"""However a file is cut into blocks and pieces, and whichever way these are parsed, the rows are the same."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stayput.delimited import Batch, Dialect, RowFault, blocks, read_batches, records
from stayput.delimited.records import bulk_rows, parse_block, parse_closely

SCRAPS = [
    b"1", b"2", b"x y", b",", b",", b",", b'"', b'"', b'""', b"\n", b"\n", b"\n", b"\r\n", b"\r",
    "张".encode(), "张".encode("gb18030"), "㐀".encode("gb18030"), "𠮷".encode(), b"\xff", b"\x81\x30", b"\0",
    "\u2028".encode(), b"\x0b", b"x" * 40,
]  # fmt: skip
contents = st.lists(st.sampled_from(SCRAPS), max_size=60).map(b"".join)
wholesome = st.lists(
    st.sampled_from([b"1,2\n", "张三,李四\r\n".encode(), b'"1","2"\n', b'"1,2","""2"""\r\n', b'3" pipe,2\n']),
    min_size=1,
).map(b"".join)
dialects = st.builds(Dialect, st.sampled_from(["utf-8", "gb18030"]), st.sampled_from(",;"))


@given(data=contents | wholesome, dialect=dialects, columns=st.integers(1, 3), last=st.booleans())
@example(data=b"\n1\n", dialect=Dialect(), columns=1, last=True)
@example(data=b'"1\n2","3"\n', dialect=Dialect(), columns=2, last=True)
@example(data=b'"1\r2",3\n', dialect=Dialect(), columns=2, last=True)
def test_bulk_and_close_reading_agree(data: bytes, dialect: Dialect, columns: int, *, last: bool) -> None:
    closely = parse_closely(data, 2, dialect, columns, last=last)
    rows = bulk_rows(data, dialect, columns)
    if rows is not None:
        assert rows == closely.batch.rows
        assert closely.batch.faults == []
        assert closely.batch.lines == list(range(2, 2 + len(rows)))
        assert closely.rest == b""
    assert parse_block(data, 2, dialect, columns, last=last) == closely


def test_bulk_reading_takes_clean_blocks() -> None:
    assert bulk_rows("张三,1\r\n李四,2\r\n".encode(), Dialect(), 2) == [["张三", "1"], ["李四", "2"]]
    assert bulk_rows(b'"a,b","1"\nc,""""\n', Dialect(), 2) == [["a,b", "1"], ["c", '"']]


@given(
    data=contents,
    dialect=dialects,
    block=st.integers(1, 20),
    piece=st.integers(1, 20),
    line_limit=st.sampled_from([30, 1 << 20]),
    record_limit=st.integers(1, 6),
)
def test_the_cut_into_blocks_does_not_show(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    dialect: Dialect,
    block: int,
    piece: int,
    line_limit: int,
    record_limit: int,
) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "cut.csv"
    file.write_bytes(f"a{dialect.delimiter}b\n".encode() + data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "MAX_LINE_BYTES", line_limit)
        patch.setattr(records, "MAX_LINE_BYTES", line_limit)
        patch.setattr(records, "MAX_RECORD_LINES", record_limit)
        patch.setattr(records, "_PIECE_BYTES", piece)
        expected = parse_closely(data, 2, dialect, 2, last=True)
        patch.setattr(blocks, "_BLOCK_BYTES", block)
        read = Batch([], [], [])
        for batch in read_batches(file, dialect):
            read.extend(batch)
    assert read == expected.batch


def test_the_end_of_a_line_too_long_is_found_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "long.csv"
    file.write_bytes(b"a\r" + b"x" * 50 + b"\r1\r")
    monkeypatch.setattr(blocks, "MAX_LINE_BYTES", 30)
    monkeypatch.setattr(records, "MAX_LINE_BYTES", 30)
    for block in range(1, 60):
        monkeypatch.setattr(blocks, "_BLOCK_BYTES", block)
        (batch,) = read_batches(file, Dialect())
        assert batch == Batch([["1"]], [3], [(2, RowFault.TOO_LONG)])


@given(data=contents, dialect=dialects)
def test_every_line_belongs_to_a_row_a_fault_or_nobody(data: bytes, dialect: Dialect) -> None:
    parsed = parse_closely(data, 1, dialect, 2, last=True)
    lines = data.splitlines(keepends=True)
    begun = sorted([*parsed.batch.lines, *(line for line, _ in parsed.batch.faults)])
    assert len(begun) == len(set(begun))
    assert parsed.rest == b""
    assert parsed.next_line == len(lines) + 1
    assert all(len(row) == 2 for row in parsed.batch.rows)
