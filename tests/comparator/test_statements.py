"""AppendReceipts: what the consumer signed of its request must be in the receipt, and bear it out."""

from collections.abc import Callable

import pytest

from stayput import requests, signing
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import AppendReceiptsRequest, Receipt, SessionEnd
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.documents import Chain, requested, statement
from tests.comparator.platform import Member, Platform, refused


@pytest.fixture
def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return Chain(node, platform.clock(), consumer)


async def _append(node: Member, *receipts: Envelope) -> int:
    return (await node.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts))).stored_through


async def _refused(chain: Chain, receipt: Receipt) -> None:
    """The receipt is not taken, as signed by its node, because of its request."""
    envelope = signing.sign(signing.PayloadType.RECEIPT, receipt, chain.node.keys.signing)
    with refused("RECEIPT_INVALID", "receipt") as caught:
        await _append(chain.node, envelope)
    assert caught.value.message.startswith("receipt: request ")
    good = chain.add()
    assert await _append(chain.node, good) == chain.sequence


CHANGES: dict[str, Callable[[RequestStatement], None]] = {
    "grant_id": lambda s: setattr(s, "grant_id", f"G-{2:026d}"),
    "consumer": lambda s: setattr(s, "consumer", "water-works"),
    "operator": lambda s: setattr(s, "operator", "operator-8"),
    "purpose": lambda s: setattr(s, "purpose", "其他"),
    "case_number": lambda s: setattr(s, "case_number", ""),
    "resource": lambda s: setattr(s, "resource", "deaths"),
    "key": lambda s: setattr(s, "key", "plate"),
    "checks": lambda s: s.checks.append("plate"),
    "mode": lambda s: setattr(s, "mode", Mode.MODE_OBLIVIOUS),
    "granularity": lambda s: setattr(s, "granularity", Granularity.GRANULARITY_COUNT),
    "records": lambda s: setattr(s, "records", 4),
    "elements": lambda s: setattr(s, "elements", 4),
    "request_commitment": lambda s: setattr(s, "request_commitment", bytes(31)),
}


def test_every_field_that_a_receipt_bears_out_is_tried() -> None:
    assert set(CHANGES) == set(requests.SHARED)


async def test_a_statement_of_something_else(chain: Chain, subtests: pytest.Subtests) -> None:
    for field, change in CHANGES.items():
        receipt = chain.draft()
        said = statement(receipt)
        change(said)
        receipt.request.CopyFrom(requested(said, chain.consumer))
        with subtests.test(field):
            await _refused(chain, receipt)


async def test_a_complete_session_without_a_statement(chain: Chain) -> None:
    await _refused(chain, chain.draft())


@pytest.mark.parametrize(
    "end",
    [
        SessionEnd.SESSION_END_CUT_BY_CONSUMER,
        SessionEnd.SESSION_END_CUT_BY_NODE,
        SessionEnd.SESSION_END_NODE_CRASHED,
    ],
)
async def test_a_session_cut_short_has_none(chain: Chain, end: "SessionEnd.ValueType") -> None:
    receipt = chain.draft()
    receipt.request.CopyFrom(requested(statement(receipt), chain.consumer))
    receipt.end = end
    if end == SessionEnd.SESSION_END_NODE_CRASHED:
        receipt.request_commitment = receipt.response_commitment = b""
    await _refused(chain, receipt)


async def test_another_s_statement(platform: Platform, chain: Chain) -> None:
    stranger = await platform.department("water-works")
    receipt = chain.draft()
    receipt.request.CopyFrom(requested(statement(receipt), stranger))
    await _refused(chain, receipt)


async def test_the_node_cannot_make_it_up(chain: Chain) -> None:
    receipt = chain.draft()
    said = requested(statement(receipt), chain.node)
    said.signatures[0].key_id = signing.key_id(chain.consumer.keys.signing.public_key().public_bytes_raw())
    receipt.request.CopyFrom(said)
    await _refused(chain, receipt)


async def test_something_else_that_the_consumer_signed(chain: Chain) -> None:
    receipt = chain.draft()
    other = signing.sign(signing.PayloadType.GRANT, statement(receipt), chain.consumer.keys.signing)
    receipt.request.CopyFrom(other)
    await _refused(chain, receipt)


@pytest.mark.parametrize("code", ["water-works", "vehicles-1"])
async def test_a_consumer_that_was_never_enrolled(chain: Chain, code: str) -> None:
    receipt = chain.draft()
    receipt.consumer = code
    receipt.request.CopyFrom(requested(statement(receipt), chain.consumer))
    await _refused(chain, receipt)


async def test_a_statement_signed_before_the_consumer_s_key_was_replaced(
    platform: Platform, chain: Chain
) -> None:
    waiting = chain.add()
    chain.consumer = await platform.department("civil-affairs")
    assert await _append(chain.node, waiting, chain.add()) == 2
