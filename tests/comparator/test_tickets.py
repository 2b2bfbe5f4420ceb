"""IssueTicket: what a ticket says, whom it binds, and each refusal."""

from datetime import UTC, timedelta

import pytest
from cryptography import x509
from joserfc.jwk import ECKey

from comparator.config import Config, Validity
from stayput.china_time import CHINA
from stayput.identity import Caller, caller_of, node
from stayput.tickets import TicketVerifier
from stayput.v1.access_pb2 import Grant, GrantState, Hours, IssueTicketRequest, IssueTicketResponse
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, refused, running_platform


@pytest.fixture
async def provider(node: Member) -> Member:
    await documents.publish(node)
    return node


@pytest.fixture
async def grant(platform: Platform, provider: Member, consumer: Member) -> Grant:
    grant = documents.grant(await documents.apply(consumer), provider, platform.clock())
    await documents.decide(provider, grant)
    return grant


async def _issue(by: Member, grant_id: str, **changes: str) -> IssueTicketResponse:
    asked = {"operator": "张三", "purpose": "低保核对", "case_number": ""} | changes
    return await by.access.IssueTicket(IssueTicketRequest(grant_id=grant_id, **asked))


def _caller(of: Member) -> Caller:
    return caller_of(x509.load_pem_x509_certificate(of.credentials.certificate_chain))


async def test_a_ticket_serves_its_holder_at_its_node(
    platform: Platform, consumer: Member, grant: Grant
) -> None:
    answer = await _issue(consumer, grant.id, case_number="2026-17")
    verifier = TicketVerifier(node("vehicles-1"), [ECKey.import_key(consumer.response.ticket_key)])
    ticket = verifier.verify(answer.ticket, _caller(consumer), platform.clock())
    assert ticket.scope.grant_id == grant.id
    assert (ticket.scope.resource, ticket.scope.key) == (grant.resource, grant.key)
    assert ticket.scope.checks == tuple(grant.checks)
    assert (ticket.scope.modes, ticket.scope.granularities) == (("KEYED",), ("RECORD",))
    assert (ticket.operator, ticket.purpose, ticket.case_number) == ("张三", "低保核对", "2026-17")
    assert ticket.signing_key == consumer.keys.signing.public_key().public_bytes_raw()
    assert ticket.expires_at - ticket.issued_at == timedelta(minutes=5)
    assert answer.expires_at.ToDatetime(UTC) == ticket.expires_at


async def test_each_ticket_is_kept(platform: Platform, consumer: Member, grant: Grant) -> None:
    for case_number in ("2026-17", ""):
        await _issue(consumer, grant.id, case_number=case_number)
    with platform.database.reading() as store:
        kept = store.tickets.of(grant.id)
    assert sorted(row.case_number for row in kept) == ["", "2026-17"]
    assert {row.consumer_urn for row in kept} == {consumer.party.urn}
    assert {row.operator for row in kept} == {"张三"}
    assert {row.thumbprint for row in kept} == {_caller(consumer).thumbprint}
    assert len({row.id for row in kept}) == 2


async def test_a_ticket_ends_with_its_grant(platform: Platform, provider: Member, consumer: Member) -> None:
    grant = documents.grant(await documents.apply(consumer), provider, platform.clock())
    ends = platform.clock() + timedelta(minutes=2)
    grant.valid_until.CopyFrom(documents.stamp(ends.replace(microsecond=0)))
    await documents.decide(provider, grant)
    answer = await _issue(consumer, grant.id)
    assert answer.expires_at == grant.valid_until


async def test_a_life_set_in_the_configuration(config: Config, clock: Clock) -> None:
    config = config.model_copy(update={"validity": Validity(ticket_seconds=60)})
    async with running_platform(config, clock) as platform:
        provider = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(provider)
        consumer = await platform.department("civil-affairs")
        grant = documents.grant(await documents.apply(consumer), provider, clock())
        await documents.decide(provider, grant)
        answer = await _issue(consumer, grant.id)
        left = answer.expires_at.ToDatetime(UTC) - clock()
        assert timedelta(seconds=50) < left <= timedelta(seconds=60)


@pytest.mark.parametrize("grant_id", ["", "G-" + "0" * 26, "\x00"])
async def test_an_unknown_grant(consumer: Member, grant: Grant, grant_id: str) -> None:
    with refused("GRANT_UNKNOWN", "grant_id"):
        await _issue(consumer, grant_id)


async def test_anothers_grant_is_unknown(platform: Platform, grant: Grant) -> None:
    stranger = await platform.department("water-works")
    with refused("GRANT_UNKNOWN", "grant_id"):
        await _issue(stranger, grant.id)


async def test_an_expired_grant(platform: Platform, consumer: Member, grant: Grant) -> None:
    platform.clock.advance(timedelta(days=366))
    with refused("GRANT_NOT_ACTIVE") as caught:
        await _issue(consumer, grant.id)
    assert caught.value.details["state"] == "EXPIRED"


async def test_a_grant_that_has_not_begun(platform: Platform, provider: Member, consumer: Member) -> None:
    grant = documents.grant(await documents.apply(consumer), provider, platform.clock() + timedelta(days=1))
    await documents.decide(provider, grant)
    with refused("GRANT_NOT_ACTIVE") as caught:
        await _issue(consumer, grant.id)
    assert caught.value.details["state"] == "PENDING"


@pytest.mark.parametrize("case_number", ["", "  "])
async def test_a_case_number_that_the_grant_demands(
    platform: Platform, provider: Member, consumer: Member, case_number: str
) -> None:
    grant = documents.grant(await documents.apply(consumer), provider, platform.clock())
    grant.case_number_required = True
    await documents.decide(provider, grant)
    with refused("CASE_NUMBER_REQUIRED", "case_number"):
        await _issue(consumer, grant.id, case_number=case_number)
    assert (await _issue(consumer, grant.id, case_number="2026-17")).ticket
    with platform.database.reading() as store:
        assert len(store.tickets.of(grant.id)) == 1


async def test_a_wrong_field_is_named(consumer: Member, grant: Grant, subtests: pytest.Subtests) -> None:
    for field, value in (
        ("operator", ""),
        ("operator", "o" * 101),
        ("operator", "a\nb\x07"),
        ("purpose", ""),
        ("purpose", "p" * 501),
        ("case_number", "c" * 101),
    ):
        with subtests.test(field, value=value), refused("FIELD_INVALID", field):
            await _issue(consumer, grant.id, **{field: value})


@pytest.mark.parametrize("state", ["SUSPENDED", "REVOKED"])
async def test_a_grant_that_its_provider_withdrew(
    platform: Platform, provider: Member, consumer: Member, grant: Grant, state: str
) -> None:
    value = GrantState.Value(f"GRANT_STATE_{state}")
    await documents.record(provider, documents.change(grant, value, platform.clock()))
    with refused("GRANT_NOT_ACTIVE", "grant") as caught:
        await _issue(consumer, grant.id)
    told = {name: caught.value.details[name] for name in ("state", "by", "cause")}
    assert told == {"state": state, "by": "PROVIDER", "cause": "ADMINISTRATOR"}


@pytest.mark.parametrize("state", ["SUSPENDED", "REVOKED"])
async def test_a_grant_that_the_platform_withdrew(
    platform: Platform, operator: Member, consumer: Member, grant: Grant, state: str
) -> None:
    await documents.set_standing(operator, grant.id, GrantState.Value(f"GRANT_STATE_{state}"))
    with refused("GRANT_NOT_ACTIVE", "grant") as caught:
        await _issue(consumer, grant.id)
    assert (caught.value.details["state"], caught.value.details["by"]) == (state, "PLATFORM")
    with platform.database.reading() as store:
        assert not store.tickets.of(grant.id)


async def test_a_grant_that_was_resumed(
    platform: Platform, provider: Member, operator: Member, consumer: Member, grant: Grant
) -> None:
    now = platform.clock()
    suspended, active = GrantState.GRANT_STATE_SUSPENDED, GrantState.GRANT_STATE_ACTIVE
    await documents.record(provider, documents.change(grant, suspended, now, 1))
    await documents.set_standing(operator, grant.id, suspended)
    await documents.record(provider, documents.change(grant, active, now, 2))
    with refused("GRANT_NOT_ACTIVE"):
        await _issue(consumer, grant.id)
    await documents.set_standing(operator, grant.id, active)
    assert (await _issue(consumer, grant.id)).ticket


async def test_the_latest_version_counts(
    platform: Platform, provider: Member, consumer: Member, grant: Grant
) -> None:
    narrowed = documents.amended(grant, case_number_required=True)
    narrowed.checks.remove("plate")
    await documents.amend(provider, narrowed)
    with refused("CASE_NUMBER_REQUIRED"):
        await _issue(consumer, grant.id)
    answer = await _issue(consumer, grant.id, case_number="2026-17")
    verifier = TicketVerifier(node("vehicles-1"), [ECKey.import_key(consumer.response.ticket_key)])
    ticket = verifier.verify(answer.ticket, _caller(consumer), platform.clock())
    assert ticket.scope.checks == ("name",)


async def test_operators_that_the_grant_names(provider: Member, consumer: Member, grant: Grant) -> None:
    await documents.amend(provider, documents.amended(grant, operators=["张三", "王五"]))
    assert (await _issue(consumer, grant.id, operator="王五")).ticket
    for operator in ("李四", "张三 ", "张"):
        with refused("OPERATOR_NOT_ALLOWED", "operator") as caught:
            await _issue(consumer, grant.id, operator=operator)
        assert operator not in caught.value.message + caught.value.remedy


async def test_hours_of_the_grant(
    platform: Platform, provider: Member, consumer: Member, grant: Grant
) -> None:
    hours = Hours(opens="08:30", closes="18:00")
    await documents.amend(provider, documents.amended(grant, hours=hours))
    noon = platform.clock().astimezone(CHINA).replace(hour=12, minute=0, second=0, microsecond=0)
    tomorrow = noon + timedelta(days=1)
    closes = tomorrow.replace(hour=18)
    platform.clock.advance(closes - timedelta(minutes=2) - platform.clock())
    answer = await _issue(consumer, grant.id)
    assert answer.expires_at.ToDatetime(UTC) == closes
    for outside in (closes, tomorrow.replace(hour=8, minute=29)):
        platform.clock.advance(outside - platform.clock())
        with refused("OUTSIDE_HOURS", "grant") as caught:
            await _issue(consumer, grant.id)
        assert caught.value.details["hours"] == "08:30-18:00"
    platform.clock.advance(tomorrow.replace(hour=8, minute=30) - platform.clock())
    left = (await _issue(consumer, grant.id)).expires_at.ToDatetime(UTC) - platform.clock()
    assert left > timedelta(minutes=4)
