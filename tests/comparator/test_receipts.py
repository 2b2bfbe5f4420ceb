"""AppendReceipts: each node's receipts, in its own unbroken order, from itself alone."""

from collections.abc import Callable

import pytest

from stayput.receipts import payload_hash
from stayput.signing import PayloadType, sign
from stayput.v1.contract_pb2 import Mode
from stayput.v1.log_pb2 import AppendReceiptsRequest, OutcomeCount, Receipt, SessionEnd, Tally
from stayput.v1.signing_pb2 import Envelope
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform, refused


@pytest.fixture
def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return Chain(node, platform.clock(), consumer)


async def _append(node: Member, receipts: list[Envelope]) -> int:
    return (await node.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts))).stored_through


def _stored(platform: Platform) -> list[Envelope]:
    with platform.database.reading() as store:
        return list(store.log.all())


async def test_receipts_are_kept_as_signed(platform: Platform, node: Member, chain: Chain) -> None:
    first, second = chain.next(3), chain.next(2)
    assert await _append(node, first) == 3
    assert await _append(node, second) == 5
    assert _stored(platform) == first + second


async def test_a_replayed_batch_changes_nothing(platform: Platform, node: Member, chain: Chain) -> None:
    batch = chain.next(3)
    await _append(node, batch)
    assert await _append(node, batch) == 3
    assert await _append(node, batch[:1]) == 3
    more = chain.next(2)
    assert await _append(node, batch[1:] + more) == 5
    twice = chain.next(2)
    assert await _append(node, [*twice, *twice]) == 7
    assert _stored(platform) == batch + more + twice


async def test_a_batch_may_hold_a_thousand(platform: Platform, node: Member, chain: Chain) -> None:
    batch = chain.next(1_001)
    with refused("FIELD_INVALID", "receipts"):
        await _append(node, batch)
    assert await _append(node, batch[:1_000]) == 1_000
    assert len(_stored(platform)) == 1_000


async def test_an_empty_batch(node: Member) -> None:
    with refused("FIELD_INVALID", "receipts"):
        await _append(node, [])


async def test_a_gap_names_the_number_wanted(platform: Platform, node: Member, chain: Chain) -> None:
    batch = chain.next(5)
    with refused("LOG_SEQUENCE") as caught:
        await _append(node, batch[1:])
    assert caught.value.details["expected"] == "1"
    await _append(node, batch[:2])
    with refused("LOG_SEQUENCE") as caught:
        await _append(node, [batch[2], batch[4]])
    assert caught.value.details["expected"] == "4"
    assert _stored(platform) == batch[:2]


async def test_another_receipt_of_a_number_stored_is_a_fork(
    platform: Platform, node: Member, chain: Chain
) -> None:
    batch = chain.next(2)
    await _append(node, batch)
    other = Chain(node, platform.clock(), chain.consumer)
    changed = other.draft()
    changed.records, changed.outcome_bytes = 0, 0
    changed.ClearField("tallies")
    with refused("LOG_FORK"):
        await _append(node, [other.add(changed)])
    with refused("LOG_FORK"):
        await _append(node, [*chain.next(1), other.add()])
    assert _stored(platform) == batch


async def test_a_fork_within_a_batch(platform: Platform, node: Member, chain: Chain) -> None:
    first = chain.add()
    other = Chain(node, platform.clock(), chain.consumer)
    changed = other.draft()
    changed.operator = "operator-8"
    with refused("LOG_FORK"):
        await _append(node, [first, other.add(changed)])
    assert not _stored(platform)


async def test_a_broken_chain(platform: Platform, node: Member, chain: Chain) -> None:
    first = chain.add()
    await _append(node, [first])
    broken = chain.draft()
    broken.previous_hash = payload_hash(b"another history")
    with refused("RECEIPT_INVALID"):
        await _append(node, [chain.add(broken)])
    assert _stored(platform) == [first]


async def test_the_first_receipt_follows_nothing(node: Member, chain: Chain) -> None:
    first = chain.draft()
    first.previous_hash = payload_hash(b"")
    with refused("RECEIPT_INVALID"):
        await _append(node, [chain.add(first)])


async def test_one_bad_receipt_keeps_the_whole_batch_out(
    platform: Platform, node: Member, chain: Chain
) -> None:
    batch = chain.next(3)
    batch[2].signatures[0].signature = bytes(64)
    with refused("RECEIPT_INVALID"):
        await _append(node, batch)
    assert not _stored(platform)


async def test_another_nodes_receipts(platform: Platform, node: Member, chain: Chain) -> None:
    other = await platform.node("tax-1", "tax-office")
    genuine = chain.add()
    with refused("RECEIPT_INVALID"):
        await _append(other, [genuine])
    borrowed = Chain(node, platform.clock(), chain.consumer).draft()
    with refused("RECEIPT_INVALID"):
        await _append(other, [sign(PayloadType.RECEIPT, borrowed, other.keys.signing)])
    assert not _stored(platform)
    assert await _append(node, [genuine]) == 1


async def test_each_node_has_its_own_chain(platform: Platform, node: Member, chain: Chain) -> None:
    other = await platform.node("tax-1", "tax-office")
    await _append(node, chain.next(2))
    assert await _append(other, Chain(other, platform.clock(), chain.consumer).next(1)) == 1


async def test_receipts_signed_before_the_key_was_replaced(
    platform: Platform, node: Member, chain: Chain
) -> None:
    waiting = chain.next(2)
    renewed = await platform.node("vehicles-1", "traffic-police")
    chain.node = renewed
    assert await _append(renewed, [*waiting, chain.add()]) == 3
    with refused("CERTIFICATE_UNKNOWN"):
        await _append(node, waiting)


async def test_something_else_signed_by_the_node(node: Member, chain: Chain) -> None:
    receipt = chain.draft()
    with refused("RECEIPT_INVALID"):
        await _append(node, [sign(PayloadType.GRANT, receipt, node.keys.signing)])
    garbled = sign(PayloadType.RECEIPT, receipt, node.keys.signing)
    garbled.ClearField("signatures")
    with refused("RECEIPT_INVALID"):
        await _append(node, [garbled])


def _set(name: str, value: object) -> Callable[[Receipt], None]:
    return lambda receipt: setattr(receipt, name, value)


_CONTRADICTIONS: list[Callable[[Receipt], object]] = [
    _set("provider", "tax-office"),
    _set("node_id", "vehicles-2"),
    _set("session_id", bytes(15)),
    _set("sequence", 0),
    _set("sequence", -1),
    _set("end", SessionEnd.SESSION_END_UNSPECIFIED),
    _set("end", 9),
    _set("records", -3),
    _set("outcome_bytes", 7),
    _set("mode", Mode.MODE_UNSPECIFIED),
    _set("leakage", "keyed-count/1"),
    _set("previous_hash", b""),
    _set("consumer", "Civil Affairs"),
    _set("resource", ""),
    _set("grant_id", "G-1"),
    _set("operator", "o" * 101),
    _set("case_number", "case\x001"),
    _set("purpose", "p" * 501),
    _set("ticket_id", "T\x00"),
    _set("software_version", "1" * 65_536),
    _set("request_commitment", b""),
    _set("response_commitment", bytes(31)),
    lambda receipt: receipt.ClearField("tallies"),
    lambda receipt: receipt.tallies.pop(),
    lambda receipt: setattr(receipt.tallies[1].counts[0], "count", 2),
    lambda receipt: receipt.tallies[0].counts.append(OutcomeCount(count=0)),
]


async def test_a_receipt_that_contradicts_itself(
    platform: Platform, node: Member, consumer: Member, subtests: pytest.Subtests
) -> None:
    for number, change in enumerate(_CONTRADICTIONS):
        chain = Chain(node, platform.clock(), consumer)
        receipt = chain.draft()
        change(receipt)
        with subtests.test(number=number), refused("RECEIPT_INVALID"):
            await _append(node, [chain.add(receipt)])
    assert not _stored(platform)


async def test_whatever_a_ticket_may_say_is_taken(node: Member, chain: Chain) -> None:
    for number, text in enumerate(("张\N{IDEOGRAPHIC SPACE}三", "a\tb\nc", "\ue863", "\U00031350"), start=1):
        receipt = chain.draft()
        receipt.operator = receipt.purpose = receipt.case_number = text
        assert await _append(node, [chain.add(receipt)]) == number


async def test_receipts_of_sessions_cut_short(node: Member, chain: Chain) -> None:
    nothing = chain.draft()
    nothing.end, nothing.records, nothing.outcome_bytes = SessionEnd.SESSION_END_CUT_BY_CONSUMER, 0, 0
    nothing.ClearField("tallies")
    nothing.tallies.extend([Tally(), Tally()])
    crashed_from = chain.add(nothing)
    crashed = chain.draft()
    crashed.end = SessionEnd.SESSION_END_NODE_CRASHED
    crashed.request_commitment = crashed.response_commitment = b""
    assert await _append(node, [crashed_from, chain.add(crashed)]) == 2
