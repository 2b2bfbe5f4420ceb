"""A certificate authority for tests: certificates that name parties as enrolment gives them, or wrongly."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from stayput.identity import COMPARATOR_NAME, Party, thumbprint
from stayput.rpc.tls import Credentials

_BEGIN, _END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, as TLS wants them, and the thumbprint that tickets name."""

    credentials: Credentials
    thumbprint: str


class Authority:
    """Signs certificates with a key of its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        builder = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._certificate = builder.sign(self._key, SHA256())
        self.pem = self._certificate.public_bytes(Encoding.PEM)

    def party(self, party: Party) -> Issued:
        """A certificate that names a party."""
        return self.names(party.tls_name, party.urn)

    def comparator(self) -> Issued:
        """The comparator's certificate."""
        return self.names(COMPARATOR_NAME)

    def names(self, dns: str, *uris: str) -> Issued:
        """A certificate with these subject alternative names and a fresh key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certify(key.public_key(), dns, *uris)
        pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = certificate.public_bytes(Encoding.PEM)
        return Issued(Credentials(chain, pem_key, self.pem), thumbprint(certificate))

    def certify(self, key: ec.EllipticCurvePublicKey, dns: str, *uris: str) -> x509.Certificate:
        """A certificate for somebody else's key."""
        names = [x509.DNSName(dns), *(x509.UniformResourceIdentifier(uri) for uri in uris)]
        builder = self._builder(x509.Name([]), key).add_extension(
            x509.SubjectAlternativeName(names), critical=True
        )
        return builder.sign(self._key, SHA256())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=_BEGIN,
            not_valid_after=_END,
        )
