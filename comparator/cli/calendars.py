"""`calendar load` and `calendar show`."""

from datetime import date, datetime
from pathlib import Path

import typer

from comparator import texts
from comparator.calendars import PACKAGED, CalendarFiles, Year, read
from comparator.cli.failures import told
from comparator.cli.tables import dump, filled, show
from comparator.config import load
from comparator.data import DataDirectory
from stayput.china_time import CHINA
from stayput.language import Text, language_of


@told()
def load_file(config: Path, file: Path) -> None:
    """Checks a calendar file and keeps it in the data directory."""
    year, content = read(file)
    path = DataDirectory(load(config).data).put_calendar(year.number, content)
    text = texts.CALENDAR_LOADED.of(language_of())
    typer.echo(
        text.format(year=year.number, holidays=len(year.holidays), workdays=len(year.workdays), path=path)
    )


@told()
def show_years(config: Path, json: bool) -> None:
    """The years known, and this year and the next whether known or not."""
    files = CalendarFiles(DataDirectory(load(config).data).calendar_directories)
    years, paths = files.years(), files.paths()
    this = datetime.now(CHINA).year
    numbers = sorted({*years, this, this + 1})
    if json:
        dump([_plain(number, years.get(number)) for number in numbers])
        return
    show(
        texts.CALENDARS,
        (texts.COL_YEAR, texts.COL_HOLIDAYS, texts.COL_WORKDAYS, texts.COL_SOURCE, texts.COL_ORIGIN),
        (
            _row(years[number], paths[number])
            if number in years
            else (str(number), "", "", texts.NO_CALENDAR, "")
            for number in numbers
        ),
    )


@told()
def show_year(config: Path, number: int, json: bool) -> None:
    """The days of one year that are not as on any other week."""
    year = CalendarFiles(DataDirectory(load(config).data).calendar_directories).years().get(number)
    if json:
        dump(_plain(number, year))
        return
    if year is None:
        typer.echo(texts.CALENDAR_PROVISIONAL.of(language_of()).format(year=number))
        return
    days: dict[date, Text] = dict.fromkeys(year.holidays, texts.DAY_OFF)
    days |= dict.fromkeys(year.workdays, texts.DAY_WORKED)
    show(
        filled(texts.CALENDAR, year=number),
        (texts.COL_DATE, texts.COL_DAY),
        ((day.isoformat(), days[day]) for day in sorted(days)),
    )
    typer.echo(year.source)


def _row(year: Year, path: Path) -> tuple[str | Text, ...]:
    origin = texts.ORIGIN_RELEASE if path.parent == PACKAGED else texts.ORIGIN_LOADED
    return str(year.number), str(len(year.holidays)), str(len(year.workdays)), year.source, origin


def _plain(number: int, year: Year | None) -> dict[str, object]:
    return {
        "year": number,
        "provisional": year is None,
        "source": year.source if year else None,
        "holidays": sorted(day.isoformat() for day in year.holidays) if year else [],
        "workdays": sorted(day.isoformat() for day in year.workdays) if year else [],
    }
