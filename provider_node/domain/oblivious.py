"""Oblivious mode: what a chunk of blinded elements asks, and what evaluating it costs.

Each element counts as a record. A chunk that the grant has had evaluated on the same day, byte for byte the
same, costs nothing: a consumer whose connection broke sends again what was not answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from provider_node.domain.accounting import quota_exceeded
from provider_node.domain.answering import Answering, Chunk, most_in_chunk
from provider_node.domain.costs import EvaluatedChunk
from provider_node.domain.evaluating import Evaluator
from provider_node.store.evaluations import CHUNK_NAME_BYTES
from stayput import oblivious
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Limits
from stayput.v1.comparison_pb2 import Proof, ProofRequest
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt

_NAME: Final = b"stayput/v1/evaluated-chunk"


def chunk_elements(checks: int) -> int:
    """Most elements in one column of a chunk, in a session that asks so many checks."""
    return most_in_chunk(oblivious.ELEMENT_BYTES * (1 + checks))


class Evaluating(Answering, Protocol):
    """Answers in oblivious mode, and proves its answers."""

    def prove(self, request: ProofRequest) -> Proof:
        """The proofs asked for, made in a thread.

        Raises `PROTOCOL_VIOLATION` if there is no such answer to prove, or no longer, and `FIELD_INVALID` for
        elements that cannot be proved.
        """


@dataclass(frozen=True, slots=True)
class Elements:
    """What both granularities have in common: the elements of one session, and what they are charged to.

    `limits` are complete, `columns` is 1 and the number of checks.
    """

    evaluator: Evaluator
    limits: Limits
    columns: int

    def asked(self, chunk: Chunk, draft: Receipt) -> None:
        """See `Answering`.

        Raises `QUOTA_EXCEEDED` if the session gets more elements than it may, also if they cost nothing.
        """
        columns = self.elements_in(chunk)
        elements, allowed = sum(map(len, columns)), self.limits.records_per_session
        if draft.elements + elements > allowed:
            raise quota_exceeded(
                "records_per_session",
                "the session has no room for this chunk",
                "compare fewer records in one session, or apply for more",
                allowed,
                draft.elements,
            )
        draft.records += len(columns[0])
        draft.elements += elements

    def elements_in(self, chunk: Chunk) -> list[list[bytes]]:
        """The elements of each column; `CHUNK_SIZE` or `FIELD_INVALID` if it may not have them."""
        columns = oblivious.unpacked(chunk.content, self.columns, "chunk.sealed")
        if max(map(len, columns)) > chunk.most or not (any(columns) or chunk.final):
            raise StayputError(
                ErrorReason.ERROR_REASON_CHUNK_SIZE,
                f"a chunk must hold elements, and at most {chunk.most} in a column",
                field="chunk.sealed",
                remedy="send smaller chunks; only the final one may be empty",
                details={"limit": str(chunk.most)},
            )
        return columns

    def cost(self, chunk: Chunk, draft: Receipt, columns: Sequence[Sequence[bytes]]) -> EvaluatedChunk:
        """What the elements of a chunk cost, unless they are charged already."""
        return EvaluatedChunk(_chunk_name(chunk, draft), sum(map(len, columns)))


def violation(field: str, problem: str, remedy: str) -> StayputError:
    """`PROTOCOL_VIOLATION` naming a field of the message."""
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION, f"{field}: {problem}", field=field, remedy=remedy
    )


def _chunk_name(chunk: Chunk, draft: Receipt) -> bytes:
    """Tells whether a chunk asks the same of the same keys as another of its grant."""
    asked = (draft.key_epoch, str(draft.granularity), draft.key, *draft.checks)
    parts = [_NAME, *(one.encode() for one in asked), chunk.content]
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return sha256(framed).digest()[:CHUNK_NAME_BYTES]
