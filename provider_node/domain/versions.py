"""Versions of a grant: a session goes on by the terms under which it was admitted, or it ends."""

from stayput.errors import StayputError
from stayput.v1.access_pb2 import Grant
from stayput.v1.errors_pb2 import ErrorReason


def check_same_terms(admitted: Grant, stored: Grant) -> None:
    """Passes if a session admitted under one version may go on under another: `GRANT_VERSION`."""
    if not only_renewed(admitted, stored):
        raise changed()


def only_renewed(before: Grant, after: Grant) -> bool:
    """Whether nothing differs but the version, when it was signed, and an end that is not earlier."""
    renewed = Grant()
    renewed.CopyFrom(before)
    renewed.version = after.version
    renewed.issued_at.CopyFrom(after.issued_at)
    renewed.valid_until.CopyFrom(after.valid_until)
    return renewed == after and after.valid_until.ToDatetime() >= before.valid_until.ToDatetime()


def changed() -> StayputError:
    """`GRANT_VERSION`, with which a session under way or being opened ends."""
    return StayputError(
        ErrorReason.ERROR_REASON_GRANT_VERSION,
        "the grant was changed while the session was under way",
        field="grant",
        remedy="open a new session for the records not answered",
    )
