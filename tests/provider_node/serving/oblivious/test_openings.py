"""What opens an oblivious session or a fetch, and what does not: then nothing of it is kept."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import Mode
from tests.provider_node.serving.consumer import Stream, call_request, refused
from tests.provider_node.serving.node import LocalNode
from tests.provider_node.serving.oblivious.consumer import (
    COUNT,
    ObliviousAsking,
    fetching,
    granted,
    opening,
    sealed_for,
)
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub


OPENINGS: dict[str, tuple[Callable[[SessionOpen], object], str, str]] = {
    "another suite": (
        lambda o: setattr(o, "oblivious_suite", "oblivious/9"), "SUITE_UNSUPPORTED", "oblivious_suite"
    ),
    "no suite": (lambda o: o.ClearField("oblivious_suite"), "SUITE_UNSUPPORTED", "oblivious_suite"),
    "another epoch": (lambda o: setattr(o, "key_epoch", "0" * 16), "KEY_EPOCH_MISMATCH", "key_epoch"),
    "no epoch": (lambda o: o.ClearField("key_epoch"), "KEY_EPOCH_MISMATCH", "key_epoch"),
    "a check twice": (lambda o: o.checks.append("name"), "FIELD_INVALID", "checks"),
    "another salt": (lambda o: setattr(o.contract, "salt", bytes(16)), "SALT_MISMATCH", "salt"),
    "another sealing key": (
        lambda o: setattr(o, "sealing_key_id", bytes(8)), "SEALING_KEY_UNKNOWN", "sealing_key_id"
    ),
}  # fmt: skip


Opens = Callable[["ComparisonServiceAsyncStub", ObliviousAsking], Awaitable[None]]


async def evaluated(consumer: "ComparisonServiceAsyncStub", asking: ObliviousAsking) -> None:
    await Evaluated(consumer, asking).open()


async def fetched(consumer: "ComparisonServiceAsyncStub", asking: ObliviousAsking) -> None:
    await anext(aiter(consumer.FetchFingerprints(asking.fetch())))


CALLS = pytest.mark.parametrize("call", [evaluated, fetched])


@CALLS
@pytest.mark.parametrize("change", OPENINGS)
async def test_what_cannot_be_opened_is_named_and_leaves_nothing(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    call: Opens,
    change: str,
) -> None:
    asking = fetching(node, opening(node))
    altered, reason, field = OPENINGS[change]
    altered(asking.open)
    with refused(reason, field) as caught:
        await call(consumer, asking)
    if reason == "KEY_EPOCH_MISMATCH":
        assert caught.value.details["expected"] == node.describe().oblivious.key_epoch
    assert node.receipts() == []


@CALLS
async def test_the_calls_of_oblivious_mode_serve_no_other(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", call: Opens
) -> None:
    asking = opening(node)
    asking.open.mode = Mode.MODE_KEYED
    with refused("FIELD_INVALID", "mode"):
        await call(consumer, fetching(node, asking))


async def test_nor_do_those_of_keyed_mode(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    asking = node.asking()
    asking.open.mode = Mode.MODE_OBLIVIOUS
    with refused("FIELD_INVALID", "mode"):
        await consumer.CompareRecords(call_request(asking, []))
    stream = Stream(consumer, asking)
    with refused("FIELD_INVALID", "mode"):
        await stream.open()


async def test_keyed_sessions_name_no_oblivious_keys(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = node.asking()
    asking.open.key_epoch = node.describe().oblivious.key_epoch
    with refused("FIELD_INVALID", "oblivious_suite"):
        await consumer.CompareRecords(call_request(asking, []))


@CALLS
@pytest.mark.parametrize("dropped", ["modes", "granularities", "checks"])
async def test_the_grant_must_allow_what_is_asked(
    bare_node: LocalNode,
    call: Opens,
    dropped: str,
) -> None:
    node = bare_node
    given = granted()
    del getattr(given, dropped)[-1:]
    await node.give(given)
    async with node.listening(), node.called_by() as (consumer, _):
        with refused("GRANT_SCOPE"):
            asking = opening(node, granularity=COUNT)
            await call(consumer, fetching(node, asking))


async def test_the_ticket_must_allow_what_is_asked(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = opening(node)
    asking.open.ticket = node.ticket()
    with refused("TICKET_SCOPE"):
        await evaluated(consumer, sealed_for(asking.open, node.describe()))


async def test_another_key_or_check_than_offered_is_refused(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    asking = opening(node)
    asking.open.checks.append("colour")
    with refused("TICKET_SCOPE"):
        await evaluated(consumer, asking)
