from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput import hours
from stayput.china_time import CHINA
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Hours
from stayput.v1.errors_pb2 import ErrorReason

OFFICE = Hours(opens="08:30", closes="18:00", weekdays=[1, 2, 3, 4, 5])
WEDNESDAY = datetime(2026, 3, 4, tzinfo=CHINA)


@pytest.mark.parametrize(
    "good",
    [
        {"opens": "00:00", "closes": "24:00"},
        {"opens": "23:58", "closes": "23:59"},
        {"opens": "08:30", "closes": "18:00", "weekdays": [7, 1]},
    ],
)
def test_well_formed_hours_pass(good: dict[str, object]) -> None:
    hours.checked(Hours(**good))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({}, "hours.opens"),
        ({"opens": "8:30", "closes": "18:00"}, "hours.opens"),
        ({"opens": "24:00", "closes": "24:00"}, "hours.opens"),
        ({"opens": "08:60", "closes": "18:00"}, "hours.opens"),
        ({"opens": "08:30\n", "closes": "18:00"}, "hours.opens"),
        ({"opens": "08:30", "closes": "24:01"}, "hours.closes"),
        ({"opens": "08:30", "closes": ""}, "hours.closes"),
        ({"opens": "08:30", "closes": "08:30"}, "hours.closes"),
        ({"opens": "18:00", "closes": "08:30"}, "hours.closes"),
        ({"opens": "08:30", "closes": "18:00", "weekdays": [0]}, "hours.weekdays"),
        ({"opens": "08:30", "closes": "18:00", "weekdays": [8]}, "hours.weekdays"),
        ({"opens": "08:30", "closes": "18:00", "weekdays": [1, 1]}, "hours.weekdays"),
    ],
)
def test_other_hours_are_refused_by_name(bad: dict[str, object], field: str) -> None:
    with pytest.raises(StayputError) as caught:
        hours.checked(Hours(**bad))  # type: ignore[arg-type]
    assert caught.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID
    assert caught.value.field == field


@pytest.mark.parametrize(
    "inside",
    [timedelta(hours=8, minutes=30), timedelta(hours=12), timedelta(hours=17, minutes=59, seconds=59)],
)
def test_within_the_hours_it_is_told_when_they_end(inside: timedelta) -> None:
    assert hours.closes_at(OFFICE, WEDNESDAY + inside) == WEDNESDAY + timedelta(hours=18)


@pytest.mark.parametrize(
    "outside",
    [
        timedelta(hours=8, minutes=29, seconds=59),
        timedelta(hours=18),
        timedelta(days=3, hours=12),  # Saturday
        timedelta(days=4, hours=12),
    ],
)
def test_outside_the_hours_it_is_told_when_they_are(outside: timedelta) -> None:
    with pytest.raises(StayputError) as caught:
        hours.closes_at(OFFICE, WEDNESDAY + outside)
    assert caught.value.reason == ErrorReason.ERROR_REASON_OUTSIDE_HOURS
    assert caught.value.details == {"hours": "08:30-18:00 1,2,3,4,5"}


def test_a_day_that_ends_at_midnight_ends_with_the_next_day_s_beginning() -> None:
    late = Hours(opens="20:00", closes="24:00")
    assert hours.closes_at(late, WEDNESDAY + timedelta(hours=23, minutes=59)) == WEDNESDAY + timedelta(days=1)


@given(
    moment=st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    opens=st.integers(0, 1438),
    length=st.integers(1, 1440),
    weekdays=st.sets(st.integers(1, 7)),
)
def test_every_minute_is_inside_or_outside_as_a_clock_on_the_wall_says(
    moment: datetime, opens: int, length: int, weekdays: set[int]
) -> None:
    closes = min(opens + length, 1440)
    given_hours = Hours(
        opens=f"{opens // 60:02}:{opens % 60:02}",
        closes=f"{closes // 60:02}:{closes % 60:02}",
        weekdays=sorted(weekdays),
    )
    wall = moment + timedelta(hours=8)
    minute = wall.hour * 60 + wall.minute
    inside = opens <= minute < closes and (not weekdays or wall.isoweekday() in weekdays)
    if inside:
        until = hours.closes_at(hours.checked(given_hours), moment)
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        assert until == midnight + timedelta(minutes=closes) - timedelta(hours=8) > moment
    else:
        with pytest.raises(StayputError, match="OUTSIDE_HOURS"):
            hours.closes_at(hours.checked(given_hours), moment)
