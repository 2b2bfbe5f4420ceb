"""New versions of a grant while a session is under way: it ends, unless the grant is only renewed."""

from typing import TYPE_CHECKING

import pytest

from provider_node.domain.grants import GivenGrants
from stayput.v1.access_pb2 import Limits
from stayput.v1.admin_pb2 import AmendGrantRequest
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, asking, refused
from tests.provider_node.serving.node import GRANT_ID, LocalNode

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

PEOPLE = [register.person(number) for number in range(5)]


async def opened(node: LocalNode, consumer: "ComparisonServiceAsyncStub") -> Stream:
    await node.state.grants.mark_recorded(GRANT_ID)
    stream = Stream(consumer, asking(node.describe(), node.ticket(GRANT_ID)))
    await stream.open()
    return stream


@pytest.mark.parametrize(
    "terms",
    [
        AmendGrantRequest(grant_id=GRANT_ID, limits=Limits(records_per_day=7)),
        AmendGrantRequest(grant_id=GRANT_ID, without_checks=["name"]),
        AmendGrantRequest(grant_id=GRANT_ID, valid_days=1),
    ],
)
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


async def test_a_session_goes_on_when_the_grant_is_renewed(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", given_grants: GivenGrants
) -> None:
    stream = await opened(node, consumer)
    await given_grants.amend(AmendGrantRequest(grant_id=GRANT_ID, valid_days=1_000))
    await stream.ask(0, PEOPLE, final=True)
    assert (await stream.receipt(node.material.verification_key)).records == len(PEOPLE)
