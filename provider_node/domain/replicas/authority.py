"""The node's own small CA, by which it and its replicas know one another, and nobody else anybody.

P-256, X.509 v3 (RFC 5280). Certificate and key are one file of the keys directory, which the first replica
that is added makes, or the first start with `[replicas]`. A certificate alone admits nobody: the node asks
its list of replicas, so that one that was removed needs no revocation list.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provider_node.store.keystore import KeyStore
from provider_node.store.protection import damaged
from stayput.identity import Party, node, replica, thumbprint
from stayput.rpc.tls import Credentials

AUTHORITY_FILE: Final = "replicas.key"
LEAF_DAYS: Final = 825
"""How long a replica's certificate is valid. The node's own is made anew at each start."""
# The list of replicas ends what a certificate allows, so that nothing is gained by a new CA now and then.
_CA_DAYS: Final = 7_300
# What a peer's clock may be behind ours.
_BACKDATED: Final = timedelta(minutes=10)
_PURPOSES: Final = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
# RFC 5280 bounds a common name; the whole name is in the SAN, which alone is read.
_LONGEST_COMMON_NAME: Final = 64


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key and its CA; its `x5t#S256`, and until when it is valid."""

    credentials: Credentials
    thumbprint: str
    until: datetime


@dataclass(frozen=True, slots=True)
class _Authority:
    """The CA's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


class ReplicaAuthority:
    """Issues what the node and its replicas prove themselves to each other by."""

    def __init__(self, store: KeyStore, node_id: str, clock: Callable[[], datetime] = _now) -> None:
        """Of the node of that id; `FIELD_INVALID` if it is malformed."""
        self._store = store
        self._node = node(node_id)
        self._clock = clock

    def server_credentials(self) -> Credentials:
        """A new certificate of the node for its listener for replicas, and the CA that theirs are of.

        Raises `CONFIGURATION_INVALID` if the CA's file is damaged or does not open.
        """
        return self._issued(self._node).credentials

    def issue(self, name: str) -> Issued:
        """A new key and certificate for the replica of that name, which is not on the list by that.

        Raises `FIELD_INVALID` for a malformed name, and `CONFIGURATION_INVALID` as above.
        """
        return self._issued(replica(name))

    def _issued(self, party: Party) -> Issued:
        authority = self._authority()
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _leaf(authority, party, key.public_key(), self._clock())
        return Issued(
            Credentials(_pem(certificate), _key_pem(key), _pem(authority.certificate)),
            thumbprint(certificate),
            certificate.not_valid_after_utc,
        )

    def _authority(self) -> _Authority:
        if not self._store.exists(AUTHORITY_FILE):
            made = _new(self._node, self._clock())
            # Two processes may be the first at once: the file that stands is what counts.
            self._store.write_first(
                AUTHORITY_FILE, (_key_pem(made.key) + _pem(made.certificate)).decode("ascii")
            )
        text = self._store.read(AUTHORITY_FILE).encode("ascii")
        try:
            key, certificate = load_pem_private_key(text, None), x509.load_pem_x509_certificate(text)
        except ValueError:
            raise damaged(AUTHORITY_FILE) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
            raise damaged(AUTHORITY_FILE)
        return _Authority(certificate, key)


def _new(of: Party, now: datetime) -> _Authority:
    """A CA of its own: self-signed, for end-entity certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"replicas of {of.id}")
    builder = _builder(name, name, key.public_key(), now, now + timedelta(days=_CA_DAYS))
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return _Authority(certificate, key)


def _leaf(
    authority: _Authority, party: Party, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.Certificate:
    """A certificate for TLS as client and server; it never outlives the CA's own."""
    issuer = authority.certificate
    until = min(now + timedelta(days=LEAF_DAYS), issuer.not_valid_after_utc)
    builder = _builder(issuer.subject, _name(party.tls_name), public_key, now, until)
    names = x509.SubjectAlternativeName(
        (x509.UniformResourceIdentifier(party.urn), x509.DNSName(party.tls_name))
    )
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    for extension, critical in (
        (names, False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(ca=False), True),
        (x509.ExtendedKeyUsage(_PURPOSES), False),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(authority.key, SHA256())


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _BACKDATED,
        not_valid_after=until,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_COMMON_NAME])])


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


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
