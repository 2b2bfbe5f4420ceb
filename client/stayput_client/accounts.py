"""What a session asks and is told, as far as mode and granularity decide: each is counted as it passes.

A conversation holds what goes out and what comes back against its account, and the receipt against both.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from stayput import outcomes
from stayput.elements import DIGEST_BYTES
from stayput.errors import StayputError
from stayput.receipts import receipt_invalid
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, Tally
from stayput_client.counting import Different, check_totals
from stayput_client.models.limits import Limits


class Account(Protocol):
    """Counts one session. `records` and `elements` are what was asked so far."""

    records: int
    elements: int

    def ask(self, content: bytes) -> None:
        """The content of the next chunk."""

    def take(self, answer: bytes) -> None:
        """The next answer; `PROTOCOL_VIOLATION` if it cannot be one."""

    @property
    def settled(self) -> bool:
        """Whether all that was asked has its answer."""

    def check(self, receipt: Receipt) -> None:
        """Passes if the receipt of the settled session agrees; else `RECEIPT_INVALID`."""


class ByRecord:
    """Keyed mode, an outcome for the key and each check of every record."""

    def __init__(self, checks: int) -> None:
        self.records = self.elements = 0
        self._asked: deque[bytes] = deque()
        self._tallies: list[Counter[int]] = [Counter() for _ in range(1 + checks)]

    def ask(self, content: bytes) -> None:
        """Columns of 16-byte digests."""
        self._asked.append(content)
        self.records += len(content) // (DIGEST_BYTES * len(self._tallies))

    def take(self, answer: bytes) -> None:
        """Outcome bytes of the oldest chunk not answered yet, in columns."""
        if not self._asked or len(answer) * DIGEST_BYTES != len(self._asked.popleft()):
            raise violation("outcomes")
        records = len(answer) // len(self._tallies)
        for i, tally in enumerate(self._tallies):
            counts = outcomes.tally(answer[i * records : (i + 1) * records])
            if not counts.keys() <= (outcomes.CHECK_CODES if i else outcomes.KEY_CODES):
                raise violation("outcomes")
            tally.update(counts)

    @property
    def settled(self) -> bool:
        """See `Account`."""
        return not self._asked

    def check(self, receipt: Receipt) -> None:
        """See `Account`."""
        counted = [sorted(tally.items()) for tally in self._tallies]
        require_same(
            ("tallies", _counts(receipt.tallies), counted),
            ("outcome_bytes", receipt.outcome_bytes, self.records * len(self._tallies)),
        )


class InTotal:
    """Keyed mode, totals only: every answer is empty, and the receipt tells what the grant's limits allow."""

    def __init__(self, checks: int, limits: Limits) -> None:
        self.records = self.elements = 0
        self._columns = 1 + checks
        self._limits = limits
        self._different = Different()
        self._waiting = 0

    def ask(self, content: bytes) -> None:
        """Columns of 16-byte digests."""
        records = len(content) // (DIGEST_BYTES * self._columns)
        self.records += records
        self._different.add(content[: records * DIGEST_BYTES])
        self._waiting += 1

    def take(self, answer: bytes) -> None:
        """Nothing, for each chunk."""
        if answer or not self._waiting:
            raise violation("outcomes")
        self._waiting -= 1

    @property
    def settled(self) -> bool:
        """See `Account`."""
        return not self._waiting

    def check(self, receipt: Receipt) -> None:
        """See `Account`."""
        require_same(("outcome_bytes", receipt.outcome_bytes, 0))
        check_totals(receipt, len(self._different), self._limits)


def require_same(*facts: tuple[str, object, object]) -> None:
    """Passes if a receipt says what this side knows; else `RECEIPT_INVALID`.

    Each fact is a field of the receipt, what that says, and what this side knows.
    """
    for name, said, happened in facts:
        if said != happened:
            raise receipt_invalid(f"{name} is not what this side asked for or received")


def _counts(tallies: Iterable[Tally]) -> Sequence[list[tuple[int, int]]]:
    return [sorted((int(one.outcome), one.count) for one in tally.counts) for tally in tallies]


def violation(field: str) -> StayputError:
    """`PROTOCOL_VIOLATION`: the node answers what no honest one does."""
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        f"{field}: the node's answer does not follow the protocol",
        field=field,
        remedy="nothing of this answer was used; tell the provider",
    )
