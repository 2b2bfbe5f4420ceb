"""For how long the platform keeps the contents of the log."""

from typing import Final

LEAST_RETENTION_DAYS: Final = 731
"""Two years, one of which may be a leap year: no platform may be set to less."""
