"""Whether the node's chain of receipts is whole: every signature, number, hash and sum, in their order.

A walk over the chain holds no more than the link to the next receipt, however long the chain is.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from google.protobuf.message import DecodeError

from provider_node.domain.receipt_log import is_time
from provider_node.store.receipt_log import KeptReceipt
from stayput import grants, signing
from stayput.errors import StayputError, field_invalid
from stayput.evidence.receipt import check_statement, contradictions
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.v1.access_pb2 import Grant
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

_KEY_BYTES: Final = 32
_BOUND: Final = ("consumer", "provider", "node_id", "resource", "key")
"""What no version of a grant changes, so a receipt must say the same."""
_TIMES: Final = ("as_of", "started_at", "finished_at")

FindGrant = Callable[[str], Envelope | None]


class FaultKind(Enum):
    """What can be wrong with a chain."""

    DAMAGED = "damaged"
    MISSING = "missing"
    SIGNATURE = "signature"
    OLD_KEY = "old_key"
    NUMBER = "number"
    PREVIOUS_HASH = "previous_hash"
    INCONSISTENT = "inconsistent"
    GRANT_UNKNOWN = "grant_unknown"
    GRANT_DIFFERS = "grant_differs"
    CONFIRMED_MISSING = "confirmed_missing"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, of one receipt or of the missing ones from `first` to `last`; `field` if one is wrong."""

    kind: FaultKind
    first: int
    last: int
    field: str = ""


class Chain:
    """Verifies receipts in their order; holds no more than the link to the next.

    `keys` are the node's raw public keys, the oldest first: once a later one has signed, no earlier one may.
    """

    def __init__(self, node_id: str, department: str, keys: Sequence[bytes], find_grant: FindGrant) -> None:
        self._named = {"node_id": node_id, "provider": department}
        self._keys = keys
        self._find_grant = find_grant
        self._latest_key = 0
        self._number = 0
        # None if the receipt before is missing or unreadable, which is a fault of its own.
        self._previous: bytes | None = FIRST_PREVIOUS_HASH

    def check(self, kept: KeptReceipt) -> Iterator[Fault]:
        """The faults of the next receipt, in the order in which they would be found by hand."""
        number, expected = kept.number, self._number + 1
        if number != expected:
            yield Fault(FaultKind.MISSING, expected, number - 1)
            self._previous = None
        self._number = number
        previous, self._previous = self._previous, None
        try:
            envelope = Envelope.FromString(kept.held)
            self._previous = payload_hash(envelope.payload)
            receipt = Receipt.FromString(envelope.payload)
        except DecodeError:
            yield Fault(FaultKind.DAMAGED, number, number)
            return
        unsigned = self._signature(envelope)
        if unsigned:
            yield Fault(unsigned, number, number)
        if receipt.sequence != number:
            yield Fault(FaultKind.NUMBER, number, number)
        if previous is not None and receipt.previous_hash != previous:
            yield Fault(FaultKind.PREVIOUS_HASH, number, number)
        # What the node did not sign is not its word, and nothing in it has to agree.
        if not unsigned:
            for kind, field in self._content(receipt):
                yield Fault(kind, number, number, field)

    def end(self, delivered_through: int) -> Iterator[Fault]:
        """What is missing behind the last receipt: the platform has confirmed it, so it was there."""
        if delivered_through > self._number:
            yield Fault(FaultKind.CONFIRMED_MISSING, self._number + 1, delivered_through)

    def _signature(self, envelope: Envelope) -> FaultKind | None:
        for place, key in enumerate(self._keys):
            try:
                signing.verify(envelope, signing.PayloadType.RECEIPT, key)
            except signing.SignatureInvalid:
                continue
            if place < self._latest_key:
                return FaultKind.OLD_KEY
            self._latest_key = place
            return None
        return FaultKind.SIGNATURE

    def _content(self, receipt: Receipt) -> Iterator[tuple[FaultKind, str]]:
        fields = [name for name, value in self._named.items() if getattr(receipt, name) != value]
        for field in (*fields, *inconsistencies(receipt)):
            yield FaultKind.INCONSISTENT, field
        grant = self._grant(receipt.grant_id)
        if grant is None:
            yield FaultKind.GRANT_UNKNOWN, ""
            return
        for field in _BOUND:
            if field not in fields and getattr(grant, field) != getattr(receipt, field):
                yield FaultKind.GRANT_DIFFERS, field

    def _grant(self, grant_id: str) -> Grant | None:
        """The grant, if one of the node's keys signed it."""
        try:
            envelope = self._find_grant(grant_id)
        except DecodeError:
            return None
        if envelope is None:
            return None
        for key in self._keys:
            try:
                return grants.verify(envelope, key)
            except StayputError:
                continue
        return None


def keys_of(text: str) -> list[bytes]:
    """The keys of a file: raw Ed25519 public keys in Base64, one a line. `FIELD_INVALID` if one is none.

    Empty lines and those with `#` in front are passed over.
    """
    lines = [line.strip() for line in text.splitlines()]
    try:
        keys = [b64decode(line, validate=True) for line in lines if line and not line.startswith("#")]
    except ValueError:
        keys = [b""]
    if any(len(key) != _KEY_BYTES for key in keys):
        raise field_invalid(
            "key",
            "a line of the file is no public key",
            f"give the Base64 of a key of {_KEY_BYTES} bytes on each line, the oldest key first",
        )
    return keys


def inconsistencies(receipt: Receipt) -> Iterator[str]:
    """Names of the fields that contradict the receipt's others, or are not what such a field can be.

    The signature of the consumer's statement is not verified: its key came with the ticket and is not kept.
    """
    yield from contradictions(receipt)
    yield from (name for name in _TIMES if not is_time(getattr(receipt, name)))
    try:
        check_statement(receipt)
    except StayputError:
        yield "request"
