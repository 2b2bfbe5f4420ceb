"""Oblivious suite `oblivious/1`: what is evaluated, and the fingerprints that its outputs become.

The function is RFC 9497's VOPRF over ristretto255 (stayput.oprf), and its input an element as in the keyed
mode (stayput.elements) under a context that names this suite. Every key, every check under a key, and each
granularity has an OPRF key of its own. A *fingerprint* is 8 bytes:

- granularity RECORD: the first 8 bytes of the output. The set of a check also has, for each subject with a
  value for the check, the *presence* of the subject: 8 bytes of SHA-256 over domain, the check's context and
  the last 32 bytes of the output of the subject's key. So `MISMATCH` and `UNVERIFIABLE` differ, at no cost.
- granularity COUNT: 8 bytes of SHA-256 over domain, context and the unblinded element. The consumer gets the
  elements in another order than it sent them, and so cannot compute an output, which hashes the input too.

Source: docs/protocol.md, section 15; vectors in tests/vectors/oblivious.json.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from stayput.elements import Encoded, context
from stayput.errors import StayputError, field_invalid
from stayput.v1.comparison_pb2 import ElementColumns
from stayput.v1.contract_pb2 import Contract, Granularity, ObliviousOffer, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason

SUITE: Final = "oblivious/1"
FINGERPRINT_BYTES: Final = 8
ELEMENT_BYTES: Final = 32
UNPROVED_CHUNKS: Final = 4
"""So many answers a node keeps, to prove them when it is asked to."""
_KEY_EPOCH: Final = re.compile(r"[0-9a-f]{16}")
_PRESENCE: Final = b"stayput/v1/presence"
_COUNT: Final = b"stayput/v1/count-fingerprint"


def input_context(contract: Contract, key: str, check: str | None = None) -> bytes:
    """The 32 bytes that begin each input of a key, or of a check under it.

    Raises `FIELD_INVALID` if the contract has no such key or check.
    """
    return context(contract, key, check, suite=SUITE)


def key_inputs(context_bytes: bytes, keys: Iterable[bytes]) -> list[bytes]:
    """Inputs of keys, from their encoded values (`stayput.elements.encode`)."""
    return [context_bytes + key for key in keys]


def check_inputs(context_bytes: bytes, keys: Sequence[bytes], checks: Sequence[Encoded]) -> list[bytes]:
    """Inputs of a check for the subjects of `keys`, without those whose value was rejected."""
    return [
        context_bytes + key + check
        for key, check in zip(keys, checks, strict=True)
        if isinstance(check, bytes)
    ]


def fingerprints(outputs: Iterable[bytes]) -> list[bytes]:
    """Fingerprints of outputs of 64 bytes, in granularity RECORD."""
    return [output[:FINGERPRINT_BYTES] for output in outputs]


def presences(check_context: bytes, key_outputs: Iterable[bytes]) -> list[bytes]:
    """The fingerprints that say that these subjects have a value for the check, from their key's outputs."""
    prefix = _PRESENCE + check_context
    return [sha256(prefix + output[32:]).digest()[:FINGERPRINT_BYTES] for output in key_outputs]


def count_fingerprints(context_bytes: bytes, elements: Iterable[bytes]) -> list[bytes]:
    """Fingerprints of unblinded elements of 32 bytes, in granularity COUNT."""
    prefix = _COUNT + context_bytes
    return [sha256(prefix + element).digest()[:FINGERPRINT_BYTES] for element in elements]


def packed(columns: Iterable[Iterable[bytes]]) -> bytes:
    """Columns of elements as they are sealed: an `ElementColumns`, serialised."""
    return ElementColumns(columns=[b"".join(column) for column in columns]).SerializeToString()


def unpacked(content: bytes, columns: int, field: str) -> list[list[bytes]]:
    """The elements of each column; whether they are elements is not looked at.

    Raises `FIELD_INVALID` naming `field` unless there are so many columns, each a whole number of elements.
    """
    try:
        message = ElementColumns.FromString(content)
    except DecodeError:
        raise _malformed(field, "is no ElementColumns") from None
    if len(message.columns) != columns or any(len(one) % ELEMENT_BYTES for one in message.columns):
        raise _malformed(field, f"must hold {columns} columns of elements of {ELEMENT_BYTES} bytes")
    return [
        [one[start : start + ELEMENT_BYTES] for start in range(0, len(one), ELEMENT_BYTES)]
        for one in message.columns
    ]


def _malformed(field: str, problem: str) -> StayputError:
    return field_invalid(field, problem, "follow docs/protocol.md, section 15")


def places(
    contract: Contract, granularities: Iterable["Granularity.ValueType"]
) -> list[tuple[str, str | None, "Granularity.ValueType"]]:
    """Key, check (None for the key itself) and granularity of each set of an offer, in the offer's order."""
    return [
        (key.name, check, granularity)
        for granularity in sorted(granularities)
        for key in contract.keys
        for check in (None, *(one.name for one in contract.checks))
    ]


def check_offer(offer: ObliviousOffer, contract: Contract) -> ObliviousOffer:
    """The offer, if it is of the suite known here and has the sets of the contract, in their order.

    Raises `SUITE_UNSUPPORTED`, or `FIELD_INVALID` naming what is wrong.
    """
    if offer.suite != SUITE:
        raise StayputError(
            ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED,
            "oblivious.suite: not one that is known here",
            field="oblivious.suite",
            remedy="both sides need a release that knows the other's; see `Describe`",
            details={"expected": SUITE, "got": offer.suite[:200]},
        )
    if not _KEY_EPOCH.fullmatch(offer.key_epoch):
        raise field_invalid("oblivious.key_epoch", "must be 16 characters of lower-case hex")
    found = [(one.key, one.check or None, one.granularity) for one in offer.sets]
    if found != places(contract, {one.granularity for one in offer.sets}) or not found:
        raise field_invalid("oblivious.sets", "must be those of the contract's keys and checks, in its order")
    if any(len(one.public_key) != ELEMENT_BYTES for one in offer.sets):
        raise field_invalid("oblivious.sets.public_key", f"must be {ELEMENT_BYTES} bytes")
    return offer


def asked_sets(
    offer: ObliviousOffer, key: str, checks: Sequence[str], granularity: "Granularity.ValueType"
) -> list[ObliviousSet]:
    """The sets of a key and of some checks under it, in that order; `FIELD_INVALID` for one not offered."""
    offered = {(one.key, one.check, one.granularity): one for one in offer.sets}
    wanted = [(key, check, granularity) for check in ("", *checks)]
    if not all(one in offered for one in wanted):
        raise field_invalid(
            "granularity", "not offered in oblivious mode for this key and these checks", "see `Describe`"
        )
    return [offered[one] for one in wanted]
