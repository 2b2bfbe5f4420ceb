"""Catalogue, applications, grants and receipts through the SDK."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from stayput.errors import StayputError
from stayput.v1.access_pb2 import APPLICATION_STATE_REFUSED
from stayput.v1.catalogue_pb2 import SHARING_NOT_SHARED
from stayput_client import ApplicationState, Category, Client, GrantState, Mode, Sharing, UpdateFrequency
from stayput_client.home import Home
from tests.client.servicers.node import GENERATION, NODE
from tests.client.world import PURPOSE, RESOURCE, World, resident_id

KEY = "resident_id"


async def test_the_whole_catalogue_is_listed(world: World, client: Client) -> None:
    closed = world.catalogue.resources["adoptions"] = type(world.catalogue.resources[RESOURCE])()
    closed.CopyFrom(world.catalogue.resources[RESOURCE])
    closed.code, closed.sharing = "adoptions", SHARING_NOT_SHARED
    closed.ClearField("as_of")
    first, second = await client.catalogue()
    assert (first.code, first.sharing, first.as_of) == ("adoptions", Sharing.NOT_SHARED, None)
    assert (second.code, second.category) == (RESOURCE, Category.DEPARTMENT)
    assert second.update_frequency is UpdateFrequency.DAILY
    assert second.keys == {KEY: (KEY,), "name_birth": ("name", "birth_date")}
    assert second.modes == (Mode.KEYED,)
    assert second.as_of == datetime.fromtimestamp(1_790_000_000, UTC)


async def test_a_category_that_this_release_does_not_know_is_an_error(world: World, client: Client) -> None:
    world.catalogue.resources[RESOURCE].category = 99  # type: ignore[assignment]
    with pytest.raises(StayputError, match="UNSUPPORTED: category: "):
        await client.catalogue()


async def test_a_description_gives_what_the_node_signed(client: Client) -> None:
    description = await client.describe(RESOURCE)
    assert (description.node, description.generation) == (NODE.id, GENERATION)
    assert description.title == "机动车所有人"
    assert [field.name for field in description.contract.fields] == [KEY, "name", "plate", "birth_date"]
    with pytest.raises(StayputError, match="RESOURCE_UNKNOWN"):
        await client.describe("marriages")


async def test_applications_are_filed_and_listed(world: World, client: Client) -> None:
    filed = await client.apply(
        resource=RESOURCE, key=KEY, checks=["name"], purpose=PURPOSE, legal_basis="办法", records_per_day=500
    )
    assert (filed.id, filed.state, filed.expected_records_per_day) == ("A-1", ApplicationState.SUBMITTED, 500)
    world.access.applications[0].state = APPLICATION_STATE_REFUSED
    world.access.applications[0].refusal_reason = "依据不足"
    world.access.applications[0].decided_at.FromDatetime(datetime(2026, 11, 21, tzinfo=UTC))
    await client.apply(resource=RESOURCE, key=KEY, purpose=PURPOSE, legal_basis="办法")
    newest, refused = await client.applications()
    assert (newest.id, newest.decided_at) == ("A-2", None)
    assert (refused.state, refused.refusal_reason) == (ApplicationState.REFUSED, "依据不足")
    assert refused.decided_at == datetime(2026, 11, 21, tzinfo=UTC)


async def test_grants_are_listed_with_their_state(world: World, client: Client) -> None:
    past, future = Timestamp(), Timestamp()
    past.FromDatetime(datetime.now(UTC) - timedelta(hours=1))
    future.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    world.grant("G-2", valid_until=past)
    world.grant("G-3", valid_from=future)
    world.grant("G-4", node_id="deaths-1")
    world.grant("G-5")
    signed, purpose = world.access.grants[0], PURPOSE.encode()
    signed.payload = signed.payload.replace(purpose, b"x" * len(purpose))
    states = {grant.id: grant.state for grant in await client.grants()}
    assert states == {
        "G-5": GrantState.UNVERIFIED,
        "G-4": GrantState.UNVERIFIED,
        "G-3": GrantState.PENDING,
        "G-2": GrantState.EXPIRED,
        "G-1": GrantState.ACTIVE,
    }


async def test_a_grant_that_is_no_grant_is_an_error(world: World, client: Client) -> None:
    world.access.grants[0].payload = b"\xff"
    with pytest.raises(StayputError, match="GRANT_SIGNATURE_INVALID"):
        await client.grants()


async def test_a_receipt_verifies_with_the_pinned_key_else_with_the_catalogue_s(
    world: World, client: Client
) -> None:
    comparison = await client.compare([{KEY: resident_id(0)}], resource=RESOURCE, key=KEY)
    assert comparison.receipt is not None
    text = comparison.receipt.to_file()
    entry = world.catalogue.resources.pop(RESOURCE)
    assert (await client.verify_receipt(text)).records == 1
    Home(world.home).known_nodes_path.unlink()
    with pytest.raises(StayputError, match="RESOURCE_UNKNOWN"):
        await client.verify_receipt(text)
    world.catalogue.resources[RESOURCE] = entry
    assert (await client.verify_receipt(text)).records == 1
    entry.node_id = "deaths-1"
    with pytest.raises(StayputError, match="RECEIPT_INVALID: receipt: its node does not offer its resource"):
        await client.verify_receipt(text)


@pytest.mark.parametrize(
    "spoilt", ["", "{}", "[1]", '{"payloadType": "x", "payload": "/w==", "signatures": []}']
)
async def test_a_file_that_is_no_receipt_is_refused(client: Client, spoilt: str) -> None:
    with pytest.raises(StayputError, match="RECEIPT_INVALID"):
        await client.verify_receipt(spoilt)


async def test_a_comparator_that_cannot_be_reached_is_a_connection_failure(
    world: World, client: Client
) -> None:
    world.catalogue.resources[RESOURCE].address = "127.0.0.1:1"
    with pytest.raises(StayputError, match="CONNECTION_FAILED: node: "):
        await client.describe(RESOURCE)
