"""New versions of a grant while a session is under way: it ends, unless the grant is only renewed."""

from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.desk import Admitted, NodeDesk
from provider_node.domain.grants import GivenGrants
from provider_node.domain.sessions import Sessions
from stayput.identity import Caller
from stayput.v1.access_pb2 import Limits
from stayput.v1.admin_pb2 import AmendGrantRequest
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, asking, refused
from tests.provider_node.serving.node import GRANT_ID, LocalNode

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(5)]
AMENDMENTS = pytest.mark.parametrize(
    "terms",
    [
        AmendGrantRequest(grant_id=GRANT_ID, limits=Limits(records_per_day=7)),
        AmendGrantRequest(grant_id=GRANT_ID, without_checks=["name"]),
        AmendGrantRequest(grant_id=GRANT_ID, valid_days=1),
    ],
)


async def opened(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> Stream:
    await node.state.grants.mark_recorded(GRANT_ID)
    stream = Stream(consumer, asking(node.describe(), node.ticket(GRANT_ID)))
    await stream.open()
    return stream


@AMENDMENTS
async def test_a_session_does_not_go_on_by_terms_that_are_no_more(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    given_grants: GivenGrants,
    terms: AmendGrantRequest,
) -> None:
    stream = await opened(node, consumer)
    await given_grants.amend(terms)
    with refused("GRANT_VERSION", "grant"):
        await stream.read()
    await node.sessions.all_closed()
    (receipt,) = node.receipts()
    assert receipt.end == SessionEnd.SESSION_END_CUT_BY_NODE


class _Amending:
    """The node's desk; the grant is amended when a session is admitted and nobody else knows of it yet."""

    def __init__(self, desk: NodeDesk, given: GivenGrants, terms: AmendGrantRequest) -> None:
        self.under_way = desk.under_way
        self._desk, self._given, self._terms = desk, given, terms

    async def admit(self, asked: SessionOpen, caller: Caller, now: datetime) -> Admitted:
        admitted = await self._desk.admit(asked, caller, now)
        await self._given.amend(self._terms)
        return admitted


def _while_opening(node: LocalNode, given: GivenGrants, terms: AmendGrantRequest) -> Sessions:
    desk = _Amending(node.desk, given, terms)
    return Sessions(desk, node.material.identity, node.clock, node.resources.serving)


@AMENDMENTS
async def test_nor_does_one_begin_that_was_admitted_by_them(
    node: LocalNode, given_grants: GivenGrants, terms: AmendGrantRequest
) -> None:
    await node.state.grants.mark_recorded(GRANT_ID)
    sessions = _while_opening(node, given_grants, terms)
    async with AsyncExitStack() as stack:
        with refused("GRANT_VERSION", "grant"):
            await stack.enter_async_context(sessions.open(node.asking().open, node.caller))
    assert (node.receipts(), sessions.open_count) == ([], 0)


async def test_one_begins_while_its_grant_is_renewed(node: LocalNode, given_grants: GivenGrants) -> None:
    await node.state.grants.mark_recorded(GRANT_ID)
    renewal = AmendGrantRequest(grant_id=GRANT_ID, valid_days=1_000)
    asking = node.asking()
    async with _while_opening(node, given_grants, renewal).open(asking.open, node.caller) as session:
        session.check_running()
    assert [one.end for one in node.receipts()] == [SessionEnd.SESSION_END_CUT_BY_NODE]


async def test_a_session_goes_on_when_the_grant_is_renewed(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    stream = await opened(node, consumer)
    await given_grants.amend(AmendGrantRequest(grant_id=GRANT_ID, valid_days=1_000))
    await stream.ask(0, PEOPLE, final=True)
    assert (await stream.receipt(node.material.verification_key)).records == len(PEOPLE)
