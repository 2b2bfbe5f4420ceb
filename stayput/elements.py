"""Elements and digests of the keyed suite `keyed/1`: what both parties hash, byte for byte.

An element is `context || LP(value 1) || … || LP(value n)`: the values of the key's fields, followed for a
check by those of the check's fields, each in UTF-8 behind its length as two big-endian bytes. A check that
is a condition has one value, `true`. The context is the SHA-256 of the canonical JSON (RFC 8785) of
everything else that the parties must agree on: domain, suite, profile, salt, resource, and the key's (and
check's) name and fields with types and options, or the check's name and condition. A digest is the first
16 bytes of the element's SHA-256. docs/protocol.md has a worked example, tests/vectors/elements.json the
vectors.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeAlias

import rfc8785

from stayput.contract import check_condition, check_fields, key_fields
from stayput.normalise import Reject
from stayput.v1.contract_pb2 import Contract, Field

DOMAIN: Final = "stayput/v1/element"
DIGEST_BYTES: Final = 16
NO_VALUE: Final = bytes(DIGEST_BYTES)
"""Sent in place of a check's digest when the consumer has no value for the check."""
CONDITION_MET: Final = b"\x00\x04true"
"""The encoded value of a check that is a condition: the only one that the index has and that is asked."""

Encoded: TypeAlias = bytes | Reject

# A canonical value has at most 512 bytes (docs/normalisation.md).
_LENGTHS: Final = tuple(length.to_bytes(2, "big") for length in range(513))


def context(contract: Contract, key: str, check: str | None = None, suite: str | None = None) -> bytes:
    """The 32 bytes that stand for everything hashed besides the values.

    `suite` takes the place of the contract's, which is that of the keyed mode. Raises `FIELD_INVALID` if the
    contract has no such key or check.
    """
    agreed: dict[str, object] = {
        "domain": DOMAIN,
        "suite": suite or contract.suite,
        "profile": contract.profile,
        "salt": contract.salt.hex(),
        "resource": contract.resource,
        "key": {"name": key, "fields": [_described(f) for f in key_fields(contract, key)]},
    }
    if check is not None:
        agreed["check"] = {"name": check, **_check(contract, check)}
    return hashlib.sha256(rfc8785.dumps(agreed)).digest()  # type: ignore[arg-type]


def _check(contract: Contract, check: str) -> dict[str, object]:
    fields, condition = check_fields(contract, check), check_condition(contract, check)
    return {"condition": condition} if condition else {"fields": [_described(field) for field in fields]}


def _described(field: Field) -> dict[str, object]:
    return {"name": field.name, "type": field.type, "options": {o.name: o.value for o in field.options}}


def encode(columns: Sequence[Sequence[str | Reject]]) -> list[Encoded]:
    """Length-prefixed values of each row, from one column of normalised values for each field.

    A row with a rejected field gives the first reason that is not `MISSING`, or else `MISSING`.
    """
    if len(columns) == 1:
        return _encode_column(columns[0])
    encoded = [_encode_column(column) for column in columns]
    return [_joined(row) for row in zip(*encoded, strict=True)]


def _encode_column(column: Sequence[str | Reject]) -> list[Encoded]:
    lengths = _LENGTHS
    return [
        lengths[len(value := text.encode())] + value if text.__class__ is str else text  # type: ignore[misc]
        for text in column
    ]


def _joined(row: tuple[Encoded, ...]) -> Encoded:
    rejects = [value for value in row if isinstance(value, Reject)]
    if rejects:
        return next((reject for reject in rejects if reject is not Reject.MISSING), Reject.MISSING)
    return b"".join(row)  # type: ignore[arg-type]


def key_digests(context_bytes: bytes, keys: Sequence[bytes]) -> list[bytes]:
    """16-byte digests of keys, from their encoded values."""
    sha256 = hashlib.sha256
    return [sha256(context_bytes + key).digest()[:16] for key in keys]


def check_digests(context_bytes: bytes, keys: Sequence[bytes], checks: Sequence[Encoded]) -> list[bytes]:
    """16-byte digests of checks for the subjects of `keys`; `NO_VALUE` where a check was rejected."""
    sha256 = hashlib.sha256
    return [
        sha256(context_bytes + key + check).digest()[:16] if check.__class__ is bytes else NO_VALUE
        for key, check in zip(keys, checks, strict=True)
    ]
