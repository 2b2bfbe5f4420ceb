"""A certificate authority for tests: certificates that name parties as Stayput's do."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from stayput.identity import COMPARATOR_NAME, Party
from stayput.rpc.tls import Credentials


class Authority:
    """Signs certificates of parties and of the comparator."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        builder = _builder(self._name, self._name, self._key.public_key())
        self.certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True).sign(
            self._key, SHA256()
        )
        self.pem = self.certificate.public_bytes(Encoding.PEM)

    def sign(
        self, key: ec.EllipticCurvePublicKey, party: Party | None, life: timedelta = timedelta(days=1)
    ) -> bytes:
        """PEM certificate for the key of a party, or of the comparator."""
        names: list[x509.GeneralName] = [x509.DNSName(party.tls_name if party else COMPARATOR_NAME)]
        if party:
            names.append(x509.UniformResourceIdentifier(party.urn))
        builder = _builder(x509.Name([]), self._name, key, life)
        san = x509.SubjectAlternativeName(names)
        return builder.add_extension(san, True).sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def credentials(self, party: Party | None) -> Credentials:
        """A new key with its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Credentials(self.sign(key.public_key(), party), private, self.pem)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    life: timedelta = timedelta(days=1),
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=2),
        not_valid_after=now + life,
    )
