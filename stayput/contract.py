"""The contract of a resource: well-formedness, and naming the first difference between two of them."""

import json
import re
from collections.abc import Iterable, Sequence

from stayput.errors import Reason, StayputError, field_invalid
from stayput.identity import checked_code
from stayput.normalise import PROFILE, FieldError, FieldType
from stayput.normalise import Field as NormalisedField
from stayput.v1.contract_pb2 import Check, Contract, Field, Key
from stayput.v1.errors_pb2 import ErrorReason

SUITE = "keyed/1"
SALT_BYTES = 16
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_FIELDS = 64
_MOST_TUPLES = 32
_LONGEST_CONDITION = 2_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UPGRADE = "both sides need a release that knows the other's; see `Describe`"


def field_of(message: Field) -> NormalisedField:
    """The field as the normalisation profile knows it; `FIELD_INVALID` if type or options are not its own."""
    try:
        return NormalisedField(
            message.name,
            FieldType(message.type),
            tuple((option.name, option.value) for option in message.options),
        )
    except FieldError as error:
        raise field_invalid(f"fields.{message.name}", str(error)) from None
    except ValueError:
        known = ", ".join(t.value for t in FieldType)
        raise field_invalid(f"fields.{message.name}.type", f"must be one of {known}") from None


def check_contract(contract: Contract) -> Contract:
    """The contract, if it is well-formed and of a profile and suite known here.

    Raises `FIELD_INVALID`, `PROFILE_MISMATCH` or `SUITE_UNSUPPORTED`.
    """
    _same(ErrorReason.ERROR_REASON_PROFILE_MISMATCH, "profile", PROFILE, contract.profile)
    _same(ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED, "suite", SUITE, contract.suite)
    checked_code(contract.resource, "resource")
    if len(contract.salt) != SALT_BYTES:
        raise field_invalid("salt", f"must be {SALT_BYTES} bytes")
    _unique_names(contract.fields, "fields", 1, _MOST_FIELDS)
    _unique_names(contract.keys, "keys", 1, _MOST_TUPLES)
    _unique_names(contract.checks, "checks", 0, _MOST_TUPLES)
    known = {field_of(field).name for field in contract.fields}
    for key in contract.keys:
        _known_fields(f"keys.{key.name}.fields", key.fields, known)
    for check in contract.checks:
        if check.condition:
            _condition_alone(f"checks.{check.name}.condition", check)
        else:
            _known_fields(f"checks.{check.name}.fields", check.fields, known)
    return contract


def _unique_names(
    items: Sequence[Field] | Sequence[Key] | Sequence[Check], where: str, least: int, most: int
) -> None:
    names = [item.name for item in items]
    if not least <= len(names) <= most:
        raise field_invalid(where, f"must hold {least} to {most} entries")
    if len(set(names)) != len(names):
        raise field_invalid(where, "names must differ from one another")
    if not all(_NAME.fullmatch(name) for name in names):
        raise field_invalid(where, "names must be 1 to 64 of a-z, 0-9 and '_', beginning with a letter")


def _known_fields(where: str, names: Sequence[str], known: set[str]) -> None:
    if not names or len(set(names)) != len(names) or not set(names) <= known:
        raise field_invalid(where, "must name at least one of the contract's fields, each once")


def _condition_alone(where: str, check: Check) -> None:
    # Whether it is in canonical form only the provider can tell: it alone knows the fields.
    if check.fields:
        raise field_invalid(where, "a check has either fields or a condition, not both")
    if len(check.condition) > _LONGEST_CONDITION or _CONTROL.search(check.condition):
        raise field_invalid(
            where, f"must be at most {_LONGEST_CONDITION:,} characters, no control characters"
        )


def key_fields(contract: Contract, key: str) -> list[Field]:
    """Fields of a key, in hashing order; `FIELD_INVALID` if the contract has no such key."""
    return _fields_of(contract, "key", key, contract.keys)


def check_fields(contract: Contract, check: str) -> list[Field]:
    """Fields of a check, in hashing order, none if it is a condition.

    Raises `FIELD_INVALID` if the contract has no such check.
    """
    return _fields_of(contract, "check", check, contract.checks)


def check_condition(contract: Contract, check: str) -> str:
    """The condition that is a check; empty if it has fields, or the contract has no such check."""
    return next((one.condition for one in contract.checks if one.name == check), "")


def _fields_of(
    contract: Contract, kind: str, name: str, among: Iterable[Key] | Iterable[Check]
) -> list[Field]:
    by_name = {field.name: field for field in contract.fields}
    offered = {one.name: one.fields for one in among}
    if name not in offered:
        raise field_invalid(
            kind, f"the resource has no such {kind}", f"choose one of: {', '.join(offered) or 'none'}"
        )
    return [by_name[field] for field in offered[name]]


def require_same(expected: Contract, got: Contract) -> None:
    """Passes if everything that is hashed agrees; titles may differ.

    Raises `PROFILE_MISMATCH`, `SUITE_UNSUPPORTED`, `SALT_MISMATCH` or `FIELDS_MISMATCH`, naming the first
    difference. `expected` is the generation's contract, `got` the consumer's.
    """
    _same(ErrorReason.ERROR_REASON_PROFILE_MISMATCH, "profile", expected.profile, got.profile)
    _same(ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED, "suite", expected.suite, got.suite)
    mismatch = ErrorReason.ERROR_REASON_FIELDS_MISMATCH
    _same(mismatch, "resource", expected.resource, got.resource)
    if expected.salt != got.salt:
        raise StayputError(
            ErrorReason.ERROR_REASON_SALT_MISMATCH,
            "the consumer hashed with another salt than the generation's",
            field="salt",
            remedy="call Describe again",
        )
    for kind, ours, theirs in (
        ("fields", _hashed_fields(expected), _hashed_fields(got)),
        ("keys", _hashed_keys(expected), _hashed_keys(got)),
        ("checks", _hashed_checks(expected), _hashed_checks(got)),
    ):
        for name in {**ours, **theirs}:
            _same(mismatch, f"{kind}.{name[:64]}", ours.get(name, "absent"), theirs.get(name, "absent"))


def _hashed_fields(contract: Contract) -> dict[str, str]:
    # Quoted, because an option's value may hold spaces and '=': two definitions must never read the same.
    return {
        field.name: " ".join(
            [field.type, *(f"{o.name}={json.dumps(o.value, ensure_ascii=False)}" for o in field.options)]
        )
        for field in contract.fields
    }


def _hashed_keys(contract: Contract) -> dict[str, str]:
    return {key.name: ",".join(key.fields) for key in contract.keys}


def _hashed_checks(contract: Contract) -> dict[str, str]:
    # No name of a field has a space.
    return {
        check.name: f"condition {check.condition}" if check.condition else ",".join(check.fields)
        for check in contract.checks
    }


def _same(reason: Reason, field: str, expected: str, got: str) -> None:
    if expected != got:
        raise StayputError(
            reason,
            f"{field}: the generation has another definition than the consumer",
            field=field,
            remedy=_UPGRADE,
            details={"expected": expected[:200], "got": got[:200]},
        )
