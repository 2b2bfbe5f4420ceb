"""The certificate authority of a closed deployment: P-256, X.509 v3 (RFC 5280)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stayput.identity import COMPARATOR_NAME, Party

CA_DAYS = 3_650
# What a peer's clock may be behind ours.
_BACKDATED = timedelta(minutes=10)
_CA_COMMON_NAME = "Stayput platform CA"

_PURPOSES = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)

Names = Sequence[x509.GeneralName]
COMPARATOR_NAMES: Names = (x509.DNSName(COMPARATOR_NAME),)


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def new_authority(key: ec.EllipticCurvePrivateKey, now: datetime, serial: int) -> Authority:
    """A CA of its own: self-signed, for end-entity certificates only."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _CA_COMMON_NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return Authority(certificate, key)


def party_names(party: Party) -> Names:
    """What a party's certificate names: its URN, and the DNS name that others demand of it as a server."""
    return (x509.UniformResourceIdentifier(party.urn), x509.DNSName(party.tls_name))


@dataclass(frozen=True, slots=True)
class Issuer:
    """What certificates are issued with: the CA, how long they live, and where serial numbers come from."""

    authority: Authority
    days: int
    serial: Callable[[], int] = x509.random_serial_number

    def issue(self, public_key: ec.EllipticCurvePublicKey, names: Names, now: datetime) -> x509.Certificate:
        """A certificate for TLS as client and server; it never outlives the CA's own."""
        issuer = self.authority.certificate
        common_name = next(name.value for name in names if isinstance(name, x509.DNSName))
        # RFC 5280 bounds a common name at 64 characters; the whole name is in the SAN, which alone is read.
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject)
            .public_key(public_key)
            .serial_number(self.serial())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(min(now + timedelta(days=self.days), issuer.not_valid_after_utc))
        )
        for extension, critical in (
            (x509.SubjectAlternativeName(names), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(ca=False), True),
            (x509.ExtendedKeyUsage(_PURPOSES), False),
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.authority.key, SHA256())


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
