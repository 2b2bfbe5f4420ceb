"""Who is let in: TLS, certificates, and the table of who may call what."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from comparator.data import DataDirectory, read_certificate, read_key
from comparator.domain import ca
from comparator.domain.enrolment import change_roles
from comparator.domain.policy import ALLOWED, FOR_ANYONE
from comparator.store.models import Role
from stayput.errors import StayputError
from stayput.identity import COMPARATOR_NAME, department
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.v1 import access_pb2, catalogue_pb2, enrolment_pb2, log_pb2
from stayput.v1.catalogue_pb2 import ListResourcesRequest
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceStub
from tests.comparator.platform import Member, Platform, installed, refused

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
    """The answer to an empty request, or the first of them."""
    descriptor = _METHODS[method]
    request, answer_type = GetMessageClass(descriptor.input_type)(), GetMessageClass(descriptor.output_type)
    if descriptor.server_streaming:
        stream: grpc.aio.UnaryStreamMultiCallable[Message, Message] = channel.unary_stream(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer_type.FromString,
        )
        return await anext(aiter(stream(request, timeout=10)))
    call: grpc.aio.UnaryUnaryMultiCallable[Message, Message] = channel.unary_unary(
        method,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_type.FromString,
    )
    return await call(request, timeout=10)


async def _result(method: str, member: Member) -> str:
    """How the comparator answers an empty request: the reason of its error, or OK."""
    try:
        with translated("comparator"):
            await _call(method, member.channel)
    except StayputError as error:
        return error.reason_name
    return "OK"


# Who may call what. Parties: a department that is only consumer, provider, auditor or operator; the node of a
# provider; and a node whose department is provider no more.
_C, _P, _A, _O, _N, _X = "consumer", "provider", "auditor", "operator", "node", "idle-node"
_PARTIES = (_C, _P, _A, _O, _N, _X)
_MAY: dict[str, set[str]] = {
    "CatalogueService/PublishResource": {_N},
    "CatalogueService/ListResources": {_C, _P, _A, _O, _N, _X},
    "CatalogueService/GetResource": {_C, _P, _A, _O, _N, _X},
    "AccessService/Apply": {_C},
    "AccessService/WithdrawApplication": {_C},
    "AccessService/ListApplications": {_C, _N, _A, _O},
    "AccessService/GetApplication": {_C, _N, _A, _O},
    "AccessService/AcceptApplication": {_N},
    "AccessService/RecordDecision": {_N},
    "AccessService/RecordGrantVersion": {_N},
    "AccessService/RecordGrantChange": {_N},
    "AccessService/ListGrants": {_C, _N, _A, _O},
    "AccessService/SetGrantStanding": {_O},
    "AccessService/WatchAccess": {_N},
    "AccessService/IssueTicket": {_C},
    "LogService/AppendReceipts": {_N},
    "LogService/ListEvents": {_A, _O},
    "LogService/GetCheckpoint": {_C, _P, _A, _O, _N, _X},
    "LogService/GetConsistencyProof": {_C, _P, _A, _O, _N, _X},
    "LogService/AddCosignature": {_C, _P, _A, _O, _N, _X},
    "LogService/SearchLog": {_C, _N, _A, _O},
    "LogService/GetBundle": {_C, _N, _A, _O},
    "EnrolmentService/Enrol": set(),
}


async def _party(platform: Platform, name: str) -> Member:
    if name == _N:
        return await platform.node("vehicles-1", "traffic-police")
    if name == _X:
        idle = await platform.node("vehicles-1", "traffic-police")
        with platform.database.writing() as store:
            change_roles(store, "traffic-police", frozenset({Role.CONSUMER}), platform.clock())
        return idle
    return await platform.department("civil-affairs", Role(name))


def test_every_method_of_the_comparator_is_in_the_table() -> None:
    assert set(ALLOWED) == set(_METHODS)
    assert {f"/stayput.v1.{method}" for method in _MAY} == set(_METHODS)
    assert set(_METHODS) > FOR_ANYONE


@pytest.mark.parametrize("name", _PARTIES)
async def test_each_party_may_call_what_the_table_says(platform: Platform, name: str) -> None:
    member = await _party(platform, name)
    results = {method: await _result(f"/stayput.v1.{method}", member) for method in _MAY}
    assert results.pop("EnrolmentService/Enrol") == "UNSUPPORTED"
    assert {method for method, result in results.items() if result != "NOT_PERMITTED"} == {
        method for method, may in _MAY.items() if name in may
    }
    # Whoever is admitted fails by the empty request only.
    assert set(results.values()) <= {
        "OK",
        "NOT_PERMITTED",
        "FIELD_INVALID",
        "RESOURCE_UNKNOWN",
        "APPLICATION_UNKNOWN",
        "GRANT_UNKNOWN",
        "GRANT_SIGNATURE_INVALID",
        "EVIDENCE_INVALID",
    }


async def test_roles_add_up(platform: Platform) -> None:
    member = await platform.department("civil-affairs", Role.CONSUMER, Role.OPERATOR)
    assert await _result("/stayput.v1.AccessService/Apply", member) == "RESOURCE_UNKNOWN"
    assert await _result("/stayput.v1.AccessService/SetGrantStanding", member) == "FIELD_INVALID"


@pytest.mark.parametrize(
    ("method", "named"),
    [
        ("AccessService/Apply", ["a department enrolled as consumer"]),
        ("AccessService/WatchAccess", ["a node of a department enrolled as provider"]),
        ("LogService/ListEvents", ["enrolled as auditor", "enrolled as operator"]),
    ],
)
async def test_who_may_not_is_told_who_may(platform: Platform, method: str, named: list[str]) -> None:
    member = await platform.department("civil-affairs", Role.PROVIDER)
    with refused("NOT_PERMITTED") as caught:
        await _call(f"/stayput.v1.{method}", member.channel)
    assert all(role in caught.value.remedy for role in named)


async def test_roles_count_from_the_next_call_on(platform: Platform, consumer: Member) -> None:
    method = "/stayput.v1.LogService/ListEvents"
    for roles, result in (
        ({Role.CONSUMER}, "NOT_PERMITTED"),
        ({Role.AUDITOR}, "OK"),
        ({Role.CONSUMER}, "NOT_PERMITTED"),
    ):
        with platform.database.writing() as store:
            change_roles(store, "civil-affairs", frozenset(roles), platform.clock())
        assert await _result(method, consumer) == result


async def test_every_method_wants_a_present_certificate(
    platform: Platform, subtests: pytest.Subtests
) -> None:
    member = await platform.department("civil-affairs")
    await platform.department("civil-affairs")
    for method in sorted(set(_METHODS) - {"/stayput.v1.EnrolmentService/Enrol"}):
        with subtests.test(method), refused("CERTIFICATE_UNKNOWN"):
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
