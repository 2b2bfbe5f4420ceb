"""The terms of a grant: what a version of it may say, given its application and the node that signed it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import Message

from comparator.domain import fields
from comparator.domain.policy import Call
from stayput import grants, hours, limits
from stayput.errors import StayputError, field_invalid
from stayput.v1.access_pb2 import Application, Grant
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason

LONGEST_MATTER: Final = 200
LONGEST_AGREEMENT: Final = 200
LONGEST_PURPOSE: Final = 500
LONGEST_VALIDITY: Final = timedelta(days=1_096)
_MOST_OPERATORS: Final = 1_000
_LONGEST_OPERATOR: Final = 100
# How far a node's clock may be ahead: what was signed later than this was not signed in time.
_AHEAD: Final = timedelta(days=1)
_NEVER_CHANGING: Final = ("id", "application_id", "provider", "node_id", "consumer", "resource", "key")
# Differ between any two versions.
_OF_THE_VERSION: Final = frozenset({"version", "issued_at"})


def check(call: Call, grant: Grant, application: Application, *, require_agreement: bool) -> None:
    """Passes if the calling node may grant this on that application.

    Raises `GRANT_MISMATCH` naming the field, or `AGREEMENT_REQUIRED`.
    """
    grants.check_within(grant, application)
    for field, good in (
        ("provider", grant.provider == call.department.id),
        ("node_id", grant.node_id == call.party.id),
        # Applications of the first release named no matter.
        ("matter", grant.matter == (application.matter or grant.matter)),
    ):
        if not good:
            raise mismatch(field, "is not that of this node and application")
    with _inside_a_grant():
        fields.text("purpose", grant.purpose, most=LONGEST_PURPOSE)
        fields.text("matter", grant.matter, least=bool(application.matter), most=LONGEST_MATTER)
        fields.text("security_agreement", grant.security_agreement, least=0, most=LONGEST_AGREEMENT)
        fields.choices("modes", grant.modes, Mode)
        fields.choices("granularities", grant.granularities, Granularity)
        fields.distinct("checks", grant.checks)
        _check_operators(grant)
        if grant.HasField("hours"):
            hours.checked(grant.hours)
        _check_limits(grant)
        _check_times(grant, call.now)
    if require_agreement and not grant.security_agreement.strip():
        raise StayputError(
            ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED,
            "security_agreement: the platform demands one between the two departments",
            field="security_agreement",
            remedy="conclude one, and name its reference when granting",
        )


def _check_operators(grant: Grant) -> None:
    fields.number("operators", len(grant.operators), 0, _MOST_OPERATORS)
    for operator in grant.operators:
        fields.text("operators", operator, most=_LONGEST_OPERATOR)
    fields.distinct("operators", grant.operators)


def _check_limits(grant: Grant) -> None:
    limits.checked(grant.limits)
    given = {descriptor.name for descriptor, _ in grant.limits.ListFields()}
    for name in limits.RANGES:
        if name not in given:
            raise field_invalid(f"limits.{name}", "is missing", "a signed grant sets every limit")


def _check_times(grant: Grant, now: datetime) -> None:
    begins, ends, signed = (time(grant, name) for name in ("valid_from", "valid_until", "issued_at"))
    if signed > now + _AHEAD:
        raise field_invalid("issued_at", "must not be in the future", "correct the node's clock")
    # One that is renewed keeps its beginning.
    if begins >= ends or ends - max(begins, signed) > LONGEST_VALIDITY:
        raise field_invalid(
            "valid_until",
            f"must be after valid_from, by at most {LONGEST_VALIDITY.days:,} days from it or the signing",
        )


def time(message: Message, field: str) -> datetime:
    """The time in that field, in UTC; `FIELD_INVALID` if it is not set or none that the calendar has."""
    if not message.HasField(field):
        raise field_invalid(field, "is missing")
    try:
        found: datetime = getattr(message, field).ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise field_invalid(field, "is no time") from None
    return found


@contextmanager
def _inside_a_grant() -> Iterator[None]:
    """What is wrong inside a grant is not a wrong field of the request."""
    try:
        yield
    except StayputError as error:
        raise mismatch(error.field, error.message.removeprefix(f"{error.field}: "), error.remedy) from None


def check_follows(grant: Grant, before: Grant) -> None:
    """Passes if what never changes is as in the version before; else `GRANT_MISMATCH` naming the field."""
    for field in _NEVER_CHANGING:
        if getattr(grant, field) != getattr(before, field):
            raise mismatch(field, "never changes from version to version", "let the department apply anew")


def changed(before: Grant, after: Grant) -> list[str]:
    """Names of the fields in which two versions differ, those of limits as `limits.<name>`."""
    names = [
        field.name
        for field in Grant.DESCRIPTOR.fields
        if field.name not in _OF_THE_VERSION | {"limits"}
        and getattr(before, field.name) != getattr(after, field.name)
    ]
    for name in limits.RANGES:
        if getattr(before.limits, name) != getattr(after.limits, name):
            names.append(f"limits.{name}")  # noqa: PERF401 (reads better apart)
    return names


def mismatch(field: str, problem: str, remedy: str = "") -> StayputError:
    """The error for a grant that says what it cannot say."""
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_MISMATCH,
        f"{field}: {problem}",
        field=field,
        remedy=remedy or "sign a new grant",
    )
