"""Turning an invitation into a certificate: the party's side, the same for a department and a node.

The keys are made and stored by the caller before the call; repeating the call with the same keys gives the
same certificate, so a crash or a lost answer loses nothing (enrolment.proto).
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf.json_format import Parse, ParseError

from stayput.errors import StayputError, field_invalid
from stayput.identity import Party, caller_of, department, node
from stayput.signing import PayloadType, sign_bytes
from stayput.v1.enrolment_pb2 import EnrolRequest, EnrolResponse, Invitation
from stayput.v1.errors_pb2 import ErrorReason

_ASK = "ask the operator for a new invitation"


@dataclass(frozen=True, slots=True)
class PartyKeys:
    """A party's private keys: P-256 for TLS, Ed25519 for statements. Their reprs show nothing secret."""

    tls: ec.EllipticCurvePrivateKey
    signing: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> "PartyKeys":
        """New keys from the system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate())


def read_invitation(text: str) -> Invitation:
    """The invitation in a file (protobuf JSON); `FIELD_INVALID` if it is none."""
    try:
        invitation = Parse(text, Invitation())
    except ParseError:
        raise field_invalid(
            "invitation", "the file is no invitation", "use the file that the platform's operator gave you"
        ) from None
    for field in ("enrolment_address", "ca_certificate", "token", "department"):
        if not getattr(invitation, field):
            raise field_invalid(f"invitation.{field}", "is missing", _ASK)
    try:
        x509.load_pem_x509_certificate(invitation.ca_certificate.encode())
    except ValueError:
        raise field_invalid("invitation.ca_certificate", "is no certificate in PEM", _ASK) from None
    return invitation


def invited(invitation: Invitation) -> Party:
    """Whom the invitation is for."""
    return node(invitation.node_id) if invitation.node_id else department(invitation.department)


def csr_of(keys: PartyKeys) -> bytes:
    """PKCS #10 request in DER. ECDSA signs it afresh each time, so store it if the call may be repeated."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(keys.tls, SHA256()).public_bytes(Encoding.DER)


def request(invitation: Invitation, keys: PartyKeys, csr: bytes) -> EnrolRequest:
    """The call's request, with the signing key's proof of possession over the certificate request."""
    return EnrolRequest(
        token=invitation.token,
        csr=csr,
        signing_key=keys.signing.public_key().public_bytes_raw(),
        signing_key_proof=sign_bytes(PayloadType.SIGNING_KEY_PROOF, csr, keys.signing),
    )


def checked(response: EnrolResponse, invitation: Invitation, keys: PartyKeys) -> EnrolResponse:
    """The response, if its certificate is for our key, names whom the invitation is for, and is of its CA.

    Raises `CERTIFICATE_UNKNOWN` otherwise.
    """
    ca = x509.load_pem_x509_certificate(invitation.ca_certificate.encode())
    try:
        leaf = x509.load_pem_x509_certificates(response.certificate_chain.encode())[0]
    except ValueError:
        raise _wrong("is no certificate in PEM") from None
    try:
        leaf.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        raise _wrong("is not signed by the platform's CA") from None
    if _public_bytes(leaf.public_key()) != _public_bytes(keys.tls.public_key()):
        raise _wrong("is for another key")
    if caller_of(leaf).party != invited(invitation):
        raise _wrong("names another party")
    return response


def _public_bytes(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _wrong("is for another kind of key")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _wrong(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN,
        f"the certificate given {problem}",
        field="certificate_chain",
        remedy="do not use it; tell the platform's operator",
    )
