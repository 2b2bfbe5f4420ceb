"""What this side signs of its request: of the whole session, with the key of its home."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stayput import requests
from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import GRANULARITY_RECORD, MODE_KEYED
from stayput_client import Client
from stayput_client.home import Home
from tests.client.world import DEPARTMENT, PURPOSE, RESOURCE, World, resident_id

KEY = "resident_id"
RECORD = {KEY: resident_id(0), "name": "张三"}


async def compare(client: Client, records: int = 1) -> RequestStatement:
    """The statement in the receipt, verified by whoever holds that."""
    comparison = await client.compare(
        [RECORD] * records, resource=RESOURCE, key=KEY, checks=["name"], case_number="民救〔2026〕17号"
    )
    assert comparison.receipt is not None
    receipt = comparison.receipt.receipt
    key = Home(client._home.path).identity().signing_key().public_key().public_bytes_raw()
    statement = requests.verify(receipt.request, key)
    requests.check_agrees(statement, receipt)
    return statement


@pytest.mark.parametrize("records", [1, 1_000, 1_001, 2_400])
async def test_everything_that_was_asked_is_stated(world: World, client: Client, records: int) -> None:
    world.node.chunk_records = 1_000
    said = await compare(client, records)
    assert (said.grant_id, said.consumer, said.operator) == ("G-1", DEPARTMENT, "经办人甲")
    assert (said.purpose, said.case_number) == (PURPOSE, "民救〔2026〕17号")
    assert (said.resource, said.key, list(said.checks)) == (RESOURCE, KEY, ["name"])
    assert (said.mode, said.granularity, said.records) == (MODE_KEYED, GRANULARITY_RECORD, records)
    assert abs(said.signed_at.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=5)


async def test_sessions_about_the_same_are_stated_apart(client: Client) -> None:
    first, second = await compare(client), await compare(client)
    assert first.session_key_hash != second.session_key_hash
    assert first.request_commitment != second.request_commitment


async def test_a_clock_that_is_wrong_is_found_out(world: World) -> None:
    def slow() -> datetime:
        return datetime.now(UTC) - timedelta(minutes=11)

    async with Client(Home(world.home), slow) as client:
        with pytest.raises(StayputError, match="REQUEST_STATEMENT_INVALID: signed_at") as caught:
            await compare(client)
    assert caught.value.field == "signed_at"
    assert world.node.receipts == []


async def test_a_key_that_was_replaced_since_the_enrolment(world: World, client: Client) -> None:
    world.access.consumer_key = Ed25519PrivateKey.generate()
    for records in (1, 2_000):
        with pytest.raises(StayputError, match="REQUEST_STATEMENT_INVALID: request"):
            await compare(client, records)
    assert world.node.receipts == []


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"damaged",
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    ],
    ids=["empty", "damaged", "of another kind"],
)
async def test_a_signing_key_that_cannot_be_read_is_named(world: World, pem: bytes) -> None:
    path = Home(world.home).identity().directory / "signing_key.pem"
    path.write_bytes(pem)
    with pytest.raises(StayputError, match="CONFIGURATION_INVALID") as caught:
        Client.open(world.home)
    assert "signing_key.pem" in str(caught.value)
