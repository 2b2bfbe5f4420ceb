"""The certificate authority's certificates."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import (
    ClientVerifier,
    PolicyBuilder,
    ServerVerifier,
    Store,
    VerificationError,
)

from comparator.domain import ca
from stayput.identity import COMPARATOR_NAME, Party, caller_of, department, node

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def authority() -> ca.Authority:
    return ca.new_authority(ec.generate_private_key(ec.SECP256R1()), _NOW, 7)


def _issued(authority: ca.Authority, names: ca.Names, now: datetime = _NOW) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    return ca.Issuer(authority, 397).issue(key.public_key(), names, now)


def _verifiers(authority: ca.Authority, name: str, now: datetime) -> tuple[ServerVerifier, ClientVerifier]:
    builder = PolicyBuilder().store(Store([authority.certificate])).time(now)
    return builder.build_server_verifier(x509.DNSName(name)), builder.build_client_verifier()


@pytest.mark.parametrize("party", [department("civil-affairs"), node("vehicles-1"), node("n" * 63)])
def test_a_partys_certificate_serves_as_client_and_server(authority: ca.Authority, party: Party) -> None:
    certificate = _issued(authority, ca.party_names(party))
    server, client = _verifiers(authority, party.tls_name, _NOW)
    server.verify(certificate, [])
    client.verify(certificate, [])
    assert caller_of(certificate).party == party


def test_the_comparators_certificate_names_no_party(authority: ca.Authority) -> None:
    certificate = _issued(authority, ca.COMPARATOR_NAMES)
    server, _ = _verifiers(authority, COMPARATOR_NAME, _NOW)
    server.verify(certificate, [])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert not names.get_values_for_type(x509.UniformResourceIdentifier)


@pytest.mark.parametrize("after", [timedelta(days=398), timedelta(minutes=-11)])
def test_a_certificate_is_valid_in_its_time(authority: ca.Authority, after: timedelta) -> None:
    certificate = _issued(authority, ca.COMPARATOR_NAMES)
    server, _ = _verifiers(authority, COMPARATOR_NAME, _NOW + after)
    with pytest.raises(VerificationError):
        server.verify(certificate, [])


def test_no_certificate_outlives_its_ca(authority: ca.Authority) -> None:
    late = authority.certificate.not_valid_after_utc - timedelta(days=10)
    certificate = _issued(authority, ca.COMPARATOR_NAMES, late)
    assert certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_serial_numbers_differ(authority: ca.Authority) -> None:
    serials = {_issued(authority, ca.COMPARATOR_NAMES).serial_number for _ in range(20)}
    assert len(serials) == 20
    assert min(serials) > 2**64


def test_the_cas_key_is_not_shown(authority: ca.Authority) -> None:
    assert "key" not in repr(authority)
