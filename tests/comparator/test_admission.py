"""Who is let in: TLS, certificates, and the table of who may call what."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from comparator.data import DataDirectory, read_certificate, read_key
from comparator.domain import ca
from comparator.domain.policy import ALLOWED
from stayput.identity import COMPARATOR_NAME, Kind, department
from stayput.rpc import tls
from stayput.v1 import access_pb2, catalogue_pb2, enrolment_pb2, log_pb2
from stayput.v1.catalogue_pb2 import ListResourcesRequest
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceStub
from tests.comparator.platform import Platform, installed, refused

_METHODS = {
    f"/{service.full_name}/{method.name}": method
    for file in (access_pb2, catalogue_pb2, enrolment_pb2, log_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def _identity(certificate: bytes, key: ec.EllipticCurvePrivateKey, ca_certificate: bytes) -> tls.Credentials:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return tls.Credentials(certificate, pem, ca_certificate)


def _issued(platform: Platform, names: ca.Names) -> tls.Credentials:
    """A certificate of the platform's own CA that no enrolment gave."""
    data = DataDirectory(platform.config.data)
    authority = ca.Authority(read_certificate(data.ca_certificate), read_key(data.ca_key))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = ca.Issuer(authority, 1).issue(key.public_key(), names, datetime.now(UTC))
    return _identity(certificate.public_bytes(Encoding.PEM), key, platform.ca_certificate)


async def _list(address: str, credentials: tls.Credentials) -> None:
    async with tls.channel(address, COMPARATOR_NAME, credentials) as channel:
        await CatalogueServiceStub(channel).ListResources(ListResourcesRequest(), timeout=10)


async def _call(method: str, channel: grpc.aio.Channel) -> Message:
    descriptor = _METHODS[method]
    answer_type = GetMessageClass(descriptor.output_type)
    call: grpc.aio.UnaryUnaryMultiCallable[Message, Message] = channel.unary_unary(
        method,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_type.FromString,
    )
    return await call(GetMessageClass(descriptor.input_type)(), timeout=10)


def test_every_method_of_the_comparator_is_in_the_table() -> None:
    assert set(ALLOWED) == set(_METHODS)


@pytest.mark.parametrize("method", sorted(_METHODS))
@pytest.mark.parametrize("kind", list(Kind))
async def test_each_kind_may_call_what_the_table_says(platform: Platform, kind: Kind, method: str) -> None:
    member = (
        await platform.department("civil-affairs")
        if kind is Kind.DEPARTMENT
        else await platform.node("vehicles-1", "traffic-police")
    )
    if not ALLOWED[method]:
        with refused("UNSUPPORTED"):
            await _call(method, member.channel)
    elif kind not in ALLOWED[method]:
        with refused("NOT_PERMITTED"):
            await _call(method, member.channel)
    elif "List" in method:
        await _call(method, member.channel)
    else:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _call(method, member.channel)
        # Admitted: what fails is the empty request.
        assert caught.value.code() in {
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.PERMISSION_DENIED,
        }
        assert "this call is not for" not in (caught.value.details() or "")


@pytest.mark.parametrize("method", sorted(set(_METHODS) - {"/stayput.v1.EnrolmentService/Enrol"}))
async def test_every_method_wants_a_present_certificate(platform: Platform, method: str) -> None:
    member = await platform.department("civil-affairs")
    await platform.department("civil-affairs")
    with refused("CERTIFICATE_UNKNOWN"):
        await _call(method, member.channel)


async def test_without_a_certificate_there_is_no_connection(platform: Platform) -> None:
    channel = tls.enrolment_channel(platform.running.main, COMPARATOR_NAME, platform.ca_certificate)
    async with channel:
        with refused("CONNECTION_FAILED"):
            await CatalogueServiceStub(channel).ListResources(ListResourcesRequest(), timeout=10)


async def test_another_cas_certificate_makes_no_connection(platform: Platform, tmp_path: Path) -> None:
    elsewhere = DataDirectory(installed(tmp_path / "elsewhere").data)
    other = ca.Authority(read_certificate(elsewhere.ca_certificate), read_key(elsewhere.ca_key))
    await platform.department("civil-affairs")
    key = ec.generate_private_key(ec.SECP256R1())
    names = ca.party_names(department("civil-affairs"))
    certificate = ca.Issuer(other, 1).issue(key.public_key(), names, datetime.now(UTC))
    credentials = _identity(certificate.public_bytes(Encoding.PEM), key, platform.ca_certificate)
    with refused("CONNECTION_FAILED"):
        await _list(platform.running.main, credentials)


async def test_a_certificate_that_was_never_enrolled(platform: Platform) -> None:
    await platform.department("civil-affairs")
    for names in (ca.party_names(department("civil-affairs")), ca.party_names(department("water-works"))):
        with refused("CERTIFICATE_UNKNOWN"):
            await _list(platform.running.main, _issued(platform, names))


async def test_a_certificate_that_names_no_party(platform: Platform) -> None:
    with refused("CERTIFICATE_UNKNOWN"):
        await _list(platform.running.main, _issued(platform, ca.COMPARATOR_NAMES))
    two = (*ca.party_names(department("aa")), x509.UniformResourceIdentifier(department("bb").urn))
    with refused("CERTIFICATE_UNKNOWN"):
        await _list(platform.running.main, _issued(platform, two))


async def test_an_invited_party_without_enrolment(platform: Platform) -> None:
    platform.invite_department("civil-affairs")
    with refused("CERTIFICATE_UNKNOWN"):
        await _list(platform.running.main, _issued(platform, ca.party_names(department("civil-affairs"))))


async def test_a_certificate_that_ran_out_on_an_open_connection(platform: Platform) -> None:
    member = await platform.department("civil-affairs")
    await member.catalogue.ListResources(ListResourcesRequest())
    platform.clock.advance(timedelta(days=398))
    with refused("CERTIFICATE_UNKNOWN"):
        await member.catalogue.ListResources(ListResourcesRequest())


async def test_the_server_proves_to_be_the_comparator(platform: Platform) -> None:
    member = await platform.department("civil-affairs")
    for address in (platform.running.main, platform.running.enrolment):
        async with tls.channel(address, member.party.tls_name, member.credentials) as channel:
            with refused("CONNECTION_FAILED"):
                await CatalogueServiceStub(channel).ListResources(ListResourcesRequest(), timeout=10)


async def test_the_enrolment_listener_offers_nothing_else(platform: Platform) -> None:
    channel = tls.enrolment_channel(platform.running.enrolment, COMPARATOR_NAME, platform.ca_certificate)
    async with channel:
        with refused("UNSUPPORTED"):
            await CatalogueServiceStub(channel).ListResources(ListResourcesRequest(), timeout=10)
