"""Makes registers whose cells are written in every way that the normalisation profile knows.

    python -m examples.normalisation examples

writes `normalisation.csv` (GB18030), `normalisation.xlsx`, `spreadsheet-damage.xlsx`, in which identifiers
have become numbers, and `normalisation.json`, which says of each cell its canonical form or why it has none.
The same each time, byte for byte. What is right is written down here and was not computed.
"""

import argparse
import csv
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from openpyxl import Workbook

TODAY = "2026-06-30"
REASONS = frozenset({"MISSING", "FORMAT", "CHECKSUM", "DATE", "SPREADSHEET_DAMAGE", "AMBIGUOUS", "RANGE"})
DOTS = "·•・‧∙⋅●･ㆍ․．."
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_CORE = b"http://schemas.openxmlformats.org/package/2006/metadata/core-properties"

Cell = str | float | bool | date | None


class Case(NamedTuple):
    """What is in a cell, and its canonical form or the reason why it has none.

    `typed` is what a workbook holds where that is no text.
    """

    text: str
    expected: str
    typed: Cell = None


class Column(NamedTuple):
    """A column of the registers and what it is declared as."""

    field: str
    header: str
    type: str
    options: dict[str, str]
    cases: Sequence[Case]


def same(expected: str, *texts: str) -> list[Case]:
    """Several ways to write one thing, or several things that are wrong in one way."""
    return [Case(text, expected) for text in texts]


RESIDENT_ID = [
    *same(
        "11010519491231002X",
        "11010519491231002X",
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "11010519491231002Ⅹ",
        " 110105 19491231 002X ",
        "110105-19491231-002X",
        "'11010519491231002X",
        "\ufeff11010519491231002X",
        "110105491231002",
    ),
    *same("MISSING", "", " \u3000", "\u200b"),
    Case("130503670401001", "130503196704010016"),
    Case("130503670401001", "130503196704010016", 130503670401001.0),
    Case("1.10105E+17", "SPREADSHEET_DAMAGE"),
    Case("1.10105E+17", "SPREADSHEET_DAMAGE", 110105194912310021.0),
    *same("FORMAT", "11010519491231002Χ", "11010519491231002×"),
    *same("CHECKSUM", "110105194912310020", "130503196704010017"),
    *same("DATE", "110101202302291230", "110101184912311239", "110101202701011232"),
    *(
        Case(number, number)
        for number in ("810000198808081235", "820000198808081237", "830000198808081239", "911124198808081236")
    ),
    Case("CAN110077101512", "CAN110077101512"),
]
USCC = [
    *same(
        "91110000600037341L",
        "91110000600037341L",
        "91110000600037341l",
        "９１１１００００６０００３７３４１Ｌ",
        "9 1 110000 600037341L",
    ),
    *(Case(code, code) for code in ("A1100000MB12345676", "N2110101MF23456788", "Y1110000MJ0123456J")),
    *same("FORMAT", *(f"9111000060003734{letter}L" for letter in "IOZSV"), "9111O000600037341L"),
    Case("91110000600037341M", "CHECKSUM"),
    Case("9.14403E+17", "SPREADSHEET_DAMAGE", 914403001922038216.0),
    Case("D2143569-X", "D2143569X"),
    Case("", "MISSING"),
]
MOBILE = [
    *same(
        "13800138000",
        "+8613800138000",
        "0086-13800138000",
        "138-0013-8000",
        "１３８００１３８０００",
        "13800138000",
    ),
    Case("13800138000", "13800138000", 13800138000.0),
    Case("19123456789", "19123456789"),
    *same("FORMAT", "010-12345678", "400-123-4567", "+852 91234567", "12345678901"),
    Case("", "MISSING"),
]
NAME = [
    *same("张三", "张三", "张　三", "张三 "),
    *same("买买提·艾力", *(f"买买提{dot}艾力" for dot in DOTS)),
    *same("AMBIGUOUS", "买买提 艾力", "买买提。艾力"),
    Case("張三", "張三"),
    Case("　", "MISSING"),
]
NAME_BY_SPACE = same("买买提·艾力", "买买提 艾力", "买买提·艾力")
DATE = [
    *same("2026-01-02", "2026-01-02", "20260102", "2026/1/2", "2026年1月2日"),
    Case("2026-01-02", "2026-01-02", date(2026, 1, 2)),
    *same("FORMAT", "01/02/2026", "46024"),
    Case("46024", "FORMAT", 46024.0),
    Case("2026-02-30", "DATE"),
    Case("", "MISSING"),
]
COLUMNS = (
    Column("resident_id", "身份证号", "resident_id", {}, RESIDENT_ID),
    Column("uscc", "统一社会信用代码", "uscc", {}, USCC),
    Column("mobile", "手机号码", "mobile", {}, MOBILE),
    Column("name", "姓名", "person_name", {}, NAME),
    Column("name_by_space", "姓名（空格分隔）", "person_name", {"separator_space": "dot"}, NAME_BY_SPACE),
    Column("date", "日期", "date", {}, DATE),
    Column(
        "date_month_first", "日期（月在前）", "date", {"format": "mdy"}, [Case("01/02/2026", "2026-01-02")]
    ),
    Column(
        "date_serial",
        "日期（序列号）",
        "date",
        {"format": "excel-serial"},
        [Case("46024", "2026-01-02"), Case("46024", "2026-01-02", 46024.0)],
    ),
    Column(
        "price",
        "价格",
        "number",
        {"scale": "2"},
        [
            *same("1234.50", "1234.5", "1,234.50", "１２３４．５０"),
            Case("1234.5", "1234.50", 1234.5),
            Case("0.3", "0.30", 0.1 + 0.2),
            Case("-0", "0.00"),
            Case("1.234", "RANGE"),
            Case("一千", "FORMAT"),
        ],
    ),
    Column(
        "deceased",
        "是否注销",
        "boolean",
        {"true": "是|注销", "false": "否|正常"},
        [
            *same("true", "是", "注销", " 是"),
            *same("false", "否", "正常"),
            Case("true", "true", typed=True),
            Case("未知", "FORMAT"),
        ],
    ),
    Column(
        "address",
        "地址",
        "text",
        {},
        same("北京市 朝阳区 1号", "北京市　朝阳区  １号", " 北京市 朝阳区 1号 "),
    ),
    Column("model", "型号", "text", {}, [Case("ＡＢc", "ABc")]),
    Column(
        "plate",
        "号牌号码",
        "code",
        {"case": "upper", "drop": "space,hyphen,dot"},
        same("京A12345", "京A·12345", "京a-12345", "京Ａ 12345"),
    ),
)
DAMAGED = (
    Column(
        "resident_id",
        "身份证号",
        "resident_id",
        {},
        [
            Case("", "SPREADSHEET_DAMAGE", 130503196704010016.0),
            Case("", "SPREADSHEET_DAMAGE", 360426199101010071.0),
            Case("1.10105E+17", "SPREADSHEET_DAMAGE"),
            Case("110105194912310000", "SPREADSHEET_DAMAGE"),
            Case("11010519491231002X", "11010519491231002X"),
        ],
    ),
    Column(
        "uscc",
        "统一社会信用代码",
        "uscc",
        {},
        [
            Case("", "SPREADSHEET_DAMAGE", 914403001922038216.0),
            Case("914403001922038000", "SPREADSHEET_DAMAGE"),
            Case("91110000600037341L", "91110000600037341L"),
        ],
    ),
    Column(
        "mobile",
        "手机号码",
        "mobile",
        {},
        [Case("", "13800138000", 13800138000.0), Case("1.38E+10", "SPREADSHEET_DAMAGE")],
    ),
)


def csv_bytes(columns: Sequence[Column]) -> bytes:
    """The columns as a delimited file in GB18030."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(column.header for column in columns)
    writer.writerows(zip_longest(*([case.text for case in column.cases] for column in columns), fillvalue=""))
    return text.getvalue().encode("gb18030")


def workbook_bytes(columns: Sequence[Column]) -> bytes:
    """The columns as a workbook. All cells are text but those of cases that say otherwise."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "登记"
    for place, column in enumerate(columns, start=1):
        cells: list[Cell] = [case.text if case.typed is None else case.typed for case in column.cases]
        for line, cell in enumerate([column.header, *cells], start=1):
            if cell != "":
                sheet.cell(line, place, cell)
    made = io.BytesIO()
    book.save(made)
    return _timeless(made.getvalue())


def _timeless(workbook: bytes) -> bytes:
    """The same workbook without the time at which it was made."""
    plain = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as made, zipfile.ZipFile(plain, "w") as kept:
        for name in sorted(made.namelist()):
            content = made.read(name)
            if name == "docProps/core.xml":
                content = b'<cp:coreProperties xmlns:cp="' + _CORE + b'"/>'
            kept.writestr(zipfile.ZipInfo(name, _EARLIEST), content)
    return plain.getvalue()


def expected(columns: Sequence[Column]) -> list[dict[str, object]]:
    """What each cell of the columns comes to, line by line; further lines of a column are empty."""
    return [
        {
            "field": column.field,
            "column": column.header,
            "type": column.type,
            "options": column.options,
            "cells": [
                {"line": line, "reason" if case.expected in REASONS else "canonical": case.expected}
                for line, case in enumerate(column.cases, start=2)
            ],
        }
        for column in columns
    ]


def samples() -> dict[str, bytes]:
    """The files, by name."""
    answers = {
        "today": TODAY,
        "normalisation.csv": expected(COLUMNS),
        "normalisation.xlsx": expected(COLUMNS),
        "spreadsheet-damage.xlsx": expected(DAMAGED),
    }
    return {
        "normalisation.csv": csv_bytes(COLUMNS),
        "normalisation.xlsx": workbook_bytes(COLUMNS),
        "spreadsheet-damage.xlsx": workbook_bytes(DAMAGED),
        "normalisation.json": (json.dumps(answers, ensure_ascii=False, indent=1) + "\n").encode(),
    }


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m examples.normalisation", description=__doc__)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    for name, content in samples().items():
        (directory / name).write_bytes(content)


if __name__ == "__main__":
    main()
