"""Apply, GetApplication and ListApplications over mutual TLS."""

from collections.abc import Callable

import pytest

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


async def test_an_application_is_received(platform: Platform, node: Member, consumer: Member) -> None:
    asked = documents.application()
    asked.id, asked.consumer, asked.state = "A-99", "tax-office", _GRANTED
    asked.refusal_reason, asked.grant_id = "none", "G-1"
    asked.decision_clock.overdue = True
    stored = await documents.apply(consumer, asked)
    assert (stored.id, stored.consumer, stored.state) == ("A-1", "civil-affairs", _SUBMITTED)
    assert (stored.refusal_reason, stored.grant_id) == ("", "")
    assert abs(stored.submitted_at.seconds - platform.clock().timestamp()) < 60
    assert not stored.HasField("decided_at")
    assert not stored.decision_clock.overdue
    expected = documents.application()
    for field in ("id", "consumer", "state", "submitted_at", "decision_clock"):
        stored.ClearField(field)
    assert stored == expected
    assert (await _get(consumer, "A-1")).id == (await _get(node, "A-1")).id == "A-1"


async def test_existence_alone_can_be_applied_for(node: Member, consumer: Member) -> None:
    asked = documents.application()
    asked.ClearField("checks")
    assert not (await documents.apply(consumer, asked)).checks


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


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("key", _set("key", "")),
        ("key", _set("key", "plate")),
        ("checks", lambda asked: asked.checks.append("resident_id")),
        ("checks", lambda asked: asked.checks.append("name")),
        ("mode", _set("mode", 0)),
        ("mode", _set("mode", Mode.MODE_OBLIVIOUS)),
        ("mode", _set("mode", 9)),
        ("granularity", _set("granularity", 0)),
        ("granularity", _set("granularity", 9)),
        ("purpose", _set("purpose", "")),
        ("purpose", _set("purpose", "　")),
        ("purpose", _set("purpose", "用" * 501)),
        ("purpose", _set("purpose", "a\x1b[31mb")),
        ("legal_basis", _set("legal_basis", "")),
        ("legal_basis", _set("legal_basis", "法" * 501)),
        ("expected_records_per_day", _set("expected_records_per_day", -1)),
        ("expected_records_per_day", _set("expected_records_per_day", 100_000_001)),
    ],
)
async def test_a_wrong_field_is_named(
    node: Member, consumer: Member, field: str, change: Callable[[Application], None]
) -> None:
    asked = documents.application()
    change(asked)
    with refused("FIELD_INVALID", field):
        await documents.apply(consumer, asked)
    assert not (await consumer.access.ListApplications(ListApplicationsRequest())).applications


async def test_others_applications_do_not_exist(platform: Platform, node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    stranger = await platform.department("water-works")
    other_node = await platform.node("tax-1", "tax-office")
    for party in (stranger, other_node):
        with refused("APPLICATION_UNKNOWN"):
            await _get(party, asked.id)
        assert not (await party.access.ListApplications(ListApplicationsRequest())).applications
    with refused("APPLICATION_UNKNOWN"):
        await documents.refuse(other_node, asked.id, "理由")
    with refused("APPLICATION_UNKNOWN"):
        await documents.decide(other_node, documents.grant(asked, other_node, platform.clock()))
    assert (await _get(consumer, asked.id)).state == _SUBMITTED


@pytest.mark.parametrize("application_id", ["", "A-0", "A-2", "A-01", "a-1", "A-1\n", "A-" + "9" * 30, "1"])
async def test_an_unknown_application(node: Member, consumer: Member, application_id: str) -> None:
    await documents.apply(consumer)
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await _get(consumer, application_id)
    with refused("APPLICATION_UNKNOWN", "application_id"):
        await documents.refuse(node, application_id, "理由")


async def test_pages_of_applications_come_newest_first(node: Member, consumer: Member) -> None:
    ids = [(await documents.apply(consumer)).id for _ in range(5)]
    for party in (consumer, node):
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
