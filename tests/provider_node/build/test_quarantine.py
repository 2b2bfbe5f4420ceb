from pathlib import Path

from provider_node.domain.build.quarantine import MOST_LINES, Quarantine
from provider_node.domain.build.records import Rejection
from provider_node.store.manifest import Rejects


def test_all_are_counted_and_the_first_are_written(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.csv"
    with Quarantine(path) as quarantine:
        for first in (0, 60_000, 120_000):
            quarantine.add([Rejection(first + n, "name", "FORMAT") for n in range(60_000)])
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + MOST_LINES
    assert lines[-1] == f"{MOST_LINES - 1},name,FORMAT"
    assert quarantine.rejects == (Rejects(field="name", reason="FORMAT", count=180_000),)


def test_lines_of_several_files_are_told_with_their_file(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.csv"
    with Quarantine(path) as quarantine:
        quarantine.add([Rejection(9, "name", "FORMAT"), Rejection(2, "", "COLUMNS")], "一月,1.csv")
        quarantine.add([Rejection(2, "name", "MISSING")], "二月.csv")
    assert path.read_text("utf-8").splitlines() == [
        "file,line,field,reason",
        '"一月,1.csv",2,,COLUMNS',
        '"一月,1.csv",9,name,FORMAT',
        "二月.csv,2,name,MISSING",
    ]


def test_nothing_left_out_is_a_header(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "quarantine.csv"):
        pass
    assert (tmp_path / "quarantine.csv").read_text() == "line,field,reason\n"
