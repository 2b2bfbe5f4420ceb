"""Request statements: what the consumer says it asked, signed by it and kept in the receipt.

Whoever holds the receipt can show that the consumer itself asked this, of so many records, for this purpose:
neither the node nor the platform could have made it up. Source: `RequestStatement` in comparison.proto and
docs/protocol.md, section 10.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import DecodeError

from stayput import signing
from stayput.errors import StayputError
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

SIGNED_WITHIN: Final = timedelta(minutes=10)
"""The node's clock and the consumer's may differ by so much, the way of the statement included."""
LARGEST_ENVELOPE: Final = 8_192
"""Bytes. A consumer must not be able to fill the node's receipts and the log with what nobody reads."""
SHARED: Final = (
    "grant_id",
    "consumer",
    "operator",
    "purpose",
    "case_number",
    "resource",
    "key",
    "checks",
    "mode",
    "granularity",
    "records",
    "elements",
    "request_commitment",
)
"""What statement and receipt both say, under the same names."""


def session_key_hash(sealed_session_key: bytes) -> bytes:
    """How a statement names its session: SHA-256 of `SessionOpen.sealed_session_key`."""
    return hashlib.sha256(sealed_session_key).digest()


def sign(statement: RequestStatement, key: Ed25519PrivateKey) -> Envelope:
    """The envelope that goes with the final chunk, signed with the consumer's registered key."""
    return signing.sign(signing.PayloadType.REQUEST, statement, key)


def verify(envelope: Envelope, signing_key: bytes) -> RequestStatement:
    """The statement, if the raw Ed25519 key signed it; else `REQUEST_STATEMENT_INVALID` naming `request`."""
    if envelope.ByteSize() > LARGEST_ENVELOPE:
        raise statement_invalid("request", f"the envelope has more than {LARGEST_ENVELOPE} bytes")
    try:
        payload = signing.verify(envelope, signing.PayloadType.REQUEST, signing_key)
        return RequestStatement.FromString(payload)
    except (signing.SignatureInvalid, DecodeError) as error:
        raise statement_invalid("request", str(error)) from None


def check_agrees(statement: RequestStatement, receipt: Receipt) -> None:
    """Passes if both say the same of `SHARED`; else `REQUEST_STATEMENT_INVALID` naming what differs.

    The receipt may be a draft of a session that is under way.
    """
    for name in SHARED:
        if getattr(statement, name) != getattr(receipt, name):
            raise statement_invalid(name, "is not what was asked in this session")
    if statement.fetched_generation != (receipt.generation if receipt.HasField("fetch") else ""):
        raise statement_invalid("fetched_generation", "is not what was asked in this session")


def check_session(statement: RequestStatement, named: bytes, now: datetime) -> None:
    """Passes if the statement is about the session whose `session_key_hash` is `named`, and was signed now.

    Raises `REQUEST_STATEMENT_INVALID` naming `session_key_hash` or `signed_at`.
    """
    if statement.session_key_hash != named:
        raise statement_invalid("session_key_hash", "names another session")
    try:
        signed_at = statement.signed_at.ToDatetime(UTC)
    except ValueError:
        raise statement_invalid("signed_at", "is no time") from None
    if abs(signed_at - now) > SIGNED_WITHIN:
        minutes = SIGNED_WITHIN.total_seconds() / 60
        raise statement_invalid("signed_at", f"must be within {minutes:g} minutes of the node's clock")


def statement_invalid(field: str, problem: str) -> StayputError:
    """`REQUEST_STATEMENT_INVALID` for a field of the statement."""
    return StayputError(
        ErrorReason.ERROR_REASON_REQUEST_STATEMENT_INVALID,
        f"{field}: {problem}",
        field=field,
        remedy="state exactly what is asked in this session, and sign it with the key that the ticket names",
    )
