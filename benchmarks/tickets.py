"""What checking a ticket costs a node: the first time, and while it remembers the signature.

`python -m benchmarks.tickets` prints microseconds for each check, and for issuing a ticket at the comparator.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from joserfc.jwk import ECKey

from stayput.identity import Caller, department, node
from stayput.tickets import Scope, Ticket, TicketVerifier, issue

ROUNDS = 2_000
REPEATS = 5


def microseconds(step: Callable[[], object]) -> float:
    """Mean time of a step: the median of some runs."""
    means = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            step()
        means.append((time.perf_counter() - started) / ROUNDS * 1e6)
    return statistics.median(means)


def main() -> None:
    """Measures and prints."""
    key = ECKey.generate_key("P-256")
    caller = Caller(department("civil-affairs"), "b" * 43)
    now = datetime.now(UTC).replace(microsecond=0)
    ticket = Ticket(
        id="t" * 22,
        consumer=caller.party,
        node=node("vehicles-1"),
        thumbprint=caller.thumbprint,
        signing_key=bytes(32),
        scope=Scope(
            "G-01JQ8Z3T9N4X6B2V7K5M1C0D8F",
            "vehicle-owners",
            "resident_id",
            ("name", "plate"),
            ("KEYED",),
            ("RECORD",),
        ),
        operator="zhang.wei",
        purpose="最低生活保障家庭经济状况核对",
        case_number="2026-0317-0042",
        issued_at=now,
        expires_at=now + timedelta(minutes=5),
    )
    compact = issue(ticket, key)
    remembering = TicketVerifier(ticket.node, [key])
    verifiers = (TicketVerifier(ticket.node, [key]) for _ in iter(int, 1))
    for name, step in (
        ("issue", lambda: issue(ticket, key)),
        ("check, first time", lambda: next(verifiers).verify(compact, caller, now)),
        ("check, remembered", lambda: remembering.verify(compact, caller, now)),
    ):
        print(f"{name}: {microseconds(step):.1f} µs")
    print(f"{len(compact)} characters")


if __name__ == "__main__":
    main()
