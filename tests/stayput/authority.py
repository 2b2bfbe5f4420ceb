"""A certificate authority for tests: certificates that name whatever a test wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from stayput.identity import Party
from stayput.rpc.tls import Credentials

_DAY = timedelta(days=1)


def names_of(party: Party) -> list[x509.GeneralName]:
    """What a party's certificate names."""
    return [x509.UniformResourceIdentifier(party.urn), x509.DNSName(party.tls_name)]


@dataclass(frozen=True)
class Authority:
    """A CA's key and self-signed certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls) -> "Authority":
        """A CA of its own."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        builder = _builder(name, name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return cls(key, builder.sign(key, SHA256()))

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def certify(
        self, public_key: ec.EllipticCurvePublicKey, names: Sequence[x509.GeneralName]
    ) -> x509.Certificate:
        """A certificate with these names, or without the extension for them if there are none."""
        builder = _builder(x509.Name([]), self.certificate.subject, public_key)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        return builder.sign(self.key, SHA256())

    def credentials(self, names: Sequence[x509.GeneralName]) -> Credentials:
        """A new key with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        return Credentials(
            certificate_chain=self.certify(key.public_key(), names).public_bytes(Encoding.PEM),
            private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            ca_certificate=self.pem,
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )
