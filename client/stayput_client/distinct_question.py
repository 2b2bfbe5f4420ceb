"""Blinding for counts only: an element is asked once, and one blind serves a column throughout."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from stayput.v1.contract_pb2 import Contract
from stayput_client.blinded_question import BlindedQuestion
from stayput_client.blinding import Blinds
from stayput_client.question import Encoded, Question

_NAME_BYTES: Final = 16


class DistinctQuestion(BlindedQuestion):
    """A question of which only the different elements are blinded. Takes some 100 bytes for each of them."""

    def __init__(self, question: Question, contract: Contract, blinds: Blinds) -> None:
        super().__init__(question, contract, blinds)
        self._seen: list[set[bytes]] = [set() for _ in self.contexts]

    def blind(self, column: int) -> bytes:
        """The blind of a column."""
        (blind,) = self.blinds.draw(0, column, slice(0, 1))
        return blind

    def _inputs(self, encoded: Encoded) -> list[list[bytes]]:
        columns = super()._inputs(encoded)
        return [_new(column, seen) for column, seen in zip(columns, self._seen, strict=True)]

    def _draw(self, number: int, column: int, part: slice) -> list[bytes]:  # noqa: ARG002 (one for all chunks)
        count: int = part.stop - part.start
        return [self.blind(column)] * count


def _new(inputs: Sequence[bytes], seen: set[bytes]) -> list[bytes]:
    """Those not seen before, each once; they are seen then."""
    named = {sha256(one).digest()[:_NAME_BYTES]: one for one in inputs}
    new = [one for name, one in named.items() if name not in seen]
    seen.update(named)
    return new
