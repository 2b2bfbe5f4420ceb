"""Calendar files: what the State Council announced for a year, one TOML file each, those packaged lying here.

A file holds `year`, `source` (the notice), `holidays` (every day off that the notice names, weekends within a
span included) and `workdays` (the make-up days, which fall on weekends).
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

from comparator import texts
from comparator.config import line_of
from comparator.texts import OperatorError, unusable
from stayput.language import Text

PACKAGED = Path(__file__).parent
_KEYS = ("year", "source", "holidays", "workdays")
_YEARS = range(2000, 3000)
_LONGEST_SOURCE = 200
_SATURDAY = 5
_NAME = re.compile(r"[0-9]{4}\.toml")
_Stamp: TypeAlias = tuple[tuple[Path, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Year:
    """One year as announced. Every other Monday to Friday is a working day, every other weekend is not."""

    number: int
    source: str
    holidays: frozenset[date]
    workdays: frozenset[date]


class CalendarFiles:
    """The files `<year>.toml` of some directories; of the same year, that of the later directory holds."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)
        self._seen: tuple[_Stamp, Mapping[int, Year]] | None = None

    def years(self) -> Mapping[int, Year]:
        """The years by number, read again whenever a file came, went or changed; `CONFIGURATION_INVALID`."""
        stamp = self._stamp()
        seen = self._seen
        if seen is None or seen[0] != stamp:
            seen = stamp, {int(path.stem): _named(path) for path in self.paths().values()}
            self._seen = seen
        return seen[1]

    def paths(self) -> Mapping[int, Path]:
        """Which file holds for each year."""
        return {int(path.stem): path for each in self._directories for path in sorted(_listed(each))}

    def _stamp(self) -> _Stamp:
        found = ((path, path.stat()) for path in self.paths().values())
        # Within one tick of the clock a replaced file differs by its inode.
        return tuple((path, status.st_mtime_ns, status.st_size, status.st_ino) for path, status in found)


def read(path: Path) -> tuple[Year, bytes]:
    """The year that a file describes, and the file's content; `CONFIGURATION_INVALID` if it is not sound."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unusable(
            texts.CONFIG_UNREADABLE, texts.CONFIG_UNREADABLE_FIX, file=path, why=error.strerror
        ) from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise unusable(texts.CONFIG_SYNTAX, texts.CONFIG_SYNTAX_FIX, file=path, why="not UTF-8") from None
    return parse(text, path), content


def parse(text: str, path: Path) -> Year:
    """What `text`, the content of `path`, describes; `CONFIGURATION_INVALID` names line, key and remedy."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise unusable(texts.CONFIG_SYNTAX, texts.CONFIG_SYNTAX_FIX, file=path, why=error) from None
    reader = _Reader(document, text, path)
    reader.check_keys()
    year, source = reader.year(), reader.source()
    holidays, workdays = reader.dates("holidays", year), reader.dates("workdays", year)
    reader.check_days(holidays, workdays)
    return Year(year, source, frozenset(holidays), frozenset(workdays))


class _Reader:
    """One document, and where in the text its parts are."""

    def __init__(self, document: Mapping[str, object], text: str, path: Path) -> None:
        self._document = document
        self._text = text
        self._path = path

    def check_keys(self) -> None:
        for key in self._document:
            if key not in _KEYS:
                raise self._wrong(texts.CONFIG_UNKNOWN_KEY, texts.CONFIG_KNOWN, key, known=", ".join(_KEYS))
        for key in _KEYS:
            if key not in self._document:
                raise self._wrong(texts.CONFIG_ABSENT, texts.CALENDAR_ABSENT_FIX, key)

    def year(self) -> int:
        year = self._document["year"]
        if type(year) is not int or year not in _YEARS:
            raise self._wrong(texts.CALENDAR_YEAR, texts.CALENDAR_YEAR_FIX, "year")
        return year

    def source(self) -> str:
        source = self._document["source"]
        if not isinstance(source, str) or not source.strip() or len(source) > _LONGEST_SOURCE:
            raise self._wrong(
                texts.CALENDAR_SOURCE, texts.CALENDAR_SOURCE_FIX, "source", most=_LONGEST_SOURCE
            )
        return source

    def dates(self, key: str, year: int) -> list[date]:
        values = self._document[key]
        if not isinstance(values, list):
            raise self._wrong(texts.CALENDAR_LIST, texts.CALENDAR_DATE_FIX, key)
        dates: list[date] = []
        for value in values:
            # A TOML date-time is a date to isinstance.
            if type(value) is not date:
                raise self._wrong(texts.CALENDAR_DATE, texts.CALENDAR_DATE_FIX, key, at=value)
            if value.year != year:
                raise self._wrong(texts.CALENDAR_OTHER_YEAR, texts.CALENDAR_OTHER_YEAR_FIX, key, at=value)
            if value in dates:
                raise self._wrong(texts.CALENDAR_TWICE, texts.CALENDAR_TWICE_FIX, key, at=value)
            dates.append(value)
        return dates

    def check_days(self, holidays: list[date], workdays: list[date]) -> None:
        if not holidays:
            raise self._wrong(texts.CALENDAR_NO_HOLIDAY, texts.CALENDAR_NO_HOLIDAY_FIX, "holidays")
        for day in workdays:
            if day in holidays:
                raise self._wrong(texts.CALENDAR_TWICE, texts.CALENDAR_TWICE_FIX, "workdays", at=day)
            if day.weekday() < _SATURDAY:
                raise self._wrong(
                    texts.CALENDAR_NO_WEEKEND, texts.CALENDAR_NO_WEEKEND_FIX, "workdays", at=day
                )

    def _wrong(
        self, text: Text, remedy: Text, key: str, at: object = None, **values: object
    ) -> OperatorError:
        line = self._line(key, at)
        return unusable(text, remedy, file=self._path, line=line, key=key, **values)

    def _line(self, key: str, at: object) -> int:
        """The last line of the key's list on which that date or text is written; else that of the key."""
        first = found = line_of(self._text, [key])
        if isinstance(at, date | str):
            written = f'"{at}"' if isinstance(at, str) else str(at)
            for number, line in enumerate(self._text.splitlines()[first - 1 :], start=first):
                if written in line:
                    found = number
                if "]" in line:
                    break
        return found


def _named(path: Path) -> Year:
    year, _ = read(path)
    if year.number != int(path.stem):
        raise unusable(texts.CALENDAR_NAME, texts.CALENDAR_NAME_FIX, file=path)
    return year


def _listed(directory: Path) -> Iterator[Path]:
    try:
        yield from (path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        # Nothing has been loaded there yet.
        return
    except OSError as error:
        raise unusable(
            texts.CONFIG_UNREADABLE, texts.CONFIG_UNREADABLE_FIX, file=directory, why=error.strerror
        ) from None
