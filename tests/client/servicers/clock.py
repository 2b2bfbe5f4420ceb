"""The time by which the peers judge; a test may stop it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def now() -> datetime:
    """The time there is."""
    return datetime.now(UTC)
