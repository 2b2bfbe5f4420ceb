import random
import re
from collections.abc import Generator
from datetime import date, datetime, time
from pathlib import Path

import psutil
import pytest

from provider_node.sources import excel
from stayput.errors import StayputError
from tests.provider_node.sources.reading import SECRET, column, opened, problem, read
from tests.provider_node.sources.workbooks import edit, ods, workbook

COLUMNS = {"owner": "号码", "name": "姓名"}
ROWS = [["姓名", "号码"], ["张三", "1"], ["李四", "2"]]


def values(directory: Path, cells: list[object]) -> list[str]:
    """What a column of such cells is read as; each row has another cell too, so that none is empty."""
    workbook(directory / "v.xlsx", {"一": [["号码", "姓名"], *([cell, "x"] for cell in cells)]})
    return column(read(opened(directory, COLUMNS, kind="excel", path="v.xlsx")), "owner")


def test_the_wanted_columns_come_by_field_with_the_lines_of_the_sheet(tmp_path: Path) -> None:
    workbook(
        tmp_path / "v.xlsx",
        {"一": [[], [None, " 姓名 ", "x", "号码"], [None, "张三", 1, "1"], [], ["", "李四"]]},
    )
    source = opened(tmp_path, {**COLUMNS, "again": "号码"}, kind="excel", path="v.xlsx")
    (batch,) = source.batches()
    assert batch.columns == {"owner": ["1", ""], "name": ["张三", "李四"], "again": ["1", ""]}
    assert (batch.lines, batch.faults, batch.file) == ([3, 5], [], "")
    assert batch.bytes_read == source.bytes_total == (tmp_path / "v.xlsx").stat().st_size


def test_the_first_sheet_is_read_or_the_one_that_is_named(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": ROWS[:2], "二": [ROWS[0], ROWS[2]]})
    assert column(read(opened(tmp_path, COLUMNS, kind="excel", path="v.xlsx")), "owner") == ["1"]
    assert column(read(opened(tmp_path, COLUMNS, kind="excel", path="v.xlsx", sheet="二")), "owner") == ["2"]
    error = problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx", sheet="三")
    assert (error.field, error.message) == ("source.sheet", "source.sheet: v.xlsx: has no sheet '三'")


def test_workbooks_of_several_forms_are_told_apart(tmp_path: Path) -> None:
    workbook(tmp_path / "b.xlsx", {"一": ROWS})
    ods(tmp_path / "a.ods", [["号码", "姓名"], ["3", "王五"]])
    batches = read(opened(tmp_path, COLUMNS, kind="excel", path="?.*"))
    assert [(batch.file, batch.columns["owner"]) for batch in batches] == [
        ("a.ods", ["3"]),
        ("b.xlsx", ["1", "2"]),
    ]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("  张三\n李四 ", "  张三\n李四 "),
        ("'001", "'001"),
        (13800138000, "13800138000"),
        (130503670401001, "130503670401001"),
        (110105194912310021, "1.101052E+17"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.3"),
        (5e-7, "0.0000005"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04:05"),  # noqa: DTZ001 (as a sheet has it)
        (time(1, 2), "01:02:00"),
        (True, "true"),
        (False, "false"),
        ("#N/A", ""),
        (None, ""),
        ("=1+1", ""),
        ("y" * 5_000, "x" * 513),
    ],
)
def test_every_cell_has_one_text(tmp_path: Path, cell: object, expected: str) -> None:
    assert values(tmp_path, [cell]) == [expected]


def test_of_a_formula_its_last_result_is_read(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": [["号码", "姓名"], ["=A1", "x"], ["=A2", "x"], ["=A3", "x"]]})
    results = iter(('t="str"><f>f()</f><v>文字</v>', "><f>f()</f><v>12</v>", 't="e"><f>f()</f><v>#REF!</v>'))
    edit(tmp_path / "v.xlsx", lambda xml: re.sub("><f>.*?</f><v ?/>", lambda _: " " + next(results), xml))
    assert column(read(opened(tmp_path, COLUMNS, kind="excel", path="v.xlsx")), "owner") == ["文字", "12", ""]


def test_a_large_sheet_comes_in_batches(tmp_path: Path) -> None:
    rows = 50_002
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    lines = "".join(f"<row>{cell.format(n)}{cell.format('x')}</row>" for n in range(rows))
    workbook(tmp_path / "v.xlsx", {"一": [["号码", "姓名"]]})
    edit(tmp_path / "v.xlsx", lambda xml: xml.replace("</sheetData>", f"{lines}</sheetData>"))
    source = opened(tmp_path, COLUMNS, kind="excel", path="v.xlsx")
    batches = read(source)
    assert [len(batch.lines) for batch in batches] == [50_000, 2]
    assert column(batches, "owner") == [str(n) for n in range(rows)]
    assert 0.9 < batches[0].bytes_read / source.bytes_total < 1
    assert batches[1].bytes_read == source.bytes_total


@pytest.mark.parametrize("size", [0, 4, 2_000, -1, -200])
def test_a_workbook_that_is_cut_short_is_told(tmp_path: Path, size: int) -> None:
    workbook(tmp_path / "v.xlsx", {"一": [["号码", "姓名"], [SECRET, "张三"]]})
    (tmp_path / "v.xlsx").write_bytes((tmp_path / "v.xlsx").read_bytes()[:size])
    error = problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx")
    assert error.message == "source.path: v.xlsx: is no workbook, or one that is damaged or cut short"


def test_xml_that_breaks_off_is_told(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": [["号码", "姓名"], [SECRET, "张三"]]})
    edit(tmp_path / "v.xlsx", lambda xml: xml[: xml.index(SECRET) + 9])
    assert "is no workbook, or one" in problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx").message


def test_a_sheet_without_rows_is_told(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": []})
    assert "the sheet has no rows" in problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx").message


def test_a_missing_workbook_is_told(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx").message


def test_a_small_workbook_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": [["号码", "姓名"], [SECRET, "张三"]]})
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    edit(tmp_path / "v.xlsx", lambda xml: xml.replace("</sheetData>", f"{far}</sheetData>"))
    message = problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx").message
    assert "v.xlsx: is damaged, or reading it takes more than 2 GiB of memory" in message


def test_reading_has_the_memory_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(tmp_path / "v.xlsx", {"一": ROWS})
    monkeypatch.setattr(excel, "_MOST_BYTES", 8 << 20)
    assert (
        "takes more than 0 GiB of memory" in problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx").message
    )


def test_reading_has_the_time_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(tmp_path / "v.xlsx", {"一": ROWS})
    many = f"<row>{'<c><v>1</v></c>' * 16_000}</row>" * 200
    edit(tmp_path / "v.xlsx", lambda xml: xml.replace("</sheetData>", f"{many}</sheetData>"))
    monkeypatch.setattr(excel, "_MOST_SECONDS", 1)
    assert "or 1 seconds" in problem(tmp_path, COLUMNS, kind="excel", path="v.xlsx").message


def test_a_reading_that_is_given_up_ends_its_process(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": ROWS})
    others = set(psutil.Process().children())
    batches = opened(tmp_path, COLUMNS, kind="excel", path="v.xlsx").batches()
    assert isinstance(batches, Generator)
    next(batches)
    (process,) = set(psutil.Process().children()) - others
    batches.close()
    assert not process.is_running()


def test_damage_anywhere_is_told_or_read(tmp_path: Path) -> None:
    workbook(tmp_path / "whole.xlsx", {"一": [["号码", "姓名"], *([f"{n:018}", "张三"] for n in range(50))]})
    whole, chance = (tmp_path / "whole.xlsx").read_bytes(), random.Random(1)
    told = 0
    for _ in range(12):
        damaged = bytearray(whole)
        for _ in range(10):
            damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (tmp_path / "v.xlsx").write_bytes(damaged)
        try:
            read(opened(tmp_path, COLUMNS, kind="excel", path="v.xlsx"))
        except StayputError:
            told += 1
    assert told > 0


def test_ten_thousand_columns_are_fine(tmp_path: Path) -> None:
    workbook(tmp_path / "v.xlsx", {"一": [[f"c{n}" for n in range(10_000)], ["a"] * 10_000]})
    (batch,) = read(opened(tmp_path, {"owner": "c9999"}, kind="excel", path="v.xlsx"))
    assert batch.columns == {"owner": ["a"]}
