"""Enrolling a home directory against an enrolment service over TLS."""

import json
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from google.protobuf.json_format import MessageToJson

from stayput.errors import StayputError
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.enrolment_pb2 import Invitation
from stayput.v1.enrolment_pb2_grpc import add_EnrolmentServiceServicer_to_server
from stayput_client import Client, Home, join
from tests.client.authority import Authority
from tests.client.servicers.comparator import EnrolmentPeer
from tests.client.world import DEPARTMENT, World

TOKEN, SECOND_TOKEN = "first-token", "second-token"


@dataclass
class Platform:
    """The enrolment service, and what an operator hands out."""

    peer: EnrolmentPeer
    invitation: Invitation

    def text(self, **changes: str) -> str:
        changed = Invitation()
        changed.CopyFrom(self.invitation)
        for name, value in changes.items():
            setattr(changed, name, value)
        return MessageToJson(changed)


@pytest.fixture
async def platform(authority: Authority) -> AsyncIterator[Platform]:
    peer = EnrolmentPeer(authority, {TOKEN: DEPARTMENT, SECOND_TOKEN: DEPARTMENT}, "127.0.0.1:1")
    server = tls.server([ErrorInterceptor()])
    add_EnrolmentServiceServicer_to_server(peer, server)
    port = tls.listen_enrolment(server, "127.0.0.1:0", authority.credentials(None))
    await server.start()
    invitation = Invitation(
        enrolment_address=f"127.0.0.1:{port}",
        ca_certificate=authority.pem.decode(),
        token=TOKEN,
        department=DEPARTMENT,
    )
    yield Platform(peer, invitation)
    await server.stop(None)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "deep" / "home")


def now() -> datetime:
    return datetime.now(UTC)


def identities(home: Home) -> list[str]:
    return sorted(path.name for path in (home.path / "identities").iterdir())


async def test_an_invitation_becomes_an_identity_that_only_its_owner_can_read(
    platform: Platform, home: Home
) -> None:
    joined = await join(home, platform.text(), now(), renew=False)
    assert (joined.department, joined.comparator_address) == (DEPARTMENT, "127.0.0.1:1")
    chain, key, authority = home.identity().tls()
    leaf = x509.load_pem_x509_certificate(chain)
    encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert leaf.public_key().public_bytes(*encoding) == (
        load_pem_private_key(key, None).public_key().public_bytes(*encoding)
    )
    assert authority == platform.peer.authority.pem
    for path in [home.path, *home.path.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert path.is_symlink() or stat.S_IMODE(path.stat().st_mode) == expected, path
    assert b"first-token" not in b"".join(p.read_bytes() for p in home.path.rglob("*") if p.is_file())


async def test_a_lost_answer_is_made_good_by_repeating(platform: Platform, home: Home) -> None:
    platform.peer.lose_answers = 1
    with pytest.raises(StayputError, match="SHUTTING_DOWN"):
        await join(home, platform.text(), now(), renew=False)
    assert not home.enrolled
    await join(home, platform.text(), now(), renew=False)
    (used,) = platform.peer.used.values()
    assert home.identity().tls()[0] == used[1]


async def test_repeating_an_enrolment_that_is_done_changes_nothing(platform: Platform, home: Home) -> None:
    first = await join(home, platform.text(), now(), renew=False)
    kept = home.identity().tls()
    platform.peer.tokens.clear()
    assert await join(home, platform.text(), now(), renew=False) == first
    assert home.identity().tls() == kept


async def test_an_identity_is_replaced_only_when_asked_and_only_by_a_complete_one(
    platform: Platform, home: Home
) -> None:
    await join(home, platform.text(), now(), renew=False)
    first = home.identity().tls()
    with pytest.raises(StayputError, match=r"there is an identity in .* already"):
        await join(home, platform.text(token=SECOND_TOKEN), now(), renew=False)
    platform.peer.lose_answers = 1
    with pytest.raises(StayputError, match="SHUTTING_DOWN"):
        await join(home, platform.text(token=SECOND_TOKEN), now(), renew=True)
    assert home.identity().tls() == first
    assert len(identities(home)) == 2
    await join(home, platform.text(token=SECOND_TOKEN), now(), renew=True)
    assert home.identity().tls() != first
    assert len(identities(home)) == 1


async def test_keys_half_written_by_a_crash_are_made_anew(platform: Platform, home: Home) -> None:
    files = home.identity_for(TOKEN)
    files.begin(b"half", b"", b"")
    (files.directory / "request.der").unlink()
    await join(home, platform.text(), now(), renew=False)
    assert home.enrolled


async def test_stored_keys_that_are_damaged_are_named_and_not_replaced(
    platform: Platform, home: Home
) -> None:
    files = home.identity_for(TOKEN)
    files.begin(b"damaged", b"damaged", b"damaged")
    with pytest.raises(StayputError, match=r"CONFIGURATION_INVALID: .* is damaged"):
        await join(home, platform.text(), now(), renew=False)
    assert files.begun() == (b"damaged", b"damaged", b"damaged")


async def test_a_certificate_that_does_not_fit_is_not_stored(platform: Platform, home: Home) -> None:
    platform.peer.names_instead = "water-works"
    with pytest.raises(StayputError, match=r"CERTIFICATE_UNKNOWN: .* names another party"):
        await join(home, platform.text(), now(), renew=False)
    assert not home.enrolled


async def test_a_certificate_that_has_expired_is_not_stored(platform: Platform, home: Home) -> None:
    platform.peer.life = -timedelta(hours=1)
    with pytest.raises(StayputError, match="CERTIFICATE_UNKNOWN: the certificate is not valid now"):
        await join(home, platform.text(), now(), renew=False)
    assert not home.enrolled


async def test_the_platform_must_be_of_the_invitation_s_ca(platform: Platform, home: Home) -> None:
    with pytest.raises(StayputError, match="CONNECTION_FAILED: comparator: "):
        await join(home, platform.text(ca_certificate=Authority().pem.decode()), now(), renew=False)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"token": "used-by-nobody"}, "INVITATION_INVALID"),
        ({"token": ""}, "FIELD_INVALID: invitation.token: is missing"),
        ({"node_id": "vehicles-1"}, "FIELD_INVALID: the invitation is for a node, not for a department"),
    ],
)
async def test_invitations_that_cannot_be_used(
    platform: Platform, home: Home, changes: dict[str, str], complaint: str
) -> None:
    with pytest.raises(StayputError, match=complaint):
        await join(home, platform.text(**changes), now(), renew=False)


async def test_a_file_that_is_no_invitation_is_refused_without_quoting_it(home: Home) -> None:
    with pytest.raises(StayputError, match="FIELD_INVALID: invitation: ") as caught:
        await join(home, '{"token": "the-secret", ', now(), renew=False)
    assert "the-secret" not in str(caught.value)


def test_without_an_identity_there_is_no_client(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match="CERTIFICATE_REQUIRED: there is no identity in ") as caught:
        Client.open(tmp_path)
    assert "stayput enrol" in caught.value.remedy


async def test_what_is_in_the_home_must_be_readable(world: World, client: Client) -> None:
    settings = world.home / "config.toml"
    for text, complaint in (
        ("operator = 7", "config.toml: operator is no setting, or not text"),
        ('colour = "red"', "config.toml: colour is no setting"),
        ("operator =", "config.toml is damaged"),
    ):
        _put(settings, text)
        with pytest.raises(StayputError, match=f"CONFIGURATION_INVALID: .*{complaint}"):
            Home(world.home).settings()
    _put(world.home / "known_nodes.json", json.dumps(["not an object"]))
    with pytest.raises(StayputError, match=r"CONFIGURATION_INVALID: .*known_nodes.json is damaged"):
        await client.describe("vehicle-owners")
    _put(world.home / "identity" / "platform.json", "{}")
    with pytest.raises(StayputError, match=r"CONFIGURATION_INVALID: .*platform.json is damaged"):
        Client.open(world.home)


def test_nodes_met_at_the_same_time_are_both_remembered(tmp_path: Path) -> None:
    one, other = Home(tmp_path), Home(tmp_path)
    one.pin("vehicles-1", bytes(32))
    other.pin("deaths-1", bytes([1]) * 32)
    assert one.known_node("vehicles-1") == bytes(32)
    assert one.known_node("deaths-1") == bytes([1]) * 32
    with pytest.raises(StayputError, match="PINNED_KEY_CHANGED"):
        other.pin("vehicles-1", bytes([2]) * 32)


def _put(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
