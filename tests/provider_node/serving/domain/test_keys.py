"""The node's key files: made once, readable by their owner alone, and told apart when they are damaged."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from google.protobuf.json_format import MessageToJson

from provider_node.config import NodeConfig, load_node
from provider_node.domain.enrolment import enrol_node
from provider_node.domain.keys import NodeKeys
from stayput.v1.enrolment_pb2 import EnrolResponse
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import NODE, PROVIDER, Material
from tests.provider_node.serving.peer import Peer

FILES = ["guards.key", "index.key", "oprf.key", "sealing.key", "signing.key", "tls.csr", "tls.key"]


@pytest.fixture
def keys(tmp_path: Path) -> NodeKeys:
    made = NodeKeys(tmp_path)
    made.create()
    return made


@pytest.fixture
def config(tmp_path: Path) -> NodeConfig:
    path = tmp_path / "node.toml"
    path.write_text(f'[node]\nid = "{NODE.id}"\ndepartment = "{PROVIDER}"\ndata = "."\n')
    return load_node(path)


def test_only_the_owner_can_read_them(keys: NodeKeys, tmp_path: Path) -> None:
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == FILES
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_making_them_again_changes_nothing(keys: NodeKeys, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    (tmp_path / "keys" / "signing.key").unlink()
    keys.create()
    after = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    assert before.pop("signing.key") != after.pop("signing.key")
    assert before == after


def test_two_nodes_have_no_key_in_common(keys: NodeKeys, tmp_path: Path) -> None:
    other = NodeKeys(tmp_path / "other")
    other.create()
    for name in FILES:
        assert (tmp_path / "keys" / name).read_bytes() != (tmp_path / "other" / "keys" / name).read_bytes()


def test_they_are_what_they_are_for(keys: NodeKeys, tmp_path: Path) -> None:
    csr = x509.load_der_x509_csr(keys.csr())
    assert csr.is_signature_valid
    assert csr.public_key() == keys.party_keys().tls.public_key()
    assert keys.party_keys().signing.private_bytes_raw() == keys.signing_key().private_bytes_raw()
    assert len(keys.sealing_keys().current.public_bytes()) == 1_216
    assert keys.index_keys().current.id in keys.index_keys()


@pytest.mark.parametrize("damage", [b"", b"zz", b"00ff", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\n"])
@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".key")])
def test_a_damaged_key_is_named_and_not_shown(
    keys: NodeKeys, tmp_path: Path, name: str, damage: bytes
) -> None:
    (tmp_path / "keys" / name).write_bytes(damage)
    with refused("CONFIGURATION_INVALID", f"keys/{name}") as caught:
        keys.party_keys()
        keys.index_keys()
        keys.sealing_keys()
        keys.oprf_keys()
    assert caught.value.message == f"keys/{name} is damaged"


def test_a_node_of_an_earlier_release_gets_oprf_keys_once(keys: NodeKeys, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "oprf.key"
    path.unlink()
    drawn = keys.oprf_keys().epoch("deaths").id
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.oprf_keys().epoch("deaths").id == drawn
    assert sorted(one.name for one in path.parent.iterdir()) == FILES


def test_a_node_and_a_build_that_draw_oprf_keys_at_once_agree(keys: NodeKeys, tmp_path: Path) -> None:
    (tmp_path / "keys" / "oprf.key").unlink()
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: keys.oprf_keys().epoch("deaths").id, range(8)))
    assert len(set(drawn)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == FILES


def test_a_missing_key_is_named(keys: NodeKeys, tmp_path: Path) -> None:
    (tmp_path / "keys" / "sealing.key").unlink()
    with refused("CONFIGURATION_INVALID", "keys/sealing.key"):
        keys.sealing_keys()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused(keys: NodeKeys, tmp_path: Path, mode: int) -> None:
    (tmp_path / "keys" / "signing.key").chmod(mode)
    with refused("CONFIGURATION_INVALID", "keys/signing.key"):
        keys.signing_key()


async def test_enrolment_gives_certificate_ticket_key_and_address(
    keys: NodeKeys, config: NodeConfig, peer: Peer, tmp_path: Path
) -> None:
    with refused("CONFIGURATION_INVALID"):
        keys.enrolled()
    await enrol_node(config, MessageToJson(peer.invitation))
    enrolled = keys.enrolled()
    assert enrolled.comparator_address == peer.address
    assert enrolled.ticket_key.as_dict(private=False) == peer.ticket_key.as_dict(private=False)
    assert enrolled.credentials.ca_certificate == peer.authority.pem
    assert peer.signing_key == keys.signing_key().public_key().public_bytes_raw()
    assert (tmp_path / "keys" / "enrolment.json").stat().st_mode & 0o777 == 0o600
    # A call that is repeated, because its answer was lost, gives the same.
    await enrol_node(config, MessageToJson(peer.invitation))
    assert keys.enrolled().comparator_address == peer.address


CERTIFIED = ("signing.key", "tls.key", "tls.csr", "enrolment.json")


async def test_signing_and_tls_key_are_drawn_anew_when_all_that_was_certified_is_moved_away(
    keys: NodeKeys, config: NodeConfig, peer: Peer, tmp_path: Path
) -> None:
    await enrol_node(config, MessageToJson(peer.invitation))
    before, index = peer.signing_key, keys.index_keys().current.id
    for name in CERTIFIED:
        (tmp_path / "keys" / name).unlink()
    await enrol_node(config, MessageToJson(peer.invitation))
    assert peer.signing_key != before
    assert peer.signing_key == keys.signing_key().public_key().public_bytes_raw()
    assert keys.index_keys().current.id == index
    keys.enrolled()


@pytest.mark.parametrize("missing", [*({one} for one in CERTIFIED[:3]), {*CERTIFIED, "index.key"}])
async def test_keys_that_are_missing_otherwise_are_not_drawn(
    keys: NodeKeys, config: NodeConfig, peer: Peer, tmp_path: Path, missing: set[str]
) -> None:
    await enrol_node(config, MessageToJson(peer.invitation))
    for name in missing:
        (tmp_path / "keys" / name).unlink()
    with refused("CONFIGURATION_INVALID") as caught:
        await enrol_node(config, MessageToJson(peer.invitation))
    assert "is missing" in caught.value.message


@pytest.mark.parametrize(
    ("field", "value"), [("node_id", "deaths-1"), ("node_id", ""), ("department", "other")]
)
async def test_the_invitation_must_be_this_nodes(
    keys: NodeKeys, config: NodeConfig, peer: Peer, field: str, value: str
) -> None:
    invitation = peer.invitation
    setattr(invitation, field, value)
    with refused("FIELD_INVALID", f"invitation.{field}"):
        await enrol_node(config, MessageToJson(invitation))


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"token": 1}'])
async def test_what_is_no_invitation_is_told_as_that(keys: NodeKeys, config: NodeConfig, text: str) -> None:
    with refused("FIELD_INVALID"):
        await enrol_node(config, text)


@pytest.mark.parametrize(
    "change",
    [{"certificate_chain": "x"}, {"ca_certificate": None}, {"ticket_key": "x"}, {"comparator_address": 1}],
)
async def test_a_damaged_enrolment_is_told_as_that(
    keys: NodeKeys, config: NodeConfig, peer: Peer, tmp_path: Path, change: dict[str, object]
) -> None:
    await enrol_node(config, MessageToJson(peer.invitation))
    path = tmp_path / "keys" / "enrolment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with refused("CONFIGURATION_INVALID", "keys/enrolment.json"):
        keys.enrolled()


async def test_an_enrolment_of_another_shape_is_told_as_damaged(keys: NodeKeys, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "enrolment.json"
    path.touch(mode=0o600)
    path.write_text("[1]")
    with refused("CONFIGURATION_INVALID", "keys/enrolment.json"):
        keys.enrolled()


def test_nothing_secret_is_in_a_repr(keys: NodeKeys, material: Material, tmp_path: Path) -> None:
    secrets = [(tmp_path / "keys" / name).read_text() for name in FILES if name.endswith(".key")]
    parts = (keys.party_keys(), keys.sealing_keys(), keys.signing_key(), keys.oprf_keys())
    shown = repr((keys, *parts, material.identity))
    assert not any(secret in shown for secret in secrets)


async def test_a_certificate_of_another_key_is_not_used(
    keys: NodeKeys, peer: Peer, material: Material
) -> None:
    response = EnrolResponse(
        certificate_chain=material.node.credentials.certificate_chain.decode(),
        comparator_address="platform.internal:7000",
        ticket_key=peer.ticket_key.as_pem(private=False).decode(),
    )
    keys.store_enrolment(peer.invitation, response)
    with refused("CONFIGURATION_INVALID", "keys/enrolment.json") as caught:
        keys.enrolled()
    assert "another tls.key" in caught.value.message
