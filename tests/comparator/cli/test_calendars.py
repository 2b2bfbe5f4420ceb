"""`comparator calendar`."""

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest

from comparator.config import Config
from stayput.china_time import CHINA
from tests.comparator.platform import Run, installed

_SOUND = """year = 2199
source = "国务院办公厅通知"
holidays = [2199-01-01, 2199-10-01]
workdays = [2199-10-05]
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """No database is asked, so any will do."""
    return installed(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "next.toml"
    path.write_text(_SOUND, encoding="utf-8")
    return path


def test_a_calendar_is_loaded_and_shown(run: Run, config: Config, file: Path) -> None:
    before = json.loads(run("calendar", "show", "2199", "--json").stdout)
    assert before == {"year": 2199, "provisional": True, "source": None, "holidays": [], "workdays": []}
    result = run("calendar", "load", file.name)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("calendar of 2199 loaded: 2 days off, 1 make-up days")
    kept = config.data / "calendars" / "2199.toml"
    assert kept.read_text("utf-8") == _SOUND
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["2199.toml"]
    assert json.loads(run("calendar", "show", "2199", "--json").stdout) == {
        "year": 2199,
        "provisional": False,
        "source": "国务院办公厅通知",
        "holidays": ["2199-01-01", "2199-10-01"],
        "workdays": ["2199-10-05"],
    }
    table = run("calendar", "show", "2199").stdout
    assert "make-up working day" in table
    assert table.index("2199-10-01") < table.index("2199-10-05")
    chinese = run("calendar", "show", "2199", locale="zh_CN.UTF-8").stdout
    assert "调休上班" in chinese
    assert "2199 年工作日历" in chinese
    assert "国务院办公厅通知" in chinese


def test_a_loaded_calendar_can_be_replaced(run: Run, config: Config, file: Path) -> None:
    run("calendar", "load", file.name)
    file.write_text(_SOUND.replace(", 2199-10-01", ""), encoding="utf-8")
    result = run("calendar", "load", file.name, locale="zh_CN.UTF-8")
    assert result.stdout.startswith("已载入 2199 年日历：放假 1 天")
    assert json.loads(run("calendar", "show", "2199", "--json").stdout)["holidays"] == ["2199-01-01"]


def test_the_years_known_and_the_next(run: Run, config: Config, file: Path) -> None:
    run("calendar", "load", file.name)
    listed = {each["year"]: each for each in json.loads(run("calendar", "show", "--json").stdout)}
    now = datetime.now(CHINA).year
    assert {2024, 2025, 2026, 2199, now, now + 1} <= set(listed)
    assert not any(listed[year]["provisional"] for year in (2024, 2025, 2026, 2199))
    table = run("calendar", "show").stdout
    rows = {year: next(line for line in table.splitlines() if f" {year} " in line) for year in (2026, 2199)}
    assert "国办发明电〔2025〕7号" in rows[2026]
    assert "this release" in rows[2026]
    assert " loaded " in rows[2199]
    assert "随版本发布" in run("calendar", "show", locale="zh_CN.UTF-8").stdout


def test_a_year_not_announced_says_so(run: Run, config: Config) -> None:
    shown = run("calendar", "show", "2198")
    assert shown.exit_code == 0
    assert shown.stdout == "the calendar of 2198 has not been loaded: provisional, weekends only\n"
    assert "暂定" in run("calendar", "show", "2198", locale="zh_CN.UTF-8").stdout


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (
            "en_US.UTF-8",
            "error: next.toml, line 4: workdays: holds a day that is neither a Saturday nor a Sunday\nhint: ",
        ),
        ("zh_CN.UTF-8", "错误：next.toml 第 4 行：workdays：含有不是周六、周日的日期\n提示："),
    ],
)
def test_a_wrong_file_changes_nothing(
    run: Run, config: Config, file: Path, locale: str, expected: str
) -> None:
    run("calendar", "load", file.name)
    file.write_text(_SOUND.replace("2199-10-05", "2199-10-04"), encoding="utf-8")
    result = run("calendar", "load", file.name, locale=locale)
    assert result.exit_code == 1
    assert result.stderr.startswith(expected)
    assert (config.data / "calendars" / "2199.toml").read_text("utf-8") == _SOUND


def test_a_place_that_cannot_be_written(run: Run, config: Config, file: Path) -> None:
    (config.data / "calendars").write_text("in the way")
    result = run("calendar", "load", file.name)
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert run("calendar", "load", "no-such.toml").exit_code == 1
