"""ListEvents, and the event that each step of an application and of a grant leaves."""

from datetime import timedelta

import pytest
from google.protobuf.json_format import ParseDict

from stayput.v1.access_pb2 import GrantState
from stayput.v1.log_pb2 import Event, EventType, ListEventsRequest
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


async def _list(by: Member, **asked: object) -> list[Event]:
    return list((await by.log.ListEvents(ParseDict(asked, ListEventsRequest()))).events)


async def _about(by: Member, application_id: str) -> list[tuple[int, str, str, str]]:
    """What happened to an application, oldest first: what, who did it, about which grant, and the detail."""
    listed = await _list(by, application_id=application_id)
    assert {(event.party, event.resource) for event in listed} == {
        ("urn:stayput:department:civil-affairs", documents.VEHICLES)
    }
    return [(event.type, event.actor, event.grant_id, event.detail) for event in listed[::-1]]


async def test_each_step_of_an_application_leaves_an_event(
    platform: Platform, node: Member, consumer: Member, auditor: Member
) -> None:
    by_node, by_consumer = node.party.urn, consumer.party.urn
    submitted = (EventType.EVENT_TYPE_APPLICATION_SUBMITTED, by_consumer, "", "最低生活保障审核确认")
    granted, turned_down, withdrawn = [await documents.apply(consumer) for _ in range(3)]
    await documents.accept(node, granted.id, "李四")
    await documents.accept(node, granted.id, "王五")
    grant = documents.grant(granted, node, platform.clock())
    await documents.decide(node, grant, administrator="王五")
    await documents.decide(node, grant, administrator="王五")
    await documents.refuse(node, turned_down.id, "依据不足", "李四")
    await documents.withdraw(consumer, withdrawn.id, "材料有误")
    await documents.withdraw(consumer, withdrawn.id, "材料有误")
    assert await _about(auditor, granted.id) == [
        submitted,
        (EventType.EVENT_TYPE_APPLICATION_ACCEPTED, by_node, "", "李四"),
        (EventType.EVENT_TYPE_APPLICATION_GRANTED, by_node, grant.id, "王五"),
    ]
    assert await _about(auditor, turned_down.id) == [
        submitted,
        (EventType.EVENT_TYPE_APPLICATION_REFUSED, by_node, "", "李四: 依据不足"),
    ]
    assert await _about(auditor, withdrawn.id) == [
        submitted,
        (EventType.EVENT_TYPE_APPLICATION_WITHDRAWN, by_consumer, "", "材料有误"),
    ]


async def test_a_refused_step_leaves_none(
    platform: Platform, node: Member, consumer: Member, auditor: Member
) -> None:
    asked = await documents.apply(consumer)
    before = await _list(auditor)
    with refused("GRANT_SIGNATURE_INVALID"):
        await documents.decide(node, documents.grant(asked, node, platform.clock()), by=consumer)
    with refused("FIELD_INVALID"):
        await documents.refuse(node, asked.id, "")
    assert await _list(auditor) == before


async def test_the_longest_reasons_fit(
    platform: Platform, node: Member, consumer: Member, auditor: Member
) -> None:
    asked = await documents.apply(consumer)
    await documents.refuse(node, asked.id, "理" * 1_000, "人" * 100)
    (last, *_) = await _list(auditor)
    assert 1_100 < len(last.detail) <= 2_000


async def test_events_can_be_asked_for_by_what_they_are_about(
    platform: Platform, node: Member, consumer: Member, auditor: Member, operator: Member
) -> None:
    first, second = await documents.apply(consumer), await documents.apply(consumer)
    grant = documents.grant(first, node, platform.clock())
    await documents.decide(node, grant)
    await documents.set_standing(operator, grant.id, GrantState.GRANT_STATE_SUSPENDED)
    for party in (auditor, operator):
        everything = await _list(party)
        numbers = [event.number for event in everything]
        assert numbers == sorted(numbers, reverse=True)
        assert all(abs(event.at.seconds - platform.clock().timestamp()) < 60 for event in everything)
    submitted = await _list(auditor, types=[EventType.EVENT_TYPE_APPLICATION_SUBMITTED])
    assert [event.application_id for event in submitted] == [second.id, first.id]
    assert submitted == [each for each in everything if each.type == submitted[0].type]
    kinds = [EventType.EVENT_TYPE_GRANT_SUSPENDED, EventType.EVENT_TYPE_APPLICATION_GRANTED]
    assert [event.type for event in await _list(auditor, grant_id=grant.id)] == kinds
    assert [event.type for event in await _list(auditor, types=kinds[1:], grant_id=grant.id)] == kinds[1:]
    assert await _list(auditor, application_id=second.id, grant_id=grant.id) == []
    assert await _list(auditor, application_id="A-99") == []


async def test_pages_of_events_come_newest_first(
    platform: Platform, node: Member, consumer: Member, auditor: Member
) -> None:
    for _ in range(5):
        await documents.apply(consumer)
    kind = EventType.EVENT_TYPE_APPLICATION_SUBMITTED
    seen: list[str] = []
    token = ""
    while True:
        asked = ListEventsRequest(page_size=2, page_token=token, types=[kind])
        page = await auditor.log.ListEvents(asked)
        seen += [event.application_id for event in page.events]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["A-5", "A-4", "A-3", "A-2", "A-1"]


async def test_a_wrong_question(auditor: Member, subtests: pytest.Subtests) -> None:
    wrong: list[tuple[str, dict[str, object]]] = [
        ("page_size", {"page_size": -1}),
        ("page_size", {"page_size": 1_001}),
        ("page_token", {"page_token": "secret"}),
        ("types", {"types": [0]}),
        ("types", {"types": [99]}),
        ("types", {"types": [10, 10]}),
        ("application_id", {"application_id": "secret"}),
        ("application_id", {"application_id": "A-0"}),
        ("grant_id", {"grant_id": "secret"}),
        ("grant_id", {"grant_id": "G-" + "0" * 26 + "\x00"}),
    ]
    for field, asked in wrong:
        with subtests.test(field=field):
            with refused("FIELD_INVALID", field) as caught:
                await _list(auditor, **asked)
            assert "secret" not in caught.value.message + caught.value.remedy


async def test_the_clock_of_events_is_the_platforms(
    platform: Platform, node: Member, consumer: Member, auditor: Member
) -> None:
    platform.clock.advance(timedelta(days=3))
    await documents.apply(consumer)
    (last, *_) = await _list(auditor)
    assert abs(last.at.seconds - platform.clock().timestamp()) < 60
