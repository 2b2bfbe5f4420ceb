"""What an oblivious session is refused or cut for: nothing of it is charged, and the node serves on."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.grants import GivenGrants
from stayput import requests
from stayput.errors import StayputError
from stayput.oblivious import packed
from stayput.v1.access_pb2 import GrantState
from stayput.v1.admin_pb2 import ChangeGrantRequest
from stayput.v1.comparison_pb2 import (
    ElementColumns,
    RequestStatement,
    SealedChunk,
)
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving.consumer import SIGNING_KEY, refused
from tests.provider_node.serving.node import GRANT_ID, LocalNode
from tests.provider_node.serving.oblivious.consumer import COUNT, RECORD, granted, opening, random_elements
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

TODAY = "2026-11-22"
CUT_BY_NODE = SessionEnd.SESSION_END_CUT_BY_NODE
# Not a point of the group: an element is the encoding of a field element below the prime, and this is above.
NO_POINT = b"\xff" * 32
IDENTITY = bytes(32)


def of(*columns: list[bytes]) -> bytes:
    return packed([*columns, *[[]] * (3 - len(columns))])


def with_top_bit(element: bytes) -> bytes:
    return element[:-1] + bytes([element[-1] | 0x80])


GOOD = random_elements(3, 3)
CONTENTS: dict[str, tuple[bytes, str, str]] = {
    "no point": (of([*GOOD[0], NO_POINT]), "FIELD_INVALID", "columns[0]"),
    "the identity": (of(GOOD[0], [IDENTITY]), "FIELD_INVALID", "columns[1]"),
    "a second encoding": (of(GOOD[0], [with_top_bit(GOOD[1][0])]), "FIELD_INVALID", "columns[1]"),
    "the identity's second": (of(GOOD[0], [], [with_top_bit(IDENTITY)]), "FIELD_INVALID", "columns[2]"),
    "a column too few": (packed(GOOD[:2]), "FIELD_INVALID", "chunk.sealed"),
    "a column too many": (packed([*GOOD, []]), "FIELD_INVALID", "chunk.sealed"),
    "half an element": (
        ElementColumns(columns=[b"".join(GOOD[0])[:-1], b"", b""]).SerializeToString(),
        "FIELD_INVALID",
        "chunk.sealed",
    ),
    "no columns": (b"\xff\xff", "FIELD_INVALID", "chunk.sealed"),
    "nothing at all": (b"", "FIELD_INVALID", "chunk.sealed"),
    "no element": (of(), "CHUNK_SIZE", "chunk.sealed"),
    "a column too long": (of(GOOD[0], GOOD[1][:1] * 8_193), "CHUNK_SIZE", "chunk.sealed"),
    "digests": (bytes(16 * 3 * 3), "FIELD_INVALID", "chunk.sealed"),
}


@pytest.mark.parametrize("granularity", [RECORD, COUNT], ids=["record", "count"])
@pytest.mark.parametrize("content", CONTENTS)
async def test_a_chunk_that_cannot_be_evaluated_is_not_charged_and_ends_the_session(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    content: str,
    granularity: "Granularity.ValueType",
) -> None:
    plain, reason, field = CONTENTS[content]
    stream = Evaluated(consumer, opening(node, granularity=granularity))
    await stream.open()
    await stream.send(stream.asking.elements(0, GOOD))
    await stream.read()
    await stream.send(stream.asking.sealed(1, plain))
    with refused(reason, field):
        await stream.read()
    await node.sessions.all_closed()
    assert [(one.end, one.records, one.elements) for one in node.receipts()] == [(CUT_BY_NODE, 3, 9)]
    assert node.state.used(GRANT_ID, TODAY) == 9
    await serves(node, consumer)


async def serves(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> None:
    """The node still answers."""
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    await stream.proved(0, random_elements(1), final=True)
    await stream.receipt(node.material.verification_key)
    await stream.close()


async def test_a_message_that_is_too_large_is_refused_before_it_is_read(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    with suppress(StayputError):
        await stream.send(SealedChunk(sequence=0, sealed=bytes(9 * 1024 * 1024)))
    # gRPC refuses it, and says so in one way or another.
    with pytest.raises(StayputError):
        await stream.read()
    await node.sessions.all_closed()
    assert node.state.used(GRANT_ID, TODAY) == 0
    await serves(node, consumer)


async def test_a_stream_without_end_ends_at_the_quota(bare_node: LocalNode) -> None:
    node = bare_node
    await node.give(granted(per_session=100))
    async with node.listening(), node.called_by() as (consumer, _):
        stream = Evaluated(consumer, opening(node))
        await stream.open()
        with refused("QUOTA_EXCEEDED", "records_per_session"):
            for sequence in range(1_000):
                await stream.ask(sequence, random_elements(2))
        await node.sessions.all_closed()
        assert node.state.used(GRANT_ID, TODAY) == 96


@pytest.mark.parametrize(("sequence", "final"), [(0, False), (2, False), (2, True)])
async def test_chunks_come_in_order(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", sequence: int, *, final: bool
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    await stream.ask(0, random_elements(1))
    await stream.send(stream.asking.elements(sequence, random_elements(1), final=final))
    with refused("PROTOCOL_VIOLATION", "chunk.sequence"):
        await stream.read()


async def test_no_chunk_follows_the_final_one(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    await stream.ask(0, random_elements(1), final=True)
    await stream.receipt(node.material.verification_key)
    await stream.send(stream.asking.elements(1, random_elements(1)))
    with refused("PROTOCOL_VIOLATION", "chunk.sequence"):
        await stream.read()
    await node.sessions.all_closed()
    assert [one.end for one in node.receipts()] == [SessionEnd.SESSION_END_COMPLETE]
    assert node.state.used(GRANT_ID, TODAY) == 3


async def test_a_chunk_under_another_seal_is_refused(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    chunk = stream.asking.elements(0, random_elements(1))
    chunk.sealed = chunk.sealed[::-1]
    await stream.send(chunk)
    with refused("SEAL_INVALID", "chunk.sealed"):
        await stream.read()


CHANGES: dict[str, Callable[[RequestStatement], object]] = {
    "elements": lambda statement: setattr(statement, "elements", 2),
    "records": lambda statement: setattr(statement, "records", 3),
    "mode": lambda statement: setattr(statement, "mode", Mode.MODE_KEYED),
    "fetched_generation": lambda statement: setattr(statement, "fetched_generation", "20261122T060000Z-0001"),
    "request_commitment": lambda statement: setattr(statement, "request_commitment", bytes(32)),
}


@pytest.mark.parametrize("field", CHANGES)
async def test_the_statement_must_say_what_was_asked(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", field: str
) -> None:
    stream = Evaluated(consumer, opening(node))
    await stream.open()
    final = stream.asking.elements(0, random_elements(1), final=True)
    statement = stream.asking.statement()
    CHANGES[field](statement)
    final.request.CopyFrom(requests.sign(statement, SIGNING_KEY))
    await stream.send(final)
    with refused("REQUEST_STATEMENT_INVALID", field):
        await stream.read()
    await node.sessions.all_closed()
    assert node.state.used(GRANT_ID, TODAY) == 0


async def test_a_session_of_a_grant_that_is_suspended_ends_also_after_its_receipt(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    streams = [Evaluated(consumer, opening(node)) for _ in range(2)]
    for final, stream in enumerate(streams):
        await stream.open()
        await stream.ask(0, random_elements(1), final=bool(final))
    await streams[1].receipt(node.material.verification_key)
    suspended = GrantState.GRANT_STATE_SUSPENDED
    await given_grants.change(
        ChangeGrantRequest(grant_id=GRANT_ID, state=suspended, reason="误授", administrator="王建国")
    )
    for stream in streams:
        with refused("GRANT_NOT_ACTIVE"):
            await stream.read()
    await node.sessions.all_closed()
    assert sorted(one.end for one in node.receipts()) == [SessionEnd.SESSION_END_COMPLETE, CUT_BY_NODE]
