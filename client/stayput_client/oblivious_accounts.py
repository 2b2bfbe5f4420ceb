"""What sessions in oblivious mode ask and are told: elements, of which this side alone knows the outcomes."""

from collections import deque
from collections.abc import Sequence

from google.protobuf.message import DecodeError

from stayput.oblivious import ELEMENT_BYTES
from stayput.v1.comparison_pb2 import ElementColumns
from stayput.v1.log_pb2 import Receipt
from stayput_client.accounts import require_same, violation


class Evaluated:
    """An answer for each chunk, as long as the chunk in each column; also for a session that asks nothing.

    Of the elements that are sent, `repeatable` may have been evaluated and charged in a session before.
    """

    def __init__(self, repeatable: int) -> None:
        self.records = self.elements = 0
        self._repeatable = repeatable
        self._asked: deque[Sequence[int]] = deque()

    def ask(self, content: bytes) -> None:
        """Columns of blinded elements."""
        self._asked.append(_lengths(content))
        self.records += self._asked[-1][0]
        self.elements += sum(self._asked[-1])

    def take(self, answer: bytes) -> None:
        """Columns of evaluated elements, for the oldest chunk not answered yet."""
        if not self._asked or _lengths(answer) != self._asked.popleft():
            raise violation("evaluated")

    @property
    def settled(self) -> bool:
        """See `Account`."""
        return not self._asked

    def check(self, receipt: Receipt) -> None:
        """See `Account`."""
        _check(receipt, self._repeatable)


class Shuffled:
    """Nothing for each chunk, then all evaluated elements, in as many answers and as many in each."""

    def __init__(self, repeatable: int) -> None:
        self.records = self.elements = 0
        self._repeatable = repeatable
        self._asked: list[Sequence[int]] = []
        self._taken = 0

    def ask(self, content: bytes) -> None:
        """Columns of blinded elements."""
        self._asked.append(_lengths(content))
        self.records += self._asked[-1][0]
        self.elements += sum(self._asked[-1])

    def take(self, answer: bytes) -> None:
        """Nothing, for each chunk; then columns of evaluated elements."""
        chunks = len(self._asked)
        taken, self._taken = self._taken, self._taken + 1
        if taken < chunks:
            good = not answer
        else:
            good = taken < 2 * chunks and _lengths(answer) == self._asked[taken - chunks]
        if not good:
            raise violation("evaluated")

    @property
    def settled(self) -> bool:
        """See `Account`."""
        return self._taken == 2 * len(self._asked)

    def check(self, receipt: Receipt) -> None:
        """See `Account`."""
        _check(receipt, self._repeatable)


def _check(receipt: Receipt, repeatable: int) -> None:
    # What is left over is not known to the node in this mode.
    require_same(
        ("tallies", len(receipt.tallies), 0),
        ("outcome_bytes", receipt.outcome_bytes, 0),
        ("distinct_records", receipt.distinct_records, 0),
        ("count_minimum", receipt.count_minimum, 0),
        ("noise_epsilon_milli", receipt.noise_epsilon_milli, 0),
        ("repeated_elements", 0 <= receipt.repeated_elements <= repeatable, True),
    )


def _lengths(content: bytes) -> Sequence[int]:
    """How many elements each column has; `PROTOCOL_VIOLATION` for what are no columns of elements."""
    try:
        columns = ElementColumns.FromString(content).columns
    except DecodeError:
        raise violation("evaluated") from None
    if any(len(column) % ELEMENT_BYTES for column in columns):
        raise violation("evaluated")
    return [len(column) // ELEMENT_BYTES for column in columns]
