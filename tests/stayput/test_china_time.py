from datetime import UTC, date, datetime

import pytest

from stayput.china_time import china_date, day_ends


@pytest.mark.parametrize(
    ("moment", "day", "ends"),
    [
        (
            datetime(2026, 3, 4, 15, 59, 59, tzinfo=UTC),
            date(2026, 3, 4),
            datetime(2026, 3, 4, 16, tzinfo=UTC),
        ),
        (datetime(2026, 3, 4, 16, 0, tzinfo=UTC), date(2026, 3, 5), datetime(2026, 3, 5, 16, tzinfo=UTC)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1), datetime(2027, 1, 1, 16, tzinfo=UTC)),
    ],
)
def test_a_day_is_china_s(moment: datetime, day: date, ends: datetime) -> None:
    assert china_date(moment) == day
    assert day_ends(moment) == ends


def test_a_time_without_its_zone_falls_on_no_day() -> None:
    with pytest.raises(ValueError, match="zone"):
        china_date(datetime(2026, 3, 4, 12, 0))  # noqa: DTZ001 (that is the point)
