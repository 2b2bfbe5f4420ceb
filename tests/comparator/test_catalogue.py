"""CatalogueService over mutual TLS: publishing, listing, staleness, and each refusal."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from comparator.store.events import About
from stayput.v1.catalogue_pb2 import (
    GetResourceRequest,
    ListResourcesRequest,
    PublishResourceRequest,
    Resource,
    UpdateFrequency,
)
from stayput.v1.contract_pb2 import Check, Field, FieldOption, Key, Mode
from stayput.v1.log_pb2 import EventType
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused


async def _get(by: Member, code: str) -> Resource:
    return (await by.catalogue.GetResource(GetResourceRequest(code=code))).resource


async def test_the_comparator_fills_in_who_publishes(platform: Platform, node: Member) -> None:
    sent = documents.resource()
    sent.provider, sent.node_id, sent.signing_key, sent.stale = "tax-office", "tax-1", bytes(32), True
    stored = await documents.publish(node, sent)
    assert (stored.provider, stored.node_id) == ("traffic-police", "vehicles-1")
    assert stored.signing_key == node.keys.signing.public_key().public_bytes_raw()
    assert not stored.stale
    consumer = await platform.department("civil-affairs")
    assert await _get(consumer, documents.VEHICLES) == stored
    for field in ("provider", "node_id", "signing_key", "stale"):
        sent.ClearField(field)
        stored.ClearField(field)
    assert stored == sent


async def test_the_last_publication_wins(node: Member) -> None:
    await documents.publish(node)
    changed = documents.resource()
    changed.title = "机动车登记"
    changed.checks.pop()
    await documents.publish(node, changed)
    stored = await _get(node, documents.VEHICLES)
    assert (stored.title, len(stored.checks)) == ("机动车登记", 1)


async def test_the_entry_shows_the_key_of_the_latest_enrolment(platform: Platform, node: Member) -> None:
    await documents.publish(node)
    renewed = await platform.node("vehicles-1", "traffic-police")
    stored = await _get(renewed, documents.VEHICLES)
    assert stored.signing_key == renewed.keys.signing.public_key().public_bytes_raw()


async def test_another_providers_code_is_taken(platform: Platform, node: Member) -> None:
    await documents.publish(node)
    other = await platform.node("tax-1", "tax-office")
    with refused("RESOURCE_TAKEN", "code"):
        await documents.publish(other)
    assert (await _get(node, documents.VEHICLES)).provider == "traffic-police"


async def test_another_node_of_the_same_provider_takes_over(platform: Platform, node: Member) -> None:
    await documents.publish(node)
    second = await platform.node("vehicles-2", "traffic-police")
    assert (await documents.publish(second)).node_id == "vehicles-2"


@pytest.mark.parametrize("code", ["no-such", "", "NO SUCH", "\x00"])
async def test_an_unknown_resource(node: Member, code: str) -> None:
    with refused("RESOURCE_UNKNOWN", "code"):
        await _get(node, code)


async def test_pages_follow_the_codes(node: Member) -> None:
    for code in ("c-3", "a-1", "b-2", "d-4", "e-5"):
        await documents.publish(node, documents.resource(code))
    seen: list[list[str]] = []
    token = ""
    while True:
        page = await node.catalogue.ListResources(ListResourcesRequest(page_size=2, page_token=token))
        seen.append([resource.code for resource in page.resources])
        token = page.next_page_token
        if not token:
            break
    assert seen == [["a-1", "b-2"], ["c-3", "d-4"], ["e-5"]]
    assert len((await node.catalogue.ListResources(ListResourcesRequest())).resources) == 5
    assert not (await node.catalogue.ListResources(ListResourcesRequest(page_size=5))).next_page_token


@pytest.mark.parametrize(
    ("size", "token", "field"),
    [(-1, "", "page_size"), (1_001, "", "page_size"), (1, "Z", "page_token"), (1, "'; --", "page_token")],
)
async def test_a_wrong_page(node: Member, size: int, token: str, field: str) -> None:
    with refused("FIELD_INVALID", field):
        await node.catalogue.ListResources(ListResourcesRequest(page_size=size, page_token=token))


@pytest.mark.parametrize(
    ("frequency", "allowed"),
    [
        (UpdateFrequency.UPDATE_FREQUENCY_REALTIME, timedelta(hours=12)),
        (UpdateFrequency.UPDATE_FREQUENCY_DAILY, timedelta(days=1)),
        (UpdateFrequency.UPDATE_FREQUENCY_WEEKLY, timedelta(days=7)),
        (UpdateFrequency.UPDATE_FREQUENCY_MONTHLY, timedelta(days=31)),
        (UpdateFrequency.UPDATE_FREQUENCY_QUARTERLY, timedelta(days=92)),
        (UpdateFrequency.UPDATE_FREQUENCY_YEARLY, timedelta(days=366)),
    ],
)
async def test_data_grow_stale(
    platform: Platform, node: Member, frequency: "UpdateFrequency.ValueType", allowed: timedelta
) -> None:
    entry = documents.resource()
    entry.update_frequency, entry.generation = frequency, "generation-1"
    entry.as_of.CopyFrom(documents.stamp(platform.clock() - allowed + timedelta(minutes=1)))
    assert not (await documents.publish(node, entry)).stale
    platform.clock.advance(timedelta(minutes=2))
    assert (await _get(node, documents.VEHICLES)).stale


async def test_irregular_data_are_never_stale_nor_are_none(platform: Platform, node: Member) -> None:
    entry = documents.resource()
    entry.update_frequency, entry.generation = UpdateFrequency.UPDATE_FREQUENCY_IRREGULAR, "generation-1"
    entry.as_of.CopyFrom(documents.stamp(platform.clock() - timedelta(days=4_000)))
    assert not (await documents.publish(node, entry)).stale
    assert not (await documents.publish(node, documents.resource("not-built"))).stale


def _set(**values: object) -> Callable[[Resource], None]:
    def change(entry: Resource) -> None:
        for name, value in values.items():
            setattr(entry, name, value)

    return change


def _replicas(*addresses: str) -> Callable[[Resource], None]:
    return lambda entry: entry.replica_addresses.extend(addresses)


_WRONG: list[tuple[str, Callable[[Resource], None]]] = [
    ("code", _set(code="")),
    ("code", _set(code="V")),
    ("code", _set(code="vehicle_owners")),
    ("title", _set(title="")),
    ("title", _set(title=" \t")),
    ("title", _set(title="车" * 201)),
    ("title", _set(title="车\x00辆")),
    ("title_en", _set(title_en="x" * 201)),
    ("conditions", _set(conditions="x" * 2_001)),
    ("legal_basis", _set(legal_basis="x" * 2_001)),
    ("address", _set(address="")),
    ("address", _set(address="127.0.0.1")),
    ("address", _set(address="127.0.0.1:0")),
    ("address", _set(address="0.0.0.0:7450")),
    ("address", _set(address="node.example:65536")),
    ("replica_addresses[1]", _replicas("r1.internal:7443", "r2.internal")),
    ("replica_addresses[0]", _replicas("")),
    ("replica_addresses[0]", _replicas("0.0.0.0:7443")),
    ("replica_addresses[0]", _replicas("r1.internal:0")),
    ("replica_addresses[2]", _replicas("r1.internal:7443", "r2.internal:7443", "R1.internal:7443")),
    ("replica_addresses[1]", _replicas("r1.internal:7443", "127.0.0.1:7450")),
    ("replica_addresses", _replicas(*(f"r{number}.internal:7443" for number in range(65)))),
    ("category", _set(category=0)),
    ("category", _set(category=77)),
    ("sharing", _set(sharing=0)),
    ("update_frequency", _set(update_frequency=0)),
    ("modes", lambda entry: entry.ClearField("modes")),
    ("modes", lambda entry: entry.modes.append(Mode.MODE_UNSPECIFIED)),
    ("modes", lambda entry: entry.modes.append(Mode.MODE_KEYED)),
    ("fields", lambda entry: entry.ClearField("fields")),
    ("fields", lambda entry: entry.fields.append(Field(name="name", type="text"))),
    ("fields", lambda entry: entry.fields.append(Field(name="Name", type="text"))),
    ("fields.more.type", lambda entry: entry.fields.append(Field(name="more", type="blob"))),
    (
        "fields.more",
        lambda entry: entry.fields.append(
            Field(name="more", type="text", options=[FieldOption(name="no-such", value="x")])
        ),
    ),
    ("keys", lambda entry: entry.ClearField("keys")),
    ("keys", lambda entry: entry.keys.append(Key(name="resident_id", fields=["name"]))),
    ("keys.more.fields", lambda entry: entry.keys.append(Key(name="more", fields=["no_such"]))),
    ("keys.more.fields", lambda entry: entry.keys.append(Key(name="more"))),
    ("checks", lambda entry: entry.checks.append(Check(name="name", fields=["plate"]))),
    ("checks.more.fields", lambda entry: entry.checks.append(Check(name="more", fields=["no_such"]))),
    ("as_of", _set(generation="generation-1")),
    ("as_of", lambda entry: entry.as_of.GetCurrentTime()),
]


async def test_a_wrong_field_is_named(node: Member, subtests: pytest.Subtests) -> None:
    for number, (field, change) in enumerate(_WRONG):
        entry = documents.resource()
        change(entry)
        with subtests.test(field, number=number), refused("FIELD_INVALID", field):
            await documents.publish(node, entry)
    with refused("RESOURCE_UNKNOWN"):
        await _get(node, documents.VEHICLES)


async def test_the_addresses_of_replicas_are_listed_and_a_change_is_an_event(
    platform: Platform, node: Member
) -> None:
    entry, most = documents.resource(), [f"r{number}.internal:7443" for number in range(64)]
    for addresses in ([], most, most[:1]):
        entry.replica_addresses[:] = addresses
        await documents.publish(node, entry)
        assert (await _get(node, documents.VEHICLES)).replica_addresses == addresses
    details = [detail for _, _, detail in _published(platform)]
    assert details == ["new", "changed: replica_addresses", "changed: replica_addresses"]


async def test_data_of_the_future_are_refused(platform: Platform, node: Member) -> None:
    entry = documents.resource()
    entry.generation = "generation-1"
    entry.as_of.CopyFrom(documents.stamp(platform.clock() + timedelta(days=2)))
    with refused("FIELD_INVALID", "as_of"):
        await documents.publish(node, entry)
    entry.as_of.seconds = 2**62
    with refused("FIELD_INVALID", "as_of"):
        await documents.publish(node, entry)


async def test_an_empty_request(node: Member) -> None:
    with refused("FIELD_INVALID", "code"):
        await node.catalogue.PublishResource(PublishResourceRequest())


def _published(platform: Platform) -> list[tuple[str, str, str]]:
    """Actor, resource and detail of each publication, oldest first."""
    with platform.database.reading() as store:
        found = store.events.page(None, None, About(), [EventType.EVENT_TYPE_RESOURCE_PUBLISHED])
    return [(event.actor, event.resource, event.detail) for event in reversed(found)]


async def test_a_publication_is_an_event_if_it_changes_something(platform: Platform, node: Member) -> None:
    await documents.publish(node)
    await documents.publish(node)
    changed = documents.resource()
    changed.title = "机动车登记"
    changed.checks.pop()
    await documents.publish(node, changed)
    await documents.publish(node, changed)
    second = await platform.node("vehicles-2", "traffic-police")
    await documents.publish(second, changed)
    first, another = node.party.urn, second.party.urn
    assert _published(platform) == [
        (first, documents.VEHICLES, "new"),
        (first, documents.VEHICLES, "changed: title, checks"),
        (another, documents.VEHICLES, "changed: node_id, signing_key"),
    ]


async def test_a_refused_publication_is_no_event(platform: Platform, node: Member) -> None:
    await documents.publish(node)
    with refused("RESOURCE_TAKEN"):
        await documents.publish(await platform.node("tax-1", "tax-office"))
    entry = documents.resource("other")
    entry.title = ""
    with refused("FIELD_INVALID"):
        await documents.publish(node, entry)
    assert len(_published(platform)) == 1
