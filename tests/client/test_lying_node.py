"""A node that does not do what the protocol says is found out, and nothing of it is used."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import identity
from stayput.errors import StayputError
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.comparison_pb2 import Description, RequestStatement
from stayput.v1.contract_pb2 import GRANULARITY_COUNT, MODE_OBLIVIOUS, OUTCOME_CODE_MISMATCH
from stayput.v1.log_pb2 import SESSION_END_CUT_BY_NODE, OutcomeCount, Receipt
from stayput_client import Client, CutShort
from stayput_client.home import Home
from tests.client.servicers.faults import Faults
from tests.client.servicers.register import NODE
from tests.client.world import RESOURCE, World, resident_id, started

KEY = "resident_id"
RECORDS = [{KEY: resident_id(serial), "name": "张三"} for serial in range(3)]


async def compare(client: Client, records: list[dict[str, str]] = RECORDS) -> None:
    await client.compare(records, resource=RESOURCE, key=KEY, checks=["name"])


@pytest.mark.parametrize("records", [RECORDS, RECORDS * 400], ids=["one call", "stream"])
@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("session_id", lambda r: setattr(r, "session_id", bytes(16))),
        ("grant_id", lambda r: setattr(r, "grant_id", "G-9")),
        ("consumer", lambda r: setattr(r, "consumer", "water-works")),
        ("operator", lambda r: setattr(r, "operator", "乙")),
        ("purpose", lambda r: setattr(r, "purpose", "其他")),
        ("case_number", lambda r: setattr(r, "case_number", "C-1")),
        ("provider", lambda r: setattr(r, "provider", "water-works")),
        ("node_id", lambda r: setattr(r, "node_id", "deaths-1")),
        ("resource", lambda r: setattr(r, "resource", "deaths")),
        ("generation", lambda r: setattr(r, "generation", "generation-8")),
        ("as_of", lambda r: setattr(r.as_of, "seconds", 1)),
        ("mode", lambda r: setattr(r, "mode", MODE_OBLIVIOUS)),
        ("granularity", lambda r: setattr(r, "granularity", GRANULARITY_COUNT)),
        ("key", lambda r: setattr(r, "key", "name_birth")),
        ("checks", lambda r: r.checks.append("plate")),
        ("records", lambda r: setattr(r, "records", r.records - 1)),
        ("tallies", lambda r: setattr(r.tallies[0].counts[0], "count", 99)),
        (
            "tallies",
            lambda r: r.tallies[0].counts.append(OutcomeCount(outcome=OUTCOME_CODE_MISMATCH, count=1)),
        ),
        ("tallies", lambda r: r.tallies.pop()),
        ("outcome_bytes", lambda r: setattr(r, "outcome_bytes", r.outcome_bytes + 1)),
        ("profile", lambda r: setattr(r, "profile", "cn-gov/2")),
        ("suite", lambda r: setattr(r, "suite", "keyed/2")),
        ("end", lambda r: setattr(r, "end", SESSION_END_CUT_BY_NODE)),
        ("request_commitment", lambda r: setattr(r, "request_commitment", bytes(32))),
        ("response_commitment", lambda r: setattr(r, "response_commitment", b"")),
    ],
)
async def test_a_receipt_that_says_something_else_than_happened(
    world: World,
    client: Client,
    field: str,
    lie: Callable[[Receipt], None],
    records: list[dict[str, str]],
) -> None:
    world.node.faults = Faults(receipt=lie)
    with pytest.raises(StayputError, match=f"RECEIPT_INVALID: receipt: {field} is not"):
        await compare(client, records)


def _restated(receipt: Receipt) -> None:
    """The node writes itself what was asked: more than the consumer signed."""
    said = RequestStatement.FromString(receipt.request.payload)
    said.records += 1
    receipt.request.payload = said.SerializeToString()


def _of_another_session(world: World) -> Callable[[Receipt], None]:
    def replay(receipt: Receipt) -> None:
        if len(world.node.receipts) > 1:
            receipt.request.CopyFrom(world.node.receipts[0].request)

    return replay


@pytest.mark.parametrize("records", [RECORDS, RECORDS * 400], ids=["one call", "stream"])
@pytest.mark.parametrize(
    "lie",
    [
        lambda r: r.ClearField("request"),
        lambda r: r.request.Clear(),
        _restated,
        lambda r: setattr(r.request, "payload_type", "application/vnd.stayput.grant.v1+protobuf"),
        lambda r: r.request.ClearField("signatures"),
        lambda r: r.request.signatures.add(key_id="another key's", signature=bytes(64)),
        lambda r: setattr(r.request.signatures[0], "signature", bytes(64)),
    ],
    ids=["dropped", "empty", "restated", "of another type", "unsigned", "signed twice", "signed otherwise"],
)
async def test_a_receipt_without_the_statement_that_this_side_signed(
    world: World, client: Client, lie: Callable[[Receipt], None], records: list[dict[str, str]]
) -> None:
    world.node.faults = Faults(receipt=lie)
    with pytest.raises(StayputError, match="RECEIPT_INVALID: receipt: request is not the statement"):
        await compare(client, records)


async def test_a_receipt_with_the_statement_of_an_earlier_session_about_the_same(
    world: World, client: Client
) -> None:
    world.node.faults = Faults(receipt=_of_another_session(world))
    await compare(client)
    with pytest.raises(StayputError, match="RECEIPT_INVALID: receipt: request is not the statement"):
        await compare(client)


async def test_a_receipt_signed_with_another_key(world: World, client: Client) -> None:
    world.node.faults = Faults(receipt_key=Ed25519PrivateKey.generate())
    with pytest.raises(StayputError, match="RECEIPT_INVALID"):
        await compare(client)


async def test_a_list_with_a_receipt_that_lies_is_not_written(
    world: World, client: Client, tmp_path: Path
) -> None:
    world.node.faults = Faults(receipt=lambda r: setattr(r, "records", 99))
    lines = [KEY, *(record[KEY] for record in RECORDS)]
    _put(tmp_path / "list.csv", "\n".join(lines))
    with pytest.raises(StayputError, match="RECEIPT_INVALID") as caught:
        await client.compare_csv(tmp_path / "list.csv", tmp_path / "out.csv", resource=RESOURCE, key=KEY)
    assert not isinstance(caught.value, CutShort)
    assert _names(tmp_path) == {"home", "list.csv"}


@pytest.mark.parametrize(
    ("faults", "complaint"),
    [
        (Faults(outcomes=lambda plain: plain[:-1]), "PROTOCOL_VIOLATION: outcomes"),
        (Faults(outcomes=lambda plain: plain + b"\x01"), "PROTOCOL_VIOLATION: outcomes"),
        (Faults(outcomes=lambda plain: b"\x02" + plain[1:]), "PROTOCOL_VIOLATION: outcomes"),
        (Faults(outcomes=lambda plain: b"\x00" * len(plain)), "PROTOCOL_VIOLATION: outcomes"),
        (Faults(outcomes=lambda plain: plain[:-1] + b"\x20"), "PROTOCOL_VIOLATION: outcomes"),
        (Faults(sequence_offset=1), "PROTOCOL_VIOLATION: outcomes"),
        (Faults(tamper=True), "SEAL_INVALID"),
    ],
)
@pytest.mark.parametrize("records", [RECORDS, RECORDS * 400], ids=["one call", "stream"])
async def test_outcomes_that_cannot_be_right(
    world: World, client: Client, faults: Faults, complaint: str, records: list[dict[str, str]]
) -> None:
    world.node.faults = faults
    with pytest.raises(StayputError, match=complaint):
        await compare(client, records)


@pytest.mark.parametrize(
    ("faults", "complaint"),
    [
        (Faults(receipt_after_chunks=2), "PROTOCOL_VIOLATION: receipt"),
        (
            Faults(end_without_receipt=True),
            "PROTOCOL_VIOLATION: the node ended the session without a receipt",
        ),
        (Faults(open_twice=True), "PROTOCOL_VIOLATION: opened"),
    ],
)
async def test_a_session_that_goes_another_way(
    world: World, client: Client, faults: Faults, complaint: str
) -> None:
    world.node.chunk_records = 300
    world.node.faults = faults
    with pytest.raises(StayputError, match=complaint):
        await compare(client, RECORDS * 400)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda d: setattr(d, "node_id", "deaths-1"),
            "PROTOCOL_VIOLATION: the description has another node_id",
        ),
        (lambda d: setattr(d, "provider", "x1"), "PROTOCOL_VIOLATION: the description has another provider"),
        (
            lambda d: setattr(d.contract, "resource", "deaths"),
            "PROTOCOL_VIOLATION: the description has another",
        ),
        (
            lambda d: setattr(d, "sealing_key_id", bytes(8)),
            "PROTOCOL_VIOLATION: the description has another seal",
        ),
        (lambda d: setattr(d, "chunk_records", 0), "PROTOCOL_VIOLATION: the description allows no records"),
        (lambda d: setattr(d.contract, "profile", "cn-gov/9"), "PROFILE_MISMATCH"),
        (lambda d: setattr(d.contract, "suite", "keyed/9"), "SUITE_UNSUPPORTED"),
        (lambda d: setattr(d.contract, "salt", b""), "FIELD_INVALID: salt"),
        (lambda d: d.modes.append(77), "UNSUPPORTED: mode: the platform uses a value"),
    ],
)
async def test_a_description_that_cannot_be_right(
    world: World, client: Client, change: Callable[[Description], None], complaint: str
) -> None:
    world.node.faults = Faults(description=change)
    with pytest.raises(StayputError, match=complaint):
        await client.describe(RESOURCE)
    assert Home(world.home).known_node(NODE.id) is None


async def test_a_description_signed_with_another_key(world: World, client: Client) -> None:
    world.node.faults = Faults(description_key=Ed25519PrivateKey.generate())
    with pytest.raises(StayputError, match="PROTOCOL_VIOLATION: the description is not signed by"):
        await client.describe(RESOURCE)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: setattr(d.contract, "salt", bytes(16)), "SALT_MISMATCH"),
        (lambda d: setattr(d.contract.fields[1], "type", "text"), "FIELDS_MISMATCH: fields.name"),
    ],
)
async def test_a_contract_that_the_generation_does_not_have_is_an_error_and_no_silent_non_match(
    world: World, client: Client, change: Callable[[Description], None], complaint: str
) -> None:
    world.node.faults = Faults(description=change)
    with pytest.raises(StayputError, match=complaint):
        await compare(client)
    with pytest.raises(StayputError, match=complaint):
        await compare(client, RECORDS * 400)


async def test_a_node_that_shows_another_signing_key_than_at_first_is_not_asked(
    world: World, client: Client
) -> None:
    assert (await client.describe(RESOURCE)).signing_key == world.node.public_key
    other = Ed25519PrivateKey.generate()
    world.catalogue.resources[RESOURCE].signing_key = other.public_key().public_bytes_raw()
    world.node.signing_key = other
    with pytest.raises(StayputError, match="PINNED_KEY_CHANGED") as caught:
        await compare(client)
    assert "vehicles-1" in caught.value.remedy
    assert "known_nodes.json" in caught.value.remedy
    assert world.node.receipts == []


async def test_another_party_s_server_at_the_node_s_address_is_not_talked_to(
    world: World, client: Client
) -> None:
    impostor = tls.server([ErrorInterceptor()])
    port = await started(impostor, world.authority.credentials(identity.node("deaths-1")))
    world.catalogue.resources[RESOURCE].address = f"127.0.0.1:{port}"
    with pytest.raises(StayputError, match="CONNECTION_FAILED: node: "):
        await client.describe(RESOURCE)
    await impostor.stop(None)


def _put(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}
