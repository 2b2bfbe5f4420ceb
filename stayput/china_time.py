"""The time by which rules count days and hours: that of China, UTC+8 without summer time since 1991."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

CHINA: Final = timezone(timedelta(hours=8), "Asia/Shanghai")


def china_date(moment: datetime) -> date:
    """The day in China; `ValueError` for a time without its zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone falls on no certain day")
    return moment.astimezone(CHINA).date()


def day_ends(moment: datetime) -> datetime:
    """When the next day begins in China, in UTC."""
    return datetime.combine(china_date(moment) + timedelta(days=1), time(), CHINA).astimezone(UTC)
