"""Working days: which days are, when a deadline ends, and where its clock stands.

Days are those of China. A year that nobody has announced is counted with weekends only, and whatever rests on
such a day says that it is provisional.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from comparator.calendars import CalendarFiles, Year
from stayput.china_time import china_date

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Due:
    """The day at whose end a deadline is over; provisional if it counts a day of a year not announced."""

    date: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class ClockState:
    """Where a deadline stands.

    `days_left` counts the working days after today up to the due date: 0 on the due date itself, below 0
    exactly when overdue (the working days begun since, at least 1). `provisional` is the due date's: being
    overdue is then of no consequence.
    """

    due_date: date
    days_left: int
    overdue: bool
    provisional: bool


class Calendar:
    """The working days of the years announced."""

    def __init__(self, years: Mapping[int, Year]) -> None:
        self._years = years

    @staticmethod
    def load(directories: Sequence[Path]) -> "Calendar":
        """From files `<year>.toml`, those of a later directory overriding; `CONFIGURATION_INVALID`."""
        return Calendar(CalendarFiles(directories).years())

    def is_workday(self, day: date) -> bool:
        """Whether people work on that day; by weekends alone in a year that is not announced."""
        year = self._years.get(day.year)
        if year is not None and (day in year.holidays or day in year.workdays):
            return day in year.workdays
        return day.weekday() < _SATURDAY

    def due(self, received: datetime, working_days: int) -> Due:
        """The end of so many working days, not counting the day of receipt.

        Raises `ValueError` for a time without its zone.
        """
        day, left, provisional = china_date(received), working_days, False
        while left > 0:
            day += _DAY
            left -= self.is_workday(day)
            provisional = provisional or day.year not in self._years
        return Due(day, provisional)

    def clock(
        self, received: datetime, decided_at: datetime | None, now: datetime, working_days: int
    ) -> ClockState:
        """Where the deadline stands now, or stood when it was met; the times carry their zones."""
        due = self.due(received, working_days)
        today = china_date(decided_at or now)
        overdue = today > due.date
        # Nobody works on the weekend after, but by then the deadline is over.
        left = -max(1, self._workdays(due.date, today)) if overdue else self._workdays(today, due.date)
        return ClockState(due.date, left, overdue, due.provisional)

    def _workdays(self, after: date, through: date) -> int:
        return sum(self.is_workday(after + _DAY * n) for n in range(1, (through - after).days + 1))
