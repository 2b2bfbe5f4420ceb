"""The call that turns an invitation into a certificate, and what a home directory keeps of it.

Nothing here reads or writes a file, so that the caller can store keys and request before the call: the same
invitation with the same request gives the same certificate again when an answer was lost.
"""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from stayput.enrolment import PartyKeys, csr_of
from stayput.errors import StayputError
from stayput.rpc import enrolment as rpc
from stayput.v1.enrolment_pb2 import EnrolResponse, Invitation
from stayput.v1.errors_pb2 import ErrorReason


@dataclass(frozen=True, slots=True)
class Applicant:
    """The keys of a party to be, and its request for a certificate (PKCS #10, DER). Shows nothing in repr."""

    keys: PartyKeys = field(repr=False)
    csr: bytes = field(repr=False)

    @staticmethod
    def generate() -> "Applicant":
        """New keys and a request with them."""
        keys = PartyKeys.generate()
        return Applicant(keys, csr_of(keys))

    @staticmethod
    def from_pem(tls_key: bytes, signing_key: bytes, csr: bytes) -> "Applicant":
        """From what `tls_key_pem`, `signing_key_pem` and `csr` gave; `ValueError` if they are damaged."""
        tls, signing = load_pem_private_key(tls_key, None), load_pem_private_key(signing_key, None)
        if not isinstance(tls, ec.EllipticCurvePrivateKey) or not isinstance(signing, Ed25519PrivateKey):
            raise ValueError("the stored keys are not those of an enrolment")  # noqa: TRY004 (a file's content)
        return Applicant(PartyKeys(tls, signing), csr)

    def tls_key_pem(self) -> bytes:
        """Private TLS key, PKCS #8 PEM."""
        return self.keys.tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def signing_key_pem(self) -> bytes:
        """Private signing key, PKCS #8 PEM."""
        return self.keys.signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


async def enrol(invitation: Invitation, applicant: Applicant, now: datetime) -> EnrolResponse:
    """Exchanges the invitation for a certificate, and returns the answer after checking it against both.

    Raises what EnrolmentService.Enrol raises, and `CERTIFICATE_UNKNOWN` for an answer that does not fit.
    """
    response = await rpc.enrol(invitation, applicant.keys, applicant.csr)
    _require_usable(response, invitation, now)
    return response


def _require_usable(response: EnrolResponse, invitation: Invitation, now: datetime) -> None:
    leaf = x509.load_pem_x509_certificate(response.certificate_chain.encode())
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise _unusable("the certificate is not valid now; check this computer's clock")
    named = (response.department, response.node_id)
    if named != (invitation.department, invitation.node_id) or not response.comparator_address:
        raise _unusable("the answer does not fit the invitation")


def _unusable(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN,
        problem,
        field="certificate_chain",
        remedy="nothing was stored as your identity; tell the platform's operator",
    )
