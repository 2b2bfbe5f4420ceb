"""What a build leaves on the disk of a source with damaged rows: where they are, and nothing of them."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provider_node.config import load_resource
from provider_node.domain.build import Builder
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from tests.provider_node.sources.workbooks import workbook

RESOURCE = """\
code = "deaths"
title = "死亡登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
[source]
kind = "{kind}"
path = "{path}"
[fields.owner_id]
column = "身份证号码"
type = "resident_id"
[fields.name]
column = "姓名"
type = "person_name"
[keys.owner]
fields = ["owner_id"]
[checks.name]
fields = ["name"]
"""
COLUMNS = ["身份证号码", "姓名"]
DAMAGED = "13050319670401001Q"
ROWS = [["11010519491231002X", "张三"], ["130503196704010016", f"李四{DAMAGED}"], [DAMAGED, "王五"]]


def write_csv(directory: Path) -> str:
    lines = "".join(f"{','.join(row)}\n" for row in [COLUMNS, *ROWS])
    unreadable = DAMAGED.encode() + b"\n" + f"{DAMAGED},\0\n".encode() + DAMAGED.encode() + b",\xff\n"
    (directory / "r-1.csv").write_bytes(lines.encode() + unreadable)
    (directory / "r-2.csv.gz").write_bytes(gzip.compress(f"姓名,身份证号码\n{DAMAGED},{DAMAGED}\n".encode()))
    return "r-*.csv*"


def write_parquet(directory: Path) -> str:
    pq.write_table(
        pa.table(dict(zip(COLUMNS, zip(*ROWS, strict=True), strict=True))), directory / "r.parquet"
    )
    return "r.parquet"


def write_workbook(directory: Path) -> str:
    workbook(directory / "r.xlsx", {"一": [COLUMNS, *ROWS]})
    return "r.xlsx"


@pytest.mark.parametrize(
    ("kind", "write", "left_out"),
    [("csv", write_csv, 5), ("parquet", write_parquet, 1), ("excel", write_workbook, 1)],
)
def test_rows_that_cannot_be_used_are_counted_and_not_kept(
    tmp_path: Path, kind: str, write: Callable[[Path], str], left_out: int
) -> None:
    (tmp_path / "r.toml").write_text(RESOURCE.format(kind=kind, path=write(tmp_path)), "utf-8")
    builder = Builder(tmp_path / "data", IndexKey(bytes(32)), OprfKeys(bytes(32)), "0.0-test", bytes)
    now = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
    manifest = builder.build(load_resource(tmp_path / "r.toml"), now, lambda _: None)
    assert (manifest.rows, manifest.rows_left_out) == (2, left_out)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert kept
    assert DAMAGED.encode() not in kept
    assert "王五".encode() not in kept
