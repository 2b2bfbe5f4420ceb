"""Receipts: the node's signed, chained statements about sessions, and what a consumer keeps of them."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from google.protobuf.message import DecodeError

from stayput import signing
from stayput.errors import StayputError
from stayput.outcomes import MATCH
from stayput.v1.contract_pb2 import Contract, Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope, Signature

FIRST_PREVIOUS_HASH: Final = bytes(32)
_KEY_BYTES: Final = 32


def payload_hash(payload: bytes) -> bytes:
    """What the next receipt of the node names as `previous_hash`: SHA-256 over the payload."""
    return hashlib.sha256(payload).digest()


def verify(envelope: Envelope, signing_key: bytes) -> Receipt:
    """The receipt, if the node's raw Ed25519 key signed it; else `RECEIPT_INVALID`."""
    try:
        payload = signing.verify(envelope, signing.PayloadType.RECEIPT, signing_key)
        return Receipt.FromString(payload)
    except (signing.SignatureInvalid, DecodeError) as error:
        raise receipt_invalid(str(error)) from None


def receipt_invalid(problem: str) -> StayputError:
    """`RECEIPT_INVALID`: keep the receipt and the output, and tell the provider and the platform."""
    return StayputError(
        ErrorReason.ERROR_REASON_RECEIPT_INVALID,
        f"receipt: {problem}",
        field="receipt",
        remedy="do not rely on this comparison; tell the provider and the platform",
    )


def found(receipt: Receipt) -> int | None:
    """How many records were found by their key; None if the receipt does not say."""
    if not receipt.tallies:
        return None if receipt.records or receipt.mode == Mode.MODE_OBLIVIOUS else 0
    matches = [one.count for one in receipt.tallies[0].counts if one.outcome == MATCH]
    return None if receipt.granularity == Granularity.GRANULARITY_COUNT and not matches else sum(matches)


class Transcript:
    """Commits to what was asked and answered without showing it.

    Each commitment is HMAC-SHA-256, under the session's commitment key, of the SHA-256 over the concatenated
    digests (or outcome bytes) of all answered chunks.
    """

    def __init__(self, commitment_key: bytes) -> None:
        self._key = commitment_key
        self._asked = hashlib.sha256()
        self._answered = hashlib.sha256()

    def copy(self) -> "Transcript":
        """One that can go on without changing this one."""
        other = Transcript(self._key)
        other._asked, other._answered = self._asked.copy(), self._answered.copy()
        return other

    def ask(self, digests: bytes) -> None:
        """The next chunk's digests."""
        self._asked.update(digests)

    def answer(self, outcomes: bytes) -> None:
        """The next chunk's outcomes."""
        self._answered.update(outcomes)

    def request_commitment(self) -> bytes:
        """Commitment to what was asked so far, 32 bytes."""
        return hmac.digest(self._key, self._asked.digest(), "sha256")

    def commitments(self) -> tuple[bytes, bytes]:
        """Request and response commitment of what was asked and answered so far, 32 bytes each."""
        return self.request_commitment(), hmac.digest(self._key, self._answered.digest(), "sha256")


@dataclass(frozen=True, slots=True)
class Opener:
    """What a consumer keeps beside a receipt to open its commitments later.

    With it records and outcomes become again the bytes that were committed to: `contract` says how values
    are hashed, `day` (that of the comparison) bounds birth dates, `chunk_records` is how many records of the
    list, those not sent included, went into each chunk. In oblivious mode `blinding_key` blinds them again as
    they were blinded, and `first_chunk` is the place in the list's chunks, from 0, of the session's first: a
    comparison whose connection broke goes on in another session.
    """

    commitment_key: bytes = field(repr=False)
    contract: Contract
    day: date
    chunk_records: int
    blinding_key: bytes | None = field(default=None, repr=False)
    first_chunk: int = 0


def to_file(envelope: Envelope, opener: Opener) -> str:
    """The consumer's receipt file: a DSSE JSON envelope, plus what opens its commitments later."""
    kept: dict[str, str | int] = {
        "commitment_key": b64encode(opener.commitment_key).decode(),
        "contract": b64encode(opener.contract.SerializeToString(deterministic=True)).decode(),
        "day": opener.day.isoformat(),
        "chunk_records": opener.chunk_records,
    }
    if opener.blinding_key is not None:
        kept["blinding_key"] = b64encode(opener.blinding_key).decode()
        kept["first_chunk"] = opener.first_chunk
    return json.dumps(_dsse(envelope) | {"stayput": kept}, indent=2)


def to_line(envelope: Envelope) -> str:
    """A receipt file in one line, without the opener, which only the consumer has to keep."""
    return json.dumps(_dsse(envelope))


def _dsse(envelope: Envelope) -> dict[str, object]:
    return {
        "payloadType": envelope.payload_type,
        "payload": b64encode(envelope.payload).decode(),
        "signatures": [
            {"keyid": s.key_id, "sig": b64encode(s.signature).decode()} for s in envelope.signatures
        ],
    }


def opener_from_file(text: str) -> Opener | None:
    """What opens the commitments of a receipt file; None if it is not in there (any more)."""
    try:
        match json.loads(text):
            case {
                "stayput": {
                    "commitment_key": str(key),
                    "contract": str(contract),
                    "day": str(day),
                    "chunk_records": int(chunk_records),
                    **kept,
                }
            } if chunk_records > 0:
                opener = Opener(
                    commitment_key=b64decode(key, validate=True),
                    contract=Contract.FromString(b64decode(contract, validate=True)),
                    day=date.fromisoformat(day),
                    chunk_records=chunk_records,
                )
                return _blinding(opener, kept)
    except (ValueError, DecodeError, RecursionError):  # what json, base64, dates and protobuf raise
        pass
    return None


def _blinding(opener: Opener, kept: dict[object, object]) -> Opener | None:
    match kept:
        case {"blinding_key": str(encoded), "first_chunk": int(first)} if first >= 0:
            key = b64decode(encoded, validate=True)
            return replace(opener, blinding_key=key, first_chunk=first) if len(key) == _KEY_BYTES else None
        case {"blinding_key": _} | {"first_chunk": _}:
            return None
    return opener


def from_file(text: str) -> Envelope:
    """The envelope of a receipt file; `RECEIPT_INVALID` if it is none."""
    try:
        match json.loads(text):
            case {"payloadType": str(kind), "payload": str(payload), "signatures": [*signatures]}:
                return Envelope(
                    payload_type=kind,
                    payload=b64decode(payload, validate=True),
                    signatures=[
                        Signature(key_id=s["keyid"], signature=b64decode(s["sig"], validate=True))
                        for s in signatures
                    ],
                )
    except (ValueError, KeyError, TypeError, RecursionError):  # what json, base64 and protobuf raise
        pass
    raise receipt_invalid("the file is not a receipt as Stayput writes it")
