"""Oblivious mode, an answer for each record: evaluated elements in the order of the blinded ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from provider_node.domain.accounts import Attempts
from provider_node.domain.answering import Answered, Chunk
from provider_node.domain.oblivious import Elements, violation
from stayput import oblivious
from stayput.errors import field_invalid
from stayput.v1.comparison_pb2 import Proof, ProofRequest
from stayput.v1.log_pb2 import Receipt


@dataclass(frozen=True, slots=True)
class _Unproved:
    """A question and its answer as they went over the wire, which takes less memory than their elements."""

    blinded: bytes = field(repr=False)
    evaluated: bytes = field(repr=False)


class EvaluatingRecords:
    """Evaluates each chunk, and keeps the last `UNPROVED_CHUNKS` answers until they are proved."""

    def __init__(self, elements: Elements) -> None:
        self._elements = elements
        self._unproved: dict[int, _Unproved] = {}
        self._answered = 0

    def asked(self, chunk: Chunk, draft: Receipt) -> None:
        """See `Answering`."""
        self._elements.asked(chunk, draft)

    def answered(
        self,
        chunk: Chunk,
        draft: Receipt,
        attempts: Attempts,  # noqa: ARG002 (nobody can tell what is asked of whom)
    ) -> Answered:
        """See `Answering`; raises `FIELD_INVALID` for a malformed element."""
        columns = self._elements.elements_in(chunk)
        evaluated = oblivious.packed(self._elements.evaluator.evaluate(columns))
        return Answered(
            evaluated,
            self._elements.cost(chunk, draft, columns),
            partial(self._keep, _Unproved(chunk.content, evaluated)),
        )

    def prove(self, request: ProofRequest) -> Proof:
        """See `Evaluating`. Each answer is proved once."""
        columns = self._elements.columns
        if len(request.columns) != columns:
            raise field_invalid(
                "prove.columns", f"must be {columns}", "give one for the key and one for each check asked"
            )
        unproved = self._unproved.get(request.sequence)
        if unproved is None:
            raise violation(
                "prove.sequence",
                f"no such chunk was answered, or it was proved, or more than {oblivious.UNPROVED_CHUNKS} ago",
                "ask for proof of each chunk once, soon after it was answered",
            )
        blinded, evaluated = (
            oblivious.unpacked(one, columns, "chunk.sealed") for one in (unproved.blinded, unproved.evaluated)
        )
        proofs = [
            self._proof(column, one.indices, blinded[column], evaluated[column])
            for column, one in enumerate(request.columns)
        ]
        del self._unproved[request.sequence]
        return Proof(sequence=request.sequence, proofs=proofs)

    def _proof(
        self, column: int, indices: Sequence[int], blinded: Sequence[bytes], evaluated: Sequence[bytes]
    ) -> bytes:
        from stayput.oprf import chosen  # noqa: PLC0415 (see KeyEpoch.key)

        if not indices:
            return b""
        pairs = chosen(blinded, indices), chosen(evaluated, indices)
        return self._elements.evaluator.prove(column, *pairs)

    def _keep(self, unproved: _Unproved) -> None:
        self._unproved[self._answered] = unproved
        self._unproved.pop(self._answered - oblivious.UNPROVED_CHUNKS, None)
        self._answered += 1
