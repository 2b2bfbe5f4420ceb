"""`[limits]` of a node and of a resource: what a new grant gets unless its approver says otherwise.

Their ranges are those of `stayput.limits`. Where 0 means that there is no such limit, "off" says so too. What
`Limits` has in thousandths is written with decimals: `miss_ratio = 0.5` is a `miss_permille` of 500.
"""

from typing import Final

from pydantic import ValidationInfo, field_validator

from provider_node.config.document import Table
from stayput.limits import RANGES
from stayput.v1.access_pb2 import Limits

OFF: Final = "off"
"""No such limit."""
_DECIMALS: Final = 3


def limit_of(name: str, value: object) -> int:
    """A limit as `Limits` has it, from a whole number or "off"; `ValueError` with the range."""
    permitted = RANGES[name]
    number = 0 if value == OFF and permitted.off else value
    # True is an int to Python and no number to a person.
    if type(number) is not int or not permitted.permits(number):
        off = f', or "{OFF}"' if permitted.off else ""
        raise ValueError(f"must be a whole number, {permitted.least:,} to {permitted.most:,}{off}")
    return number


def decimal_of(name: str, value: object) -> float:
    """A limit that `Limits` has in thousandths, from a number or "off", which is 0; `ValueError`."""
    least, most = RANGES[name].least / 1000, RANGES[name].most / 1000
    number = 0.0 if value == OFF else value
    if type(number) is int:
        number = float(number)
    if type(number) is not float or not (number == 0 or _is_decimal(number, least, most)):
        raise ValueError(f'must be {least:,g} to {most:,g} with at most {_DECIMALS} decimals, or "{OFF}"')
    return number


def share_of(value: object) -> float:
    """The share of the miss-ratio breaker, from a number below 1 or "off", which is 0; `ValueError`."""
    return decimal_of("miss_permille", value)


def permille_of(number: float) -> int:
    """What is written with decimals, as `Limits` has it: in thousandths."""
    return round(number * 1000)


def _is_decimal(number: float, least: float, most: float) -> bool:
    return least <= number <= most and round(number, _DECIMALS) == number


def _permille(number: float | None) -> int | None:
    return None if number is None else permille_of(number)


class LimitsConfig(Table):
    """`[limits]`. For what a resource does not set the node counts, and then `stayput.limits`."""

    records_per_session: int | None = None
    records_per_day: int | None = None
    sessions_per_minute: int | None = None
    attempts_per_subject: int | None = None
    miss_ratio: float | None = None
    miss_sample: int | None = None
    sequence_run: int | None = None
    count_minimum: int | None = None
    noise_epsilon: float | None = None
    noise_budget: float | None = None

    @field_validator(
        "records_per_session",
        "records_per_day",
        "sessions_per_minute",
        "attempts_per_subject",
        "miss_sample",
        "sequence_run",
        "count_minimum",
        mode="before",
    )
    @classmethod
    def _number(cls, value: object, info: ValidationInfo) -> int:
        return limit_of(str(info.field_name), value)

    @field_validator("miss_ratio", mode="before")
    @classmethod
    def _share(cls, value: object) -> float:
        return share_of(value)

    @field_validator("noise_epsilon", "noise_budget", mode="before")
    @classmethod
    def _decimal(cls, value: object, info: ValidationInfo) -> float:
        return decimal_of(f"{info.field_name}_milli", value)

    def message(self) -> Limits:
        """Those that are set, as they are in a grant."""
        return Limits(
            records_per_session=self.records_per_session,
            records_per_day=self.records_per_day,
            sessions_per_minute=self.sessions_per_minute,
            attempts_per_subject=self.attempts_per_subject,
            miss_permille=_permille(self.miss_ratio),
            miss_sample=self.miss_sample,
            sequence_run=self.sequence_run,
            count_minimum=self.count_minimum,
            noise_epsilon_milli=_permille(self.noise_epsilon),
            noise_budget_milli=_permille(self.noise_budget),
        )
