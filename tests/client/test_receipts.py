"""Receipts, and platforms out of reach, through the SDK."""

import pytest

from stayput.errors import StayputError
from stayput_client import Client
from stayput_client.home import Home
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"


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
