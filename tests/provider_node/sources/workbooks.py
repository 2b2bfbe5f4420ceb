"""Workbooks for tests, among them such as no spreadsheet program would write."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook

SHEET = "xl/worksheets/sheet1.xml"


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[object]]]) -> None:
    """Write a workbook with these rows in its sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


def edit(path: Path, change: Callable[[str], str], member: str = SHEET) -> None:
    """Change the XML of a workbook's first sheet, or of another of its parts."""
    changed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()).encode() if name == member else content)
    path.write_bytes(changed.getvalue())


def ods(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write an OpenDocument spreadsheet of texts."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    name = "urn:oasis:names:tc:opendocument:xmlns"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{name}:manifest:1.0"></manifest:manifest>',
        )
        file.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{name}:office:1.0" xmlns:table="{name}:table:1.0"'
            f' xmlns:text="{name}:text:1.0"><office:body><office:spreadsheet><table:table table:name="一">'
            f"{cells}</table:table></office:spreadsheet></office:body></office:document-content>",
        )
