"""What was sent in a session in oblivious mode, made again from the list and what opens the receipt."""

from collections.abc import Iterator, Mapping

from stayput.receipts import Opener
from stayput.v1.contract_pb2 import Granularity
from stayput_client.blinded_question import BlindedQuestion
from stayput_client.blinding import Blinds
from stayput_client.distinct_question import DistinctQuestion
from stayput_client.question import Question


def contents(
    opener: Opener,
    blinding_key: bytes,
    question: Question,
    values: Iterator[Mapping[str, list[str]]],
    granularity: "Granularity.ValueType",
) -> Iterator[bytes]:
    """The content of each chunk of the session, from the raw values of all batches of the list."""
    of = DistinctQuestion if granularity == Granularity.GRANULARITY_COUNT else BlindedQuestion
    blinded = of(question, opener.contract, Blinds(blinding_key))
    sent = False
    for batch in values:
        chunk = blinded.prepare(batch)
        if chunk.elements and chunk.number >= opener.first_chunk:
            sent = True
            yield chunk.content
    if not sent:
        # All had been answered when the connection broke, and only the receipt was missing.
        yield blinded.nothing().content
