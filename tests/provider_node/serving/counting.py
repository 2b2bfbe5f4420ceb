"""A node whose resource offers totals, and the consumer that asks for them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provider_node.store.generations import Generations
from stayput.evidence.receipt import check_receipt, check_statement
from stayput.limits import complete
from stayput.receipts import verify
from stayput.v1.access_pb2 import Grant, Limits
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import Granularity
from stayput.v1.log_pb2 import Receipt, SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Asking, Stream, call_request, chunks_of, resealed
from tests.provider_node.serving.node import (
    CONSUMER,
    GRANT_ID,
    INDEX_KEY,
    OPRF_KEYS,
    LocalNode,
    Material,
    grant,
)
from tests.provider_node.serving.register import Person

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

Totals = list[dict[int, int]]
COUNT = Granularity.GRANULARITY_COUNT
OTHER_GRANT = f"{GRANT_ID[:-1]}2"


def counting(material: Material, directory: Path) -> Material:
    """The same parties with a register of which totals are offered too."""
    register.write_files(directory)
    file = directory / "resources" / "vehicles.toml"
    file.write_text('granularities = ["record", "count"]\n' + file.read_text("utf-8"), "utf-8")
    register.build(directory, INDEX_KEY, OPRF_KEYS, directory / "data")
    return replace(material, data=directory, generations=Generations(directory / "data", INDEX_KEY.id))


def count_grant(limits: Limits | None = None, grant_id: str = GRANT_ID) -> Grant:
    """A grant for totals only."""
    given = grant()
    given.id = grant_id
    given.granularities[:] = [COUNT]
    given.limits.CopyFrom(complete(limits or Limits(), given.limits))
    return given


def asking(node: LocalNode, checks: Sequence[str] = register.CHECKS, grant_id: str = GRANT_ID) -> Asking:
    """A session for totals."""
    office = node.office.at(node.clock.now)
    ticket = office.ticket(CONSUMER, node.material.consumer, grant_id)
    scope = replace(ticket.scope, granularities=("COUNT",))
    opening = SessionOpen()
    opening.CopyFrom(node.asking(checks).open)
    opening.ticket = office.issue(replace(ticket, scope=scope))
    opening.granularity = COUNT
    return resealed(opening, node.describe())


async def count(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    people: Sequence[Person],
    checks: Sequence[str] = register.CHECKS,
    grant_id: str = GRANT_ID,
) -> Receipt:
    """The receipt of a session in one call, verified."""
    asked = asking(node, checks, grant_id)
    response = await consumer.CompareRecords(call_request(asked, people))
    answer = asked.keys.response(response.opened.session_id)
    assert answer.open(response.outcomes.sequence, response.outcomes.sealed) == b""
    return verified(verify(response.receipt, node.material.verification_key))


async def count_in_chunks(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", people: Sequence[Person], size: int
) -> Receipt:
    """The receipt of a session in chunks of that size, verified."""
    stream = Stream(consumer, asking(node))
    await stream.open()
    chunks = chunks_of(people, size)
    for sequence, chunk in enumerate(chunks):
        assert await stream.ask(sequence, chunk, final=sequence == len(chunks) - 1) == []
    return verified(await stream.receipt(node.material.verification_key))


def verified(receipt: Receipt) -> Receipt:
    """The receipt, if everybody would take it for evidence."""
    check_receipt(receipt)
    check_statement(receipt)
    return receipt


def told(receipt: Receipt) -> Totals:
    """What a receipt tells of the key and of each check."""
    return [{one.outcome: one.count for one in tally.counts} for tally in receipt.tallies]


def ended(node: LocalNode) -> list[str]:
    """How each session ended, by the node's receipts, all of which are evidence."""
    return [SessionEnd.Name(verified(one).end).removeprefix("SESSION_END_") for one in node.receipts()]


def outcomes_of(numbers: Sequence[int]) -> list[Counter[int]]:
    """How often each outcome comes in each column of a list of the register's kinds of records."""
    rows = [register.asked(number)[1] for number in numbers]
    return [Counter(column) for column in zip(*rows, strict=True)]
