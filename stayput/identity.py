"""Who a certificate names, and the names that bind a TLS connection to a party rather than to an address.

A certificate carries the SAN URI `urn:stayput:department:<code>` or `urn:stayput:node:<id>`, and a SAN DNS
name made from it under `.internal`, which a caller demands of the server whatever address it dialled. A node
names its replicas by `urn:stayput:replica:<name>`, under an authority that nobody else trusts.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stayput.errors import StayputError, field_invalid
from stayput.v1.errors_pb2 import ErrorReason

CODE = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
COMPARATOR_NAME = "comparator.stayput.internal"
_URN = "urn:stayput:"


class Kind(Enum):
    """What a certificate can name."""

    DEPARTMENT = "department"
    NODE = "node"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class Party:
    """A department (by its code), a node (by its id) or a replica (by its name)."""

    kind: Kind
    id: str

    @property
    def urn(self) -> str:
        """The SAN URI, also `sub` and `aud` of tickets."""
        return f"{_URN}{self.kind.value}:{self.id}"

    @staticmethod
    def from_urn(urn: str) -> "Party":
        """The party that a URN names; `ValueError` if it is not a well-formed one."""
        prefix, _, rest = urn.partition(_URN)
        kind, _, name = rest.partition(":")
        if prefix or not CODE.fullmatch(name):
            raise ValueError("not a Stayput URN")
        return Party(Kind(kind), name)

    @property
    def tls_name(self) -> str:
        """The SAN DNS name that a caller demands of a server."""
        return f"{self.id}.{self.kind.value}.stayput.internal"


@dataclass(frozen=True, slots=True)
class Caller:
    """The peer of a connection: the party its certificate names, and the certificate's thumbprint."""

    party: Party
    thumbprint: str


def department(code: str) -> Party:
    """The department of that code; `FIELD_INVALID` if the code is malformed."""
    return Party(Kind.DEPARTMENT, checked_code(code, "department"))


def node(node_id: str) -> Party:
    """The node of that id; `FIELD_INVALID` if the id is malformed."""
    return Party(Kind.NODE, checked_code(node_id, "node"))


def replica(name: str) -> Party:
    """The replica of that name; `FIELD_INVALID` if the name is malformed."""
    return Party(Kind.REPLICA, checked_code(name, "replica"))


def checked_code(code: str, field: str) -> str:
    """`code`, if it is 2 to 63 of `[a-z0-9-]`, first a letter, last not `-`; else `FIELD_INVALID`."""
    if not CODE.fullmatch(code):
        raise field_invalid(
            field,
            "must be 2 to 63 of a-z, 0-9 and '-', beginning with a letter and not ending with '-'",
            "for example traffic-police",
        )
    return code


def thumbprint(certificate: x509.Certificate) -> str:
    """`x5t#S256` of RFC 8705: SHA-256 of the DER in base64url without padding."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def caller_of(certificate: x509.Certificate) -> Caller:
    """Who the certificate names; `CERTIFICATE_UNKNOWN` unless it has exactly one Stayput URN, well-formed."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = [
            uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(_URN)
        ]
    except x509.ExtensionNotFound:
        uris = []
    try:
        (urn,) = uris
        return Caller(Party.from_urn(urn), thumbprint(certificate))
    except ValueError:
        raise StayputError(
            ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN,
            "the certificate names no Stayput department or node",
            remedy="use the certificate given at enrolment",
        ) from None
