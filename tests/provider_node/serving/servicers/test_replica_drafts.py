"""What a replica says of a session's receipt: nothing is kept or signed that the platform would refuse."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from provider_node.store.state import State
from stayput import requests
from stayput.v1.contract_pb2 import Granularity
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.replica_pb2 import (
    AccountRequest,
    BeginSession,
    ChargeAnswer,
    CutSession,
    EvaluatedChunk,
    FetchedFingerprints,
)
from tests.provider_node.serving.consumer import SIGNING_KEY
from tests.provider_node.serving.dishonest import Dishonest, at_its_end, charge
from tests.provider_node.serving.kept import statement
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, Clock, Material, grant
from tests.provider_node.serving.replicated import ReplicatedNode

COMPLETE = SessionEnd.SESSION_END_COMPLETE
CUT = SessionEnd.SESSION_END_CUT_BY_NODE
CRASHED = SessionEnd.SESSION_END_NODE_CRASHED
TODAY = "2026-11-22"
Change = Callable[[Receipt], object]


@pytest.fixture
async def node(material: Material, state: State, clock: Clock) -> AsyncIterator[ReplicatedNode]:
    made = ReplicatedNode(material, state, clock)
    given = grant()
    given.granularities.append(Granularity.GRANULARITY_COUNT)
    await made.give(given)
    async with made.listening():
        yield made


def stating(replica: Dishonest, draft: Receipt) -> Receipt:
    """The draft with the consumer's statement of it."""
    stated = statement(draft)
    stated.session_key_hash = requests.session_key_hash(replica.asked.sealed_session_key)
    stated.signed_at.FromDatetime(replica.node.clock.now)
    if draft.HasField("fetch"):
        stated.fetched_generation = draft.generation
    draft.request.CopyFrom(requests.sign(stated, SIGNING_KEY))
    return draft


# At the beginning.


BEGINNINGS: dict[str, Change] = {
    "session_id": lambda draft: setattr(draft, "session_id", bytes(15)),
    "as_of": lambda draft: setattr(draft.as_of, "nanos", -1),
    "started_at": lambda draft: setattr(draft.started_at, "seconds", 2**62),
    "generation": lambda draft: setattr(draft, "generation", "x" * 101),
    "records": lambda draft: setattr(draft, "records", 1),
    "repeated_elements": lambda draft: setattr(draft, "repeated_elements", -1),
    "outcome_bytes": lambda draft: setattr(draft, "outcome_bytes", 3),
    "tallies": lambda draft: draft.tallies.add(),
    "fetch": lambda draft: draft.fetch.SetInParent(),
}


@pytest.mark.parametrize("field", BEGINNINGS)
async def test_what_cannot_become_a_receipt_is_not_journaled(replica: Dishonest, field: str) -> None:
    draft = await replica.admitted()
    BEGINNINGS[field](draft)
    error = await replica.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", f"draft.{field}")
    assert replica.node.state.open_sessions() == []


async def test_checks_cannot_be_made_up_where_none_are_asked(node: ReplicatedNode) -> None:
    replica = Dishonest(node, node.asking(()).open)
    draft = await replica.admitted()
    draft.checks.append("name")
    error = await replica.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert error.field == "draft.checks"
    replica.call.cancel()


async def test_what_belongs_to_the_end_or_to_nobody_is_left_out(replica: Dishonest) -> None:
    draft = at_its_end(await replica.admitted(), COMPLETE)
    draft.finished_at.seconds, draft.sequence, draft.previous_hash = 1, 9, bytes(32)
    # A field that is not known: number 111, of so many bytes.
    draft.MergeFromString(b"\xfa\x06\x80\x40" + bytes(8_192))
    draft = await replica.begun(draft)
    assert draft.ByteSize() < 1_000
    assert replica.node.state.open_sessions() == [draft]
    assert (await replica.receipt()).end == CRASHED


# With an answer.


ANSWERS: dict[str, tuple[Change, str]] = {
    "fewer records": (lambda draft: setattr(draft, "records", 0), "draft.records"),
    "more records": (lambda draft: setattr(draft, "records", 2), "draft.records"),
    "bytes": (lambda draft: setattr(draft, "outcome_bytes", 1), "draft.outcome_bytes"),
    "tallies": (lambda draft: draft.tallies.pop(), "draft.tallies"),
    "an outcome twice": (
        lambda draft: draft.tallies[0].counts.add(outcome=1, count=0),
        "draft.tallies",
    ),
    "elements": (lambda draft: setattr(draft, "elements", 1), "draft.elements"),
    "different records": (lambda draft: setattr(draft, "distinct_records", 1), "draft.distinct_records"),
    "more different records": (lambda draft: setattr(draft, "distinct_records", 2), "draft.distinct_records"),
    "repeated elements": (lambda draft: setattr(draft, "repeated_elements", 1), "draft"),
    "a fetch": (lambda draft: draft.fetch.SetInParent(), "draft"),
    "another beginning": (lambda draft: setattr(draft.started_at, "seconds", 1), "draft"),
}


@pytest.mark.parametrize("final", [False, True], ids=["answer", "finish"])
@pytest.mark.parametrize("change", ANSWERS)
async def test_a_session_whose_draft_is_refused_gets_the_receipt_of_the_last_good_one(
    replica: Dishonest, change: str, *, final: bool
) -> None:
    draft = (await replica.says(AccountRequest(charge=charge(await replica.begun(), 3)))).done.draft
    spoil, field = ANSWERS[change]
    made = charge(draft, final=final)
    spoil(made.draft)
    if final:
        stating(replica, at_its_end(made.draft, COMPLETE))
    error = await replica.refused(AccountRequest(charge=made))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", field)
    receipt = await replica.receipt()
    assert (receipt.end, receipt.records, receipt.outcome_bytes) == (CRASHED, 3, 9)
    assert replica.node.state.used(GRANT_ID, TODAY) == 3


async def test_what_is_journaled_leaves_out_what_belongs_to_the_end(replica: Dishonest) -> None:
    made = charge(await replica.begun())
    stating(replica, at_its_end(made.draft, COMPLETE))
    kept = (await replica.says(AccountRequest(charge=made))).done.draft
    assert not any(kept.HasField(name) for name in ("request", "finished_at"))
    assert (kept.end, kept.request_commitment, kept.records) == (0, b"", 1)
    assert replica.node.state.open_sessions() == [kept]
    assert (await replica.receipt()).records == 1


# At the end.


async def test_the_receipt_is_made_when_the_node_makes_it(replica: Dishonest) -> None:
    made = charge(await replica.begun(), final=True)
    stating(replica, at_its_end(made.draft, COMPLETE)).finished_at.seconds = 1
    assert (await replica.says(AccountRequest(charge=made))).HasField("finished")
    receipt = await replica.receipt()
    assert (receipt.end, receipt.records) == (COMPLETE, 1)
    assert replica.node.state.undelivered_since() == replica.node.clock.now


async def test_a_statement_is_of_the_time_when_the_final_answer_was_begun(replica: Dishonest) -> None:
    made = charge(await replica.begun(), final=True)
    stating(replica, at_its_end(made.draft, COMPLETE))
    replica.node.clock.advance(minutes=15)
    assert (await replica.says(AccountRequest(charge=made))).HasField("finished")
    assert (await replica.receipt()).end == COMPLETE


FINAL: dict[str, tuple[Change, str]] = {
    "cut": (lambda draft: setattr(draft, "end", CUT), "draft.end"),
    "crashed": (lambda draft: setattr(draft, "end", CRASHED), "draft.end"),
    "uncommitted": (lambda draft: draft.ClearField("response_commitment"), "draft.commitments"),
}


@pytest.mark.parametrize("change", FINAL)
async def test_a_final_answer_ends_a_session_in_one_way(replica: Dishonest, change: str) -> None:
    made = charge(await replica.begun(), final=True)
    stating(replica, at_its_end(made.draft, COMPLETE))
    spoil, field = FINAL[change]
    spoil(made.draft)
    error = await replica.refused(AccountRequest(charge=made))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", field)
    assert (await replica.receipt()).end == CRASHED


CUTS: dict[str, tuple[Change, str]] = {
    "complete": (lambda draft: setattr(draft, "end", COMPLETE), "draft.end"),
    "crashed": (lambda draft: setattr(draft, "end", CRASHED), "draft.end"),
    "no end": (lambda draft: draft.ClearField("end"), "draft.end"),
    "uncommitted": (lambda draft: draft.ClearField("request_commitment"), "draft.commitments"),
    "stated": (lambda draft: setattr(draft.request, "payload", b"nothing"), "draft.request"),
    "more records": (lambda draft: setattr(draft, "records", 4), "draft"),
    "fewer records": (lambda draft: setattr(draft, "records", 2), "draft"),
}


@pytest.mark.parametrize("change", CUTS)
async def test_a_session_that_is_cut_says_what_was_answered_before(replica: Dishonest, change: str) -> None:
    draft = (await replica.says(AccountRequest(charge=charge(await replica.begun(), 3)))).done.draft
    spoil, field = CUTS[change]
    spoil(at_its_end(draft))
    error = await replica.refused(AccountRequest(cut=CutSession(draft=draft)))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", field)
    receipt = await replica.receipt()
    assert (receipt.end, receipt.records) == (CRASHED, 3)


# What is charged is what such a session costs.


@pytest.mark.parametrize(("final", "cost"), [(True, "records"), (False, "counted_records")])
async def test_totals_are_told_once_of_a_list_that_was_compared(
    node: ReplicatedNode, cost: str, *, final: bool
) -> None:
    asking = node.asking()
    asking.open.granularity = Granularity.GRANULARITY_COUNT
    ticket = node.office.ticket(CONSUMER, node.material.consumer, GRANT_ID)
    scope = replace(ticket.scope, granularities=("RECORD", "COUNT"))
    asking.open.ticket = node.office.issue(replace(ticket, scope=scope))
    replica = Dishonest(node, asking.open)
    draft = await replica.admitted()
    draft.count_minimum = 10
    made = ChargeAnswer(draft=await replica.begun(draft), final=final)
    setattr(made, cost, 30)
    made.begun_at.CopyFrom(made.draft.started_at)
    made.draft.records = made.draft.distinct_records = 30
    error = await replica.refused(AccountRequest(charge=made))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", "charge.cost")
    assert (await replica.receipt()).records == 0
    replica.call.cancel()


async def test_records_are_not_charged_as_elements(replica: Dishonest) -> None:
    draft = await replica.begun()
    evaluated = ChargeAnswer(draft=draft, evaluated=EvaluatedChunk(name=bytes(16), elements=0))
    fetched = ChargeAnswer(draft=draft, fetched=FetchedFingerprints())
    for made in (evaluated, fetched):
        made.begun_at.CopyFrom(draft.started_at)
        assert (await replica.refused(AccountRequest(charge=made))).field == "charge.cost"
    assert (await replica.receipt()).records == 0
