"""Calendar files: what is sound, what is refused and how it is told, and when it is read again."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparator.calendars import PACKAGED, CalendarFiles, parse, read
from stayput.errors import StayputError
from stayput.language import Language

_SOUND = """# 2027
year = 2027
source = "notice"
holidays = [
    2027-01-01,
    2027-10-01, 2027-10-02,
]
workdays = [2027-10-10]
"""


def _told(text: str) -> tuple[str, str]:
    with pytest.raises(StayputError) as caught:
        parse(text, Path("2027.toml"))
    assert caught.value.reason_name == "CONFIGURATION_INVALID"
    return caught.value.message, caught.value.remedy


def test_a_sound_file() -> None:
    year = parse(_SOUND, Path("x.toml"))
    assert (year.number, year.source) == (2027, "notice")
    assert year.holidays == {date(2027, 1, 1), date(2027, 10, 1), date(2027, 10, 2)}
    assert year.workdays == {date(2027, 10, 10)}


def test_a_year_may_have_no_make_up_day() -> None:
    assert parse(_SOUND.replace("[2027-10-10]", "[]"), Path("x.toml")).workdays == frozenset()


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.toml")), ids=lambda path: path.stem)
def test_the_packaged_files_name_their_notice(path: Path) -> None:
    year, content = read(path)
    assert str(year.number) == path.stem
    assert f"国务院办公厅关于{year.number}年部分节假日安排的通知" in year.source
    assert tomllib.loads(content.decode())["year"] == year.number


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        ("year = 2027", 'year = "2027"', ", line 2: year: must be a whole number", "without quotes"),
        ("year = 2027", "year = true", ", line 2: year: must be a whole number", "without quotes"),
        ("year = 2027", "year = 27", ", line 2: year: must be a whole number", "without quotes"),
        ("year = 2027", "", ": year is missing", "add year"),
        ("source =", "sources =", ", line 3: sources is not a key", "holidays"),
        ('"notice"', '" "', ", line 3: source: must be a text", "notice of the State Council"),
        ('"notice"', f'"{"n" * 201}"', ", line 3: source: must be a text", "notice of the State Council"),
        ('"notice"', "7", ", line 3: source: must be a text", "notice of the State Council"),
        ("[2027-10-10]", "2027-10-10", ", line 8: workdays: must be a list", "workdays = [2027-01-01"),
        ("2027-10-02,", '"2027-10-02",', ", line 6: holidays: holds something", "without quotes"),
        ("2027-10-02,", '"",', ", line 6: holidays: holds something", "without quotes"),
        ("2027-10-02,", "2027-10-02T00:00:00,", ", line 4: holidays: holds something", "without times"),
        ("2027-10-02,", "7,", ", line 4: holidays: holds something", "without quotes"),
        ("2027-10-02,", "2028-10-02,", ", line 6: holidays: holds a date of another", "its own year"),
        ("[2027-10-10]", "[2026-10-10]", ", line 8: workdays: holds a date of another", "its own year"),
        ("2027-10-02,", "2027-01-01,", ", line 6: holidays: holds a date that was named", "once"),
        ("[2027-10-10]", "[2027-10-02]", ", line 8: workdays: holds a date that was named", "once"),
        ("[2027-10-10]", "[2027-10-11]", ", line 8: workdays: holds a day that is neither", "notice"),
        ("2027-10-02,", "2027-13-02,", "not valid TOML: ", "correct that line"),
        ("[2027-10-10]", "[2027-10-10]\n[more]", ", line 9: more is not a key", "known keys"),
    ],
)
def test_a_wrong_file_is_told(old: str, new: str, message: str, remedy: str) -> None:
    assert _SOUND.count(old) == 1
    told, fix = _told(_SOUND.replace(old, new))
    assert told.startswith("2027.toml")
    assert message in told
    assert remedy in fix
    for value in ("2027-", "2028-", "2026-"):
        assert value not in told


def test_a_year_without_holidays_is_refused() -> None:
    told, fix = _told('year = 2027\nsource = "notice"\nholidays = []\nworkdays = []\n')
    assert told == "2027.toml, line 3: holidays: names no day"
    assert "provisional" in fix


def test_the_error_is_told_in_chinese() -> None:
    with pytest.raises(StayputError) as caught:
        parse(_SOUND.replace("[2027-10-10]", "[2027-10-11]"), Path("2027.toml"))
    message, remedy = caught.value.told(Language.CHINESE)  # type: ignore[attr-defined]
    assert message == "2027.toml 第 8 行：workdays：含有不是周六、周日的日期"
    assert "通知" in remedy


@given(st.text())
def test_any_text_is_a_year_or_refused(text: str) -> None:
    with pytest.raises(StayputError, match=r"2027\.toml"):
        parse(text, Path("2027.toml"))


@given(
    holidays=st.lists(st.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=4),
    workdays=st.lists(st.dates(date(2026, 12, 1), date(2027, 2, 1)), max_size=3),
)
def test_any_lists_of_dates_are_kept_whole_or_refused(holidays: list[date], workdays: list[date]) -> None:
    listed = [", ".join(map(str, days)) for days in (holidays, workdays)]
    text = f'year = 2027\nsource = "n"\nholidays = [{listed[0]}]\nworkdays = [{listed[1]}]\n'
    both = holidays + workdays
    sound = (
        bool(holidays)
        and len(set(both)) == len(both)
        and {day.year for day in both} == {2027}
        and all(day.isoweekday() > 5 for day in workdays)
    )
    if sound:
        year = parse(text, Path("x.toml"))
        assert year.holidays == set(holidays)
        assert year.workdays == set(workdays)
    else:
        _told(text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "no-such.toml", tmp_path):
        with pytest.raises(StayputError, match="cannot be read") as caught:
            read(path)
        assert caught.value.reason_name == "CONFIGURATION_INVALID"
    (tmp_path / "gb.toml").write_bytes("source = '国务院'".encode("gb18030"))
    with pytest.raises(StayputError, match="not UTF-8"):
        read(tmp_path / "gb.toml")


def test_a_file_of_another_years_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "2028.toml").write_text(_SOUND)
    with pytest.raises(StayputError, match=r"2028\.toml: describes another year") as caught:
        CalendarFiles([tmp_path]).years()
    assert "comparator calendar load" in caught.value.remedy


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StayputError, match="cannot be read"):
        CalendarFiles([tmp_path / "file"]).years()


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    files = CalendarFiles([tmp_path / "packaged", tmp_path / "loaded"])
    assert not files.years()
    for name, source in (("packaged", "first"), ("loaded", "other"), ("loaded", "third")):
        (tmp_path / name).mkdir(exist_ok=True)
        # As long as the one before, and put in its place at once.
        (tmp_path / "new").write_text(_SOUND.replace("notice", source))
        (tmp_path / "new").replace(tmp_path / name / "2027.toml")
        assert files.years()[2027].source == source
        assert files.years() is files.years()
    (tmp_path / "loaded" / "2027.toml").unlink()
    assert files.years()[2027].source == "first"
    assert files.paths() == {2027: tmp_path / "packaged" / "2027.toml"}
