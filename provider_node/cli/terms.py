"""Options for the terms of a grant, and the messages that they make."""

from collections.abc import Callable
from re import compile as pattern
from typing import Annotated, Final

import typer

from stayput.limits import RANGES
from stayput.v1.access_pb2 import Hours, Limits

_HOURS: Final = pattern(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})")
_DAYS: Final = pattern(r"([1-7])(?:-([1-7]))?")


def _limit(name: str) -> Callable[[str], int]:
    """Reads a limit: a whole number in its range, or "off" where that is permitted."""

    def read(text: str) -> int:
        from provider_node.config import limit_of

        value: int | str = text
        if text.isdecimal():
            value = int(text)
        try:
            return limit_of(name, value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def _thousandths(name: str) -> Callable[[str], int]:
    """Reads a limit that is written with decimals, or "off"; in thousandths."""

    def read(text: str) -> int:
        from provider_node.config import decimal_of, permille_of

        value: float | str = text
        if text.replace(".", "", 1).isdecimal():
            value = float(text)
        try:
            return permille_of(decimal_of(name, value))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def _help(name: str, english: str, chinese: str) -> str:
    permitted = RANGES[name]
    return f"{english}, {permitted.least:,} to {permitted.most:,}. {chinese}。"


PerSession = Annotated[
    int | None,
    typer.Option(
        parser=_limit("records_per_session"),
        metavar="N",
        help=_help("records_per_session", "Records in one session", "每次会话条数"),
    ),
]
PerDay = Annotated[
    int | None,
    typer.Option(
        parser=_limit("records_per_day"),
        metavar="N",
        help=_help("records_per_day", "Records in one day", "每日条数"),
    ),
]
SessionsPerMinute = Annotated[
    int | None,
    typer.Option(
        parser=_limit("sessions_per_minute"),
        metavar="N",
        help=_help("sessions_per_minute", "Sessions opened in any 60 seconds", "每分钟会话数"),
    ),
]
Attempts = Annotated[
    int | None,
    typer.Option(
        parser=_limit("attempts_per_subject"),
        metavar="N|off",
        help=_help(
            "attempts_per_subject",
            "Different questions about one subject's checks in a day",
            "每日核验次数",
        ),
    ),
]
MissRatio = Annotated[
    int | None,
    typer.Option(
        parser=_thousandths("miss_permille"),
        metavar="SHARE|off",
        help="Share of records not found that suspends the grant, 0.001 to 0.999. 未命中比例熔断。",
    ),
]
MissSample = Annotated[
    int | None,
    typer.Option(
        parser=_limit("miss_sample"),
        metavar="N",
        help=_help("miss_sample", "So many records not found in a row suspend the grant", "连续未命中熔断"),
    ),
]
SequenceRun = Annotated[
    int | None,
    typer.Option(
        parser=_limit("sequence_run"),
        metavar="N|off",
        help=_help("sequence_run", "So many numbers found that follow one another suspend it", "连号熔断"),
    ),
]
CountMinimum = Annotated[
    int | None,
    typer.Option(
        parser=_limit("count_minimum"),
        metavar="N",
        help=_help("count_minimum", "Counts only: the smallest total told", "仅汇总：告知的最小汇总数"),
    ),
]
NoiseEpsilon = Annotated[
    int | None,
    typer.Option(
        parser=_thousandths("noise_epsilon_milli"),
        metavar="EPSILON|off",
        help="Counts only: privacy loss of one session, by noise, 0.001 to 10. 仅汇总：每次加噪的隐私损失。",
    ),
]
NoiseBudget = Annotated[
    int | None,
    typer.Option(
        parser=_thousandths("noise_budget_milli"),
        metavar="EPSILON|off",
        help="Counts only: privacy loss of all sessions together, 0.001 to 1000. 仅汇总：隐私损失总额。",
    ),
]
WithoutCheck = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A check that is not granted; may be repeated. 不授予的核验项。"),
]
Operator = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Who may use it; may be repeated. 允许的经办人。"),
]
OpenHours = Annotated[
    str | None,
    typer.Option(metavar="HH:MM-HH:MM", help="When it may be used, China's time. 允许使用的时段。"),
]
Weekdays = Annotated[
    str | None,
    typer.Option(metavar="DAYS", help="On which days, 1-5 or 1,2,3; 1 is Monday. 允许使用的星期。"),
]


def limits_from(
    per_session: int | None,
    per_day: int | None,
    sessions_per_minute: int | None,
    attempts: int | None,
    miss_ratio: int | None,
    miss_sample: int | None,
    sequence_run: int | None,
) -> Limits:
    """The limits of all sessions that were given; `miss_ratio` in thousandths."""
    return Limits(
        records_per_session=per_session,
        records_per_day=per_day,
        sessions_per_minute=sessions_per_minute,
        attempts_per_subject=attempts,
        miss_permille=miss_ratio,
        miss_sample=miss_sample,
        sequence_run=sequence_run,
    )


def with_counts(
    limits: Limits, minimum: int | None, noise_epsilon: int | None, noise_budget: int | None
) -> Limits:
    """Those and the limits of counts only that were given, noise in thousandths."""
    counts = Limits(count_minimum=minimum, noise_epsilon_milli=noise_epsilon, noise_budget_milli=noise_budget)
    counts.MergeFrom(limits)
    return counts


def hours_from(hours: str | None, weekdays: str | None) -> Hours | None:
    """The hours that were given, if any; days without hours are whole days. `FIELD_INVALID` as in `hours`."""
    from stayput.hours import checked

    if hours is None and weekdays is None:
        return None
    span = _HOURS.fullmatch("00:00-24:00" if hours is None else hours)
    if span is None:
        raise typer.BadParameter("must be HH:MM-HH:MM, for example 08:30-18:00", param_hint="--hours")
    days = [] if weekdays is None else _days(weekdays)
    return checked(Hours(opens=span[1], closes=span[2], weekdays=days))


def _days(text: str) -> list[int]:
    days: list[int] = []
    for part in text.split(","):
        found = _DAYS.fullmatch(part.strip())
        last = 0 if found is None else int(found[2] or found[1])
        if found is None or last < int(found[1]):
            raise typer.BadParameter("must be days 1 to 7, as 1-5 or 1,2,3", param_hint="--weekdays")
        days += range(int(found[1]), last + 1)
    return days
