"""Oblivious mode, counts only: evaluated elements of the whole session, in an order drawn at its end.

The consumer learns how many of its elements are in the register and, if it keeps to the protocol, not which.
"""

import secrets
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from provider_node.domain.accounts import Attempts
from provider_node.domain.answering import Answered, Chunk
from provider_node.domain.oblivious import Elements, violation
from stayput.errors import StayputError, field_invalid
from stayput.oblivious import ELEMENT_BYTES
from stayput.v1.comparison_pb2 import ElementColumns, Proof, ProofRequest
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt

_Elements = npt.NDArray[np.void]
_ELEMENT = np.dtype(f"V{ELEMENT_BYTES}")


@dataclass(slots=True)
class _Column:
    """What is kept of a column.

    Its evaluated elements, how many there were at the end of each chunk, and the sum of the blinded ones, by
    which all of them can be proved: a list of one, or of none if there are none.
    """

    evaluated: bytearray = field(default_factory=bytearray, repr=False)
    total: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])


@dataclass(frozen=True, slots=True)
class _Shuffled:
    """All evaluated elements in columns, and the order in which they are told; 36 bytes for each element."""

    elements: Sequence[_Elements] = field(repr=False)
    orders: Sequence[npt.NDArray[np.uint32]] = field(repr=False)
    ends: Sequence[Sequence[int]]

    def __iter__(self) -> Iterator[bytes]:
        """The content of one answer for each chunk of the session, with as many elements as that had."""
        for spans in zip(*(pairwise(ends) for ends in self.ends), strict=True):
            columns = [
                elements[order[first:end]].tobytes()
                for elements, order, (first, end) in zip(self.elements, self.orders, spans, strict=True)
            ]
            yield ElementColumns(columns=columns).SerializeToString()


class EvaluatingTotal:
    """Evaluates each chunk and answers it with nothing; all answers follow that to the final chunk."""

    def __init__(self, elements: Elements) -> None:
        self._elements = elements
        self._columns = [_Column() for _ in range(elements.columns)]
        self._chunks = 0
        self._provable = False

    def asked(self, chunk: Chunk, draft: Receipt) -> None:
        """See `Answering`."""
        self._elements.asked(chunk, draft)

    def answered(
        self,
        chunk: Chunk,
        draft: Receipt,
        attempts: Attempts,  # noqa: ARG002 (nobody can tell what is asked of whom)
    ) -> Answered:
        """See `Answering`; raises `FIELD_INVALID` for a malformed element, `LIST_TOO_SHORT` at the end."""
        columns = self._elements.elements_in(chunk)
        evaluated = [b"".join(one) for one in self._elements.evaluator.evaluate(columns)]
        totals = [
            _total([*column.total, *blinded]) for column, blinded in zip(self._columns, columns, strict=True)
        ]
        cost = self._elements.cost(chunk, draft, columns)
        if chunk.final:
            whole = self._whole(evaluated)
            self._check_long_enough(whole)
            return Answered(b"", cost, partial(self._finish, evaluated, totals), more=self._shuffled(whole))
        return Answered(b"", cost, partial(self._keep, evaluated, totals))

    def prove(self, request: ProofRequest) -> Proof:
        """See `Evaluating`. The session is proved once, after its last answer."""
        if request.columns:
            raise field_invalid(
                "prove.columns", "must be empty", "ask for one proof of all elements together"
            )
        if not self._provable or request.sequence != self._chunks - 1:
            raise violation(
                "prove.sequence",
                "is not that of the final chunk, or that chunk was not answered yet or is proved",
                "ask for proof once, with the sequence number of the final chunk",
            )
        evaluator = self._elements.evaluator
        blinded = [column.total for column in self._columns]
        proofs = [
            evaluator.prove_total(column, *sums) if sums[0] else b""
            for column, sums in enumerate(zip(blinded, evaluator.evaluate(blinded), strict=True))
        ]
        self._provable = False
        return Proof(sequence=request.sequence, proofs=proofs)

    def _whole(self, last: Sequence[bytes]) -> list[_Elements]:
        """All evaluated elements of the session, by column; `last` are those of the final chunk."""
        return [
            np.frombuffer(b"".join((column.evaluated, more)), _ELEMENT)
            for column, more in zip(self._columns, last, strict=True)
        ]

    def _check_long_enough(self, whole: Sequence[_Elements]) -> None:
        """A consumer that blinds by one scalar cannot make one element several, and one total hides few."""
        minimum = self._elements.limits.count_minimum
        for number, elements in enumerate(whole):
            different = _different(elements)
            if different < minimum and (different or not number):
                field = f"columns[{number}]" if number else "records"
                raise StayputError(
                    ErrorReason.ERROR_REASON_LIST_TOO_SHORT,
                    f"{field}: a total is not told of so few different elements",
                    field=field,
                    remedy=f"ask about {minimum:,} different records or more, "
                    "and leave out a check that fewer of them ask",
                    details={"limit": str(minimum)},
                )

    def _shuffled(self, whole: Sequence[_Elements]) -> _Shuffled:
        orders = [_drawn_order(len(elements)) for elements in whole]
        ends = [[*column.ends, len(one)] for column, one in zip(self._columns, whole, strict=True)]
        return _Shuffled(whole, orders, ends)

    def _keep(self, evaluated: Sequence[bytes], totals: Sequence[list[bytes]]) -> None:
        for column, more, total in zip(self._columns, evaluated, totals, strict=True):
            column.evaluated += more
            column.ends.append(len(column.evaluated) // ELEMENT_BYTES)
            column.total = total
        self._chunks += 1

    def _finish(self, evaluated: Sequence[bytes], totals: Sequence[list[bytes]]) -> None:
        self._keep(evaluated, totals)
        for column in self._columns:
            column.evaluated.clear()
        self._provable = True


def _total(elements: Sequence[bytes]) -> list[bytes]:
    from stayput.oprf.group import add_up  # noqa: PLC0415 (see KeyEpoch.key)

    return [add_up(elements)] if elements else []


def _different(elements: _Elements) -> int:
    """How many differ: by their first 8 bytes, which under the node's key nobody chooses."""
    return len(np.unique(elements.view(np.uint64)[:: ELEMENT_BYTES // 8]))


def _drawn_order(elements: int) -> npt.NDArray[np.uint32]:
    order = array("I", range(elements))
    secrets.SystemRandom().shuffle(order)
    return np.frombuffer(order, np.uint32)
