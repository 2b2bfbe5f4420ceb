"""What a session's answers add up to, and whether its grant has room for more."""

from collections.abc import Callable
from typing import cast

from provider_node.store.usage import Admit
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import Mode, OutcomeCode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import OutcomeCount, Receipt, Tally


def add_counts(counts: Tally, more: dict[int, int]) -> None:
    """Adds counts by outcome to a tally, kept in the order of the codes and without zeros."""
    total = {entry.outcome: entry.count for entry in counts.counts}
    for code, count in more.items():
        outcome = cast("OutcomeCode.ValueType", code)
        total[outcome] = total.get(outcome, 0) + count
    del counts.counts[:]
    counts.counts.extend(OutcomeCount(outcome=code, count=total[code]) for code in sorted(total))


def charged(draft: Receipt) -> int:
    """What a session has been charged for so far: records, or in oblivious mode elements."""
    if draft.mode == Mode.MODE_OBLIVIOUS:
        return draft.elements - draft.repeated_elements
    return draft.records


def admission(limits: Limits, before: int) -> Admit:
    """Raises `QUOTA_EXCEEDED` if the session or the day would hold more than the limits allow.

    The session has been charged for `before` records already.
    """

    def admit(used_today: int, records: int) -> None:
        for limit, allowed, used in (
            ("records_per_session", limits.records_per_session, before),
            ("records_per_day", limits.records_per_day, used_today),
        ):
            if used + records > allowed:
                raise quota_exceeded(
                    limit,
                    "the grant has no room for this chunk",
                    "compare fewer records, wait for the next day, or apply for more",
                    allowed,
                    used,
                )

    return admit


def session_admission(limits: Limits) -> Callable[[int], None]:
    """Raises `QUOTA_EXCEEDED` if another session in this minute would be more than the limits allow."""

    def admit(opened: int) -> None:
        limit, allowed = "sessions_per_minute", limits.sessions_per_minute
        if opened >= allowed:
            raise quota_exceeded(
                limit,
                "the grant has no room for another session in this minute",
                "try again a minute later, and put more records into each session",
                allowed,
                opened,
            )

    return admit


def quota_exceeded(limit: str, problem: str, remedy: str, allowed: int, used: int) -> StayputError:
    """`QUOTA_EXCEEDED` naming a limit of which so much is used."""
    return StayputError(
        ErrorReason.ERROR_REASON_QUOTA_EXCEEDED,
        f"{limit}: {problem}",
        field=limit,
        remedy=remedy,
        details={"limit": str(allowed), "remaining": str(max(0, allowed - used))},
    )
