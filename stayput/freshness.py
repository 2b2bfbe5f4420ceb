"""When data are stale: older than their declared update frequency promises."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from stayput.v1.catalogue_pb2 import UpdateFrequency

# How old data of each frequency may be. "Several times a day" is taken as at least twice.
_ALLOWANCE: Final[Mapping[int, timedelta]] = {
    UpdateFrequency.UPDATE_FREQUENCY_REALTIME: timedelta(hours=12),
    UpdateFrequency.UPDATE_FREQUENCY_DAILY: timedelta(days=1),
    UpdateFrequency.UPDATE_FREQUENCY_WEEKLY: timedelta(days=7),
    UpdateFrequency.UPDATE_FREQUENCY_MONTHLY: timedelta(days=31),
    UpdateFrequency.UPDATE_FREQUENCY_QUARTERLY: timedelta(days=92),
    UpdateFrequency.UPDATE_FREQUENCY_YEARLY: timedelta(days=366),
}


def is_stale(frequency: "UpdateFrequency.ValueType", as_of: Timestamp, now: datetime) -> bool:
    """Whether data as of that time are older at `now` (aware) than the frequency allows.

    Those of an irregular frequency never are.
    """
    allowance = _ALLOWANCE.get(frequency)
    return allowance is not None and now - as_of.ToDatetime(UTC) > allowance
