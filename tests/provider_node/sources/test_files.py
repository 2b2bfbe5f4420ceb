import gzip
import os
from pathlib import Path

import pytest

from stayput.errors import StayputError
from tests.provider_node.sources.reading import column, opened, problem, read

COLUMNS = {"owner": "号码", "name": "姓名"}


def written(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def test_all_files_that_match_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "v-2.csv": "姓名,号码\n李四,2\n",
            "v-10.csv": "号码,姓名\n10,王五\n\n1\n",
            "v-1.csv.gz": "x,号码,姓名\n,1,张三\n",
            "w.csv": "号码\n",
            ".v-0.csv": "",
            "~$v-3.csv": "",
        },
    )
    (tmp_path / "v-4.csv").mkdir()
    batches = read(opened(tmp_path, COLUMNS, kind="csv", path="v-*.csv*"))
    assert column(batches, "owner") == ["1", "10", "2"]
    assert column(batches, "name") == ["张三", "王五", "李四"]
    assert [(batch.file, batch.lines, batch.faults) for batch in batches] == [
        ("v-1.csv.gz", [2], []),
        ("v-10.csv", [2], [(4, "COLUMNS")]),
        ("v-2.csv", [2], []),
    ]


def test_how_far_reading_is_counts_over_all_files(tmp_path: Path) -> None:
    written(tmp_path, {"1.csv": "号码,姓名\n1,张三\n", "2.csv.gz": "号码,姓名\n" + "2,李四\n" * 9_000})
    source = opened(tmp_path, COLUMNS, kind="csv", path="*.csv*")
    sizes = [(tmp_path / name).stat().st_size for name in ("1.csv", "2.csv.gz")]
    assert source.bytes_total == sum(sizes)
    assert [batch.bytes_read for batch in source.batches()] == [sizes[0], sum(sizes)]


def test_the_time_is_that_of_the_last_file_written(tmp_path: Path) -> None:
    written(tmp_path, {"1.csv": "号码,姓名\n", "2.csv": "号码,姓名\n"})
    os.utime(tmp_path / "1.csv", (0, 1_700_000_000))
    os.utime(tmp_path / "2.csv", (0, 1_600_000_000))
    modified = opened(tmp_path, COLUMNS, kind="csv", path="*.csv").modified_at
    assert modified is not None
    assert modified.timestamp() == 1_700_000_000


def test_a_pattern_may_name_directories(tmp_path: Path) -> None:
    written(tmp_path, {"b/v.csv": "号码,姓名\n2,李四\n", "a/v.csv": "号码,姓名\n1,张三\n"})
    batches = read(opened(tmp_path, COLUMNS, kind="csv", path="*/v.csv"))
    assert [(batch.file, batch.columns["owner"]) for batch in batches] == [
        ("a/v.csv", ["1"]),
        ("b/v.csv", ["2"]),
    ]


def test_what_exists_is_meant_as_it_is_written(tmp_path: Path) -> None:
    directory = tmp_path / "导出[1]"
    written(
        directory.parent, {"导出[1]/v[0].csv": "号码,姓名\n1,张三\n", "导出[1]/v0.csv": "号码,姓名\n2,李四\n"}
    )
    assert column(read(opened(directory, COLUMNS, kind="csv", path="v[0].csv")), "owner") == ["1"]
    assert column(read(opened(directory, COLUMNS, kind="csv", path="v*.csv")), "owner") == ["2", "1"]


def test_one_file_needs_no_name(tmp_path: Path) -> None:
    written(tmp_path, {"v-1.csv": "号码,姓名\n1,张三\n"})
    (batch,) = read(opened(tmp_path, COLUMNS, kind="csv", path="v-*.csv"))
    assert batch.file == ""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("v-*.csv", "source.path: v-*.csv: matches no file"),
        ("none/v-*.csv", "source.path: none/v-*.csv: matches no file"),
        ("v.csv", "source.path: v.csv: the file cannot be read: No such file or directory"),
        ("a**.csv", "source.path: a**.csv: is no pattern for files"),
        (".", "is not a regular file"),
        ("v" * 300, "the file cannot be read: File name too long"),
        ("v" * 300 + "*", "the file cannot be read: File name too long"),
    ],
)
def test_no_file_is_an_error(tmp_path: Path, path: str, expected: str) -> None:
    assert expected in problem(tmp_path, COLUMNS, kind="csv", path=path).message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "v.csv")
    assert "v.csv: is not a regular file" in problem(tmp_path, COLUMNS, kind="csv", path="v.csv").message


def test_a_column_that_one_of_the_files_lacks_is_told_with_the_file(tmp_path: Path) -> None:
    written(tmp_path, {"1.csv": "号码,姓名\n1,张三\n", "2.csv": "号码,名\n2,李四\n"})
    error = problem(tmp_path, COLUMNS, kind="csv", path="*.csv")
    assert (
        error.message
        == "fields.name.column: none of the 2 columns of 2.csv is named '姓名'; did you mean '名'?"
    )


@pytest.mark.parametrize("change", ["written", "replaced", "removed", "added"])
def test_files_that_change_while_they_are_read_are_refused(tmp_path: Path, change: str) -> None:
    written(tmp_path, {"1.csv": "号码,姓名\n1,张三\n", "2.csv": "号码,姓名\n2,李四\n"})
    batches = opened(tmp_path, COLUMNS, kind="csv", path="*.csv").batches()
    next(batches)
    next(batches)
    match change:
        case "written":
            (tmp_path / "1.csv").write_text("号码,姓名\n1,张三\n3,王五\n")
        case "replaced":
            written(tmp_path, {"new": "号码,姓名\n1,张三\n"})
            (tmp_path / "new").rename(tmp_path / "1.csv")
        case "removed":
            (tmp_path / "1.csv").unlink()
        case _:
            written(tmp_path, {"3.csv": "号码,姓名\n"})
    with pytest.raises(StayputError, match="the files changed while they were read"):
        list(batches)
