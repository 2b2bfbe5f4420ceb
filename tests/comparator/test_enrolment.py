"""Enrol over the enrolment listener: what an invitation gives, and each refusal."""

import secrets
from collections.abc import Callable
from datetime import UTC, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import select

from comparator.data import DataDirectory, read_key
from comparator.domain import enrolment
from comparator.store.models import Base
from stayput.enrolment import PartyKeys, csr_of, request
from stayput.errors import StayputError
from stayput.identity import department, node
from stayput.signing import PayloadType, sign_bytes
from stayput.v1.catalogue_pb2 import ListResourcesRequest
from stayput.v1.enrolment_pb2 import EnrolRequest, Invitation
from tests.comparator.platform import Platform, refused


@pytest.fixture
def keys() -> PartyKeys:
    return PartyKeys.generate()


@pytest.fixture
def invitation(platform: Platform) -> Invitation:
    return platform.invite_department("civil-affairs")


async def test_a_department_gets_its_identity(
    platform: Platform, invitation: Invitation, keys: PartyKeys
) -> None:
    answer = await platform.enrol(request(invitation, keys, csr_of(keys)))
    assert (answer.department, answer.node_id) == ("civil-affairs", "")
    assert answer.comparator_address == platform.running.main
    ticket_key = read_key(DataDirectory(platform.config.data).ticket_key)
    assert load_pem_public_key(answer.ticket_key.encode()) == ticket_key.public_key()
    member = await platform.connect(invitation, keys, answer)
    assert not (await member.catalogue.ListResources(ListResourcesRequest())).resources


async def test_the_certificate_says_what_the_invitation_says(platform: Platform, keys: PartyKeys) -> None:
    platform.invite_department("traffic-police")
    invitation = platform.invite_node("vehicles-1", "traffic-police")
    claims = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(department("tax-office").urn)])
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tax-office")]))
        .add_extension(claims, critical=False)
        .sign(keys.tls, SHA256())
        .public_bytes(Encoding.DER)
    )
    answer = await platform.enrol(request(invitation, keys, csr))
    assert (answer.department, answer.node_id) == ("traffic-police", "vehicles-1")
    (leaf,) = x509.load_pem_x509_certificates(answer.certificate_chain.encode())
    ca = x509.load_pem_x509_certificate(platform.ca_certificate)
    leaf.verify_directly_issued_by(ca)
    assert leaf.public_key() == keys.tls.public_key()
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [node("vehicles-1").urn]
    assert names.get_values_for_type(x509.DNSName) == [node("vehicles-1").tls_name]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    left = leaf.not_valid_after_utc - platform.clock()
    assert timedelta(days=396) < left <= timedelta(days=397)


async def test_repeating_the_call_gives_the_same_certificate(
    platform: Platform, invitation: Invitation, keys: PartyKeys
) -> None:
    asked = request(invitation, keys, csr_of(keys))
    assert await platform.enrol(asked) == await platform.enrol(asked)
    with platform.database.reading() as store:
        assert store.events.last_number() == 1


async def test_another_certificate_request_comes_too_late(
    platform: Platform, invitation: Invitation, keys: PartyKeys
) -> None:
    csr = csr_of(keys)
    await platform.enrol(request(invitation, keys, csr))
    thief = PartyKeys.generate()
    with refused("INVITATION_INVALID", "token"):
        await platform.enrol(request(invitation, thief, csr_of(thief)))
    other_signing_key = PartyKeys(keys.tls, Ed25519PrivateKey.generate())
    with refused("INVITATION_INVALID", "token"):
        await platform.enrol(request(invitation, other_signing_key, csr))


async def test_an_unknown_invitation(platform: Platform, invitation: Invitation, keys: PartyKeys) -> None:
    invitation.token = secrets.token_urlsafe(32)
    with refused("INVITATION_INVALID", "token"):
        await platform.enrol(request(invitation, keys, csr_of(keys)))


async def test_an_expired_invitation(platform: Platform, invitation: Invitation, keys: PartyKeys) -> None:
    asked = request(invitation, keys, csr_of(keys))
    platform.clock.advance(timedelta(hours=73))
    with refused("INVITATION_INVALID", "token"):
        await platform.enrol(asked)
    platform.clock.advance(timedelta(hours=-2))
    assert (await platform.enrol(asked)).department == "civil-affairs"


async def test_a_later_invitation_ends_an_unused_one(
    platform: Platform, invitation: Invitation, keys: PartyKeys
) -> None:
    later = platform.invite_department("civil-affairs", "民政局")
    with refused("INVITATION_INVALID"):
        await platform.enrol(request(invitation, keys, csr_of(keys)))
    assert (await platform.enrol(request(later, keys, csr_of(keys)))).department == "civil-affairs"


async def test_only_the_tokens_hash_is_stored(platform: Platform, invitation: Invitation) -> None:
    with platform.database.engine.connect() as connection:
        stored = [connection.execute(select(table)).all() for table in Base.metadata.sorted_tables]
    assert invitation.department in str(stored)
    assert invitation.token not in str(stored)


async def test_enrolling_anew_replaces_certificate_and_key(platform: Platform) -> None:
    before = await platform.department("civil-affairs")
    await before.catalogue.ListResources(ListResourcesRequest())
    after = await platform.department("civil-affairs")
    with refused("CERTIFICATE_UNKNOWN"):
        await before.catalogue.ListResources(ListResourcesRequest())
    await after.catalogue.ListResources(ListResourcesRequest())


def _rsa_csr(_keys: PartyKeys) -> bytes:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def _other_curve_csr(_keys: PartyKeys) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(ec.generate_private_key(ec.SECP384R1()), SHA256()).public_bytes(Encoding.DER)


def _forged_csr(keys: PartyKeys) -> bytes:
    """The last byte of the signature's second integer is another."""
    csr = csr_of(keys)
    return csr[:-1] + bytes([csr[-1] ^ 1])


@pytest.mark.parametrize(
    "csr",
    [
        lambda _keys: b"",
        lambda _keys: b"\x30\x00",
        lambda _keys: secrets.token_bytes(200),
        lambda keys: csr_of(keys) + bytes(8_192),
        _rsa_csr,
        _other_curve_csr,
        _forged_csr,
    ],
)
async def test_a_bad_certificate_request(
    platform: Platform, invitation: Invitation, keys: PartyKeys, csr: Callable[[PartyKeys], bytes]
) -> None:
    with refused("CSR_INVALID", "csr"):
        await platform.enrol(request(invitation, keys, csr(keys)))
    # The invitation is not used up.
    assert (await platform.enrol(request(invitation, keys, csr_of(keys)))).department == "civil-affairs"


def _short_key(asked: EnrolRequest, _keys: PartyKeys) -> None:
    asked.signing_key = asked.signing_key[:31]


def _no_proof(asked: EnrolRequest, _keys: PartyKeys) -> None:
    asked.ClearField("signing_key_proof")


def _anothers_key(asked: EnrolRequest, _keys: PartyKeys) -> None:
    asked.signing_key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()


def _proof_of_another_request(asked: EnrolRequest, keys: PartyKeys) -> None:
    asked.signing_key_proof = sign_bytes(PayloadType.SIGNING_KEY_PROOF, csr_of(keys), keys.signing)


def _proof_of_another_type(asked: EnrolRequest, keys: PartyKeys) -> None:
    asked.signing_key_proof = sign_bytes(PayloadType.GRANT, asked.csr, keys.signing)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("signing_key", _short_key),
        ("signing_key_proof", _no_proof),
        ("signing_key_proof", _anothers_key),
        ("signing_key_proof", _proof_of_another_request),
        ("signing_key_proof", _proof_of_another_type),
    ],
)
async def test_no_possession_of_the_signing_key(
    platform: Platform,
    invitation: Invitation,
    keys: PartyKeys,
    field: str,
    change: Callable[[EnrolRequest, PartyKeys], None],
) -> None:
    asked = request(invitation, keys, csr_of(keys))
    change(asked, keys)
    with refused("CSR_INVALID", field):
        await platform.enrol(asked)


def test_a_node_needs_its_department(platform: Platform) -> None:
    with pytest.raises(StayputError, match="no department of this code was invited"):
        platform.invite_node("vehicles-1", "traffic-police")


def test_a_node_stays_with_its_department(platform: Platform) -> None:
    platform.invite_department("traffic-police")
    platform.invite_department("tax-office")
    platform.invite_node("vehicles-1", "traffic-police")
    with pytest.raises(StayputError, match="another department"):
        platform.invite_node("vehicles-1", "tax-office")


@pytest.mark.parametrize(("code", "title"), [("X", "某部门"), ("", "某部门"), ("civil-affairs", "")])
def test_a_malformed_invitation(platform: Platform, code: str, title: str) -> None:
    with pytest.raises(StayputError) as caught:
        platform.invite_department(code, title)
    assert caught.value.reason_name == "FIELD_INVALID"


def test_a_later_title_is_kept(platform: Platform) -> None:
    platform.invite_department("civil-affairs", "民政")
    platform.invite_department("civil-affairs", "民政局")
    with platform.database.reading() as store:
        row = store.parties.find(department("civil-affairs"))
    assert row is not None
    assert row.title == "民政局"


def test_a_token_has_32_bytes(platform: Platform) -> None:
    now, life = platform.clock().astimezone(UTC), timedelta(hours=1)
    with platform.database.writing() as store, pytest.raises(ValueError, match="32 bytes"):
        enrolment.invite_department(store, "civil-affairs", "民政局", b"short", now, life)
