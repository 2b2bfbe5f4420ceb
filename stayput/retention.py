"""For how long the platform keeps the contents of the log."""

from typing import Final

from stayput.v1.log_pb2 import EventType

LEAST_RETENTION_DAYS: Final = 731
"""Two years, one of which may be a leap year: no platform may be set to less."""
NEVER_REMOVED: Final = frozenset(
    {
        EventType.EVENT_TYPE_LOG_ARCHIVED,
        EventType.EVENT_TYPE_LOG_REMOVED,
        EventType.EVENT_TYPE_LOG_HELD,
    }
)
"""Events without which nobody could tell a removal that was in order from one that was not."""
