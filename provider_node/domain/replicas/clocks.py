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


def check_day(day: str, since: datetime, now: datetime, field: str) -> None:
    """As `check_between`, for a day (ISO date). The two times are less than a day apart.

    An answer may have been begun before midnight, and just before it a replica may be on the next day.
    """
    if day not in {date.isoformat(china_date(time)) for time in (since - SKEW, now, now + SKEW)}:
        raise _apart(field)


def check_in_time(begun_at: datetime, until: datetime) -> None:
    """Passes for an answer that was begun while ticket and grant allowed it; else `TICKET_EXPIRED`."""
    if begun_at > until + SKEW:
        raise StayputError(
            ErrorReason.ERROR_REASON_TICKET_EXPIRED,
            "the session has outlived what its ticket and grant allow",
            field="ticket",
            remedy="open a new session with a new ticket for the records not answered",
        )


def _apart(field: str) -> StayputError:
    _log.warning("a replica's clock differs from the node's", field=field)
    return StayputError(
        ErrorReason.ERROR_REASON_CATCHING_UP,
        f"{field}: the clocks of this replica and its node differ by more than {SKEW.seconds} seconds",
        field=field,
        remedy="try at another address of the node; the provider has to set the clocks of node and replica",
    )
