"""Invitations, what they are turned into (a certificate and a registered signing key), and roles."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from comparator import texts
from comparator.domain import ca, fields
from comparator.store.database import Store
from comparator.store.events import PLATFORM, About
from comparator.store.models import CredentialRow, PartyRow, Role
from comparator.texts import OperatorError
from stayput import signing
from stayput.errors import StayputError
from stayput.identity import Party, department, node, thumbprint
from stayput.v1.enrolment_pb2 import EnrolRequest
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType

TOKEN_BYTES = 32
USUAL_ROLES = frozenset({Role.CONSUMER, Role.PROVIDER})
_SIGNING_KEY_BYTES = 32
_LONGEST_CSR = 8_192
_LONGEST_TITLE = 200


def invite_department(
    store: Store,
    code: str,
    title: str,
    token: bytes,
    now: datetime,
    life: timedelta,
    roles: frozenset[Role] | None = None,
) -> str:
    """Invites a department, or renews the invitation or enrolment of one. Returns the token as text.

    Without `roles` it keeps those that it has, and a new one may be consumer and provider.
    """
    party = department(code)
    fields.text("title", title, most=_LONGEST_TITLE)
    known = store.parties.find(party)
    if known is None:
        store.parties.add(party, party, title, now)
        store.parties.set_roles(party, checked_roles(USUAL_ROLES if roles is None else roles))
    else:
        known.title = title
        if roles is not None:
            change_roles(store, code, roles, now)
    return _invite(store, party, token, now, life)


def change_roles(store: Store, code: str, roles: frozenset[Role], now: datetime) -> None:
    """Gives a department that was invited these roles and no others, from the next call on."""
    party = department(code)
    _require_invited(store, party)
    before, after = store.parties.roles(party), checked_roles(roles)
    if after == before:
        return
    store.parties.set_roles(party, after)
    store.events.add(
        EventType.EVENT_TYPE_ROLES_CHANGED,
        PLATFORM,
        now,
        About(party=party.urn),
        f"from {_named(before)} to {_named(after)}",
    )


def checked_roles(roles: frozenset[Role]) -> frozenset[Role]:
    """`roles`, if a department may have them together: who audits does nothing else, or it audits itself."""
    if not roles:
        raise OperatorError(ErrorReason.ERROR_REASON_FIELD_INVALID, texts.NO_ROLE, texts.NO_ROLE_FIX)
    if Role.AUDITOR in roles and len(roles) > 1:
        raise OperatorError(
            ErrorReason.ERROR_REASON_FIELD_INVALID, texts.AUDITOR_ALONE, texts.AUDITOR_ALONE_FIX
        )
    return roles


def _named(roles: frozenset[Role]) -> str:
    return " ".join(role for role in Role if role in roles) or "none"


def _require_invited(store: Store, party: Party) -> None:
    if store.parties.find(party) is None:
        raise OperatorError(
            ErrorReason.ERROR_REASON_FIELD_INVALID, texts.NO_DEPARTMENT, texts.NO_DEPARTMENT_FIX
        )


def invite_node(
    store: Store, node_id: str, department_code: str, token: bytes, now: datetime, life: timedelta
) -> str:
    """Invites a node of a department invited before, or renews one's. Returns the token as text."""
    party, owner = node(node_id), department(department_code)
    _require_invited(store, owner)
    if Role.PROVIDER not in store.parties.roles(owner):
        raise OperatorError(ErrorReason.ERROR_REASON_FIELD_INVALID, texts.NO_PROVIDER, texts.NO_PROVIDER_FIX)
    known = store.parties.find(party)
    if known is None:
        store.parties.add(party, owner, "", now)
    elif known.department != owner.id:
        raise OperatorError(
            ErrorReason.ERROR_REASON_FIELD_INVALID, texts.OTHER_DEPARTMENT, texts.OTHER_DEPARTMENT_FIX
        )
    return _invite(store, party, token, now, life)


def _invite(store: Store, party: Party, token: bytes, now: datetime, life: timedelta) -> str:
    if len(token) != TOKEN_BYTES:
        raise ValueError("an invitation's token has 32 bytes")
    text = urlsafe_b64encode(token).rstrip(b"=").decode()
    store.parties.invite(_token_hash(text), party, now, now + life)
    return text


def enrol(store: Store, request: EnrolRequest, issuer: ca.Issuer, now: datetime) -> tuple[PartyRow, str]:
    """Turns an invitation into a certificate: the party, and its certificate chain in PEM.

    The same token with the same certificate request gives the same certificate again. Enrolling anew replaces
    the party's certificate and signing key. Raises `INVITATION_INVALID` or `CSR_INVALID`.
    """
    invitation = store.parties.invitation(_token_hash(request.token))
    if invitation is None or now >= invitation.expires_at:
        raise _invitation_invalid("is unknown or has expired")
    public_key = _certified_key(request)
    csr_hash = hashlib.sha256(request.csr).digest()
    party = store.parties.find(Party.from_urn(invitation.party_urn))
    if party is None:
        raise RuntimeError("an invitation without its party")
    if invitation.credential_id is not None:
        stored = store.parties.credential(invitation.credential_id)
        if invitation.csr_hash != csr_hash or stored.signing_key != request.signing_key:
            raise _invitation_invalid("was used with another certificate request")
        return party, stored.certificate_chain
    before = store.parties.active(party.party)
    credential = _credential(party, public_key, request.signing_key, issuer, now)
    store.parties.enrol(invitation, csr_hash, credential)
    about = About(party=party.urn)
    store.events.add(EventType.EVENT_TYPE_PARTY_ENROLLED, party.urn, now, about)
    if before is not None and before.signing_key != request.signing_key:
        detail = f"signing key {signing.key_id(request.signing_key)}"
        store.events.add(EventType.EVENT_TYPE_KEYS_CHANGED, party.urn, now, about, detail)
    return party, credential.certificate_chain


def _credential(
    party: PartyRow,
    public_key: ec.EllipticCurvePublicKey,
    signing_key: bytes,
    issuer: ca.Issuer,
    now: datetime,
) -> CredentialRow:
    certificate = issuer.issue(public_key, ca.party_names(party.party), now)
    return CredentialRow(
        party_urn=party.urn,
        thumbprint=thumbprint(certificate),
        certificate_chain=certificate.public_bytes(Encoding.PEM).decode(),
        not_after=certificate.not_valid_after_utc,
        signing_key=signing_key,
        enrolled_at=now,
    )


def _certified_key(request: EnrolRequest) -> ec.EllipticCurvePublicKey:
    if not request.csr or len(request.csr) > _LONGEST_CSR:
        raise _csr_invalid("csr", f"must have 1 to {_LONGEST_CSR} bytes")
    try:
        csr = x509.load_der_x509_csr(request.csr)
        key = csr.public_key()
        genuine = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise _csr_invalid("csr", "is no PKCS #10 request in DER") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _csr_invalid("csr", "must be for a P-256 key")
    if not genuine:
        raise _csr_invalid("csr", "is not signed by the key that it names")
    if len(request.signing_key) != _SIGNING_KEY_BYTES:
        raise _csr_invalid("signing_key", f"must have {_SIGNING_KEY_BYTES} bytes")
    try:
        signing.verify_bytes(
            signing.PayloadType.SIGNING_KEY_PROOF, request.csr, request.signing_key_proof, request.signing_key
        )
    except signing.SignatureInvalid:
        raise _csr_invalid("signing_key_proof", "does not verify with the signing key") from None
    return key


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _invitation_invalid(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_INVITATION_INVALID,
        f"the invitation {problem}",
        field="token",
        remedy="ask the platform's operator for a new invitation",
    )


def _csr_invalid(field: str, problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CSR_INVALID,
        f"{field}: {problem}",
        field=field,
        remedy="make a new key and certificate request, and sign the request with the signing key",
    )
