"""Limits of a grant: their ranges and defaults, the same for who sets, signs, records and enforces them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stayput.errors import field_invalid
from stayput.v1.access_pb2 import Limits


@dataclass(frozen=True, slots=True)
class Range:
    """What a limit may be. `off`: 0 is permitted too and means that there is no such limit."""

    least: int
    most: int
    default: int
    off: bool = False

    def permits(self, value: int) -> bool:
        """Whether the value is in range."""
        return self.least <= value <= self.most or (self.off and value == 0)

    def __str__(self) -> str:
        return f"{self.least:,} to {self.most:,}" + (", or 0 for no limit" if self.off else "")


RANGES: Final[Mapping[str, Range]] = {
    "records_per_session": Range(1, 100_000_000, 1_000_000),
    "records_per_day": Range(1, 1_000_000_000, 5_000_000),
    "sessions_per_minute": Range(1, 1_000_000, 12_000),
    "attempts_per_subject": Range(1, 1_000, 5, off=True),
    "miss_permille": Range(1, 999, 500, off=True),
    "miss_sample": Range(20, 100_000, 500),
    "sequence_run": Range(5, 10_000, 30, off=True),
    "count_minimum": Range(2, 1_000_000, 10),
    "noise_epsilon_milli": Range(1, 10_000, 0, off=True),
    "noise_budget_milli": Range(1, 1_000_000, 0, off=True),
}
"""By the name of the field in `Limits`; access.proto says what each means."""

DEFAULTS: Final = Limits(**{name: each.default for name, each in RANGES.items()})
"""Sane for a register of people that most of an honest list is in."""


def checked(limits: Limits, prefix: str = "limits.") -> Limits:
    """The limits, if all that are set are in range; else `FIELD_INVALID` naming the first and its range."""
    for descriptor, value in limits.ListFields():
        permitted = RANGES[descriptor.name]
        if not permitted.permits(value):
            raise field_invalid(
                f"{prefix}{descriptor.name}", f"must be {permitted}", "give a number in that range"
            )
    return limits


def complete(limits: Limits, defaults: Limits) -> Limits:
    """The limits, with those that are not set taken from `defaults`."""
    whole = Limits()
    whole.CopyFrom(defaults)
    whole.MergeFrom(limits)
    return whole


def is_complete(limits: Limits) -> bool:
    """Whether every limit is set."""
    return len(limits.ListFields()) == len(RANGES)
