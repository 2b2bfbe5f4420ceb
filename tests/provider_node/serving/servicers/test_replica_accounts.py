"""The accounts of sessions at a replica: what holds if one side is gone, or is not what it seems."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.sessions import Sessions
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.outcomes import ATTEMPTS
from stayput.v1.access_pb2 import Limits
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.replica_pb2 import (
    AccountRequest,
    AdmitSession,
    BeginSession,
    ChargeAnswer,
    CutSession,
    EvaluatedChunk,
    Observed,
    ReserveAttempts,
)
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, call_request, refused
from tests.provider_node.serving.dishonest import Dishonest, at_its_end, charge, reserving
from tests.provider_node.serving.node import CONSUMER, Clock, LocalNode, Material, grant
from tests.provider_node.serving.replicated import REPLICA, ReplicatedNode

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(20)]
CRASHED = SessionEnd.SESSION_END_NODE_CRASHED


@pytest.fixture
def bare_node(material: Material, state: State, clock: Clock) -> ReplicatedNode:
    return ReplicatedNode(material, state, clock)


@pytest.fixture
async def node(bare_node: ReplicatedNode) -> AsyncIterator[ReplicatedNode]:
    await bare_node.give(grant())
    async with bare_node.listening():
        yield bare_node


async def ends(node: LocalNode) -> list[tuple[int, int]]:
    """How sessions ended and with how many records, once all have."""
    await node.desk.under_way.all_closed()
    assert node.state.open_sessions() == []
    return [(receipt.end, receipt.records) for receipt in node.receipts()]


async def begun(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> Stream:
    """A session that has 20 records answered."""
    stream = Stream(consumer, node.asking())
    await stream.open()
    await stream.ask(0, PEOPLE)
    return stream


# One of the two is gone.


async def test_the_node_makes_the_receipt_of_a_session_whose_replica_is_gone(
    node: ReplicatedNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await begun(node, consumer)
    assert node.keeper is not None
    assert node.link is not None
    assert node.keeper.open_sessions(REPLICA.id) == 1
    await node.link.close()
    with refused("SESSION_CUT"):
        await stream.ask(1, PEOPLE)
    assert await ends(node) == [(CRASHED, 20)]
    (receipt,) = node.receipts()
    assert (receipt.request_commitment, receipt.response_commitment) == (b"", b"")
    assert node.keeper.open_sessions(REPLICA.id) == 0


async def test_a_node_that_stops_has_its_replicas_end_their_sessions(
    node: ReplicatedNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await begun(node, consumer)
    assert node.keeper is not None
    node.keeper.stop()
    with refused("SHUTTING_DOWN"):
        await stream.read()
    assert await ends(node) == [(SessionEnd.SESSION_END_CUT_BY_NODE, 20)]


async def test_a_replica_without_its_node_opens_nothing(
    node: ReplicatedNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    assert node.internal is not None
    await node.internal.stop(None)
    with refused("CATCHING_UP") as caught:
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    assert "cannot reach its node" in caught.value.message


async def test_what_the_node_refuses_before_all_is_told_as_it_is(
    node: ReplicatedNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    def backlog() -> None:
        raise StayputError(ErrorReason.ERROR_REASON_LOG_BACKLOG, "receipts wait", remedy="try again later")

    node.check_ready = backlog
    with refused("LOG_BACKLOG"):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    assert await ends(node) == []


async def test_a_replica_that_is_taken_off_the_list_ends_its_sessions(
    node: ReplicatedNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    stream = await begun(node, consumer)
    assert node.replicas is not None
    node.replicas.remove(REPLICA.id)
    await stream.send(stream.asking.chunk(1, PEOPLE))
    with refused("SESSION_CUT"):
        await stream.read()
    assert await ends(node) == [(CRASHED, 20)]
    with refused("CATCHING_UP"):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE))


async def test_a_generation_that_may_not_serve_is_refused(
    node: ReplicatedNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    def rolled_back(draft: Receipt) -> None:
        assert (draft.resource, draft.generation) == (register.CODE, node.describe().generation)
        raise StayputError(ErrorReason.ERROR_REASON_RESOURCE_NOT_READY, "rolled back", remedy="wait")

    node.may_serve = rolled_back
    with refused("RESOURCE_NOT_READY"):
        await consumer.CompareRecords(call_request(node.asking(), PEOPLE))
    assert await ends(node) == []


# Limits hold over the node and its replicas together.


async def test_quotas_and_attempts_are_of_the_node_and_its_replicas_together(
    bare_node: ReplicatedNode, material: Material
) -> None:
    await bare_node.give(grant(per_day=3, guards=Limits(attempts_per_subject=1)))
    itself = LocalNode(material, bare_node.state, bare_node.clock)
    itself.desk = bare_node.desk
    itself.sessions = Sessions(itself.desk, material.identity, itself.clock, itself.resources.serving)
    asked = [[replace(PEOPLE[0], plate=plate)] for plate in ("京A00001", "京A00002")]
    async with (
        bare_node.listening(),
        bare_node.called_by() as (at_replica, _),
        itself.listening(),
        itself.called_by() as (at_node, _),
    ):
        outcomes = []
        for stub, list_ in zip((at_replica, at_node), asked, strict=True):
            asking = bare_node.asking(["plate"])
            answer = await stub.CompareRecords(call_request(asking, list_))
            [(_, outcome)] = asking.outcomes(answer.opened, answer.outcomes)
            outcomes.append(outcome)
            used = answer.allowance.records_used_today
        assert (outcomes[0] == ATTEMPTS, outcomes[1] == ATTEMPTS, used) == (False, True, 2)
        for stub in (at_replica, at_node):
            with refused("QUOTA_EXCEEDED", "records_per_day"):
                await stub.CompareRecords(call_request(bare_node.asking(), PEOPLE[:2]))


# A replica that is not what it seems.


@pytest.fixture
async def replica(node: ReplicatedNode) -> AsyncIterator[Dishonest]:
    made = Dishonest(node)
    yield made
    made.call.cancel()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grant_id", "G-00000000000000000000000009"),
        ("consumer", "other-department"),
        ("operator", "somebody-else"),
        ("node_id", "vehicles-2"),
        ("key", "plate"),
        ("software_version", "9.9"),
        ("profile", "cn/9"),
        ("leakage", ""),
        # Of these nothing was admitted, and none may be made up.
        ("case_number", "民救〔2026〕17号"),
        ("oblivious_suite", "oblivious/1"),
        ("key_epoch", "epoch"),
        ("count_minimum", 10),
    ],
)
async def test_it_cannot_begin_another_session_than_was_admitted(
    replica: Dishonest, field: str, value: str | int
) -> None:
    draft = await replica.admitted()
    setattr(draft, field, value)
    error = await replica.refused(AccountRequest(begin=BeginSession(draft=draft)))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", f"draft.{field}")
    assert replica.node.state.open_sessions() == []


ASKED: dict[str, Callable[[SessionOpen], object]] = {
    "a check twice": lambda asked: asked.checks.append(asked.checks[0]),
    "no mode": lambda asked: asked.ClearField("mode"),
    "another mode": lambda asked: asked.MergeFromString(b"\x28\x63"),
    "another granularity": lambda asked: asked.MergeFromString(b"\x30\x63"),
}


@pytest.mark.parametrize("what", ASKED)
async def test_it_cannot_have_admitted_what_no_replica_asks(replica: Dishonest, what: str) -> None:
    ASKED[what](replica.asked)
    admit = AdmitSession(
        open=replica.asked, consumer=CONSUMER.id, thumbprint=replica.node.material.consumer.thumbprint
    )
    error = await replica.refused(AccountRequest(admit=admit))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", "admit.open")


async def test_it_cannot_take_the_place_of_another_session(replica: Dishonest) -> None:
    draft, other = await replica.begun(), Dishonest(replica.node)
    same = await other.admitted()
    same.session_id = draft.session_id
    begin = AccountRequest(begin=BeginSession(draft=same))
    error = await other.refused(begin)
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", "draft.session_id")
    assert replica.node.state.open_sessions() == [draft]
    begin.begin.draft.session_id = bytes(16)
    assert (await other.says(begin)).HasField("done")
    other.call.cancel()


async def test_a_session_that_could_not_begin_has_no_id(replica: Dishonest) -> None:
    def not_ready(draft: Receipt) -> None:
        raise StayputError(ErrorReason.ERROR_REASON_RESOURCE_NOT_READY, "not yet", remedy="wait")

    begin = AccountRequest(begin=BeginSession(draft=await replica.admitted()))
    replica.node.may_serve = not_ready
    assert (await replica.refused(begin)).reason_name == "RESOURCE_NOT_READY"
    replica.node.may_serve = lambda _draft: None
    assert (await replica.says(begin)).HasField("done")


async def test_it_cannot_go_on_with_another(replica: Dishonest) -> None:
    draft = await replica.begun()
    draft.purpose = "something else"
    for request in (
        AccountRequest(charge=charge(draft)),
        AccountRequest(charge=charge(draft, final=True)),
        AccountRequest(cut=CutSession(draft=draft)),
    ):
        assert (await replica.refused(request)).field == "draft"
    replica.call.cancel()
    assert await ends(replica.node) == [(CRASHED, 0)]


async def test_it_cannot_end_a_session_without_the_consumers_statement(replica: Dishonest) -> None:
    draft = await replica.begun()
    draft.end = SessionEnd.SESSION_END_COMPLETE
    error = await replica.refused(AccountRequest(charge=charge(draft, final=True)))
    assert error.reason_name == "REQUEST_STATEMENT_INVALID"
    assert replica.node.receipts() == []


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (lambda draft: AccountRequest(begin=BeginSession(draft=draft)), "begin"),
        (lambda draft: AccountRequest(admit=AdmitSession()), "message"),
        (lambda draft: AccountRequest(), "message"),
        (lambda draft: AccountRequest(reserve=ReserveAttempts(subjects=bytes(9))), "reserve.subjects"),
        (
            lambda draft: AccountRequest(reserve=ReserveAttempts(subjects=bytes(16), questions=bytes(8))),
            "reserve.questions",
        ),
        (
            lambda draft: AccountRequest(charge=charge(draft, observed=Observed(ranks=bytes(3)))),
            "observed.ranks",
        ),
        (lambda draft: AccountRequest(charge=ChargeAnswer(draft=draft)), "charge.cost"),
        (lambda draft: AccountRequest(charge=charge(draft, records=-1)), "charge.cost"),
        (
            lambda draft: AccountRequest(
                charge=ChargeAnswer(draft=draft, evaluated=EvaluatedChunk(name=b"short"))
            ),
            "charge.cost",
        ),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    replica: Dishonest, made: Callable[[Receipt], AccountRequest], field: str
) -> None:
    draft = await replica.begun()
    assert (await replica.refused(made(draft))).field == field
    cut = CutSession(draft=at_its_end(draft))
    finished = (await replica.says(AccountRequest(cut=cut))).finished
    assert finished.allowance.records_used_today == 0
    assert await ends_after(replica) == [(SessionEnd.SESSION_END_CUT_BY_NODE, 0)]


async def ends_after(replica: Dishonest) -> list[tuple[int, int]]:
    await replica.call.done_writing()
    return await ends(replica.node)


async def test_nothing_can_be_said_before_a_session_is_admitted(replica: Dishonest) -> None:
    for request in (
        AccountRequest(begin=BeginSession()),
        AccountRequest(charge=ChargeAnswer()),
        AccountRequest(cut=CutSession()),
        AccountRequest(reserve=ReserveAttempts()),
    ):
        assert (await replica.refused(request)).reason_name == "PROTOCOL_VIOLATION"


async def test_nor_after_its_receipt(replica: Dishonest) -> None:
    draft = at_its_end(await replica.begun())
    assert (await replica.says(AccountRequest(cut=CutSession(draft=draft)))).HasField("finished")
    for request in (AccountRequest(charge=charge(draft)), AccountRequest(cut=CutSession(draft=draft))):
        assert (await replica.refused(request)).reason_name == "PROTOCOL_VIOLATION"
    assert len(replica.node.receipts()) == 1


async def test_attempts_that_no_charge_follows_are_let_go(bare_node: ReplicatedNode) -> None:
    await bare_node.give(grant(guards=Limits(attempts_per_subject=1)))
    async with bare_node.listening():
        replica = Dishonest(bare_node)
        await _reserving(replica)
        replica.call.cancel()


async def _reserving(replica: Dishonest) -> None:
    draft = await replica.begun()
    reserve = reserving(3)
    for _ in range(3):
        # Of the same subjects other questions each time, which would be too many if any were held or durable.
        assert (await replica.says(AccountRequest(reserve=reserve))).reserved.refused == bytes(3)
        reserve.questions = bytes(each + 1 for each in reserve.questions)
    draft = (await replica.says(AccountRequest(charge=charge(draft, records=3)))).done.draft
    assert draft.records == 3
    assert (await replica.says(AccountRequest(reserve=reserve))).reserved.refused == b"\x01\x01\x01"
    at_its_end(draft)
    await replica.says(AccountRequest(cut=CutSession(draft=draft)))


async def test_answers_that_a_replica_does_not_take_do_not_pile_up(node: ReplicatedNode) -> None:
    taken = 0

    async def asking() -> AsyncIterator[AccountRequest]:
        nonlocal taken
        while taken < 50:
            taken += 1
            await asyncio.sleep(0)
            yield AccountRequest(reserve=ReserveAttempts())

    assert node.keeper is not None
    async with aclosing(node.keeper.keep(REPLICA.id, asking())) as answers:
        for expected in (1, 2):
            await anext(answers)
            for _ in range(100):
                await asyncio.sleep(0)
            assert taken == expected


async def test_a_call_that_breaks_in_the_middle_of_a_write_leaves_one_receipt(replica: Dishonest) -> None:
    draft = await replica.begun()
    for _ in range(3):
        asked = charge(draft)
        await replica.call.write(AccountRequest(charge=asked))
        draft = asked.draft
    replica.call.cancel()
    [(end, _)] = await ends(replica.node)
    assert end == CRASHED
