"""How the chunks of a session are answered: what differs by mode and granularity."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from provider_node.domain.accounts import Attempts
from provider_node.domain.costs import Cost
from provider_node.domain.guards import Observation
from stayput.v1.log_pb2 import Receipt

CHUNK_RECORDS: Final = 8_192
# Half of what a message may hold (stayput.rpc.tls).
_CHUNK_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk as it came out of its seal. `content` hides itself.

    It may hold `most` records, or in oblivious mode so many elements in each column.
    """

    content: bytes = field(repr=False)
    most: int
    final: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a chunk, which may be sent once it is accounted for.

    `response` is what the consumer gets, before it is sealed, and `more` what follows it after the final
    chunk; that can be gone through more than once. `cost` and `observed` are as `Entry` has them. `keep` is
    called when the answer is durable, and takes it into what the answers to later chunks build on.
    """

    response: bytes = field(repr=False)
    cost: Cost
    keep: Callable[[], None]
    observed: Observation | None = None
    more: Iterable[bytes] = field(default=(), repr=False)


class Answering(Protocol):
    """Answers the chunks of one session, one after the other, each in a thread."""

    def asked(self, chunk: Chunk, draft: Receipt) -> None:
        """Adds to the draft what a chunk asks; the consumer's statement is compared with that.

        Raises `CHUNK_SIZE`, `FIELD_INVALID` or `QUOTA_EXCEEDED`.
        """

    def answered(self, chunk: Chunk, draft: Receipt, attempts: Attempts) -> Answered:
        """The answer to that chunk; adds to the draft what it tells. Changes nothing else before `keep`."""


def most_in_chunk(size: int) -> int:
    """Most records in one chunk, if each takes so many bytes."""
    return min(CHUNK_RECORDS, _CHUNK_BYTES // size)


def nothing_kept() -> None:
    """Where no answer builds on those before."""
