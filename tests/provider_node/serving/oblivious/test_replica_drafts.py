"""Sessions in oblivious mode at a replica: what it says of elements and fetches, and a node that is lost."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from provider_node.domain import fetch
from provider_node.store.state import State
from stayput import requests
from stayput.evidence import check_receipt
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.replica_pb2 import (
    AccountRequest,
    BeginSession,
    ChargeAnswer,
    CutSession,
    EvaluatedChunk,
    FetchedFingerprints,
)
from tests.provider_node.serving.consumer import SIGNING_KEY, refused
from tests.provider_node.serving.dishonest import Dishonest, at_its_end
from tests.provider_node.serving.node import Clock, Material
from tests.provider_node.serving.oblivious.consumer import ObliviousAsking, fetching, granted, opening
from tests.provider_node.serving.replicated import ReplicatedNode

COMPLETE = SessionEnd.SESSION_END_COMPLETE
CRASHED = SessionEnd.SESSION_END_NODE_CRASHED
Change = Callable[[Receipt], object]


@pytest.fixture
async def node(material: Material, state: State, clock: Clock) -> AsyncIterator[ReplicatedNode]:
    made = ReplicatedNode(material, state, clock)
    await made.give(granted())
    async with made.listening():
        yield made


@pytest.fixture
def asking(node: ReplicatedNode) -> ObliviousAsking:
    return fetching(node, opening(node))


@pytest.fixture
async def replica(node: ReplicatedNode, asking: ObliviousAsking) -> AsyncIterator[Dishonest]:
    made = Dishonest(node, asking.open)
    yield made
    made.call.cancel()


def evaluated(draft: Receipt, elements: int) -> ChargeAnswer:
    """An answer of so many elements, all of them of the key."""
    made = ChargeAnswer(draft=draft, evaluated=EvaluatedChunk(name=bytes(16), elements=elements))
    made.begun_at.CopyFrom(draft.started_at)
    made.draft.elements += elements
    made.draft.records += elements
    return made


EVALUATED: dict[str, tuple[Change, str]] = {
    "fewer elements": (lambda draft: setattr(draft, "elements", 5), "draft.elements"),
    "more elements": (lambda draft: setattr(draft, "elements", 9), "draft.elements"),
    "more records": (lambda draft: setattr(draft, "records", 9), "draft.records"),
    "fewer records": (lambda draft: setattr(draft, "records", 3), "draft.records"),
    "repeated": (lambda draft: setattr(draft, "repeated_elements", 4), "draft"),
    "tallies": (lambda draft: draft.tallies.add(), "draft.tallies"),
}


@pytest.mark.parametrize("change", EVALUATED)
async def test_elements_grow_by_what_is_charged(replica: Dishonest, change: str) -> None:
    draft = (await replica.says(AccountRequest(charge=evaluated(await replica.begun(), 4)))).done.draft
    spoil, field = EVALUATED[change]
    made = evaluated(draft, 4)
    spoil(made.draft)
    error = await replica.refused(AccountRequest(charge=made))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", field)
    receipt = await replica.receipt()
    assert (receipt.end, receipt.records, receipt.elements) == (CRASHED, 4, 4)


async def test_elements_that_cost_nothing_are_limited_too(replica: Dishonest) -> None:
    draft = await replica.begun()
    for _ in range(10):
        draft = (await replica.says(AccountRequest(charge=evaluated(draft, 10_000)))).done.draft
    assert (draft.elements, draft.repeated_elements) == (100_000, 90_000)
    error = await replica.refused(AccountRequest(charge=evaluated(draft, 1)))
    assert (error.reason_name, error.field) == ("QUOTA_EXCEEDED", "records_per_session")
    assert (await replica.receipt()).elements == 100_000


async def test_what_the_node_adds_stays_in_the_receipt(replica: Dishonest) -> None:
    draft = await replica.begun()
    for _ in range(2):
        draft = (await replica.says(AccountRequest(charge=evaluated(draft, 4)))).done.draft
    receipt = await replica.receipt()
    assert (receipt.elements, receipt.repeated_elements) == (8, 4)


async def test_an_epoch_that_was_not_asked_for_is_refused(replica: Dishonest) -> None:
    draft = await replica.admitted()
    draft.ClearField("key_epoch")
    error = await replica.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert error.field == "draft.key_epoch"


# Fetches.


async def begun(replica: Dishonest) -> Receipt:
    """A fetch, begun."""
    draft = await replica.admitted()
    draft.fetch.SetInParent()
    return await replica.begun(draft)


async def charged(replica: Dishonest, draft: Receipt) -> Receipt:
    """The same, charged: of 50 fingerprints."""
    return (await replica.says(AccountRequest(charge=fetched(draft)))).done.draft


def fetched(draft: Receipt) -> ChargeAnswer:
    """A fetch of 50 fingerprints."""
    made = ChargeAnswer(draft=draft, fetched=FetchedFingerprints())
    made.begun_at.CopyFrom(draft.started_at)
    made.draft.fetch.fingerprints = 50
    return made


def stated(asking: ObliviousAsking, draft: Receipt) -> Receipt:
    """The draft of a fetch that is complete, with the consumer's statement."""
    statement = asking.statement()
    at_its_end(draft, COMPLETE).request_commitment = statement.request_commitment
    draft.request.CopyFrom(requests.sign(statement, SIGNING_KEY))
    return draft


async def test_a_fetch_is_complete_once_it_was_charged(replica: Dishonest, asking: ObliviousAsking) -> None:
    early = stated(asking, await begun(replica))
    error = await replica.refused(AccountRequest(cut=CutSession(draft=early)))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", "draft.end")
    early.CopyFrom(await charged(replica, replica.node.state.open_sessions()[0]))
    finished = await replica.says(AccountRequest(cut=CutSession(draft=stated(asking, early))))
    assert finished.HasField("finished")
    receipt = await replica.receipt()
    assert (receipt.end, receipt.fetch.fingerprints) == (COMPLETE, 50)


async def test_the_statement_of_a_fetch_is_of_the_time_when_its_replica_was_asked(
    replica: Dishonest, asking: ObliviousAsking
) -> None:
    draft, clock = await replica.admitted(), replica.node.clock
    draft.fetch.SetInParent()
    clock.advance(minutes=10, seconds=20)
    draft.started_at.FromDatetime(clock.now - timedelta(seconds=30))
    draft = await charged(replica, await replica.begun(draft))
    clock.advance(minutes=40)
    finished = await replica.says(AccountRequest(cut=CutSession(draft=stated(asking, draft))))
    assert finished.HasField("finished")
    assert (await replica.receipt()).end == COMPLETE


CUTS: dict[str, tuple[Change, str]] = {
    "not all": (lambda draft: setattr(draft.fetch, "fingerprints", 49), "draft.end"),
    "more": (lambda draft: setattr(draft.fetch, "fingerprints", 51), "draft.end"),
    "held": (lambda draft: setattr(draft.fetch, "held_elements", 1), "draft.fetch"),
    "none": (lambda draft: draft.ClearField("fetch"), "draft"),
}


@pytest.mark.parametrize("change", CUTS)
async def test_a_complete_fetch_is_the_one_that_was_charged(
    replica: Dishonest, asking: ObliviousAsking, change: str
) -> None:
    draft = stated(asking, await charged(replica, await begun(replica)))
    spoil, field = CUTS[change]
    spoil(draft)
    assert (await replica.refused(AccountRequest(cut=CutSession(draft=draft)))).field == field
    receipt = await replica.receipt()
    assert (receipt.end, receipt.fetch.fingerprints) == (CRASHED, 50)


async def test_a_fetch_is_charged_once(replica: Dishonest) -> None:
    draft = await charged(replica, await begun(replica))
    error = await replica.refused(AccountRequest(charge=fetched(draft)))
    assert error.reason_name == "PROTOCOL_VIOLATION"
    held = await begun_with(replica, "held_elements")
    assert held == "PROTOCOL_VIOLATION"


async def begun_with(replica: Dishonest, field: str) -> str:
    """Why a fetch is refused that begins with something in that field."""
    other = Dishonest(replica.node, replica.asked)
    draft = await other.admitted()
    setattr(draft.fetch, field, 1)
    error = await other.refused(AccountRequest(begin=BeginSession(draft=draft)))
    other.call.cancel()
    return error.reason_name


async def test_a_fetch_whose_node_is_lost_at_its_end_is_not_told_as_complete(
    node: ReplicatedNode, asking: ObliviousAsking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "BLOCK_FINGERPRINTS", 100)
    request, link = asking.fetch(), node.link
    blocks = -(-sum(one.fingerprints for one in asking.sets) // 100)
    assert link is not None
    sent = 0
    with refused("SESSION_CUT"):
        async with node.sessions.open_fetch(request, node.caller) as session:
            async for _ in session.blocks():
                sent += 1
                if sent == 2:
                    await link.close()
    assert 2 <= sent < blocks
    assert session.receipt.payload == b""
    await node.desk.under_way.all_closed()
    (receipt,) = node.receipts()
    check_receipt(receipt)
    assert receipt.end == CRASHED
