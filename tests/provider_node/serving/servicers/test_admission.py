"""Who may open a session: every reason for which somebody may not, over real mutual TLS."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from stayput.identity import Party, department
from stayput.tickets import Scope, Ticket
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import DescribeRequest
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.provider_node.serving import register
from tests.provider_node.serving.authority import Authority, Issued
from tests.provider_node.serving.consumer import TicketOffice, asking, call_request, refused
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NODE, NOW, LocalNode, grant

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

AT_A_REPLICA_TOO = True

PEOPLE = [register.person(number) for number in range(3)]
STRANGER = department("water-works")


@pytest.fixture
def good_ticket(node: LocalNode) -> Ticket:
    return node.office.ticket(CONSUMER, node.material.consumer, GRANT_ID)


async def compare(
    node: LocalNode,
    stub: "ComparisonServiceAsyncStub",
    ticket: str,
    checks: tuple[str, ...] = register.CHECKS,
) -> None:
    await stub.CompareRecords(call_request(asking(node.describe(), ticket, checks), PEOPLE))


async def test_the_good_ticket_of_these_tests_is_good(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    await compare(node, consumer, node.office.issue(good_ticket))
    assert node.receipts()[0].records == 3


async def test_a_caller_without_certificate_does_not_get_through_the_handshake(node: LocalNode) -> None:
    credentials = grpc.ssl_channel_credentials(node.material.authority.pem)
    name = (("grpc.ssl_target_name_override", NODE.tls_name),)
    async with grpc.aio.secure_channel(node.address, credentials, options=name) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ComparisonServiceStub(channel).Describe(DescribeRequest(resource=register.CODE))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_another_ca_does_not_get_through_the_handshake(node: LocalNode) -> None:
    stranger = Authority().party(CONSUMER)
    # It trusts the node's CA, so that it is the node that refuses.
    holder = Issued(replace(stranger.credentials, ca_certificate=node.material.authority.pem), "")
    async with node.called_by(holder) as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Describe(DescribeRequest(resource=register.CODE))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "uris", [(), ("urn:stayput:planet:mars",), ("urn:stayput:department:a1", "urn:stayput:department:b2")]
)
async def test_a_certificate_must_name_one_party(node: LocalNode, uris: tuple[str, ...]) -> None:
    holder = node.material.authority.names("someone.internal", *uris)
    async with node.called_by(holder) as (stub, _):
        with refused("CERTIFICATE_UNKNOWN"):
            await stub.Describe(DescribeRequest(resource=register.CODE))
        with refused("CERTIFICATE_UNKNOWN"):
            await compare(node, stub, node.ticket())


async def test_a_node_may_not_compare(node: LocalNode) -> None:
    other = Party.from_urn("urn:stayput:node:deaths-1")
    holder = node.material.authority.party(other)
    async with node.called_by(holder) as (stub, _):
        with refused("NOT_PERMITTED"):
            await compare(node, stub, node.office.issue(node.office.ticket(other, holder, GRANT_ID)))


def _signed_by_another(office: TicketOffice, ticket: Ticket) -> str:
    return replace(office, key=ECKey.generate_key("P-256")).issue(ticket)


def _unsigned(office: TicketOffice, ticket: Ticket) -> str:
    header, claims, _ = office.issue(ticket).split(".")
    assert header
    return f"eyJhbGciOiJub25lIiwidHlwIjoic3RheXB1dC10aWNrZXQrand0In0.{claims}."


def _of_another_type(office: TicketOffice, ticket: Ticket) -> str:
    claims = jwt.decode(office.issue(ticket), office.key, algorithms=["ES256"]).claims
    return jwt.encode({"alg": "ES256", "typ": "JWT"}, claims, office.key, algorithms=["ES256"])


@pytest.mark.parametrize(
    "make",
    [
        _signed_by_another,
        _unsigned,
        _of_another_type,
        lambda *_: "",
        lambda *_: "a.b.c",
        lambda *_: "x" * 20_000,
    ],
)
async def test_what_the_platform_did_not_sign_is_no_ticket(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    good_ticket: Ticket,
    make: Callable[[TicketOffice, Ticket], str],
) -> None:
    with refused("TICKET_INVALID", "ticket"):
        await compare(node, consumer, make(node.office, good_ticket))
    assert node.receipts() == []


async def test_a_ticket_lives_ten_minutes(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    compact = node.office.issue(good_ticket)
    await compare(node, consumer, compact)
    node.clock.advance(seconds=599)
    await compare(node, consumer, compact)
    node.clock.advance(seconds=1)
    with refused("TICKET_EXPIRED", "ticket"):
        await compare(node, consumer, compact)
    node.clock.now = NOW - timedelta(minutes=1)
    with refused("TICKET_EXPIRED", "ticket"):
        await compare(node, consumer, compact)


async def test_a_ticket_is_bound_to_the_certificate(node: LocalNode, good_ticket: Ticket) -> None:
    compact = node.office.issue(good_ticket)
    for holder in (node.material.authority.party(CONSUMER), node.material.authority.party(STRANGER)):
        async with node.called_by(holder) as (stub, _):
            with refused("TICKET_CERTIFICATE_MISMATCH", "ticket"):
                await compare(node, stub, compact)


async def test_a_ticket_names_its_node(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    other = replace(good_ticket, node=Party.from_urn("urn:stayput:node:deaths-1"))
    with refused("TICKET_AUDIENCE", "ticket"):
        await compare(node, consumer, node.office.issue(other))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda scope: replace(scope, resource="deaths"), "resource"),
        (lambda scope: replace(scope, key="other"), "key"),
        (lambda scope: replace(scope, checks=("name",)), "checks"),
        (lambda scope: replace(scope, modes=("OBLIVIOUS",)), "mode"),
        (lambda scope: replace(scope, granularities=("COUNT",)), "granularity"),
        (lambda scope: replace(scope, modes=("NEW_IN_A_LATER_RELEASE",)), "mode"),
    ],
)
async def test_a_ticket_covers_what_it_says(
    node: LocalNode,
    consumer: "ComparisonServiceAsyncStub",
    good_ticket: Ticket,
    change: Callable[[Scope], Scope],
    field: str,
) -> None:
    with refused("TICKET_SCOPE", field):
        await compare(
            node, consumer, node.office.issue(replace(good_ticket, scope=change(good_ticket.scope)))
        )


async def test_less_than_the_ticket_covers_may_be_asked(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    await compare(node, consumer, node.office.issue(good_ticket), checks=("plate",))
    assert list(node.receipts()[0].checks) == ["plate"]


@pytest.mark.parametrize("grant_id", ["G-00000000000000000000000002", "", "G" * 600])
async def test_a_platform_cannot_make_the_node_answer_without_the_nodes_own_grant(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket, grant_id: str
) -> None:
    # The ticket is signed with the true ticket key, as a platform in the wrong hands could.
    scope = replace(good_ticket.scope, grant_id=grant_id)
    with refused("GRANT_UNKNOWN"):
        await compare(node, consumer, node.office.issue(replace(good_ticket, scope=scope)))
    assert node.receipts() == []


async def test_a_grant_is_its_consumers_alone(node: LocalNode) -> None:
    holder = node.material.authority.party(STRANGER)
    async with node.called_by(holder) as (stub, _):
        with refused("GRANT_UNKNOWN"):
            await compare(node, stub, node.office.issue(node.office.ticket(STRANGER, holder, GRANT_ID)))


async def test_a_grant_is_good_between_its_dates(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    for span, state in ((timedelta(days=-2), "PENDING"), (timedelta(days=300), "EXPIRED")):
        node.clock.now = NOW + span
        with refused("GRANT_NOT_ACTIVE") as caught:
            await compare(node, consumer, node.ticket())
        assert caught.value.details == {"state": state}


def _without_plate(given: Grant) -> None:
    del given.checks[1]


def _other_key(given: Grant) -> None:
    given.key = "other"


def _other_resource(given: Grant) -> None:
    given.resource = "deaths"


def _oblivious_only(given: Grant) -> None:
    given.modes[0] = Mode.MODE_OBLIVIOUS


def _counts_only(given: Grant) -> None:
    given.granularities[0] = Granularity.GRANULARITY_COUNT


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_other_resource, "resource"),
        (_other_key, "key"),
        (_without_plate, "checks"),
        (_oblivious_only, "mode"),
        (_counts_only, "granularity"),
    ],
)
async def test_a_grant_covers_what_it_says_whatever_the_ticket_says(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", change: Callable[[Grant], None], field: str
) -> None:
    given = grant()
    change(given)
    await node.give(given)
    with refused("GRANT_SCOPE", field):
        await compare(node, consumer, node.ticket())


async def test_a_case_number_can_be_demanded(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    given = grant()
    given.case_number_required = True
    await node.give(given)
    with refused("CASE_NUMBER_REQUIRED", "case_number"):
        await compare(node, consumer, node.office.issue(good_ticket))
    await compare(node, consumer, node.office.issue(replace(good_ticket, case_number="民救〔2026〕17号")))
    assert node.receipts()[0].case_number == "民救〔2026〕17号"


async def test_nothing_is_opened_before_the_caller_is_admitted(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", good_ticket: Ticket
) -> None:
    # A seal that does not open and a contract that differs, but the ticket is what is refused.
    scope = replace(good_ticket.scope, grant_id="G-none")
    request = call_request(
        asking(node.describe(), node.office.issue(replace(good_ticket, scope=scope))), PEOPLE
    )
    request.open.sealed_session_key = b"nonsense"
    request.open.contract.salt = b"other"
    with refused("GRANT_UNKNOWN"):
        await consumer.CompareRecords(request)


async def test_a_server_that_is_not_the_node_is_not_called(node: LocalNode) -> None:
    other = node.material.authority.party(department("water-works"))
    credentials = grpc.ssl_channel_credentials(
        other.credentials.ca_certificate,
        other.credentials.private_key,
        other.credentials.certificate_chain,
    )
    name = (("grpc.ssl_target_name_override", "deaths-1.node.stayput.internal"),)
    async with grpc.aio.secure_channel(node.address, credentials, options=name) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await ComparisonServiceStub(channel).Describe(DescribeRequest(resource=register.CODE))
