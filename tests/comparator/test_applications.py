"""Apply, GetApplication and ListApplications over mutual TLS."""

from collections.abc import Callable

import pytest

from comparator.store.models import Role
from stayput.v1.access_pb2 import (
    Application,
    ApplicationState,
    GetApplicationRequest,
    ListApplicationsRequest,
    ListGrantsRequest,
)
from stayput.v1.catalogue_pb2 import Sharing
from stayput.v1.contract_pb2 import Mode
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_GRANTED = ApplicationState.APPLICATION_STATE_GRANTED
_SUBMITTED = ApplicationState.APPLICATION_STATE_SUBMITTED


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


async def _get(by: Member, application_id: str) -> Application:
    return (await by.access.GetApplication(GetApplicationRequest(id=application_id))).application


async def _listed(by: Member) -> list[str]:
    answer = await by.access.ListApplications(ListApplicationsRequest())
    return [application.id for application in answer.applications]


async def test_an_application_is_received(platform: Platform, node: Member, consumer: Member) -> None:
    asked = documents.application()
    asked.id, asked.consumer, asked.state = "A-99", "tax-office", _GRANTED
    asked.refusal_reason, asked.grant_id = "none", "G-1"
    asked.accepted_by = asked.decided_by = asked.withdrawal_reason = "none"
    asked.accepted_at.seconds = asked.decided_at.seconds = 1
    asked.decision_clock.overdue = True
    stored = await documents.apply(consumer, asked)
    assert (stored.id, stored.consumer, stored.state) == ("A-1", "civil-affairs", _SUBMITTED)
    assert abs(stored.submitted_at.seconds - platform.clock().timestamp()) < 60
    assert not stored.decision_clock.overdue
    seen = [await _get(node, "A-1"), await _get(consumer, "A-1")]
    expected = documents.application()
    expected.id, expected.consumer, expected.state = "A-1", "civil-affairs", _SUBMITTED
    expected.submitted_at.CopyFrom(stored.submitted_at)
    for answer in (stored, *seen):
        answer.ClearField("decision_clock")
        assert answer == expected


async def test_existence_alone_can_be_applied_for(node: Member, consumer: Member) -> None:
    asked = documents.application()
    asked.ClearField("checks")
    assert not (await documents.apply(consumer, asked)).checks


async def test_a_security_agreement_may_follow_later(node: Member, consumer: Member) -> None:
    asked = documents.application()
    asked.ClearField("security_agreement")
    assert not (await documents.apply(consumer, asked)).security_agreement


async def test_a_resource_not_shared_takes_no_application(node: Member, consumer: Member) -> None:
    entry = documents.resource()
    entry.sharing = Sharing.SHARING_NOT_SHARED
    await documents.publish(node, entry)
    with refused("RESOURCE_NOT_SHARED", "resource"):
        await documents.apply(consumer)


async def test_an_unknown_resource(node: Member, consumer: Member) -> None:
    with refused("RESOURCE_UNKNOWN"):
        await documents.apply(consumer, documents.application("no-such"))


def _set(name: str, value: object) -> Callable[[Application], None]:
    return lambda asked: setattr(asked, name, value)


async def test_wrong_fields_are_named_with_their_ranges(
    node: Member, consumer: Member, subtests: pytest.Subtests
) -> None:
    wrong: list[tuple[str, str, Callable[[Application], None]]] = [
        ("key", "catalogue", _set("key", "")),
        ("key", "catalogue", _set("key", "secret")),
        ("checks", "catalogue", lambda asked: asked.checks.append("secret")),
        ("checks", "at most once", lambda asked: asked.checks.append("name")),
        ("mode", "one of MODE_KEYED", _set("mode", 0)),
        ("mode", "catalogue", _set("mode", Mode.MODE_OBLIVIOUS)),
        ("mode", "one of MODE_KEYED", _set("mode", 9)),
        ("granularity", "one of GRANULARITY_RECORD", _set("granularity", 0)),
        ("granularity", "one of GRANULARITY_RECORD", _set("granularity", 9)),
        ("purpose", "1 to 500", _set("purpose", "")),
        ("purpose", "1 to 500", _set("purpose", "　")),
        ("purpose", "1 to 500", _set("purpose", "secret" * 84)),
        ("purpose", "control characters", _set("purpose", "secret\x1b[31m")),
        ("legal_basis", "1 to 500", _set("legal_basis", "")),
        ("legal_basis", "1 to 500", _set("legal_basis", "secret" * 84)),
        ("matter", "1 to 200", _set("matter", "")),
        ("matter", "1 to 200", _set("matter", " ")),
        ("matter", "1 to 200", _set("matter", "secret" * 34)),
        ("matter", "control characters", _set("matter", "secret\x00")),
        ("security_agreement", "0 to 200", _set("security_agreement", "secret" * 34)),
        ("security_agreement", "control characters", _set("security_agreement", "secret\x07")),
        ("expected_records_per_day", "0 to 100000000", _set("expected_records_per_day", -77_777)),
        ("expected_records_per_day", "0 to 100000000", _set("expected_records_per_day", 777_777_777)),
    ]
    for field, told, change in wrong:
        with subtests.test(field=field, told=told):
            asked = documents.application()
            change(asked)
            with refused("FIELD_INVALID", field) as caught:
                await documents.apply(consumer, asked)
            text = f"{caught.value.message} {caught.value.remedy}"
            assert told in text
            assert "secret" not in text
            assert "777" not in text
    assert not await _listed(consumer)


async def test_others_applications_do_not_exist(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    stranger = await platform.department("water-works")
    other_node = await platform.node("tax-1", "tax-office")
    for party in (stranger, other_node):
        with refused("APPLICATION_UNKNOWN"):
            await _get(party, asked.id)
        assert not await _listed(party)
    with refused("APPLICATION_UNKNOWN"):
        await documents.refuse(other_node, asked.id, "理由")
    with refused("APPLICATION_UNKNOWN"):
        await documents.accept(other_node, asked.id)
    with refused("APPLICATION_UNKNOWN"):
        await documents.withdraw(stranger, asked.id)
    with refused("APPLICATION_UNKNOWN"):
        await documents.decide(other_node, documents.grant(asked, other_node, platform.clock()))
    assert (await _get(consumer, asked.id)).state == _SUBMITTED


async def test_who_oversees_sees_all(
    platform: Platform, node: Member, consumer: Member, auditor: Member, operator: Member
) -> None:
    other = await platform.department("water-works")
    ids = [(await documents.apply(each)).id for each in (consumer, other)]
    for party in (auditor, operator, node):
        assert await _listed(party) == ids[::-1]
        assert (await _get(party, ids[0])).consumer == "civil-affairs"
    assert await _listed(consumer) == ids[:1]


async def test_who_oversees_and_consumes_takes_back_only_its_own(
    platform: Platform, node: Member, consumer: Member
) -> None:
    asked = await documents.apply(consumer)
    both = await platform.department("data-bureau", Role.CONSUMER, Role.OPERATOR)
    assert await _listed(both) == [asked.id]
    with refused("APPLICATION_UNKNOWN"):
        await documents.withdraw(both, asked.id)


@pytest.mark.parametrize("application_id", ["", "A-0", "A-2", "A-01", "a-1", "A-1\n", "A-" + "9" * 30, "1"])
async def test_an_unknown_application(node: Member, consumer: Member, application_id: str) -> None:
    await documents.apply(consumer)
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await _get(consumer, application_id)
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await documents.refuse(node, application_id, "理由")
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await documents.accept(node, application_id)
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await documents.withdraw(consumer, application_id)


async def test_pages_of_applications_come_newest_first(
    node: Member, consumer: Member, auditor: Member
) -> None:
    ids = [(await documents.apply(consumer)).id for _ in range(5)]
    for party in (consumer, node, auditor):
        seen: list[str] = []
        token = ""
        while True:
            page = await party.access.ListApplications(ListApplicationsRequest(page_size=2, page_token=token))
            seen += [application.id for application in page.applications]
            token = page.next_page_token
            if not token:
                break
        assert seen == ids[::-1]


@pytest.mark.parametrize("token", ["x", "-1", "１", "9" * 19, "9" * 40])
async def test_a_wrong_page_token(node: Member, consumer: Member, token: str) -> None:
    with refused("FIELD_INVALID", "page_token"):
        await consumer.access.ListApplications(ListApplicationsRequest(page_token=token))
    with refused("FIELD_INVALID", "page_token"):
        await node.access.ListGrants(ListGrantsRequest(page_token=token))


@pytest.mark.parametrize("size", [-1, 1_001])
async def test_a_wrong_page_size(node: Member, consumer: Member, size: int) -> None:
    with refused("FIELD_INVALID", "page_size"):
        await consumer.access.ListApplications(ListApplicationsRequest(page_size=size))
    with refused("FIELD_INVALID", "page_size"):
        await node.access.ListGrants(ListGrantsRequest(page_size=size))
