"""Tickets: the platform's short pass for one node, a JWT bound to the caller's certificate.

RFC 7519 (JWT, ES256), RFC 8705 (`cnf.x5t#S256`), RFC 9396 (`authorization_details`). A ticket alone opens
nothing: the node also wants its own signed grant (docs/protocol.md).
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from stayput.errors import Reason, StayputError
from stayput.identity import Caller, Party
from stayput.plain_text import is_plain
from stayput.v1.errors_pb2 import ErrorReason

TYPE = "stayput-ticket+jwt"
ISSUER = "urn:stayput:comparator"
DETAIL_TYPE = "stayput_comparison"
LONGEST_LIFE = timedelta(minutes=10)
CLOCK_SKEW = timedelta(seconds=30)
LONGEST_ID: Final = 100
LONGEST_OPERATOR: Final = 100
LONGEST_PURPOSE: Final = 500
LONGEST_CASE_NUMBER: Final = 100
_LONGEST_TICKET = 16_384
_SIGNING_KEY_BYTES = 32
# Seconds since 1970 that `datetime` can hold with the skew taken off: the years 2000 to 9999.
_EARLIEST, _LATEST = 946_684_800, 253_402_300_799


@dataclass(frozen=True, slots=True)
class Scope:
    """What a ticket lets its holder ask: one resource by one key, these checks, modes and granularities."""

    grant_id: str
    resource: str
    key: str
    checks: tuple[str, ...]
    modes: tuple[str, ...]
    granularities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket's claims. Times are aware and in UTC.

    `signing_key` is the consumer's registered raw Ed25519 key, 32 bytes: with it the consumer signs what it
    asks (stayput.requests), and from here the node knows it.
    """

    id: str
    consumer: Party
    node: Party
    thumbprint: str
    signing_key: bytes
    scope: Scope
    operator: str
    purpose: str
    case_number: str
    issued_at: datetime
    expires_at: datetime


def issue(ticket: Ticket, key: ECKey) -> str:
    """The compact JWT of a ticket, signed with the comparator's P-256 key. `ValueError` over 10 minutes."""
    if ticket.expires_at - ticket.issued_at > LONGEST_LIFE:
        raise ValueError("a ticket lives at most 10 minutes")
    scope = ticket.scope
    claims = {
        "iss": ISSUER,
        "sub": ticket.consumer.urn,
        "aud": ticket.node.urn,
        "jti": ticket.id,
        "iat": int(ticket.issued_at.timestamp()),
        "exp": int(ticket.expires_at.timestamp()),
        "cnf": {"x5t#S256": ticket.thumbprint},
        "signing_key": _base64url(ticket.signing_key),
        "authorization_details": [
            {
                "type": DETAIL_TYPE,
                "grant": scope.grant_id,
                "resource": scope.resource,
                "key": scope.key,
                "checks": list(scope.checks),
                "modes": list(scope.modes),
                "granularities": list(scope.granularities),
            }
        ],
        "operator": ticket.operator,
        "purpose": ticket.purpose,
        "case_number": ticket.case_number,
    }
    return jwt.encode({"alg": "ES256", "typ": TYPE}, claims, key, algorithms=["ES256"])


class TicketVerifier:
    """Verifies tickets for one node, remembering those whose signature was good.

    `keys` are the comparator's ticket keys (P-256); `cache_size` bounds the memory. Not thread-safe.
    """

    def __init__(self, node: Party, keys: Sequence[ECKey], cache_size: int = 4096) -> None:
        self._node = node
        self._keys = tuple(keys)
        self._cache: OrderedDict[bytes, Ticket] = OrderedDict()
        self._cache_size = cache_size

    def verify(self, compact: str, caller: Caller, now: datetime) -> Ticket:
        """The ticket, if it is genuine, for this node, in time and bound to the caller's certificate.

        Raises `TICKET_INVALID`, `TICKET_AUDIENCE`, `TICKET_EXPIRED` or `TICKET_CERTIFICATE_MISMATCH`. Time
        and binding are checked on every call, the signature once for each ticket.
        """
        ticket = self._genuine(compact)
        if ticket.node != self._node:
            raise _refused(ErrorReason.ERROR_REASON_TICKET_AUDIENCE, "the ticket is for another node")
        if not ticket.issued_at - CLOCK_SKEW <= now < ticket.expires_at:
            raise _refused(
                ErrorReason.ERROR_REASON_TICKET_EXPIRED, "the ticket's time has passed or not begun"
            )
        if caller.thumbprint != ticket.thumbprint or caller.party != ticket.consumer:
            raise _refused(
                ErrorReason.ERROR_REASON_TICKET_CERTIFICATE_MISMATCH,
                "the ticket was issued to another department or certificate",
            )
        return ticket

    def _genuine(self, compact: str) -> Ticket:
        name = hashlib.sha256(compact.encode(errors="surrogatepass")).digest()
        ticket = self._cache.get(name)
        if ticket is None:
            ticket = _decode(compact, self._keys)
            self._cache[name] = ticket
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return ticket


def _decode(compact: str, keys: Sequence[ECKey]) -> Ticket:
    if len(compact) <= _LONGEST_TICKET:
        for key in keys:
            try:
                token = jwt.decode(compact, key, algorithms=["ES256"])
            except (JoseError, ValueError, TypeError):  # TypeError: joserfc meets a header of another shape
                continue
            if token.header.get("typ") == TYPE and token.claims.get("iss") == ISSUER:
                return _from_claims(token.claims)
    raise _invalid()


def _from_claims(claims: dict[str, object]) -> Ticket:
    match claims:
        case {
            "sub": str(consumer),
            "aud": str(audience),
            "jti": str(ticket_id),
            "iat": int(issued),
            "exp": int(expires),
            "cnf": {"x5t#S256": str(thumbprint)},
            "signing_key": str(signing_key),
            "authorization_details": [{"type": t, **detail}],
            "operator": str(operator),
            "purpose": str(purpose),
            "case_number": str(case_number),
        } if t == DETAIL_TYPE and _plausible(issued, expires):
            if not all(good for _, good in kept_texts(ticket_id, operator, purpose, case_number)):
                raise _invalid()
            return Ticket(
                id=ticket_id,
                consumer=_party(consumer),
                node=_party(audience),
                thumbprint=thumbprint,
                signing_key=_signing_key(signing_key),
                scope=_scope(detail),
                operator=operator,
                purpose=purpose,
                case_number=case_number,
                issued_at=datetime.fromtimestamp(issued, UTC),
                expires_at=datetime.fromtimestamp(expires, UTC),
            )
    raise _invalid()


def kept_texts(ticket_id: str, operator: str, purpose: str, case_number: str) -> Iterator[tuple[str, bool]]:
    """The texts of a ticket that its receipt repeats, by name, and whether the log takes each."""
    yield "ticket_id", is_plain(ticket_id) and len(ticket_id) <= LONGEST_ID
    yield "operator", is_plain(operator) and len(operator) <= LONGEST_OPERATOR
    yield "purpose", is_plain(purpose) and len(purpose) <= LONGEST_PURPOSE
    yield "case_number", is_plain(case_number) and len(case_number) <= LONGEST_CASE_NUMBER


def _plausible(issued: int, expires: int) -> bool:
    return _EARLIEST <= issued < expires <= min(issued + LONGEST_LIFE.total_seconds(), _LATEST)


def _scope(detail: Mapping[object, object]) -> Scope:
    match detail:
        case {
            "grant": str(grant_id),
            "resource": str(resource),
            "key": str(key),
            "checks": [*checks],
            "modes": [*modes],
            "granularities": [*granularities],
        }:
            return Scope(grant_id, resource, key, _strings(checks), _strings(modes), _strings(granularities))
    raise _invalid()


def _strings(values: list[object]) -> tuple[str, ...]:
    strings = tuple(value for value in values if isinstance(value, str))
    if len(strings) != len(values):
        raise _invalid()
    return strings


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _signing_key(text: str) -> bytes:
    try:
        key = urlsafe_b64decode(text + "=")
    except ValueError:
        raise _invalid() from None
    # The decoder passes over what is not of its alphabet, and over bits beyond the last byte.
    if len(key) != _SIGNING_KEY_BYTES or _base64url(key) != text:
        raise _invalid()
    return key


def _party(urn: str) -> Party:
    try:
        return Party.from_urn(urn)
    except ValueError:
        raise _invalid() from None


def _invalid() -> StayputError:
    return _refused(
        ErrorReason.ERROR_REASON_TICKET_INVALID, "not a ticket of this platform, or its signature is wrong"
    )


def _refused(reason: Reason, message: str) -> StayputError:
    return StayputError(reason, message, field="ticket", remedy="ask the comparator for a new ticket")
