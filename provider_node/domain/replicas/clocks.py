"""The times that a replica says, beside the node's own clock."""

from datetime import date, datetime, timedelta
from typing import Final

import structlog

from stayput.china_time import china_date
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

SKEW: Final = timedelta(seconds=30)
"""By so much the clocks of a node and its replicas may differ, the way of a message included."""

_log = structlog.get_logger(__name__)


def check_between(said: datetime, since: datetime, now: datetime, field: str) -> None:
    """Passes if something may have happened when the replica says, between two times of the node's clock."""
    if not since - SKEW <= said <= now + SKEW:
        raise _apart(field)


def check_day(day: str, now: datetime, field: str) -> None:
    """Passes for today and yesterday: an answer may have been begun before midnight.

    In the last seconds before midnight a replica may be on the next day already.
    """
    days = {china_date(now + ahead) for ahead in (timedelta(days=-1), timedelta(), SKEW)}
    if day not in map(date.isoformat, days):
        raise _apart(field)


def _apart(field: str) -> StayputError:
    _log.warning("a replica's clock differs from the node's", field=field)
    return StayputError(
        ErrorReason.ERROR_REASON_CATCHING_UP,
        f"{field}: the clocks of this replica and its node differ by more than {SKEW.seconds} seconds",
        field=field,
        remedy="try at another address of the node; the provider has to set the clocks of node and replica",
    )
