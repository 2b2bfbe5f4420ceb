"""SearchLog: by each field, in pages, of what the caller may see."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from stayput.receipts import payload_hash
from stayput.v1.log_pb2 import (
    AppendReceiptsRequest,
    EntryKind,
    Event,
    EventType,
    ListEventsRequest,
    LogRecord,
    SearchLogRequest,
    SessionEnd,
)
from tests.comparator import documents
from tests.comparator.documents import Chain, stamp
from tests.comparator.platform import Member, Platform, refused

_SUBMITTED = EventType.EVENT_TYPE_APPLICATION_SUBMITTED
_ENROLLED = EventType.EVENT_TYPE_PARTY_ENROLLED
_RECEIPT, _EVENT = EntryKind.ENTRY_KIND_RECEIPT, EntryKind.ENTRY_KIND_EVENT


async def _search(by: Member, **asked: object) -> list[LogRecord]:
    return list((await by.log.SearchLog(SearchLogRequest(**asked))).records)  # type: ignore[arg-type]  # any field


async def _deliver(chain: Chain, **values: object) -> bytes:
    """A receipt with these values, delivered; its hash."""
    draft = chain.draft()
    for name, value in values.items():
        setattr(draft, name, value)
    envelope = chain.add(draft)
    await chain.node.log.AppendReceipts(AppendReceiptsRequest(receipts=[envelope]))
    return payload_hash(envelope.payload)


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


@pytest.fixture
def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return Chain(node, platform.clock(), consumer)


async def test_what_a_receipt_shows(operator: Member, chain: Chain) -> None:
    digest = await _deliver(chain)
    (found,) = await _search(operator, kind=_RECEIPT)
    drafted = chain.draft()
    assert abs(found.logged_at.seconds - chain.now.timestamp()) < 60
    found.ClearField("logged_at")
    assert found == LogRecord(
        index=found.index,
        kind=_RECEIPT,
        consumer="civil-affairs",
        provider="traffic-police",
        resource=drafted.resource,
        grant_id=drafted.grant_id,
        operator="operator-7",
        case_number="case-2026-1",
        records=drafted.records,
        found=sum(one.count for one in drafted.tallies[0].counts if one.outcome == 1),
        node_id="vehicles-1",
        node_sequence=1,
        end=SessionEnd.SESSION_END_COMPLETE,
        receipt_hash=digest,
    )


async def test_by_each_field(operator: Member, chain: Chain, consumer: Member) -> None:
    await _deliver(chain)
    other = {
        "operator": "王五",
        "case_number": "case-9",
        "grant_id": f"G-{2:026d}",
        "resource": "house-owners",
    }
    for field, value in other.items():
        digest = await _deliver(chain, **{field: value})
        assert [each.receipt_hash for each in await _search(operator, **{field: value})] == [digest]
        # Exactly: neither a piece nor another case of it.
        assert await _search(operator, **{field: value[:-1] + ("0" if field == "grant_id" else "x")}) == []
    assert len(await _search(operator, operator="operator-7")) == 4
    assert len(await _search(operator, operator="operator-7", case_number="case-9")) == 1
    assert await _search(operator, operator="王五", case_number="case-9") == []
    assert {each.consumer for each in await _search(operator, consumer="civil-affairs")} == {"civil-affairs"}
    assert {each.provider for each in await _search(operator, provider="traffic-police")} == {
        "traffic-police"
    }
    assert await _search(operator, provider="civil-affairs") == []


async def test_events_and_receipts(operator: Member, chain: Chain, consumer: Member) -> None:
    await documents.apply(consumer)
    await _deliver(chain)
    everything = await _search(operator)
    places = [each.index for each in everything]
    assert places == sorted(places, reverse=True)
    assert places[-1] == 0
    events, receipts = await _search(operator, kind=_EVENT), await _search(operator, kind=_RECEIPT)
    assert [each for each in everything if each.event_type] == events
    assert [each for each in everything if not each.event_type] == receipts
    kinds = [_SUBMITTED, _ENROLLED]
    assert await _search(operator, event_types=kinds) == [e for e in events if e.event_type in kinds]
    assert await _search(operator, event_types=[_SUBMITTED], consumer="civil-affairs") == [events[0]]
    assert (events[0].event_type, events[0].resource) == (_SUBMITTED, documents.VEHICLES)
    assert await _search(operator, event_types=[_SUBMITTED], kind=_RECEIPT) == []
    assert await _search(operator, event_types=[_SUBMITTED], least_records=1) == []


async def test_by_time(platform: Platform, operator: Member, chain: Chain) -> None:
    begin = platform.clock()
    for _ in range(3):
        platform.clock.advance(timedelta(days=1))
        await _deliver(chain)
    second, third = (begin + timedelta(days=days, hours=-1) for days in (2, 3))

    async def numbers(**asked: object) -> list[int]:
        return [each.node_sequence for each in await _search(operator, kind=_RECEIPT, **asked)]

    assert await numbers(from_time=stamp(second)) == [3, 2]
    assert await numbers(until_time=stamp(second)) == [1]
    assert await numbers(from_time=stamp(second), until_time=stamp(third)) == [2]
    assert await numbers(from_time=stamp(begin + timedelta(days=9))) == []
    assert await numbers(until_time=stamp(begin + timedelta(days=9))) == [3, 2, 1]
    exact = (await _search(operator, kind=_RECEIPT))[1].logged_at
    assert await numbers(from_time=exact) == [3, 2]
    assert await numbers(until_time=exact) == [1]


async def test_times_rise_with_places_though_a_clock_is_set_back(
    platform: Platform, operator: Member, chain: Chain
) -> None:
    await _deliver(chain)
    platform.clock.advance(-timedelta(hours=1))
    await _deliver(chain)
    second, first = await _search(operator, kind=_RECEIPT)
    assert second.logged_at.ToDatetime() == first.logged_at.ToDatetime()


async def test_by_a_least_number_of_records(operator: Member, chain: Chain) -> None:
    for _ in range(2):
        await _deliver(chain)
    records = chain.draft().records
    assert len(await _search(operator, least_records=records)) == 2
    assert await _search(operator, least_records=records + 1) == []
    assert len(await _search(operator, least_records=1, page_size=1)) == 1


async def test_pages(operator: Member, chain: Chain) -> None:
    for _ in range(5):
        await _deliver(chain)
    seen: list[int] = []
    token = ""
    while True:
        asked = SearchLogRequest(page_size=2, page_token=token, kind=_RECEIPT)
        page = await operator.log.SearchLog(asked)
        seen += [each.node_sequence for each in page.records]
        token = page.next_page_token
        if not token:
            break
        # What is logged meanwhile does not move what follows.
        await _deliver(chain)
        assert int(token) == page.records[-1].index
    assert seen == [5, 4, 3, 2, 1]


async def test_a_consumer_sees_what_names_it(platform: Platform, consumer: Member, chain: Chain) -> None:
    other = await platform.department("housing")
    await documents.apply(other)
    await documents.apply(consumer)
    await _deliver(chain)
    seen = await _search(consumer)
    assert {each.consumer for each in seen} == {"civil-affairs"}
    assert {each.event_type for each in seen} == {0, _ENROLLED, _SUBMITTED}
    assert await _search(consumer, consumer="civil-affairs") == seen
    assert await _search(consumer, consumer="housing") == []
    assert await _search(consumer, consumer="housing", event_types=[_SUBMITTED]) == []


async def test_a_node_sees_its_receipts_and_its_departments_events(
    platform: Platform, node: Member, consumer: Member, chain: Chain
) -> None:
    second = await platform.node("vehicles-2", "traffic-police")
    stranger = await platform.node("tax-1", "tax-office")
    await documents.apply(consumer)
    await _deliver(chain)
    await _deliver(Chain(second, platform.clock(), consumer))
    await _deliver(Chain(stranger, platform.clock(), consumer))
    for each in (node, second):
        seen = await _search(each)
        assert {one.provider for one in seen} == {"traffic-police"}
        assert [one.node_id for one in seen if one.kind == _RECEIPT] == [each.id]
        assert _SUBMITTED in {one.event_type for one in seen}
        assert await _search(each, provider="tax-office") == []
    assert _SUBMITTED not in {one.event_type for one in await _search(stranger)}


async def test_an_auditors_search_is_an_event(auditor: Member, operator: Member, chain: Chain) -> None:
    async def searches() -> list[Event]:
        asked = ListEventsRequest(types=[EventType.EVENT_TYPE_LOG_SEARCHED])
        return list((await operator.log.ListEvents(asked)).events)

    await _deliver(chain)
    assert await searches() == []
    assert len(await _search(auditor, operator="operator-7", case_number="case-2026-1")) == 1
    await _search(auditor, page_size=3)
    await _search(operator, operator="operator-7")
    last, first = await searches()
    assert (first.detail, last.detail) == ("operator, case_number", "no filter")
    assert first.actor == last.actor == auditor.party.urn
    assert "operator-7" not in str(first)
    logged = await _search(operator, event_types=[EventType.EVENT_TYPE_LOG_SEARCHED])
    assert len(logged) == 2
    with refused("FIELD_INVALID", "kind"):
        await _search(auditor, kind=9)
    assert len(await searches()) == 2


async def test_only_an_auditors_search_waits_for_who_writes(
    platform: Platform, auditor: Member, operator: Member, consumer: Member, chain: Chain
) -> None:
    await _deliver(chain)
    with platform.database.writing() as store:
        store.parties.all()  # with the first statement the transaction begins
        waiting = asyncio.create_task(_search(auditor, kind=_RECEIPT))
        for each in (operator, consumer, chain.node):
            assert len(await _search(each, kind=_RECEIPT)) == 1
        assert not waiting.done()
    assert len(await waiting) == 1


async def test_a_wrong_question(operator: Member, subtests: pytest.Subtests) -> None:
    now = stamp(datetime.now(UTC))
    far = stamp(datetime.now(UTC))
    far.seconds = 2**62
    wrong: list[tuple[str, dict[str, object]]] = [
        ("page_size", {"page_size": -1}),
        ("page_size", {"page_size": 1_001}),
        ("page_token", {"page_token": "secret"}),
        ("page_token", {"page_token": "-1"}),
        ("from_time", {"from_time": far}),
        ("until_time", {"until_time": far}),
        ("until_time", {"from_time": now, "until_time": now}),
        ("consumer", {"consumer": "SECRET"}),
        ("provider", {"provider": "secret_"}),
        ("resource", {"resource": "s" * 64}),
        ("grant_id", {"grant_id": "secret"}),
        ("operator", {"operator": "s" * 101}),
        ("operator", {"operator": "secret\x00"}),
        ("case_number", {"case_number": "s" * 101}),
        ("event_types", {"event_types": [0]}),
        ("event_types", {"event_types": [99]}),
        ("event_types", {"event_types": [10, 10]}),
        ("least_records", {"least_records": -1}),
        ("kind", {"kind": 3}),
    ]
    for field, asked in wrong:
        with subtests.test(field=field):
            with refused("FIELD_INVALID", field) as caught:
                await _search(operator, **asked)
            assert "secret" not in (caught.value.message + caught.value.remedy).lower()
