"""The process log: JSON lines on stderr, from which anything shaped like an identifier is struck out."""

import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# Resident identity numbers (15 or 18 characters), unified social credit codes and mobile numbers.
_IDENTIFIER = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9]{17}[0-9Xx]|[0-9]{15}|[0-9A-HJ-NP-RTUW-Y]{2}[0-9]{6}[0-9A-HJ-NP-RTUW-Y]{10}"
    r"|1[3-9][0-9]{9})(?![0-9A-Za-z])"
)
_STRUCK = "[redacted]"


def configure() -> None:
    """Sends structlog's events to stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redacted,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the last line of defence against a personal identifier in a log."""
    return {
        name: _IDENTIFIER.sub(_STRUCK, value) if isinstance(value, str) else value
        for name, value in event.items()
    }
