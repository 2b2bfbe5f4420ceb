"""Working days, deadlines and their clocks."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparator.calendars import PACKAGED, CalendarFiles
from comparator.domain.calendar import Calendar, ClockState, Due
from stayput.china_time import CHINA

# Whatever else is packaged later, no other year is announced here.
_YEARS = CalendarFiles([PACKAGED]).years()
_CALENDAR = Calendar({year: _YEARS[year] for year in (2024, 2025, 2026)})
_ONLY_2026 = {2026: _YEARS[2026]}
_DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(366 + 365 + 365)]


def _noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=CHINA)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_day_of_the_announced_years(year: int) -> None:
    days = [day for day in _DAYS if day.year == year]
    wrong = [day for day in days if _CALENDAR.is_workday(day) != chinese_calendar.is_workday(day)]
    assert (wrong, len(days)) == ([], 366 if year == 2024 else 365)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 2, 14),  # the Saturday before the Spring Festival
        date(2026, 2, 24),
        date(2026, 2, 28),  # the Saturday after
        date(2026, 9, 20),  # a Sunday, for the National Day
        date(2026, 10, 10),
        date(2024, 2, 9),  # the eve of the Spring Festival, which the notice of 2024 left a working day
        date(2027, 10, 1),  # a Friday of a year not announced
    ],
)
def test_days_worked(day: date) -> None:
    assert _CALENDAR.is_workday(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 2, 15),
        date(2026, 2, 23),  # a Monday
        date(2026, 10, 7),
        date(2026, 10, 11),
        date(2025, 10, 8),  # a Wednesday: National Day and Mid-autumn in one span
        date(2027, 5, 1),  # a Saturday of a year not announced
    ],
)
def test_days_off(day: date) -> None:
    assert not _CALENDAR.is_workday(day)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (_noon(2026, 6, 1), date(2026, 6, 8)),  # an ordinary Monday
        (_noon(2026, 6, 6), date(2026, 6, 12)),  # a Saturday: counting begins on Monday
        (_noon(2026, 2, 12), date(2026, 2, 26)),  # make-up Saturday, nine days off
        (_noon(2026, 2, 24), date(2026, 3, 2)),  # a make-up Saturday in between
        (_noon(2026, 9, 17), date(2026, 9, 23)),  # a make-up Sunday in between
        (_noon(2026, 9, 30), date(2026, 10, 13)),  # the National Day, and the make-up Saturday after it
        (_noon(2025, 9, 26), date(2025, 10, 10)),
        (_noon(2026, 5, 5), date(2026, 5, 11)),  # received on a day off; it ends after make-up Saturday 9 May
        (_noon(2024, 12, 30), date(2025, 1, 7)),  # over a year boundary
    ],
)
def test_five_working_days(received: datetime, due: date) -> None:
    assert _CALENDAR.due(received, 5) == Due(due, provisional=False)


def test_a_deadline_may_end_on_a_make_up_day() -> None:
    assert _CALENDAR.due(_noon(2026, 9, 14), 5).date == date(2026, 9, 20)


def test_the_day_of_receipt_is_the_one_in_shanghai() -> None:
    late = datetime(2026, 6, 1, 15, 59, 59, tzinfo=UTC)
    assert _CALENDAR.due(late, 5).date == date(2026, 6, 8)
    assert _CALENDAR.due(late + timedelta(seconds=1), 5).date == date(2026, 6, 9)


def test_the_deadline_is_the_end_of_the_day_in_shanghai() -> None:
    end = datetime(2026, 6, 8, 16, tzinfo=UTC)
    before = _CALENDAR.clock(_noon(2026, 6, 1), None, end - timedelta(microseconds=1), 5)
    after = _CALENDAR.clock(_noon(2026, 6, 1), None, end, 5)
    assert (before.overdue, after.overdue) == (False, True)


def test_a_deadline_that_counts_a_day_not_announced_is_provisional() -> None:
    announced = Calendar(_ONLY_2026)
    assert announced.due(_noon(2026, 12, 24), 5) == Due(date(2026, 12, 31), provisional=False)
    assert announced.due(_noon(2026, 12, 25), 5) == Due(date(2027, 1, 1), provisional=True)
    late = announced.clock(_noon(2026, 12, 25), None, _noon(2027, 1, 4), 5)
    assert late == ClockState(date(2027, 1, 1), -1, overdue=True, provisional=True)


def test_a_certain_deadline_stays_certain_when_it_is_over_in_a_year_not_announced() -> None:
    announced = Calendar(_ONLY_2026)
    late = announced.clock(_noon(2026, 12, 24), None, _noon(2027, 1, 4), 5)
    assert (late.overdue, late.provisional) == (True, False)


def test_received_before_the_first_announced_year() -> None:
    assert _CALENDAR.due(_noon(2023, 12, 28), 5) == Due(date(2024, 1, 5), provisional=True)
    assert _CALENDAR.due(_noon(2023, 12, 31), 5) == Due(date(2024, 1, 8), provisional=False)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (_noon(2026, 9, 30), 5),
        (_noon(2026, 10, 7), 5),
        (_noon(2026, 10, 8), 4),
        (_noon(2026, 10, 10), 2),
        (_noon(2026, 10, 11), 2),
        (_noon(2026, 10, 13), 0),
        (_noon(2026, 10, 14), -1),
        (_noon(2026, 10, 17), -3),
        (_noon(2026, 10, 19), -4),
    ],
)
def test_the_clock_runs_by_working_days(now: datetime, left: int) -> None:
    state = _CALENDAR.clock(_noon(2026, 9, 30), None, now, 5)
    assert state == ClockState(date(2026, 10, 13), left, overdue=left < 0, provisional=False)


def test_the_weekend_after_a_deadline_is_late() -> None:
    state = _CALENDAR.clock(_noon(2026, 6, 5), None, _noon(2026, 6, 13), 5)
    assert state == ClockState(date(2026, 6, 12), -1, overdue=True, provisional=False)


def test_a_decision_stops_the_clock() -> None:
    received, much_later = _noon(2026, 6, 1), _noon(2026, 9, 1)
    in_time = _CALENDAR.clock(received, _noon(2026, 6, 8), much_later, 5)
    late = _CALENDAR.clock(received, _noon(2026, 6, 9), much_later, 5)
    assert (in_time.days_left, in_time.overdue) == (0, False)
    assert (late.days_left, late.overdue) == (-1, True)


@given(
    received=st.integers(0, 5 * 365 * 24).map(lambda hours: _noon(2023, 1, 1) + timedelta(hours=hours)),
    waited=st.timedeltas(timedelta(), timedelta(days=60)),
    working_days=st.integers(1, 10),
)
def test_what_every_clock_keeps(received: datetime, waited: timedelta, working_days: int) -> None:
    due = _CALENDAR.due(received, working_days)
    state = _CALENDAR.clock(received, None, received + waited, working_days)
    first = received.astimezone(CHINA).date()
    counted = [first + timedelta(days=n) for n in range(1, (due.date - first).days + 1)]
    assert _CALENDAR.is_workday(due.date)
    assert sum(map(_CALENDAR.is_workday, counted)) == working_days
    assert due.provisional == any(day.year not in (2024, 2025, 2026) for day in counted)
    assert (state.due_date, state.provisional) == (due.date, due.provisional)
    assert state.overdue == (state.days_left < 0)
    assert state.days_left <= working_days


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        _CALENDAR.due(datetime(2026, 6, 1), 5)  # noqa: DTZ001 (the fault under test)


def test_a_later_directory_overrides(tmp_path: Path) -> None:
    (tmp_path / "2026.toml").write_text(
        'year = 2026\nsource = "amended"\nholidays = [2026-06-02]\nworkdays = []\n'
    )
    amended = Calendar.load([PACKAGED, tmp_path])
    assert amended.due(_noon(2026, 6, 1), 5).date == date(2026, 6, 9)
    assert amended.is_workday(date(2026, 10, 1))
    assert not amended.is_workday(date(2025, 10, 1))


def test_without_any_file_all_is_provisional(tmp_path: Path) -> None:
    empty = Calendar.load([tmp_path / "no-such"])
    assert empty.due(_noon(2026, 9, 30), 5) == Due(date(2026, 10, 7), provisional=True)
