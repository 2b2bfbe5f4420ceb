"""Hours at which a grant may be used, in China's time."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

from stayput.china_time import CHINA
from stayput.errors import StayputError, field_invalid
from stayput.v1.access_pb2 import Hours
from stayput.v1.errors_pb2 import ErrorReason

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MIDNIGHT: Final = "24:00"
_DAY_MINUTES: Final = 24 * 60
_WEEK: Final = range(1, 8)


def checked(hours: Hours, field: str = "hours") -> Hours:
    """The hours, if they are well-formed; else `FIELD_INVALID` naming what is not."""
    minutes = {}
    for name, value in (("opens", hours.opens), ("closes", hours.closes)):
        if not _CLOCK.fullmatch(value) and (name, value) != ("closes", _MIDNIGHT):
            raise field_invalid(f"{field}.{name}", "must be HH:MM", "write for example 08:30")
        minutes[name] = _minutes(value)
    if minutes["opens"] >= minutes["closes"]:
        raise field_invalid(
            f"{field}.closes", "must be later than `opens`", "a grant cannot be used across midnight"
        )
    if len(set(hours.weekdays)) != len(hours.weekdays) or not set(hours.weekdays) <= set(_WEEK):
        raise field_invalid(
            f"{field}.weekdays", "must be numbers 1 to 7, each at most once", "1 is Monday, 7 is Sunday"
        )
    return hours


def closes_at(hours: Hours, now: datetime) -> datetime:
    """When the hours that `now` falls into are over, in UTC; `OUTSIDE_HOURS` if it falls into none."""
    local = now.astimezone(CHINA)
    minute = local.hour * 60 + local.minute
    open_today = not hours.weekdays or local.isoweekday() in hours.weekdays
    if not (open_today and _minutes(hours.opens) <= minute < _minutes(hours.closes)):
        raise StayputError(
            ErrorReason.ERROR_REASON_OUTSIDE_HOURS,
            "the grant may not be used at this hour or on this day",
            field="grant",
            remedy=f"use it {told(hours)}, China's time",
            details={"hours": told(hours)},
        )
    midnight = datetime.combine(local.date(), time(), CHINA)
    return (midnight + timedelta(minutes=_minutes(hours.closes))).astimezone(UTC)


def told(hours: Hours) -> str:
    """The hours in digits, which need no language: `08:30-18:00`, with days as `08:30-18:00 1,2,3,4,5`."""
    days = " " + ",".join(map(str, sorted(hours.weekdays))) if hours.weekdays else ""
    return f"{hours.opens}-{hours.closes}{days}"


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return min(int(hour) * 60 + int(minute), _DAY_MINUTES)
